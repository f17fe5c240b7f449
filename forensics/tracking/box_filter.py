"""Kalman filter that predicts the next box of a body from its past boxes."""

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

__all__ = ["BoxFilter"]

# In lengths of the box's longer side, which for a standing person is a body height.
_MEASUREMENT_DEVIATION: Final = 0.05
_FIRST_SPEED_DEVIATION: Final = 1.0  # a second
_SPEED_CHANGE_DEVIATION: Final = 0.2  # after one second

_Floats = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Noise:
    """Stand-in for the noise attributes that a tracklet of the library reads and scales."""

    measurement_noise: float = 1.0
    process_noise: float = 1.0


class BoxFilter:
    """Kalman filter of the four coordinates of a box that move at constant speed, with time in seconds.

    Noise is relative to the longer side of the box, so tracking is the same at any resolution. The variance of the
    speed grows with time, so an empty frame in between changes no prediction. The coordinates are independent and have
    the same noise: one 2x2 covariance, three numbers, serves all four.
    """

    def __init__(self, box: _Floats) -> None:
        self.kf = _Noise()
        self._place = np.asarray(box, dtype=np.float64)  # (4,) x1 y1 x2 y2
        self._speed = np.zeros(4)  # (4,) pixels a second
        side = self._longer_side()
        self._place_variance = (_MEASUREMENT_DEVIATION * side) ** 2
        self._covariance = 0.0
        self._speed_variance = (_FIRST_SPEED_DEVIATION * side) ** 2

    def after(self, seconds: float) -> "BoxFilter":
        """Return a copy that predicts `seconds` ahead."""
        other = object.__new__(BoxFilter)  # called many times a frame, and `copy` takes twice as long
        vars(other).update(vars(self))
        other.predict(seconds, None)
        return other

    def set_kf_covariances(self, measurement_noise: float, process_noise: float) -> None:
        """Do nothing: the noise that the library sets is in pixels."""

    def predict(self, seconds: float, frame_rate: float | None) -> None:
        """Predict the state `seconds` ahead; the variance grows."""
        wander = (_SPEED_CHANGE_DEVIATION * self._longer_side()) ** 2 * seconds
        spread = self._covariance + seconds * self._speed_variance
        self._place = self._place + seconds * self._speed
        self._place_variance += seconds * (self._covariance + spread) + wander * seconds * seconds / 3
        self._covariance = spread + wander * seconds / 2
        self._speed_variance += wander

    def update(self, box: _Floats) -> None:
        """Correct the state by a detected box."""
        total = self._place_variance + (_MEASUREMENT_DEVIATION * self._longer_side()) ** 2
        place_gain, speed_gain = self._place_variance / total, self._covariance / total
        residual = box - self._place
        self._place = self._place + place_gain * residual
        self._speed = self._speed + speed_gain * residual
        self._speed_variance -= speed_gain * self._covariance
        self._covariance *= 1.0 - place_gain
        self._place_variance *= 1.0 - place_gain

    def state_to_bbox(self) -> _Floats:
        """Return the predicted box: (4,) x1 y1 x2 y2."""
        return self._place

    def _longer_side(self) -> float:
        left, top, right, bottom = cast("list[float]", self._place.tolist())
        # predicted edges may cross; the size must stay positive
        return max(abs(right - left), abs(bottom - top), 1.0)
