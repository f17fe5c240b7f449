"""ByteTrack of the package `trackers`, behind the port `Tracker`.

The association is the library's, used through its public arguments. Four things are decided here:

* **Time is media time in whole microseconds.** The library takes any unit; sums of whole numbers
  are exact in floating point, sums of tenths of a second are not, and a track must not end one
  frame sooner because of that.
* **A track begins with the box that started it.** The library reports -1 there and a number only
  from the second box on. A track just started has never been predicted (`age` is 0), and such
  tracks stand in the order of the boxes that started them; so they are numbered at once.
* **`BoxFilter` predicts where a box will be**, in place of the library's filter, whose noise is
  in pixels and frames: there the same scene at another resolution or frame rate gives other
  tracks. On MOT15 it follows better (`docs/tracking.md`), and without matrices it is faster.
* **`GrownOverlap` compares boxes that were grown by how far a body may go between two looks.** Two
  looks a second apart show a walker in two places that do not overlap. At 30 looks a second a box
  grows by about a hundredth of its side, and nothing changes.
"""

from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.detection.iou import expand_boxes, iou_matrix, reach_after
from forensics.footage.timeline import Int64Array
from forensics.tracking.association import UNTRACKED, TrackParameters
from forensics.tracking.box_filter import BoxFilter

__all__ = ["ByteTrack", "GrownOverlap", "load_tracker"]

_NOTHING: Final = np.empty(0, dtype=np.int64)
_SECONDS_PER_US: Final = 1e-6

_Floats = npt.NDArray[np.float64]


def load_tracker() -> None:
    """Load the library; the first tracker would."""
    import supervision  # noqa: F401
    import trackers  # noqa: F401


class ByteTrack:
    """Follows the objects of one class; made anew for each class of each evidence."""

    def __init__(self, parameters: TrackParameters) -> None:
        from trackers import ByteTrackTracker

        self._overlap = GrownOverlap()
        self._looked_us: int | None = None
        self._tracker = ByteTrackTracker(
            # the library divides this by 30 and compares the quotient with the time since the last box
            lost_track_buffer=parameters.buffer_ms * 1_000 * 30,
            # it hands time passed times this to the filter
            frame_rate=_SECONDS_PER_US,
            track_activation_threshold=parameters.activation_score,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=parameters.minimum_iou,
            high_conf_det_threshold=parameters.high_score,
            # these two have what the library calls of its own, and nothing else
            state_estimator_class=cast("Any", BoxFilter),
            iou=cast("Any", self._overlap),
        )
        self._activation_score = parameters.activation_score
        self._n_tracks = 0

    def update(self, xyxy: FloatArray, score: FloatArray, at_us: int) -> Int64Array:
        """Tell which track every box belongs to; see `Tracker`."""
        self._overlap.seconds = 0.0 if self._looked_us is None else (at_us - self._looked_us) * _SECONDS_PER_US
        self._looked_us = at_us
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
        return cast("Int64Array", rows), cast("Int64Array", found.tracker_id)

    def _number(self, started: list[Any]) -> list[int]:
        """Number the tracks that were just started, in their order."""
        numbers = list(range(self._n_tracks, self._n_tracks + len(started)))
        for tracklet, number in zip(started, numbers, strict=True):
            tracklet.tracker_id = number
        self._n_tracks += len(started)
        return numbers


class GrownOverlap:
    """Intersection over union of boxes that were grown on every side.

    Attributes:
        seconds: since the look before; sets how much boxes grow.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def compute(self, boxes: _Floats, others: _Floats) -> _Floats:
        """Compare every box with every other: (N, 4), (M, 4) to (N, M) in [0, 1]."""
        if not len(boxes) or not len(others):
            return np.zeros((len(boxes), len(others)))
        reach = reach_after(self.seconds)
        return iou_matrix(expand_boxes(boxes, reach), expand_boxes(others, reach))
