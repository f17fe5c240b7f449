"""Whether the gate lost anybody: frames that it passed over are drawn by lot, looked at all the same, and compared.

The lot is a number for every frame, made from evidence, frame and seed alone. So the draw depends on neither order
nor chance, and a larger draw holds every frame of a smaller one.

A box that would have started a track and lies in no track of its class whose interval covers the frame is a miss.
Between its looks a track is where a straight line leads; boxes are grown by how far a body may have gone since the
nearest look, as they are when looks are linked.
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
    "draw_sample",
    "outside_tracks",
    "rows_around",
    "sample_sizes",
    "summarise",
]

_LEAST_OVERLAP: Final = 0.15
_PERSON: Final = "person"


def sample_sizes(n_passed_over: Sequence[int], *, share: float, least: int) -> list[int]:
    """How many frames of each evidence are drawn: a share of all, and at least so many of the whole run.

    Args:
        n_passed_over: frames of each evidence that were not looked at.
        share: of them in [0, 1].
        least: of all evidence together, if there are as many.

    >>> to_be_drawn([100_000, 0, 200], share=0.01, least=300), to_be_drawn([500, 1500], share=0.01, least=300)
    ([1000, 0, 2], [75, 225])
    """
    n_all = sum(n_passed_over)
    wanted = max(ceil(share * n_all), min(least, n_all))
    return [-(-wanted * n // n_all) if n else 0 for n in n_passed_over]


def draw_sample(evidence_id: str, passed_over: Int64Array, n_drawn: int, seed: int) -> Int64Array:
    """The frames that the lot falls on.

    Args:
        evidence_id: 16 hex digits.
        passed_over: (N,) int64, increasing.
        n_drawn: how many, N at most.
        seed: of the lot, below 2**32.

    Returns:
        (n_drawn,) int64, increasing.
    """
    start = np.uint64(int(evidence_id, 16)) ^ np.uint64(seed)
    lot = _scattered(_scattered(np.full(1, start, dtype=np.uint64)) + passed_over.astype(np.uint64))
    chosen: Int64Array = np.sort(passed_over[np.argsort(lot, kind="stable")[:n_drawn]])
    return chosen


def _scattered(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64: neighbours become numbers that have nothing in common."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def rows_around(frame: Int64Array, track: Int64Array, instants: Int64Array) -> Int64Array:
    """Which detections tell where tracks are at some instants; of a part of an evidence, as of all its parts together.

    Args:
        frame: (N,) int64, non-decreasing.
        track: (N,) int64, the number of each one's track; -1 where it has none.
        instants: (A,) int64, increasing frame numbers.

    Returns:
        (K,) int64, increasing rows: of each track the first, the last, and those beside an instant.

    >>> rows_around(np.arange(9), np.zeros(9, int), np.array([4])).tolist()
    [0, 3, 4, 5, 8]
    """
    order = np.argsort(track, kind="stable")[np.count_nonzero(track < 0) :]
    if not len(order):
        return order
    is_same = np.diff(track[order]) == 0
    before, until = (np.searchsorted(instants, frame[order], side) for side in ("left", "right"))
    is_kept = np.ones(len(order), dtype=np.bool_)
    # between a row and the next one of its track lies an instant
    is_beside = before[:-1] < until[1:]
    is_kept[1:-1] = ~(is_same[:-1] & is_same[1:]) | is_beside[:-1] | is_beside[1:]
    rows: Int64Array = np.sort(order[is_kept])
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class TrackPaths:
    """Where each track of one evidence was seen.

    Attributes:
        class_index: (T,) int64.
        at_us: for each track its (n,) looks, media time, increasing.
        xyxy: for each track its (n, 4) boxes.
    """

    class_index: Int64Array
    at_us: tuple[Int64Array, ...]
    xyxy: tuple[FloatArray, ...]

    @classmethod
    def of(cls, detections: Detections, track: Int64Array, media_us: Int64Array) -> "TrackPaths":
        """The tracks of one evidence.

        Args:
            detections: all of it, or those that `rows_around` the asked instants keeps.
            track: (N,) int64, the number of each one's track from 0; -1 where it has none.
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
        """The tracks of a class that cover an instant: (K, 4) where each is, (K,) how far its nearest look is."""
        there = [
            number
            for number in np.flatnonzero(self.class_index == class_index).tolist()
            if self.at_us[number][0] <= now_us <= self.at_us[number][-1]
        ]
        boxes = [[np.interp(now_us, self.at_us[n], self.xyxy[n][:, side]) for side in range(4)] for n in there]
        away = [int(np.abs(self.at_us[n] - now_us).min()) for n in there]
        return np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(away, dtype=np.int64)


def outside_tracks(boxes: Boxes, paths: TrackPaths, *, at_us: int, least_score: float) -> tuple[Int64Array, Int64Array]:
    """Whom a look found, and who of them lies in no track.

    Args:
        boxes: of one frame, classes as in `paths`.
        paths: of its evidence.
        at_us: media time of the frame.
        least_score: what starts a track.

    Returns:
        rows of `boxes`: (S,) int64 all that would have started a track, (M,) int64 those of them that were missed.
    """
    seen = np.flatnonzero(boxes.reach(least_score))
    missed: list[int] = []
    for class_index in np.unique(boxes.class_index[seen]).tolist():
        rows = seen[boxes.class_index[seen] == class_index]
        there, away_us = paths.at(class_index, at_us)
        missed += rows[~_is_somewhere(boxes.xyxy[rows], there, away_us)].tolist()
    return seen, np.array(sorted(missed), dtype=np.int64)


def _is_somewhere(xyxy: FloatArray, there: FloatArray, away_us: Int64Array) -> npt.NDArray[np.bool_]:
    """(S,) bool, which boxes have a track to themselves; the best fits are given away first."""
    fit = np.zeros((len(xyxy), len(there)))
    for place, away in enumerate(away_us.tolist()):
        reach = reach_after(away / 1e6)
        fit[:, place] = iou_matrix(expand_boxes(xyxy, reach), expand_boxes(there[place : place + 1], reach))[:, 0]
    is_somewhere = np.zeros(len(xyxy), dtype=np.bool_)
    while fit.size and fit.max() >= _LEAST_OVERLAP:
        row, column = divmod(int(fit.argmax()), fit.shape[1])
        is_somewhere[row] = True
        fit[row, :] = fit[:, column] = 0
    return is_somewhere


@dataclass(frozen=True, slots=True)
class SpotCheckedFrame:
    """A frame that was passed over and looked at afterwards.

    Attributes:
        frame: its number.
        seen: class and score of each who would have started a track.
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
    """What the audit of a run found.

    Attributes:
        n_passed_over: frames that the gate did not have looked at.
        n_looked_at: of them, afterwards.
        seen: how many of each class would have started a track.
        missed: how many of them lie in no track.
        n_with_a_miss: frames in which somebody was missed.
    """

    n_passed_over: int
    n_looked_at: int
    seen: Counter[str]
    missed: Counter[str]
    n_with_a_miss: int


def summarise(n_passed_over: int, audited: Iterable[SpotCheckedFrame], classes: tuple[str, ...]) -> SpotCheckSummary:
    """What all the frames say together.

    Args:
        n_passed_over: frames of the run that were not looked at.
        audited: those of them that were drawn.
        classes: what the run asked for; all if none. Where people are among them, somebody is a person.
    """
    frames = list(audited)
    seen = Counter(name for each in frames for name, _ in each.seen)
    missed = Counter(name for each in frames for name, _ in each.missed)
    somebody = {_PERSON} if not classes or _PERSON in classes else set(classes)
    n_with_a_miss = sum(any(name in somebody for name, _ in each.missed) for each in frames)
    return SpotCheckSummary(n_passed_over, len(frames), seen, missed, n_with_a_miss)
