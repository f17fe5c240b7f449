"""Links between consecutive sampled frames: which bodies continue, appear, disappear or can be confused.

A box is followed once it reaches the follow score, and until nothing is found of it any more. A track can start at any
frame until a followed box has reached the start score. Two boxes are the same body if each overlaps the other most,
after both were expanded by the distance that a body can move. A body that is not where its speed predicts it may be
lost by the tracker, which expects it there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import Boxes
from forensics.detection.iou import expand_boxes, iou_matrix, paired_iou, reach_after
from forensics.footage.motion_gate import GateRules
from forensics.footage.timeline import BoolArray, Int64Array
from forensics.tracking.box_filter import BoxFilter

__all__ = ["LinkStep", "SampledFrame", "link_frames", "linked_rows"]

_MIN_IOU: Final = 0.15
# Bodies whose expanded boxes overlap this much can be confused.
_CONFUSION_IOU: Final = 0.3

FloatArray64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SampledFrame:
    """Boxes of a detected frame, or of a later still frame that shows the same.

    Attributes:
        number: number of the detected frame.
        at_us: media time of the frame, or of the still frame.
        boxes: detected boxes.
        is_followed: (N,) bool, whether each box is followed.
        has_started: (N,) bool, whether each box, or one that it continues, has reached the start score.
        filters: motion of each followed box, by row.
    """

    number: int
    at_us: int
    boxes: Boxes
    is_followed: BoolArray
    has_started: BoolArray
    filters: Mapping[int, BoxFilter]

    @classmethod
    def unlinked(cls, number: int, at_us: int, boxes: Boxes, rules: GateRules) -> "SampledFrame":
        """Return a frame without a link to an earlier one."""
        is_followed, has_started = boxes.is_at_least(rules.follow_score), boxes.is_at_least(rules.start_score)
        filters = {row: BoxFilter(boxes.xyxy[row]) for row in np.flatnonzero(is_followed).tolist()}
        return cls(number, at_us, boxes, is_followed, has_started, filters)

    def carried_to(self, at_us: int) -> "SampledFrame":
        """Return the same boxes at a later still frame."""
        filters = {row: each.after((at_us - self.at_us) / 1e6) for row, each in self.filters.items()}
        for row, each in filters.items():
            each.update(self.boxes.xyxy[row])
        return replace(self, at_us=at_us, filters=filters)


@dataclass(frozen=True, slots=True, eq=False)
class LinkStep:
    """Link from one sampled frame to the next.

    Attributes:
        before: the earlier frame.
        after: the later frame, with its followed boxes.
        appeared: rows of the later frame, followed boxes that continue no followed box.
        disappeared: rows of the earlier frame, followed boxes that nothing continues.
        faint_appeared: rows of the later frame, boxes that are not followed and continue nothing.
        faint_disappeared: rows of the earlier frame, boxes that were not followed and that nothing continues.
        is_ambiguous: whether two bodies can be confused.
        is_off_course: whether a body is not where its speed predicts it.
        can_start_track: whether a track of a continued body can start between the two frames.
        min_iou: smallest IoU of a continued body in [0, 1]; 1 if there is none.
    """

    before: SampledFrame
    after: SampledFrame
    appeared: Int64Array
    disappeared: Int64Array
    faint_appeared: Int64Array
    faint_disappeared: Int64Array
    is_ambiguous: bool
    is_off_course: bool
    can_start_track: bool
    min_iou: float

    @property
    def is_clear(self) -> bool:
        """Whether both frames show every body that was between them."""
        has_changed = len(self.appeared) or len(self.disappeared)
        return not (has_changed or self.is_ambiguous or self.is_off_course or self.can_start_track)


def link_frames(before: SampledFrame, after: SampledFrame, rules: GateRules) -> LinkStep:
    """Link two sampled frames.

    Args:
        before: the earlier frame, with its followed boxes.
        after: the later frame; its followed boxes are computed anew.
        rules: scores from which a box is followed and starts a track.
    """
    iou = _expanded_iou(before, after)  # (N, M)
    partner = _mutual_best(iou)
    links = np.flatnonzero(before.is_followed & (partner >= 0))
    is_continued = np.zeros(len(after.boxes), dtype=np.bool_)
    is_continued[partner[links]] = True
    is_followed = after.boxes.is_at_least(rules.follow_score) | is_continued
    has_started = after.boxes.is_at_least(rules.start_score)
    has_started[partner[links]] |= before.has_started[links]
    is_near = iou[before.is_followed][:, is_followed] >= _CONFUSION_IOU
    predicted_iou, filters = _predict(before, after, links, partner[links])
    appeared = np.flatnonzero(is_followed & ~is_continued)
    filters |= {row: BoxFilter(after.boxes.xyxy[row]) for row in appeared.tolist()}
    return LinkStep(
        before=before,
        after=replace(after, is_followed=is_followed, has_started=has_started, filters=filters),
        appeared=appeared,
        disappeared=np.flatnonzero(before.is_followed & (partner < 0)),
        faint_appeared=np.setdiff1d(np.flatnonzero(~is_followed), partner),
        faint_disappeared=np.flatnonzero(~before.is_followed & (partner < 0)),
        is_ambiguous=bool(np.any(is_near.sum(axis=0) > 1) or np.any(is_near.sum(axis=1) > 1)),
        is_off_course=bool(np.any(predicted_iou < _MIN_IOU)),
        can_start_track=not before.has_started[links].all(),
        min_iou=float(iou[links, partner[links]].min()) if len(links) else 1.0,
    )


def linked_rows(here: SampledFrame, there: SampledFrame) -> Int64Array:
    """Return (N,) int64, for each box of `here` the row of the same body in `there`; -1 for none."""
    return _mutual_best(_expanded_iou(here, there))


def _predict(
    before: SampledFrame, after: SampledFrame, rows: Int64Array, partners: Int64Array
) -> tuple[FloatArray64, dict[int, BoxFilter]]:
    """Return (L,) IoU of each continued box with its prediction, and its updated filter by row of `after`."""
    seconds = (after.at_us - before.at_us) / 1e6
    filters = {
        partner: before.filters[row].after(seconds)
        for row, partner in zip(rows.tolist(), partners.tolist(), strict=True)
    }
    predicted = np.array([each.state_to_bbox() for each in filters.values()]).reshape(-1, 4)
    for partner, each in filters.items():
        each.update(after.boxes.xyxy[partner])
    reach = reach_after(seconds)
    return paired_iou(expand_boxes(predicted, reach), expand_boxes(after.boxes.xyxy[partners], reach)), filters


def _expanded_iou(one: SampledFrame, other: SampledFrame) -> FloatArray64:
    """Return the (N, M) IoU of the expanded boxes of two frames; 0 for boxes of different classes."""
    reach = reach_after(abs(other.at_us - one.at_us) / 1e6)
    iou = iou_matrix(expand_boxes(one.boxes.xyxy, reach), expand_boxes(other.boxes.xyxy, reach))
    return np.where(one.boxes.class_index[:, None] == other.boxes.class_index[None, :], iou, 0.0)


def _mutual_best(iou: FloatArray64) -> Int64Array:
    """Return (N,) int64, the best column of each row whose best row it is; -1 for none.

    >>> _mutual_best(np.array([[0.9, 0.2], [0.8, 0.1]])).tolist()
    [0, -1]
    """
    n_rows, n_columns = iou.shape
    if not n_rows or not n_columns:
        return np.full(n_rows, -1, dtype=np.int64)
    column = iou.argmax(axis=1)
    rows = np.arange(n_rows)
    is_mutual = (iou.argmax(axis=0)[column] == rows) & (iou[rows, column] >= _MIN_IOU)
    return np.where(is_mutual, column, -1).astype(np.int64)
