"""Ranks and decisions from similarities; no decision is stronger than candidate for examination.

The threshold depends on the length of the watch-list. The more entries a face is compared with, the more likely a
stranger passes one of them. So the allowed rate of false candidates is divided among the entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.faces.face import Measure
from forensics.faces.pooling import similarities, single_face_pools
from forensics.footage.timeline import Int64Array

__all__ = [
    "DECISIONS_TO_REVIEW",
    "Decision",
    "Rules",
    "decide",
    "expected_false_candidates",
    "fmr_per_comparison",
    "group_by_person",
    "is_enough",
    "list_false_alarm_rate",
    "rank",
]

Float64Array = npt.NDArray[np.float64]


class Decision(StrEnum):
    """Decision of the rules on one pair of a sighting and an entry; every further decision is made by people.

    ``candidate``: reaches the threshold, with enough faces over enough time. ``lead``: reaches the threshold, but
    with too few faces, over too short a time, or without a published false alarm rate. ``below``: below the
    threshold. ``no_face``: the sighting has no face good enough to compare. ``origin``: the entry's reference
    pictures were taken from this sighting, so comparing the two would prove nothing. ``near_copy``: a reference picture
    is so near to a frame of this sighting that it may be one. ``withheld``: a reference picture of the entry may be a
    frame of another sighting, and two people have not confirmed whose face that is.
    """

    CANDIDATE = "candidate"
    LEAD = "lead"
    BELOW = "below"
    NO_FACE = "no_face"
    ORIGIN = "origin"
    NEAR_COPY = "near_copy"
    WITHHELD = "withheld"

    @property
    def needs_review(self) -> bool:
        """Whether people look at the pair: it has numbers and pictures."""
        return self in _NEED_REVIEW


_NEED_REVIEW: Final = (Decision.CANDIDATE, Decision.LEAD, Decision.NEAR_COPY)
DECISIONS_TO_REVIEW: Final = tuple(decision.value for decision in _NEED_REVIEW)
"""Decisions whose pairs have numbers and pictures and are reviewed by people."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds by which a compared pair becomes a candidate or a lead.

    Attributes:
        threshold: least similarity of a candidate or lead, on the embedder's measure.
        minimum_faces: least number of compared faces of a candidate; with fewer it is a lead.
        minimum_span_ms: least time from the first to the last compared face of a candidate; below it is a lead.
        leads_only: make leads instead of candidates, because no false alarm rate is published for the embedder.
        one_person: least similarity of two faces of one track that belong to one person.
        near_copy: least similarity of two pictures that are edited copies of one.
    """

    threshold: float
    minimum_faces: int = 3
    minimum_span_ms: int = 1000
    leads_only: bool = False
    one_person: float = -np.inf
    near_copy: float = np.inf


def group_by_person(vectors: FloatArray, measure: Measure, one_person: float) -> list[Int64Array]:
    """Group the faces of one track by person: the connected components of faces that are similar enough.

    A track can switch from one person to another where they cross, or where the footage is cut.

    Args:
        vectors: (K, D) float32 embeddings.
        measure: how the embedder compares them.
        one_person: least similarity of two faces that are connected.

    Returns:
        For each person (n,) int64 rows of `vectors`, increasing; the person with the earliest row first.

    >>> vectors = np.array([[0, 0], [9, 0], [0, 0.5]], dtype=np.float32)
    >>> [rows.tolist() for rows in group_by_person(vectors, Measure.EUCLIDEAN, 0.4)]
    [[0, 2], [1]]
    """
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    each = single_face_pools(vectors, measure)
    is_similar = similarities(each, each, measure) >= one_person  # (K, K)
    n_groups, label = connected_components(is_similar, directed=False)
    groups = [np.flatnonzero(label == number) for number in range(n_groups)]
    return sorted(groups, key=lambda rows: int(rows[0]))  # scipy does not promise the order of its labels


def rank(similarity: Float64Array, entry_ids: Sequence[str], people: Sequence[str]) -> tuple[Int64Array, Float64Array]:
    """Rank the entries by similarity to one sighting, with the margin of each to the best entry of another person.

    Entries of one person do not compete: the rank of an entry is one more than the number of other people with a
    more similar entry. Ties go to the smaller id.

    Args:
        similarity: (E,) float64.
        entry_ids: (E,).
        people: (E,), the person of each entry.

    Returns:
        (E,) int64 ranks from 1; (E,) float64 margins, NaN without an entry of another person.

    >>> ranks, margin = rank(np.array([0.25, 0.5]), ("a", "b"), ("a", "b"))
    >>> ranks.tolist(), margin.tolist()
    ([2, 1], [-0.25, 0.25])
    >>> ranks, margin = rank(np.array([0.75, 0.5, 0.25]), ("a", "b", "a2"), ("a", "b", "a"))
    >>> ranks.tolist(), margin.tolist()
    ([1, 2, 2], [0.25, -0.25, -0.25])
    """
    order = sorted(range(len(entry_ids)), key=lambda row: (-similarity[row], entry_ids[row]))
    best_of: dict[str, float] = {}  # person -> largest similarity, in decreasing order
    ranks, margin = np.ones(len(order), dtype=np.int64), np.full(len(order), np.nan)
    for row in order:
        ranks[row] += len(best_of.keys() - {people[row]})
        best_of.setdefault(people[row], float(similarity[row]))
    for row in order:
        others = [value for person, value in best_of.items() if person != people[row]]
        if others:
            margin[row] = similarity[row] - others[0]
    return ranks, margin


def decide(similarity: float, n_faces: int, span_ms: int, rules: Rules) -> Decision:
    """Decide on one pair from its similarity, the number of compared faces and the time they span.

    >>> decide(0.6, 3, 1000, Rules(threshold=0.5)).value
    'candidate'
    >>> decide(0.6, 2, 5000, Rules(threshold=0.5)).value
    'lead'
    """
    if n_faces == 0:
        return Decision.NO_FACE
    if not similarity >= rules.threshold:  # also NaN, which a broken network returns
        return Decision.BELOW
    return Decision.CANDIDATE if is_enough(n_faces, span_ms, rules) and not rules.leads_only else Decision.LEAD


def is_enough(n_faces: int, span_ms: int, rules: Rules) -> bool:
    """Whether this many faces over this time are enough for a candidate."""
    return n_faces >= rules.minimum_faces and span_ms >= rules.minimum_span_ms


def list_false_alarm_rate(fmr: float, n_entries: int) -> float:
    """Return the probability that a stranger passes at least one of `n_entries` comparisons of rate `fmr`.

    >>> round(list_false_alarm_rate(0.001, 5), 6)
    0.00499
    """
    return float(-np.expm1(n_entries * np.log1p(-fmr)))


def fmr_per_comparison(rate: float, n_entries: int) -> float:
    """Return the false alarm rate of one comparison that gives a list of `n_entries` the rate `rate`.

    >>> round(fmr_per_comparison(list_false_alarm_rate(0.001, 5), 5), 9)
    0.001
    """
    return float(-np.expm1(np.log1p(-rate) / max(1, n_entries)))


def expected_false_candidates(fmr: float, n_entries: int, n_people: int) -> float:
    """Return how many sightings of `n_people` strangers are expected to pass, each compared with every entry once."""
    return n_people * list_false_alarm_rate(fmr, n_entries)
