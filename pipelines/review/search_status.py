"""Counts entries, candidates that wait for a review, and outcomes of reviews; without names or single verdicts."""

from collections import Counter
from typing import Final

from forensics.custody.case_document import Case
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.faces.review_rules import State, state_of
from forensics.json_object import JsonObject
from forensics.tables.manifest import PublishedState, published_state
from pipelines import clock
from pipelines.custody.keys import keyring_for
from pipelines.review.reviewed_pairs import reviewed_pairs
from pipelines.review.reviews import load_reviews, select_reviews

__all__ = ["search_status"]

_OUTCOMES: Final = (State.CONFIRMED, State.EXCLUDED, State.DISAGREED, State.UNDECIDED)


def search_status(case: Case) -> JsonObject:
    """Return the numbers of entries, waiting candidates and outcomes; empty in modes that do not compare faces.

    Only two verdicts make an outcome, so that nobody learns the first one before giving the second. The key
    ``uncounted`` has the reason why candidates could not be counted; it is empty if they were counted.
    """
    if not case.mandate.mode.compares_faces:
        return {}
    n_entries, states, uncounted = len(case.folder.entry_files()), None, ""
    try:
        states = _count_states(case)
    except NotAuthorised:
        uncounted = _why_closed(case)
    except UsageError:
        is_removed = published_state(case.folder) is PublishedState.REMOVED
        uncounted = "removed by retention" if is_removed else "no faces have been compared yet"
    except IntegrityBroken as error:
        uncounted = str(error)
    return {
        "entries": n_entries,
        "wait_for_first": None if states is None else states[State.OPEN],
        "wait_for_second": None if states is None else states[State.FIRST],
        "outcomes": None if states is None else {outcome.value: states[outcome] for outcome in _OUTCOMES},
        "uncounted": uncounted,
    }


def _why_closed(case: Case) -> str:
    """Return why the table of candidates cannot be opened here."""
    keyring = keyring_for(case.folder, case.case_id)
    if keyring.withheld.exists():
        return "withheld"
    is_over = mandate_status(case.mandate, clock.utc_now()) in {MandateStatus.DENIED, MandateStatus.ERASED}
    return "destroyed" if is_over else f"encrypted, and their key cannot be used ({keyring.path})"


def _count_states(case: Case) -> Counter[State]:
    """Return the number of pairs that reviewers see in each state of the review."""
    key = keyring_for(case.folder, case.case_id).load()
    pairs = reviewed_pairs(case, key).select("sighting_id", "entry_id").collect()
    reviews = load_reviews(case)
    return Counter(state_of(select_reviews(reviews, *pair)) for pair in pairs.iter_rows())
