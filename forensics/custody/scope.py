"""Scope of a case: the frames of one recording that the mandate permits, from its camera and their time."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from forensics.custody.mandate import Mandate
from forensics.footage.cameras import Camera
from forensics.footage.frame_clock import FrameClock
from forensics.footage.timeline import BoolArray, Int64Array
from forensics.wording import counted

__all__ = ["Scope", "compute_scope"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """The frames of one evidence that are in scope, and why the others are not.

    Attributes:
        start, stop: frames [start, stop) are in scope, but for `unknown`; equal if none is.
        reason: why others are out of scope: ``scope``, or ``scope_unknown`` if the clock is unknown; empty if none is.
        detail: the same in words.
        unknown: numbers of the frames of [start, stop) whose time is unknown, increasing; they are out of scope.
    """

    start: int
    stop: int
    reason: str = ""
    detail: str = ""
    unknown: tuple[int, ...] = ()

    @property
    def n_frames(self) -> int:
        """Number of frames in scope."""
        return self.stop - self.start - len(self.unknown)

    def n_frames_in(self, start: int, stop: int) -> int:
        """Return the number of frames of [start, stop) in scope.

        >>> Scope(2, 6, unknown=(3, 4)).n_frames_in(0, 5), Scope(2, 6, unknown=(3, 4)).n_frames_in(3, 5)
        (1, 0)
        """
        first, end = max(start, self.start), min(stop, self.stop)
        n_unknown = bisect_left(self.unknown, end) - bisect_left(self.unknown, first)
        return max(0, end - first - n_unknown)

    def contains(self, frames: Int64Array) -> BoolArray:
        """Return whether each frame is in scope, (N,) bool."""
        return (self.start <= frames) & (frames < self.stop) & ~np.isin(frames, self.unknown)

    def select(self, frames: Int64Array) -> Int64Array:
        """Return the frames in scope, of frame numbers (N,) int64, in their order."""
        return frames[self.contains(frames)]


def compute_scope(mandate: Mandate, camera: Camera, clock: FrameClock, *, clock_error_ms: int | None) -> Scope:
    """Return the frames of one evidence whose whole clock error interval is in scope.

    Frames whose instant is unknown are out of scope. Of several ranges of frames inside, the longest is in scope.

    Args:
        mandate: cameras and time span of the case; what it does not limit is in scope.
        camera: camera of the evidence.
        clock: instants of all frames by the camera's own clock.
        clock_error_ms: error given with the footage, or None; an error in the camera's correction takes precedence.
    """
    if mandate.cameras and camera.camera_id not in mandate.cameras:
        return Scope(0, 0, "scope", f"camera {camera.camera_id} does not belong to the case")
    if mandate.from_utc is None and mandate.to_utc is None:
        return Scope(0, len(clock.us))
    error_ms = camera.clock_error_ms(clock_error_ms)
    if error_ms is None or not clock.is_known.any():
        unknown = "how far its clock may be off" if clock.is_known.any() else "when it begins"
        return Scope(0, 0, "scope_unknown", f"camera {camera.camera_id}: nobody stated {unknown}")
    return _scope_within_time(mandate, camera.utc_us(clock.us), clock.is_known, error_ms)


def _scope_within_time(mandate: Mandate, utc_us: Int64Array, is_known: BoolArray, error_ms: int) -> Scope:
    known = np.flatnonzero(is_known)
    known_us, from_us = utc_us[known], _microseconds(mandate.from_utc) + error_ms * 1000 if mandate.from_utc else 0
    is_inside = np.ones(len(known), dtype=bool)
    if mandate.from_utc is not None:
        is_inside &= known_us >= from_us
    if mandate.to_utc is not None:
        is_inside &= known_us < _microseconds(mandate.to_utc) - error_ms * 1000
    if is_inside.all() and is_known.all():
        return Scope(0, len(utc_us))
    detail = f"not wholly between {_text(mandate.from_utc)} and {_text(mandate.to_utc)}, clock error {error_ms} ms"
    n_unknown = int(np.count_nonzero(~is_known))
    if n_unknown:
        detail += f"; the time of {counted(n_unknown, 'frame', 'frames')} is unknown"
    if not is_inside.any():
        n_before = int(np.count_nonzero(known_us < from_us)) if mandate.from_utc is not None else 0
        return Scope(n_before, n_before, "scope", detail)
    first, last = (int(known[place]) for place in _longest_range(is_inside))
    unknown = first + np.flatnonzero(~is_known[first : last + 1])
    return Scope(first, last + 1, "scope", detail, tuple(unknown.tolist()))


def _longest_range(is_inside: BoolArray) -> tuple[int, int]:
    """Return both ends of the longest range of frames that are inside, the first of equals; at least one must be.

    >>> _longest_range(np.array([0, 1, 0, 1, 1, 0], dtype=bool))
    (3, 4)
    """
    edges = np.flatnonzero(np.diff(is_inside.astype(np.int8), prepend=0, append=0))
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest]) - 1


def _text(instant: datetime | None) -> str:
    return "any time" if instant is None else f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
