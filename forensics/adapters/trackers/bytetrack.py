"""ByteTrack of the package `trackers`, as a `Tracker`.

The association is that of the library, called through its public arguments. Four things differ from its defaults:

* **Time is media time in whole microseconds.** The library accepts any unit. Sums of whole numbers are exact in
  floating point; sums of tenths of a second are not, and could end a track one frame early.
* **A track includes the box that started it.** The library reports -1 there, and a number only from the second box
  on. A track that was just started was never predicted (its `age` is 0), and such tracks stand in the order of the
  boxes that started them. They are numbered at once.
* **`BoxFilter` predicts boxes**, not the library's filter. The noise of that filter is in pixels and frames: the same
  scene at another resolution or frame rate would give other tracks. `BoxFilter` tracks better on MOT15
  (`docs/tracking.md`), and is faster because it needs no matrices.
* **`ExpandedIou` compares boxes expanded by the distance that a body may move between two detected frames.** In frames
  a second apart, the boxes of a walker do not overlap. At 30 frames a second, a box grows by about a hundredth of its
  side, which changes nothing.
"""

from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.detection.iou import expand_boxes, iou_matrix, reach_after
from forensics.footage.timeline import Int64Array
from forensics.tracking.association import UNTRACKED, TrackParameters
from forensics.tracking.box_filter import BoxFilter

__all__ = ["ByteTrack", "ExpandedIou", "load_tracker"]

_NO_NUMBERS: Final = np.empty(0, dtype=np.int64)
_SECONDS_PER_US: Final = 1e-6

_Floats = npt.NDArray[np.float64]


def load_tracker() -> None:
    """Import the library ahead of time, so that the first tracker does not have to."""
    import supervision  # noqa: F401
    import trackers  # noqa: F401


class ByteTrack:
    """Tracks the objects of one class in one evidence; implements `Tracker`.

    Args:
        parameters: thresholds and durations of the association.
    """

    def __init__(self, parameters: TrackParameters) -> None:
        from trackers import ByteTrackTracker

        self._iou = ExpandedIou()
        self._last_us: int | None = None
        self._tracker = ByteTrackTracker(
            # the library divides this by 30 and compares the quotient with the time since the last box of the track
            lost_track_buffer=parameters.buffer_ms * 1_000 * 30,
            # the library multiplies elapsed time by this for the filter, which wants seconds
            frame_rate=_SECONDS_PER_US,
            track_activation_threshold=parameters.activation_score,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=parameters.minimum_iou,
            high_conf_det_threshold=parameters.high_score,
            # these two implement only those methods that the library calls
            state_estimator_class=cast("Any", BoxFilter),
            iou=cast("Any", self._iou),
        )
        self._activation_score = parameters.activation_score
        self._n_tracks = 0

    def update(self, xyxy: FloatArray, score: FloatArray, at_us: int) -> Int64Array:
        """Return the track number of each box; see `Tracker.update`."""
        self._iou.seconds = 0.0 if self._last_us is None else (at_us - self._last_us) * _SECONDS_PER_US
        self._last_us = at_us
        if not len(score) and not self._tracker.tracks:
            # no track to continue and no box to start one: the library would only store the time
            return _NO_NUMBERS
        rows, numbers = self._associate(xyxy, score, at_us)
        by_row = np.full(len(score), UNTRACKED, dtype=np.int64)
        by_row[rows] = numbers
        new_tracks = [tracklet for tracklet in self._tracker.tracks if tracklet.age == 0]
        if new_tracks:
            starts = rows[(numbers == UNTRACKED) & (score[rows].astype(np.float64) >= self._activation_score)]
            by_row[starts] = self._number_tracks(new_tracks)
        return by_row

    def _associate(self, xyxy: FloatArray, score: FloatArray, at_us: int) -> tuple[Int64Array, Int64Array]:
        """Associate the boxes: their rows and track numbers, in the order of the library's result."""
        from supervision import Detections

        boxes = Detections(xyxy=xyxy, confidence=score, class_id=np.arange(len(score)))
        found = self._tracker.update(boxes, timestamp=at_us)
        rows = found.class_id if found.class_id is not None else _NO_NUMBERS
        return cast("Int64Array", rows), cast("Int64Array", found.tracker_id)

    def _number_tracks(self, new_tracks: list[Any]) -> list[int]:
        """Number the tracks that were just started, in their order, and return the numbers."""
        numbers = list(range(self._n_tracks, self._n_tracks + len(new_tracks)))
        for tracklet, number in zip(new_tracks, numbers, strict=True):
            tracklet.tracker_id = number
        self._n_tracks += len(new_tracks)
        return numbers


class ExpandedIou:
    """IoU of boxes that were expanded on every side.

    Attributes:
        seconds: media time since the previous detected frame; sets how far boxes are expanded.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def compute(self, boxes: _Floats, others: _Floats) -> _Floats:
        """Compare every box with every other: (N, 4) and (M, 4) give (N, M) in [0, 1]."""
        if not len(boxes) or not len(others):
            return np.zeros((len(boxes), len(others)))
        reach = reach_after(self.seconds)
        return iou_matrix(expand_boxes(boxes, reach), expand_boxes(others, reach))
