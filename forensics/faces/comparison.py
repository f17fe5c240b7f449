"""From similarities to decisions: ranked, held against a threshold, and never more than a candidate for examination.

The threshold belongs to the list: the more entries a face is compared with, the more likely a stranger
passes one of them, so the rate of false candidates that is allowed is shared among the entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.faces.face import Measure
from forensics.faces.pooling import similarities, single_face_pools
from forensics.footage.timeline import Int64Array

__all__ = [
    "Decision",
    "Rules",
    "decide",
    "expected_false_candidates",
    "fmr_for",
    "is_enough",
    "people_in",
    "rank",
    "rate_of_list",
]

Float64Array = npt.NDArray[np.float64]


class Decision(StrEnum):
    """What the rules make of a compared pair; only people decide more.

    ``candidate``: similar enough, on enough faces. ``lead``: similar enough, on too few faces or too
    short a time. ``below``: not similar enough. ``no_face``: nothing to compare. ``origin``: the entry's
    references were taken from this very sighting, so that comparing them would say nothing.
    """

    CANDIDATE = "candidate"
    LEAD = "lead"
    BELOW = "below"
    NO_FACE = "no_face"
    ORIGIN = "origin"


@dataclass(frozen=True, slots=True)
class Rules:
    """From where on a similarity counts.

    Attributes:
        threshold: least similarity, on the embedder's measure.
        minimum_faces: fewer make a lead.
        minimum_span_ms: a shorter time makes a lead.
        one_person: faces of one track that are at least so similar, directly or through others, are one person's.
        leads_only: there is no published rate of false alarms for the embedder, so nothing is more than a lead.
    """

    threshold: float
    minimum_faces: int = 3
    minimum_span_ms: int = 1000
    leads_only: bool = False
    one_person: float = -np.inf


def people_in(vectors: FloatArray, measure: Measure, one_person: float) -> list[Int64Array]:
    """The rows of (K, D) that are one person's, for each person in turn, the first face first.

    A track may go over from one person to another where they cross, or where the footage is cut. Faces that are
    similar enough directly or through others are one person's.

    >>> vectors = np.array([[0, 0], [9, 0], [0, 0.5]], dtype=np.float32)
    >>> [rows.tolist() for rows in people_in(vectors, Measure.EUCLIDEAN, 0.4)]
    [[0, 2], [1]]
    """
    each = single_face_pools(vectors, measure)
    alike = similarities(each, each, measure) >= one_person
    reached = alike
    for _ in range(len(vectors)):
        reached = (reached.astype(np.int64) @ alike.astype(np.int64)) > 0
    first = np.argmax(reached, axis=1) if len(vectors) else np.zeros(0, dtype=np.int64)
    return [np.flatnonzero(first == number) for number in np.unique(first).tolist()]


def rank(similarity: Float64Array, entry_ids: Sequence[str], people: Sequence[str]) -> tuple[Int64Array, Float64Array]:
    """(E,) int64 ranks from 1, the most similar first, ties by id; (E,) float64 margins to the best other person.

    Entries of one person do not compete: a rank is one more than the number of other people of whom some entry is
    more similar. The margin is NaN where there is nobody else.

    Args:
        similarity: (E,) float64.
        entry_ids: (E,).
        people: (E,) who each entry is of.

    >>> rank, margin = ranked(np.array([0.25, 0.5]), ("a", "b"), ("a", "b"))
    >>> rank.tolist(), margin.tolist()
    ([2, 1], [-0.25, 0.25])
    >>> rank, margin = ranked(np.array([0.75, 0.5, 0.25]), ("a", "b", "a2"), ("a", "b", "a"))
    >>> rank.tolist(), margin.tolist()
    ([1, 2, 2], [0.25, -0.25, -0.25])
    """
    order = sorted(range(len(entry_ids)), key=lambda place: (-similarity[place], entry_ids[place]))
    best_of: dict[str, float] = {}  # of each person, the best first
    rank, margin = np.ones(len(order), dtype=np.int64), np.full(len(order), np.nan)
    for place in order:
        rank[place] += len(best_of.keys() - {people[place]})
        best_of.setdefault(people[place], float(similarity[place]))
    for place in order:
        others = [value for person, value in best_of.items() if person != people[place]]
        if others:
            margin[place] = similarity[place] - others[0]
    return rank, margin


def decide(similarity: float, n_faces: int, span_ms: int, rules: Rules) -> Decision:
    """What a similarity is worth.

    >>> decided(0.6, 3, 1000, Rules(threshold=0.5)).value
    'candidate'
    >>> decided(0.6, 2, 5000, Rules(threshold=0.5)).value
    'lead'
    """
    if n_faces == 0:
        return Decision.NO_FACE
    if similarity < rules.threshold:
        return Decision.BELOW
    return Decision.CANDIDATE if is_enough(n_faces, span_ms, rules) and not rules.leads_only else Decision.LEAD


def is_enough(n_faces: int, span_ms: int, rules: Rules) -> bool:
    """So many faces over so long a time can make a candidate."""
    return n_faces >= rules.minimum_faces and span_ms >= rules.minimum_span_ms


def rate_of_list(fmr: float, n_entries: int) -> float:
    """How often a stranger passes at least one of so many entries, each with this false alarm rate.

    >>> round(rate_of_list(0.001, 5), 6)
    0.00499
    """
    return float(-np.expm1(n_entries * np.log1p(-fmr)))


def fmr_for(rate: float, n_entries: int) -> float:
    """The false alarm rate of one comparison that gives a list of so many entries this rate.

    >>> round(fmr_for(rate_of_list(0.001, 5), 5), 9)
    0.001
    """
    return float(-np.expm1(np.log1p(-rate) / max(1, n_entries)))


def expected_false_candidates(fmr: float, n_entries: int, n_people: int) -> float:
    """How many of so many strangers' sightings are expected to pass, each compared with every entry once."""
    return n_people * rate_of_list(fmr, n_entries)
