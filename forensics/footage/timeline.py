"""Packet index and media time of an evidence: integer pts in a rational time base, in presentation order.

A frame has one address, (evidence, number). The packet index holds the pts of every frame that the container promises
to show. The number of a frame is its place in presentation order, from 0.

A recording is a list of sections, each with a clock of its own: where the clock of a file jumps back, because segments
were joined or a camera's clock was set, a new section begins. Inside a section frames are in the order of their pts;
sections are in the order of the file. Media time goes on from one section to the next.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forensics.footage.pictures import PictureFacts

__all__ = ["BoolArray", "Int64Array", "PacketIndex", "Section", "ticks_to_us"]

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_MICROSECONDS = 1_000_000
# Of working copies in which the pts of a frame is its number.
_NUMBER_TIME_BASE = Fraction(1, 1000)


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


@dataclass(frozen=True, slots=True)
class Section:
    """Frames of one clock, from `start` to the next section.

    Attributes:
        start: number of its first frame.
        offset_ticks: added to the pts of its frames to get ticks on the timeline of the whole recording.
        reason: why it begins here, for people; empty for the first section.
    """

    start: int
    offset_ticks: int
    reason: str = ""


@dataclass(frozen=True, eq=False)
class PacketIndex:
    """Packet index of one evidence: every frame in presentation order, as parallel columns.

    Attributes:
        pts: (N,) int64 ticks as the file states them, non-decreasing in each section. Two frames may have one pts; then
            only their number tells them apart.
        is_key: (N,) bool, whether the packet is marked as a keyframe.
        size: (N,) int64, size of the packet in bytes.
        is_hidden: (N,) bool, whether an edit list hides the frame from players; it is read like the others.
        time_base: seconds of one tick.
        damaged: numbers of the frames whose packet, or a packet that it depends on, is known to be damaged or
            missing; readers yield gaps for them and for the frames that depend on them.
        blocks: the SHA-256 of each block of footage in an object store; empty for footage on a disk.
        sections: in order; empty for a recording of one section.
        recovery_frames: (K,) int64, parallel to `keyframes`: how many frames after a keyframe pictures are right if
            decoding starts there; -1 for a keyframe that needs no history, 0 for one of which only frames shown before
            it do; None if no keyframe needs any.
        is_numbered: whether the file that is read has frame numbers in place of pts, as some working copies have.
        pictures: what is recorded of each still; None for video.
    """

    pts: Int64Array
    is_key: BoolArray
    size: Int64Array
    is_hidden: BoolArray
    time_base: Fraction
    damaged: frozenset[int] = frozenset()
    blocks: bytes = b""
    sections: tuple[Section, ...] = ()
    recovery_frames: Int64Array | None = None
    is_numbered: bool = False
    pictures: PictureFacts | None = None

    def __post_init__(self) -> None:
        n_frames = len(self.pts)
        for name in ("is_key", "size", "is_hidden"):
            if len(getattr(self, name)) != n_frames:
                raise ValueError(f"packet index: {name} has {len(getattr(self, name))} rows, pts has {n_frames}")
        if n_frames and np.any(np.diff(self.ticks) < 0):
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
        return int((int(self.ticks[-1]) - int(self.ticks[0])) * self.time_base)

    @cached_property
    def ticks(self) -> Int64Array:
        """Time on the timeline of the whole recording, (N,) int64, non-decreasing; equal to `pts` in one section."""
        if not self.sections:
            return self.pts
        starts = [section.start for section in self.sections]
        offsets = np.array([section.offset_ticks for section in self.sections], dtype=np.int64)
        return self.pts + np.repeat(offsets, np.diff([*starts, self.n_frames]))

    @property
    def mean_rate(self) -> Fraction | None:
        """Mean frames per second; None if the frames span no time."""
        span = (int(self.ticks[-1]) - int(self.ticks[0])) * self.time_base if self.n_frames else Fraction(0)
        return Fraction(self.n_frames - 1) / span if span > 0 else None

    @cached_property
    def origin_ticks(self) -> int:
        """Ticks of the first frame that a player shows, which is media time zero."""
        shown = np.flatnonzero(~self.is_hidden)
        return int(self.ticks[shown[0]]) if len(shown) else int(self.ticks[0])

    @cached_property
    def media_us(self) -> Int64Array:
        """Media time, (N,) int64 microseconds since the first frame that players show; negative for earlier frames."""
        return ticks_to_us(self.ticks - self.origin_ticks, self.time_base)

    @cached_property
    def is_ambiguous(self) -> BoolArray:
        """Whether another frame of the recording has the same pts, as (N,) bool."""
        order, sorted_pts = self._frames_by_pts
        same_as_next = np.append(np.diff(sorted_pts) == 0, False)
        found = np.zeros(self.n_frames, dtype=bool)
        found[order] = same_as_next | np.insert(same_as_next[:-1], 0, False) if self.n_frames else same_as_next
        return found

    def section_of(self, frame: int) -> int:
        """Return the number of the section that holds a frame; the first section is number 1."""
        return int(self.sections_of(np.array([frame]))[0])

    def sections_of(self, frames: Int64Array) -> Int64Array:
        """Return the number of the section that holds each frame, (N,) int64; the first section is number 1."""
        starts = np.array([section.start for section in self.sections[1:]], dtype=np.int64)
        return np.asarray(np.searchsorted(starts, frames, side="right") + 1, dtype=np.int64)

    @cached_property
    def _frames_by_pts(self) -> tuple[Int64Array, Int64Array]:
        """The frame numbers sorted by pts, and the sorted pts, both (N,) int64."""
        order = np.argsort(self.pts, kind="stable").astype(np.int64)
        return order, self.pts[order]

    @cached_property
    def is_unreadable(self) -> BoolArray:
        """Whether a reader cannot tell the frame from another one, by a pts that both have, as (N,) bool."""
        return np.zeros(self.n_frames, dtype=bool) if self.is_numbered else self.is_ambiguous

    @cached_property
    def keyframes(self) -> Int64Array:
        """Frames where groups of pictures begin, as (K,) int64 numbers: frame 0 and every readable keyframe."""
        marked = np.flatnonzero(self.is_key & ~self.is_unreadable).astype(np.int64)
        return marked if len(marked) and marked[0] == 0 else np.insert(marked, 0, 0)[: self.n_frames]

    @cached_property
    def needs_history(self) -> BoolArray:
        """Whether decoding a group of pictures needs what lies before it, (K,) bool, parallel to `keyframes`."""
        if self.recovery_frames is None:
            return np.zeros(len(self.keyframes), dtype=bool)
        return np.asarray(self.recovery_frames >= 0)

    @cached_property
    def decoding_starts(self) -> Int64Array:
        """The keyframe from which each group of pictures is decoded, (K,) int64, parallel to `keyframes`.

        A group that needs history is decoded from the last keyframe but one from which pictures are right where the
        group begins: a decoder must also know the frames that are named as references and not used.
        """
        if self.recovery_frames is None:
            return self.keyframes
        places = [self._decoding_place(place) for place in range(len(self.keyframes))]
        return np.asarray(self.keyframes[places], dtype=np.int64)

    def _decoding_place(self, place: int) -> int:
        assert self.recovery_frames is not None
        start = place
        while start > 0 and self.keyframes[start] + self.recovery_frames[start] > self.keyframes[place]:
            start -= 1
        return max(0, start - 1) if self.recovery_frames[start] >= 0 else start

    def frames_of(self, pts: Int64Array) -> Int64Array:
        """Return the frame number of each pts; -1 where the index has none or more than one."""
        order, sorted_pts = self._frames_by_pts
        inside = order[np.minimum(np.searchsorted(sorted_pts, pts), self.n_frames - 1)]
        exact = (self.pts[inside] == pts) & ~self.is_ambiguous[inside]
        return np.where(exact, inside, -1).astype(np.int64)

    @property
    def time_base_read(self) -> Fraction:
        """Seconds of one tick of the pts by which frames are found in the file that is read."""
        return _NUMBER_TIME_BASE if self.is_numbered else self.time_base

    def frames_read_at(self, pts: Int64Array) -> Int64Array:
        """Return the frame number of each pts of the file that is read, in ticks of `time_base_read`; -1 if unknown."""
        if not self.is_numbered:
            return self.frames_of(pts)
        return np.where((pts >= 0) & (pts < self.n_frames), pts, -1).astype(np.int64)
