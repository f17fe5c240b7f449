"""ByteTrack of the package `trackers`, behind the port `Tracker`.

Used as it is published, through its public arguments, with three things decided here:

* **Time is media time in whole microseconds.** The library takes any unit; sums of whole numbers
  are exact in floating point, sums of tenths of a second are not, and a track must not end one
  frame sooner because of that.
* **A track begins with the box that started it.** The library reports -1 there and a number only
  from the second box on. A track just started has never been predicted (`age` is 0), and such
  tracks are kept in the order of the boxes that started them; so they are numbered at once.
* **`CornerFilter` replaces the library's matrices**, which took most of the time. It computes the
  same; a test compares both.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from forensics.detections import FloatArray
from forensics.timeline import Int64Array
from forensics.tracking import UNTRACKED, TrackParameters

__all__ = ["ByteTrack", "CornerFilter"]

_REFERENCE_FPS: Final = 30
_FRAMES_PER_US: Final = _REFERENCE_FPS / 1_000_000
# A step this close to one frame counts as one frame; the library allows the same 4 ms of jitter.
_NOMINAL_STEP_TOLERANCE: Final = 0.004 * _REFERENCE_FPS
_NOTHING: Final = np.empty(0, dtype=np.int64)

_Box = npt.NDArray[np.float64]


class ByteTrack:
    """Follows the objects of one class; made anew for each class of each evidence."""

    def __init__(self, parameters: TrackParameters) -> None:
        from trackers import ByteTrackTracker

        self._tracker = ByteTrackTracker(
            # the library divides this by 30 and compares the quotient with elapsed time
            lost_track_buffer=parameters.buffer_ms * 1_000 * 30,
            frame_rate=_FRAMES_PER_US,
            track_activation_threshold=parameters.activation_score,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=parameters.minimum_iou,
            high_conf_det_threshold=parameters.high_score,
            state_estimator_class=CornerFilter,
        )
        self._activation_score = parameters.activation_score
        self._n_tracks = 0

    def update(self, xyxy: FloatArray, score: FloatArray, at_us: int) -> Int64Array:
        """Tell which track every box belongs to; see `Tracker`."""
        if not len(score) and not self._tracker.tracks:
            # nobody to age and nobody to start: the library would only note the time, to no effect
            return _NOTHING
        rows, numbers = self._associate(xyxy, score, at_us)
        by_row = np.full(len(score), UNTRACKED, dtype=np.int64)
        by_row[rows] = numbers
        started = [tracklet for tracklet in self._tracker.tracks if tracklet.age == 0]
        if started:
            starts = rows[(numbers == UNTRACKED) & (score[rows].astype(np.float64) >= self._activation_score)]
            by_row[starts] = self._number(started)
        return by_row

    def _associate(self, xyxy: FloatArray, score: FloatArray, at_us: int) -> tuple[Int64Array, Int64Array]:
        """Input rows and their track numbers, in the library's order of results."""
        from supervision import Detections

        boxes = Detections(xyxy=xyxy, confidence=score, class_id=np.arange(len(score)))
        found = self._tracker.update(boxes, timestamp=at_us)
        rows = found.class_id if found.class_id is not None else _NOTHING
        return cast(Int64Array, rows), cast(Int64Array, found.tracker_id)

    def _number(self, started: list[Any]) -> list[int]:
        """Number the tracks that were just started, in their order."""
        numbers = list(range(self._n_tracks, self._n_tracks + len(started)))
        for tracklet, number in zip(started, numbers, strict=True):
            tracklet.tracker_id = number
        self._n_tracks += len(started)
        return numbers


@dataclass(frozen=True, slots=True)
class _Noise:
    """Variances of one measurement and of one frame's motion, which a tracklet reads and scales."""

    measurement_noise: float = 1.0
    process_noise: float = 1.0


class CornerFilter:
    """Where a box's corners are and how fast they move: the library's `XYXYStateEstimator` without matrices.

    The four coordinates move independently and share their noise, so the library's 8x8 covariance
    is one 2x2 matrix four times over, and three numbers hold it.
    """

    def __init__(self, box: _Box) -> None:
        self.kf = _Noise()
        self._place = np.asarray(box, dtype=np.float64)  # (4,) x1 y1 x2 y2
        self._speed = np.zeros(4)  # (4,) pixels a frame
        self._place_variance, self._covariance, self._speed_variance = 1.0, 0.0, 1.0

    def set_kf_covariances(self, measurement_noise: float, process_noise: float) -> None:
        """Use these variances from now on."""
        self.kf = _Noise(measurement_noise, process_noise)

    def predict(self, frame_step: float, frame_rate: float | None) -> None:
        """Move on by `frame_step` frames of the reference rate, and grow less certain."""
        place_noise, covariance_noise, speed_noise = _motion_noise(self.kf.process_noise, frame_step)
        spread = self._covariance + frame_step * self._speed_variance
        self._place = self._place + frame_step * self._speed
        self._place_variance += frame_step * (self._covariance + spread) + place_noise
        self._covariance = spread + covariance_noise
        self._speed_variance += speed_noise

    def update(self, box: _Box) -> None:
        """Take in where the box was seen."""
        total = self._place_variance + self.kf.measurement_noise
        place_gain, speed_gain = self._place_variance / total, self._covariance / total
        surprise = box - self._place
        self._place = self._place + place_gain * surprise
        self._speed = self._speed + speed_gain * surprise
        self._speed_variance -= speed_gain * self._covariance
        self._covariance *= 1.0 - place_gain
        self._place_variance *= 1.0 - place_gain

    def state_to_bbox(self) -> _Box:
        """Tell where the box should be now: (4,) x1 y1 x2 y2."""
        return self._place


def _motion_noise(variance: float, frame_step: float) -> tuple[float, float, float]:
    """Variance of place, covariance and variance of speed that a step adds: random acceleration."""
    if abs(frame_step - 1.0) <= _NOMINAL_STEP_TOLERANCE:
        return variance, 0.0, variance
    square = frame_step * frame_step
    return variance * square * square / 4, variance * square * frame_step / 2, variance * square
