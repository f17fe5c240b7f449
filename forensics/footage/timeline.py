"""Packet index and media time of an evidence: integer pts in a rational time base, in presentation order.

A frame has one address, (evidence, pts). The packet index holds the sorted pts of every frame that the container
promises to show. The number of a frame is its place in that order, from 0.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["BoolArray", "Int64Array", "PacketIndex", "ticks_to_us"]

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_MICROSECONDS = 1_000_000


def ticks_to_us(ticks: Int64Array, time_base: Fraction) -> Int64Array:
    """Convert ticks to microseconds, rounded to the nearest, halves up.

    Exact while ``ticks * numerator`` and ``2_000_001 * denominator`` stay below 2**63.

    >>> ticks_to_us(np.array([0, 1, 90_000]), Fraction(1, 90_000)).tolist()
    [0, 11, 1000000]
    """
    numerator, denominator = time_base.numerator, time_base.denominator
    scaled = np.asarray(ticks, dtype=np.int64) * numerator
    seconds, rest = np.divmod(scaled, denominator)
    micros: Int64Array = seconds * _MICROSECONDS + (2 * rest * _MICROSECONDS + denominator) // (2 * denominator)
    return micros


@dataclass(frozen=True, eq=False)
class PacketIndex:
    """Packet index of one evidence: every frame in presentation order, as parallel columns.

    Attributes:
        pts: (N,) int64 ticks, non-decreasing. Frames that share a pts have no address of their own:
            `is_ambiguous` marks them, and readers yield gaps for them.
        is_key: (N,) bool, whether the packet is marked as a keyframe.
        size: (N,) int64, size of the packet in bytes.
        is_hidden: (N,) bool, whether an edit list hides the frame from players; it is read like the others.
        time_base: seconds of one tick.
        damaged: numbers of the frames whose packet, or a packet that it depends on, is known to be damaged or
            missing; readers yield gaps for them and for the frames that depend on them.
        blocks: the SHA-256 of each block of footage in an object store; empty for footage on a disk.
    """

    pts: Int64Array
    is_key: BoolArray
    size: Int64Array
    is_hidden: BoolArray
    time_base: Fraction
    damaged: frozenset[int] = frozenset()
    blocks: bytes = b""

    def __post_init__(self) -> None:
        n_frames = len(self.pts)
        for name in ("is_key", "size", "is_hidden"):
            if len(getattr(self, name)) != n_frames:
                raise ValueError(f"packet index: {name} has {len(getattr(self, name))} rows, pts has {n_frames}")
        if n_frames and np.any(np.diff(self.pts) < 0):
            raise ValueError("packet index: pts must be in presentation order")
        if self.time_base <= 0:
            raise ValueError(f"packet index: the time base must be positive, got {self.time_base}")

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.pts)

    @property
    def span_s(self) -> int:
        """Whole seconds from the first frame to the last, computed without 64-bit overflow."""
        if not self.n_frames:
            return 0
        return int((int(self.pts[-1]) - int(self.pts[0])) * self.time_base)

    @cached_property
    def origin_pts(self) -> int:
        """Pts of the first frame that a player shows, which is media time zero."""
        shown = np.flatnonzero(~self.is_hidden)
        return int(self.pts[shown[0]]) if len(shown) else int(self.pts[0])

    @cached_property
    def media_us(self) -> Int64Array:
        """Media time, (N,) int64 microseconds since the first frame that players show; negative for earlier frames."""
        return ticks_to_us(self.pts - self.origin_pts, self.time_base)

    @cached_property
    def is_ambiguous(self) -> BoolArray:
        """Whether another frame has the same pts, as (N,) bool."""
        same_as_next = np.append(np.diff(self.pts) == 0, False)
        return same_as_next | np.insert(same_as_next[:-1], 0, False) if self.n_frames else same_as_next

    @cached_property
    def keyframes(self) -> Int64Array:
        """Frames where decoding may start, as (K,) int64 numbers: frame 0 and every keyframe with a unique pts."""
        marked = np.flatnonzero(self.is_key & ~self.is_ambiguous).astype(np.int64)
        return marked if len(marked) and marked[0] == 0 else np.insert(marked, 0, 0)[: self.n_frames]

    def keyframe_at_or_before(self, frame: int) -> int:
        """Return the number of the frame where decoding must start to reach `frame`."""
        return int(self.keyframes[np.searchsorted(self.keyframes, frame, side="right") - 1])

    def frames_of(self, pts: Int64Array) -> Int64Array:
        """Return the frame number of each pts; -1 where the index has none or more than one."""
        place = np.searchsorted(self.pts, pts)
        inside = np.minimum(place, self.n_frames - 1)
        exact = (self.pts[inside] == pts) & ~self.is_ambiguous[inside]
        return np.where(exact, inside, -1).astype(np.int64)
