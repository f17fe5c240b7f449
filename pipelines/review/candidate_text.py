"""Texts about a candidate for reviewers, on the page and in the terminal: times, faces, quality, states, verdicts."""

from datetime import datetime
from typing import Final

from forensics.faces.face import FAIR_WORTH, GOOD_WORTH, worth_in_words
from forensics.faces.review_rules import State, Verdict
from forensics.json_object import JsonObject

__all__ = ["STATES", "VERDICTS", "faces_in_words", "origin_in_words", "quality_in_words", "seen_in_words"]

_NEAR_COPY: Final = (
    "A reference picture may be a frame of this sighting, so the likeness proves nothing. "
    "Confirm only if you know from another source who this is."
)
STATES: Final = {
    State.OPEN: "waits for two reviewers",
    State.FIRST: "waits for a second reviewer",
    State.CONFIRMED: "confirmed by both reviewers",
    State.EXCLUDED: "excluded by both reviewers",
    State.DISAGREED: "the two reviewers disagree",
    State.UNDECIDED: "at least one reviewer is undecided",
}
VERDICTS: Final = {
    Verdict.CONFIRM: "The same person, in my opinion",
    Verdict.EXCLUDE: "Not the same person, in my opinion",
    Verdict.UNDECIDED: "Undecided",
}


def origin_in_words(facts: JsonObject) -> str:
    """Return a warning if a reference picture may be a frame of the sighting; empty if not."""
    return _NEAR_COPY if facts["is_near_copy"] else ""


def seen_in_words(facts: JsonObject) -> str:
    """Return the time of a sighting, with the clock error.

    >>> first, last = datetime(2026, 5, 1, 12, 0, 0, 200_000), datetime(2026, 5, 1, 12, 0, 3)
    >>> seen_in_words({"first_utc": first, "last_utc": last, "clock_error_ms": 500})
    '2026-05-01 12:00:00.2 to 12:00:03.0 UTC, clock error up to 500 ms'
    >>> seen_in_words({"first_utc": None, "last_utc": None, "clock_error_ms": None})
    'time unknown'
    """
    first, last, error_ms = facts["first_utc"], facts["last_utc"], facts["clock_error_ms"]
    if first is None or last is None:
        return "time unknown"
    until = _clock(last) if last.date() == first.date() else _instant(last)
    text = f"{_instant(first)} UTC" if _instant(first) == _instant(last) else f"{_instant(first)} to {until} UTC"
    return text if error_ms is None else f"{text}, clock error up to {error_ms} ms"


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d} {_clock(instant)}"


def _clock(instant: datetime) -> str:
    return f"{instant:%H:%M:%S}.{instant.microsecond // 100_000}"


def faces_in_words(facts: JsonObject) -> str:
    """Return the number of compared faces and the time they cover.

    >>> faces_in_words({"n_faces": 5, "span_ms": 2200}), faces_in_words({"n_faces": 1, "span_ms": 0})
    ('5 over 2.2 s', '1')
    """
    return f"{facts['n_faces']} over {facts['span_ms'] / 1000:.1f} s" if facts["span_ms"] else f"{facts['n_faces']}"


def quality_in_words(quality: float) -> str:
    """Return the quality of the compared faces, with its scale.

    >>> quality_in_words(0.1234)
    'low: 0.123 of 1 (fair from 0.2, good from 0.4)'
    """
    return f"{worth_in_words(quality)}: {quality:.3f} of 1 (fair from {FAIR_WORTH}, good from {GOOD_WORTH})"
