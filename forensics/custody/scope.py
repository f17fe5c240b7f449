"""Which frames of an evidence a case may look at: one run of frames, decided from clock and mandate alone."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from forensics.custody.mandate import Mandate
from forensics.footage.cameras import Camera
from forensics.footage.timeline import Int64Array

__all__ = ["Scope", "scope_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """The frames that may be looked at, and why the others may not.

    Attributes:
        start, stop: frames [start, stop) lie inside; equal where none does.
        reason: of the others: ``scope``, or ``scope_unknown`` where nobody can tell; empty if there are none.
        detail: in words.
    """

    start: int
    stop: int
    reason: str = ""
    detail: str = ""

    def inside(self, frames: Int64Array) -> Int64Array:
        """Those of the frames, (N,) int64 and increasing, that may be looked at."""
        return frames[np.searchsorted(frames, self.start) : np.searchsorted(frames, self.stop)]


def scope_of(
    mandate: Mandate, camera: Camera, media_us: Int64Array, *, start_utc_us: int | None, clock_error_ms: int | None
) -> Scope:
    """The frames of one evidence that lie inside with their whole clock error interval.

    Args:
        mandate: cameras and time the case is limited to; all frames lie inside of what it does not limit.
        camera: whose footage it is.
        media_us: (N,) int64, non-decreasing, the media time of every frame.
        start_utc_us: of media time zero by the camera's own clock; None where nobody stated it.
        clock_error_ms: stated with the footage; the camera's own correction goes before.
    """
    if mandate.cameras and camera.camera_id not in mandate.cameras:
        return Scope(0, 0, "scope", f"camera {camera.camera_id} does not belong to the case")
    if mandate.from_utc is None and mandate.to_utc is None:
        return Scope(0, len(media_us))
    error_ms = camera.clock_error_ms(clock_error_ms)
    if start_utc_us is None or error_ms is None:
        unsaid = "when it begins" if start_utc_us is None else "how far its clock may be off"
        return Scope(0, 0, "scope_unknown", f"camera {camera.camera_id}: nobody stated {unsaid}")
    return _within(mandate, camera.utc_us(start_utc_us + media_us), error_ms)


def _within(mandate: Mandate, utc_us: Int64Array, error_ms: int) -> Scope:
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
