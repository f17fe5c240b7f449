"""Spot check of the motion gate: a random sample of skipped frames is detected and compared with the tracks.

Every frame gets a pseudo-random number from evidence, frame and seed alone. So the sample is reproducible, does not
depend on order, and a larger sample contains every smaller one.

A miss is a box that would have started a track, but lies in no track of its class that covers the time of the frame.
Between its detections, a track is interpolated linearly; boxes are expanded by the distance that a body can move since
the nearest detection, as in `forensics.sampling.linking`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import Boxes, Detections, FloatArray
from forensics.detection.iou import expand_boxes, iou_matrix, reach_after
from forensics.footage.timeline import Int64Array

__all__ = [
    "SpotCheckSummary",
    "SpotCheckedFrame",
    "TrackPaths",
    "check_against_tracks",
    "draw_sample",
    "sample_sizes",
    "select_rows_around",
    "summarise",
]

_MIN_IOU: Final = 0.15
_PERSON: Final = "person"


def sample_sizes(n_skipped: Sequence[int], *, share: float, minimum: int) -> list[int]:
    """Return the sample size of each evidence, in proportion to its skipped frames.

    Args:
        n_skipped: number of frames of each evidence that the gate skipped.
        share: share of the skipped frames to draw, in [0, 1].
        minimum: number of frames to draw from all evidence together, if there are as many.

    >>> sample_sizes([100_000, 0, 200], share=0.01, minimum=300), sample_sizes([500, 1500], share=0.01, minimum=300)
    ([1000, 0, 2], [75, 225])
    """
    n_all = sum(n_skipped)
    wanted = max(ceil(share * n_all), min(minimum, n_all))
    return [-(-wanted * n // n_all) if n else 0 for n in n_skipped]


def draw_sample(evidence_id: str, skipped: Int64Array, n_drawn: int, seed: int) -> Int64Array:
    """Draw a pseudo-random sample of the skipped frames of an evidence.

    Args:
        evidence_id: 16 hex digits.
        skipped: (N,) int64 frame numbers, increasing.
        n_drawn: sample size, at most N.
        seed: random seed of the sample, below 2**32.

    Returns:
        (n_drawn,) int64, increasing.
    """
    start = np.uint64(int(evidence_id, 16)) ^ np.uint64(seed)
    random = _splitmix64(_splitmix64(np.full(1, start, dtype=np.uint64)) + skipped.astype(np.uint64))
    sample: Int64Array = np.sort(skipped[np.argsort(random, kind="stable")[:n_drawn]])
    return sample


def _splitmix64(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return a pseudo-random number for each number, by one step of SplitMix64."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def select_rows_around(frame: Int64Array, track: Int64Array, at_frames: Int64Array) -> Int64Array:
    """Select the detections that determine where tracks are in some frames.

    Selecting from parts of an evidence gives at least the rows that selecting from the whole evidence gives.

    Args:
        frame: (N,) int64, non-decreasing.
        track: (N,) int64, track number of each detection; -1 for none.
        at_frames: (A,) int64, increasing frame numbers.

    Returns:
        (K,) int64, increasing rows: of each track the first, the last, and those next to one of the frames.

    >>> select_rows_around(np.arange(9), np.zeros(9, int), np.array([4])).tolist()
    [0, 3, 4, 5, 8]
    """
    order = np.argsort(track, kind="stable")[np.count_nonzero(track < 0) :]
    if not len(order):
        return order
    is_same = np.diff(track[order]) == 0
    before, until = (np.searchsorted(at_frames, frame[order], side) for side in ("left", "right"))
    is_kept = np.ones(len(order), dtype=np.bool_)
    # whether one of the frames lies between a row and the next one of its track
    is_around = before[:-1] < until[1:]
    is_kept[1:-1] = ~(is_same[:-1] & is_same[1:]) | is_around[:-1] | is_around[1:]
    rows: Int64Array = np.sort(order[is_kept])
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class TrackPaths:
    """Positions of the tracks of one evidence over time.

    Attributes:
        class_index: (T,) int64, class of each track.
        at_us: for each track the (n,) media times of its detections, increasing.
        xyxy: for each track its (n, 4) boxes.
    """

    class_index: Int64Array
    at_us: tuple[Int64Array, ...]
    xyxy: tuple[FloatArray, ...]

    @classmethod
    def of(cls, detections: Detections, track: Int64Array, media_us: Int64Array) -> "TrackPaths":
        """Return the tracks of one evidence.

        Args:
            detections: all detections, or those that `select_rows_around` selects for the frames of interest.
            track: (N,) int64, track number of each detection from 0; -1 for none.
            media_us: media time of every frame.
        """
        order = np.argsort(track, kind="stable")
        edges = np.searchsorted(track[order], np.arange(int(track.max(initial=-1)) + 2))
        rows = [order[start:stop] for start, stop in pairwise(edges.tolist())]
        return cls(
            detections.class_index[[each[0] for each in rows]] if rows else np.empty(0, dtype=np.int64),
            tuple(media_us[detections.frame[each]] for each in rows),
            tuple(detections.xyxy[each] for each in rows),
        )

    def at(self, class_index: int, now_us: int) -> tuple[FloatArray, Int64Array]:
        """Return the tracks of a class that cover a media time: (K, 4) boxes, (K,) time to the nearest detection."""
        covering = [
            number
            for number in np.flatnonzero(self.class_index == class_index).tolist()
            if self.at_us[number][0] <= now_us <= self.at_us[number][-1]
        ]
        boxes = [[np.interp(now_us, self.at_us[n], self.xyxy[n][:, side]) for side in range(4)] for n in covering]
        distance = [int(np.abs(self.at_us[n] - now_us).min()) for n in covering]
        return np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(distance, dtype=np.int64)


def check_against_tracks(
    boxes: Boxes, paths: TrackPaths, *, at_us: int, start_score: float
) -> tuple[Int64Array, Int64Array]:
    """Check which boxes of a spot-checked frame lie in no track.

    Args:
        boxes: detected boxes of the frame, classes as in `paths`.
        paths: tracks of the evidence.
        at_us: media time of the frame.
        start_score: score that starts a track.

    Returns:
        Rows of `boxes`: (S,) int64 that would have started a track, and (M,) int64 of them that were missed.
    """
    seen = np.flatnonzero(boxes.is_at_least(start_score))
    missed: list[int] = []
    for class_index in np.unique(boxes.class_index[seen]).tolist():
        rows = seen[boxes.class_index[seen] == class_index]
        tracked, distance_us = paths.at(class_index, at_us)
        missed += rows[~_is_in_track(boxes.xyxy[rows], tracked, distance_us)].tolist()
    return seen, np.array(sorted(missed), dtype=np.int64)


def _is_in_track(xyxy: FloatArray, tracked: FloatArray, distance_us: Int64Array) -> npt.NDArray[np.bool_]:
    """Return (S,) bool, whether each box gets a track of its own; the largest IoU is assigned first."""
    iou = np.zeros((len(xyxy), len(tracked)))
    for column, distance in enumerate(distance_us.tolist()):
        reach = reach_after(distance / 1e6)
        expanded = expand_boxes(tracked[column : column + 1], reach)
        iou[:, column] = iou_matrix(expand_boxes(xyxy, reach), expanded)[:, 0]
    is_in_track = np.zeros(len(xyxy), dtype=np.bool_)
    while iou.size and iou.max() >= _MIN_IOU:
        row, column = divmod(int(iou.argmax()), iou.shape[1])
        is_in_track[row] = True
        iou[row, :] = iou[:, column] = 0
    return is_in_track


@dataclass(frozen=True, slots=True)
class SpotCheckedFrame:
    """A spot-checked frame: the gate skipped it, and it was detected afterwards.

    Attributes:
        frame: frame number.
        seen: class and score of each box that would have started a track.
        missed: those of them that lie in no track.
    """

    frame: int
    seen: tuple[tuple[str, float], ...]
    missed: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        if not self.seen:
            return "nobody seen"
        found = f"{len(self.seen)} seen"
        if not self.missed:
            return f"{found}, all in tracks"
        return f"{found}, in no track: {', '.join(f'{name} {score:.2f}' for name, score in self.missed)}"


@dataclass(frozen=True, slots=True)
class SpotCheckSummary:
    """Result of the spot check of a run.

    Attributes:
        n_skipped: number of frames that the gate skipped.
        n_checked: number of them that were spot-checked.
        seen: number of boxes per class that would have started a track.
        missed: number of them that lie in no track.
        n_with_a_miss: number of checked frames with a missed person; without people, with any missed object.
    """

    n_skipped: int
    n_checked: int
    seen: Counter[str]
    missed: Counter[str]
    n_with_a_miss: int


def summarise(n_skipped: int, checked: Iterable[SpotCheckedFrame], classes: tuple[str, ...]) -> SpotCheckSummary:
    """Summarise the spot check of a run.

    Args:
        n_skipped: number of frames of the run that the gate skipped.
        checked: the spot-checked frames.
        classes: wanted classes of the run; empty for all. If people are among them, only a missed person is a miss.
    """
    frames = list(checked)
    seen = Counter(name for each in frames for name, _ in each.seen)
    missed = Counter(name for each in frames for name, _ in each.missed)
    counted = {_PERSON} if not classes or _PERSON in classes else set(classes)
    n_with_a_miss = sum(any(name in counted for name, _ in each.missed) for each in frames)
    return SpotCheckSummary(n_skipped, len(frames), seen, missed, n_with_a_miss)
