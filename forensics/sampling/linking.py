"""Who is there from look to look: who goes on, who came, who left, and who may be mistaken for somebody else.

Followed is whoever reached the score to follow, and goes on to be until nothing is found of them any more. Before they
have reached the score that starts a track, any frame between two looks may be the one that does.
Boxes of two looks are the same body if each fits the other best, grown by how far a body may have gone. Whoever is not
where their speed would have led them may be lost by a tracker, which expects them there.
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

__all__ = ["LinkStep", "SampledFrame", "link_frames", "same_bodies"]

_LEAST_OVERLAP: Final = 0.15
_MISTAKEN_FROM: Final = 0.3

FloatArray64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SampledFrame:
    """What is known of a frame.

    Attributes:
        number: of the frame that was looked at.
        at_us: media time until which it is known to have been so.
        boxes: what was seen.
        is_followed: (N,) bool, which of them are somebody.
        has_started: (N,) bool, which of them had reached the score that starts a track by then.
        paths: where each of those who are followed will be next, by row.
    """

    number: int
    at_us: int
    boxes: Boxes
    is_followed: BoolArray
    has_started: BoolArray
    paths: Mapping[int, BoxFilter]

    @classmethod
    def first(cls, number: int, at_us: int, boxes: Boxes, rules: GateRules) -> "SampledFrame":
        """One of which nobody knows what was before."""
        is_followed, has_started = boxes.reach(rules.follow_score), boxes.reach(rules.start_score)
        paths = {row: BoxFilter(boxes.xyxy[row]) for row in np.flatnonzero(is_followed).tolist()}
        return cls(number, at_us, boxes, is_followed, has_started, paths)

    def still_at(self, at_us: int) -> "SampledFrame":
        """The same later on: nobody moved."""
        paths = {row: path.after((at_us - self.at_us) / 1e6) for row, path in self.paths.items()}
        for row, path in paths.items():
            path.update(self.boxes.xyxy[row])
        return replace(self, at_us=at_us, paths=paths)


@dataclass(frozen=True, slots=True, eq=False)
class LinkStep:
    """What became of everybody from one look to the next.

    Attributes:
        before: the earlier look.
        after: the later look, with all who are followed.
        came: rows of its boxes, those who were not followed before.
        left: rows of the earlier look's boxes, those of whom nothing is found any more.
        faint_after: rows of the later look's boxes, what is followed nowhere and was not there before.
        faint_before: rows of the earlier look's boxes, what is followed nowhere and is not there any more.
        is_mistakable: whether somebody may be mistaken for somebody else.
        is_unexpected: whether somebody is not where their speed would have led them.
        is_starting: whether a track of somebody who is in both may begin between the two.
        least_overlap: of those who are in both, in [0, 1]; 1 where nobody is.
    """

    before: SampledFrame
    after: SampledFrame
    came: Int64Array
    left: Int64Array
    faint_after: Int64Array
    faint_before: Int64Array
    is_mistakable: bool
    is_unexpected: bool
    is_starting: bool
    least_overlap: float

    @property
    def is_clear(self) -> bool:
        """Whether whoever was between the two looks is in both of them."""
        is_anybody_new = len(self.came) or len(self.left)
        return not (is_anybody_new or self.is_mistakable or self.is_unexpected or self.is_starting)


def link_frames(before: SampledFrame, after: SampledFrame, rules: GateRules) -> LinkStep:
    """What became of everybody.

    Args:
        before: with all who are followed.
        after: a later look; who is followed there is worked out.
        rules: who is followed, and what starts a track.
    """
    overlap = _overlap(before, after)  # (N, M)
    partner = _partners(overlap)
    links = np.flatnonzero(before.is_followed & (partner >= 0))
    is_continued = np.zeros(len(after.boxes), dtype=np.bool_)
    is_continued[partner[links]] = True
    is_followed = after.boxes.reach(rules.follow_score) | is_continued
    has_started = after.boxes.reach(rules.start_score)
    has_started[partner[links]] |= before.has_started[links]
    near = overlap[before.is_followed][:, is_followed] >= _MISTAKEN_FROM
    expected, paths = _expected(before, after, links, partner[links])
    came = np.flatnonzero(is_followed & ~is_continued)
    paths |= {row: BoxFilter(after.boxes.xyxy[row]) for row in came.tolist()}
    return LinkStep(
        before=before,
        after=replace(after, is_followed=is_followed, has_started=has_started, paths=paths),
        came=came,
        left=np.flatnonzero(before.is_followed & (partner < 0)),
        faint_after=np.setdiff1d(np.flatnonzero(~is_followed), partner),
        faint_before=np.flatnonzero(~before.is_followed & (partner < 0)),
        is_mistakable=bool(np.any(near.sum(axis=0) > 1) or np.any(near.sum(axis=1) > 1)),
        is_unexpected=bool(np.any(expected < _LEAST_OVERLAP)),
        is_starting=not before.has_started[links].all(),
        least_overlap=float(overlap[links, partner[links]].min()) if len(links) else 1.0,
    )


def same_bodies(here: SampledFrame, there: SampledFrame) -> Int64Array:
    """(N,) the row of the other look's boxes that is the same body as each of this one's; -1 for none."""
    return _partners(_overlap(here, there))


def _expected(
    before: SampledFrame, after: SampledFrame, rows: Int64Array, partners: Int64Array
) -> tuple[FloatArray64, dict[int, BoxFilter]]:
    """(L,) how well those who go on fit where they were expected, and where each of them will be next."""
    seconds = (after.at_us - before.at_us) / 1e6
    paths = {
        partner: before.paths[row].after(seconds) for row, partner in zip(rows.tolist(), partners.tolist(), strict=True)
    }
    places = np.array([path.state_to_bbox() for path in paths.values()]).reshape(-1, 4)
    for partner, path in paths.items():
        path.update(after.boxes.xyxy[partner])
    reach = reach_after(seconds)
    return paired_iou(expand_boxes(places, reach), expand_boxes(after.boxes.xyxy[partners], reach)), paths


def _overlap(one: SampledFrame, other: SampledFrame) -> FloatArray64:
    """(N, M) in [0, 1], how well each box of one look may be each of the other; 0 for another class."""
    reach = reach_after(abs(other.at_us - one.at_us) / 1e6)
    found = iou_matrix(expand_boxes(one.boxes.xyxy, reach), expand_boxes(other.boxes.xyxy, reach))
    return np.where(one.boxes.class_index[:, None] == other.boxes.class_index[None, :], found, 0.0)


def _partners(overlap: FloatArray64) -> Int64Array:
    """(N,) the column that is each row's best while the row is the column's best; -1 where there is none.

    >>> _partners(np.array([[0.9, 0.2], [0.8, 0.1]])).tolist()
    [0, -1]
    """
    n_rows, n_columns = overlap.shape
    if not n_rows or not n_columns:
        return np.full(n_rows, -1, dtype=np.int64)
    column = overlap.argmax(axis=1)
    rows = np.arange(n_rows)
    is_mutual = (overlap.argmax(axis=0)[column] == rows) & (overlap[rows, column] >= _LEAST_OVERLAP)
    return np.where(is_mutual, column, -1).astype(np.int64)
