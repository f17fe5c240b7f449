"""Correction of camera clocks to UTC."""

from dataclasses import dataclass

from forensics.footage.timeline import Int64Array

__all__ = ["Camera"]


@dataclass(frozen=True, slots=True)
class Camera:
    """A viewpoint with a clock.

    Attributes:
        camera_id: name of the camera in every table.
        offset_ms: added to the camera's clock to get UTC, exact at `drift_from_utc_us`.
        error_ms: half-width of the interval around the corrected time; None keeps the error stated with the footage.
        drift_ppm: microseconds per second that the clock loses since `drift_from_utc_us`; negative if it runs fast.
        drift_from_utc_us: instant at which the offset was exact, by the camera's clock; required for a drift.
    """

    camera_id: str
    offset_ms: int = 0
    error_ms: int | None = None
    drift_ppm: int = 0
    drift_from_utc_us: int | None = None

    def utc_us(self, clock_us: Int64Array) -> Int64Array:
        """Convert instants of this camera's clock to UTC microseconds, both (N,) int64, rounded down.

        >>> import numpy as np
        >>> Camera("gate", offset_ms=-1500).utc_us(np.array([10_000_000])).tolist()
        [8500000]
        >>> Camera("gate", drift_ppm=100, drift_from_utc_us=0).utc_us(np.array([10_000_000])).tolist()
        [10001000]
        """
        corrected = clock_us + self.offset_ms * 1000
        if self.drift_ppm and self.drift_from_utc_us is not None:
            seconds, rest = divmod(clock_us - self.drift_from_utc_us, 1_000_000)
            corrected = corrected + seconds * self.drift_ppm + rest * self.drift_ppm // 1_000_000
        return corrected

    def clock_error_ms(self, stated_ms: int | None) -> int | None:
        """Return the error set for the camera, else the error stated with the footage."""
        return stated_ms if self.error_ms is None else self.error_ms
