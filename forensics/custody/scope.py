"""Scope of a case: the frames of one recording that the mandate permits, from its camera and their time."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from forensics.custody.mandate import Mandate
from forensics.footage.cameras import Camera
from forensics.footage.timeline import Int64Array

__all__ = ["Scope", "compute_scope"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """The frames of one evidence that are in scope, and why the others are not.

    Attributes:
        start, stop: frames [start, stop) are in scope; equal if none is.
        reason: why others are out of scope: ``scope``, or ``scope_unknown`` if the clock is unknown; empty if none is.
        detail: the same in words.
    """

    start: int
    stop: int
    reason: str = ""
    detail: str = ""

    def select(self, frames: Int64Array) -> Int64Array:
        """Return the frames in scope, of frame numbers (N,) int64 in increasing order."""
        return frames[np.searchsorted(frames, self.start) : np.searchsorted(frames, self.stop)]


def compute_scope(
    mandate: Mandate, camera: Camera, media_us: Int64Array, *, start_utc_us: int | None, clock_error_ms: int | None
) -> Scope:
    """Return the frames of one evidence whose whole clock error interval is in scope.

    Args:
        mandate: cameras and time span of the case; what it does not limit is in scope.
        camera: camera of the evidence.
        media_us: (N,) int64, non-decreasing, media time of every frame.
        start_utc_us: time of media time zero by the camera's own clock; None if unknown.
        clock_error_ms: error given with the footage, or None; an error in the camera's correction takes precedence.
    """
    if mandate.cameras and camera.camera_id not in mandate.cameras:
        return Scope(0, 0, "scope", f"camera {camera.camera_id} does not belong to the case")
    if mandate.from_utc is None and mandate.to_utc is None:
        return Scope(0, len(media_us))
    error_ms = camera.clock_error_ms(clock_error_ms)
    if start_utc_us is None or error_ms is None:
        unknown = "when it begins" if start_utc_us is None else "how far its clock may be off"
        return Scope(0, 0, "scope_unknown", f"camera {camera.camera_id}: nobody stated {unknown}")
    return _scope_within_time(mandate, camera.utc_us(start_utc_us + media_us), error_ms)


def _scope_within_time(mandate: Mandate, utc_us: Int64Array, error_ms: int) -> Scope:
    start, stop = 0, len(utc_us)
    if mandate.from_utc is not None:
        start = int(np.searchsorted(utc_us, _microseconds(mandate.from_utc) + error_ms * 1000, side="left"))
    if mandate.to_utc is not None:
        stop = int(np.searchsorted(utc_us, _microseconds(mandate.to_utc) - error_ms * 1000, side="left"))
    if (start, stop) == (0, len(utc_us)):
        return Scope(start, stop)
    detail = f"not wholly between {_text(mandate.from_utc)} and {_text(mandate.to_utc)}, clock error {error_ms} ms"
    return Scope(start, max(start, stop), "scope", detail)


def _text(instant: datetime | None) -> str:
    return "any time" if instant is None else f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
