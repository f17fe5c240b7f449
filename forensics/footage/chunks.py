"""Where the work is cut: half-open ranges of frames that begin on keyframes, and which frames are looked at.

Both are pure functions of the packet index, so every machine plans alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["Chunk", "boundaries", "boundaries_by_number", "sampled"]

# Evidence of at least so many chunks ends in shorter ones, each a share of what is left, none shorter than this.
_LONG_CHUNKS: Final = 8
_SHARES_OF_THE_REST: Final = 6
_SHORTEST_US: Final = 2_000_000


@dataclass(frozen=True, slots=True, order=True)
class Chunk:
    """Frames [start, stop) of one evidence, in presentation order.

    Attributes:
        evidence_id: whose frames.
        start: a keyframe, or 0.
        stop: the next chunk's start, or the number of frames.
    """

    evidence_id: str
    start: int
    stop: int

    @property
    def n_frames(self) -> int:
        """How many frames the chunk holds."""
        return self.stop - self.start


def boundaries(index: PacketIndex, places: Int64Array, chunk_us: int) -> Int64Array:
    """Where chunks start and, last, where the evidence ends: (K + 1,) int64, strictly increasing.

    A chunk ends at the first place that lies `chunk_us` or more behind its start; footage with few
    such places gives longer chunks. Long evidence ends in shorter and shorter ones, so that all
    workers are done with it at nearly the same time.

    Args:
        index: of the evidence.
        places: (P,) int64, where it may be cut, frame 0 first: its keyframes, or some of them.
        chunk_us: media time.

    >>> index = PacketIndex(np.arange(10), np.arange(10) % 2 == 0, np.ones(10, int), np.zeros(10, bool), Fraction(1))
    >>> boundaries(index, index.keyframes, chunk_us=3_000_000).tolist()
    [0, 4, 8, 10]
    """
    times = np.maximum.accumulate(index.media_us[places])
    end_us = int(times[-1]) if len(times) else 0
    is_long = len(times) and end_us - int(times[0]) >= _LONG_CHUNKS * chunk_us

    def least(at_us: int) -> int:
        tapered = max((end_us - at_us) // _SHARES_OF_THE_REST, min(_SHORTEST_US, chunk_us))
        return min(chunk_us, tapered) if is_long else chunk_us

    return _edges(places, times, least, index.n_frames)


def boundaries_by_number(index: PacketIndex, places: Int64Array, n_frames: int) -> Int64Array:
    """The same for chunks of at least so many frames, whatever their times.

    >>> index = PacketIndex(np.arange(5), np.ones(5, bool), np.ones(5, int), np.zeros(5, bool), Fraction(1))
    >>> boundaries_by_number(index, index.keyframes, n_frames=2).tolist()
    [0, 2, 4, 5]
    """
    return _edges(places, places, lambda _: n_frames, index.n_frames)


def _edges(places: Int64Array, measure: Int64Array, least: Callable[[int], int], end: int) -> Int64Array:
    starts, place = [0], 0
    while True:
        reached = int(measure[place])
        place = int(np.searchsorted(measure, reached + least(reached), side="left"))
        if place >= len(places):
            return np.array([*starts, end], dtype=np.int64)
        starts.append(int(places[place]))


def sampled(index: PacketIndex, frames_per_second: Fraction | None) -> Int64Array:
    """Numbers of the frames that are looked at: all, or the first one in each interval of media time.

    Intervals are counted from media time zero, so the choice does not depend on chunks.

    >>> index = PacketIndex(np.arange(6), np.ones(6, bool), np.ones(6, int), np.zeros(6, bool), Fraction(1, 10))
    >>> sampled(index, Fraction(5)).tolist()
    [0, 2, 4]
    """
    if frames_per_second is None:
        return np.arange(index.n_frames, dtype=np.int64)
    rate = Fraction(frames_per_second)
    interval = index.media_us * rate.numerator // (1_000_000 * rate.denominator)
    first = np.ones(index.n_frames, dtype=bool)
    first[1:] = np.diff(interval) != 0
    return np.flatnonzero(first).astype(np.int64)
