"""Decisions at their thresholds: what equals a threshold reaches it."""

from dataclasses import replace

import numpy as np
import pytest

from forensics.faces.comparison import Decision, Rules, decide, group_by_person, is_enough
from forensics.faces.face import Measure

RULES = Rules(threshold=0.5, minimum_faces=3, minimum_span_ms=1000)
JUST_BELOW = float(np.nextafter(0.5, 0))


@pytest.mark.parametrize(
    ("similarity", "n_faces", "span_ms", "decision"),
    [
        (0.5, 3, 1000, Decision.CANDIDATE),
        (JUST_BELOW, 3, 1000, Decision.BELOW),
        (0.5, 2, 1000, Decision.LEAD),
        (0.5, 3, 999, Decision.LEAD),
        (0.5, 0, 0, Decision.NO_FACE),
        (JUST_BELOW, 2, 0, Decision.BELOW),
    ],
)
def test_a_value_equal_to_the_threshold_reaches_it(
    similarity: float, n_faces: int, span_ms: int, decision: Decision
) -> None:
    assert decide(similarity, n_faces, span_ms, RULES) is decision


def test_without_a_published_rate_there_are_leads_only() -> None:
    assert decide(0.5, 3, 1000, replace(RULES, leads_only=True)) is Decision.LEAD


@pytest.mark.parametrize(
    ("n_faces", "span_ms", "expected"), [(3, 1000, True), (2, 1000, False), (3, 999, False), (4, 1001, True)]
)
def test_faces_and_time_equal_to_the_minimum_are_enough(n_faces: int, span_ms: int, expected: bool) -> None:
    assert is_enough(n_faces, span_ms, RULES) is expected


def test_faces_exactly_as_similar_as_required_are_one_person() -> None:
    vectors = np.array([[0, 0], [0.5, 0]], dtype=np.float32)  # similarity 1 - 0.5
    assert [rows.tolist() for rows in group_by_person(vectors, Measure.EUCLIDEAN, 0.5)] == [[0, 1]]
    above = float(np.nextafter(np.float32(0.5), np.float32(1)))
    assert [rows.tolist() for rows in group_by_person(vectors, Measure.EUCLIDEAN, above)] == [[0], [1]]


def test_a_similarity_that_is_no_number_is_below() -> None:
    """A broken network returns NaN, and NaN is not less than any threshold."""
    assert decide(float("nan"), 9, 9000, Rules(threshold=0.5)) is Decision.BELOW
