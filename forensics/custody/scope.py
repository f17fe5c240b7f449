"""Scope of a case: the frames of one recording that the mandate permits, from its camera and their time."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter

import numpy as np

from forensics.custody.mandate import Mandate
from forensics.footage.cameras import Camera
from forensics.footage.frame_clock import FrameClock
from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["Scope", "compute_scope"]

FrameRanges = tuple[tuple[int, int], ...]
"""Ranges [start, stop) of frame numbers, in order and disjoint."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OUTSIDE, _UNKNOWN = "scope", "scope_unknown"
_UNDATED_DETAIL = (
    "the time of these frames is unknown: nobody stated when their section begins, or they are stills without a time"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The frames of one evidence that are in scope, and why the others are not.

    Sections of a recording begin at different times and a still may have none, so the frames in scope may be several
    ranges.

    Attributes:
        ranges: the frames in scope; one empty range if none is.
        reason: why others are out of scope: ``scope``, or ``scope_unknown`` if the clock is unknown; empty if none is.
        detail: the same in words.
        undated: frames of sections whose start is unknown, and stills without a recorded time; they are out of scope as
            ``scope_unknown``.
    """

    ranges: FrameRanges
    reason: str = ""
    detail: str = ""
    undated: FrameRanges = ()

    @property
    def n_inside(self) -> int:
        """Number of frames in scope."""
        return _n_frames(self.ranges)

    @property
    def starts(self) -> Int64Array:
        """(R,) int64, the first frame of each range in scope."""
        return np.array([start for start, _ in self.ranges], dtype=np.int64)

    def contains(self, frames: Int64Array) -> BoolArray:
        """Return (N,) bool, whether each of the frame numbers (N,) int64 is in scope.

        >>> Scope(((0, 2), (4, 5))).contains(np.arange(6)).tolist()
        [True, True, False, False, True, False]
        """
        return _contains(self.ranges, frames)

    def select(self, frames: Int64Array) -> Int64Array:
        """Return the frames in scope, of frame numbers (N,) int64, in their order."""
        return frames[self.contains(frames)]

    def has_any_of(self, start: int, stop: int) -> bool:
        """Whether any of the frames [start, stop) is in scope."""
        place = bisect_right(self.ranges, start, key=itemgetter(1))
        return any(max(start, first) < min(stop, end) for first, end in self.ranges[place : place + 1])

    def exclusions(self, frames: Int64Array) -> Iterator[tuple[BoolArray, str, str]]:
        """Yield for each reason which of the frame numbers (N,) int64 it puts out of scope: (N,) bool, reason, detail.

        Each frame out of scope has exactly one reason.
        """
        is_undated = _contains(self.undated, frames)
        yield is_undated, _UNKNOWN, _UNDATED_DETAIL
        yield ~(is_undated | self.contains(frames)), self.reason, self.detail

    def count_outside(self, n_frames: int) -> dict[str, int]:
        """Return the number of frames out of scope by reason, of an evidence with `n_frames` frames.

        >>> Scope(((2, 4),), "scope", "late", undated=((6, 9),)).count_outside(9)
        {'scope_unknown': 3, 'scope': 4}
        """
        n_undated = _n_frames(self.undated)
        counts = Counter({_UNKNOWN: n_undated}) + Counter({self.reason: n_frames - n_undated - self.n_inside})
        return dict(counts)


def compute_scope(mandate: Mandate, camera: Camera, clock: FrameClock, *, clock_error_ms: int | None) -> Scope:
    """Return the frames of one evidence whose whole clock error interval is in scope.

    If the mandate limits the time, frames whose instant is unknown are out of scope.

    Args:
        mandate: cameras and time span of the case; what it does not limit is in scope.
        camera: camera of the evidence.
        clock: instants of all frames by the camera's own clock.
        clock_error_ms: error given with the footage, or None; an error in the camera's correction takes precedence.
    """
    if mandate.cameras and camera.camera_id not in mandate.cameras:
        return Scope(((0, 0),), _OUTSIDE, f"camera {camera.camera_id} does not belong to the case")
    if mandate.from_utc is None and mandate.to_utc is None:
        return Scope(((0, len(clock.us)),))
    error_ms = camera.clock_error_ms(clock_error_ms)
    if error_ms is None or not clock.is_known.any():
        unknown = "how far its clock may be off" if clock.is_known.any() else "when it begins"
        return Scope(((0, 0),), _UNKNOWN, f"camera {camera.camera_id}: nobody stated {unknown}")
    return _scope_within_time(mandate, camera.utc_us(clock.us), clock.is_known, error_ms)


def _scope_within_time(mandate: Mandate, utc_us: Int64Array, is_known: BoolArray, error_ms: int) -> Scope:
    is_inside, is_before = is_known.copy(), np.zeros(len(utc_us), dtype=bool)
    if mandate.from_utc is not None:
        is_before = is_known & (utc_us < _microseconds(mandate.from_utc) + error_ms * 1000)
        is_inside &= ~is_before
    if mandate.to_utc is not None:
        is_inside &= utc_us < _microseconds(mandate.to_utc) - error_ms * 1000
    n_before = int(np.count_nonzero(is_before))
    ranges, undated = _ranges(is_inside) or ((n_before, n_before),), _ranges(~is_known)
    if (is_inside | ~is_known).all():
        return Scope(ranges, undated=undated)
    detail = f"not wholly between {_text(mandate.from_utc)} and {_text(mandate.to_utc)}, clock error {error_ms} ms"
    return Scope(ranges, _OUTSIDE, detail, undated)


def _ranges(is_member: BoolArray) -> FrameRanges:
    """Return the frames that are members, as the longest possible ranges.

    >>> _ranges(np.array([0, 1, 0, 1, 1, 0], dtype=bool))
    ((1, 2), (3, 5))
    """
    edges = np.flatnonzero(np.diff(is_member.astype(np.int8), prepend=0, append=0)).tolist()
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _contains(ranges: FrameRanges, frames: Int64Array) -> BoolArray:
    """Return (N,) bool, whether each frame lies in a range: then an odd number of edges is at or before it."""
    edges = np.array(ranges, dtype=np.int64).ravel()
    is_member: BoolArray = np.searchsorted(edges, frames, side="right") % 2 == 1
    return is_member


def _n_frames(ranges: FrameRanges) -> int:
    return sum(stop - start for start, stop in ranges)


def _text(instant: datetime | None) -> str:
    return "any time" if instant is None else f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
