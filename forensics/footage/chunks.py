"""Division of evidence into chunks that start on keyframes, and selection of sampled frames.

Both are pure functions of the packet index, so every machine makes the same plan.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["Chunk", "boundaries", "boundaries_by_frame_count", "sampled_frames"]

# Evidence of at least this many chunks is long: its last chunks get shorter, so that all workers finish together.
_LONG_CHUNKS: Final = 8
# Such a chunk takes a sixth of the remaining time, but at least the shortest duration.
_TAPER_DIVISOR: Final = 6
_SHORTEST_US: Final = 2_000_000


@dataclass(frozen=True, slots=True, order=True)
class Chunk:
    """Frames [start, stop) of one evidence, in presentation order.

    Attributes:
        evidence_id: the evidence that the frames belong to.
        start: a keyframe, or 0.
        stop: start of the next chunk, or the number of frames.
    """

    evidence_id: str
    start: int
    stop: int

    @property
    def n_frames(self) -> int:
        """Number of frames in the chunk."""
        return self.stop - self.start


def boundaries(index: PacketIndex, possible_starts: Int64Array, chunk_us: int) -> Int64Array:
    """Return the chunk boundaries of an evidence for a given chunk duration.

    A chunk ends at the first possible start that lies `chunk_us` or more after its own start; footage with few
    possible starts gives longer chunks. The last chunks of long evidence get shorter and shorter, so that all
    workers finish at nearly the same time.

    Args:
        index: packet index of the evidence.
        possible_starts: (P,) int64 frame numbers, frame 0 first: all keyframes, or some of them.
        chunk_us: duration of a chunk in media time.

    Returns:
        (K + 1,) int64, strictly increasing: the start of each chunk, then the number of frames.

    >>> index = PacketIndex(np.arange(10), np.arange(10) % 2 == 0, np.ones(10, int), np.zeros(10, bool), Fraction(1))
    >>> boundaries(index, index.keyframes, chunk_us=3_000_000).tolist()
    [0, 4, 8, 10]
    """
    times = np.maximum.accumulate(index.media_us[possible_starts])
    end_us = int(times[-1]) if len(times) else 0
    is_long = len(times) and end_us - int(times[0]) >= _LONG_CHUNKS * chunk_us

    def minimum_us(start_us: int) -> int:
        tapered = max((end_us - start_us) // _TAPER_DIVISOR, min(_SHORTEST_US, chunk_us))
        return min(chunk_us, tapered) if is_long else chunk_us

    return _boundaries_at(possible_starts, times, minimum_us, index.n_frames)


def boundaries_by_frame_count(index: PacketIndex, possible_starts: Int64Array, n_frames: int) -> Int64Array:
    """Return the chunk boundaries of an evidence for chunks of at least `n_frames` frames, whatever their times.

    Arguments and result are those of `boundaries`.

    >>> index = PacketIndex(np.arange(5), np.ones(5, bool), np.ones(5, int), np.zeros(5, bool), Fraction(1))
    >>> boundaries_by_frame_count(index, index.keyframes, n_frames=2).tolist()
    [0, 2, 4, 5]
    """
    return _boundaries_at(possible_starts, possible_starts, lambda _: n_frames, index.n_frames)


def _boundaries_at(
    possible_starts: Int64Array, positions: Int64Array, minimum_length: Callable[[int], int], n_frames: int
) -> Int64Array:
    """Return (K + 1,) int64 boundaries of chunks whose length in `positions` is at least the minimum at their start."""
    starts, row = [0], 0
    while True:
        position = int(positions[row])
        row = int(np.searchsorted(positions, position + minimum_length(position), side="left"))
        if row >= len(possible_starts):
            return np.array([*starts, n_frames], dtype=np.int64)
        starts.append(int(possible_starts[row]))


def sampled_frames(index: PacketIndex, frames_per_second: Fraction | None) -> Int64Array:
    """Return the numbers of the sampled frames: the first frame in each interval of media time.

    Intervals are counted from media time zero, so the selection does not depend on chunks. None samples every frame.

    >>> index = PacketIndex(np.arange(6), np.ones(6, bool), np.ones(6, int), np.zeros(6, bool), Fraction(1, 10))
    >>> sampled_frames(index, Fraction(5)).tolist()
    [0, 2, 4]
    """
    if frames_per_second is None:
        return np.arange(index.n_frames, dtype=np.int64)
    rate = Fraction(frames_per_second)
    interval = index.media_us * rate.numerator // (1_000_000 * rate.denominator)
    first = np.ones(index.n_frames, dtype=bool)
    first[1:] = np.diff(interval) != 0
    return np.flatnonzero(first).astype(np.int64)
