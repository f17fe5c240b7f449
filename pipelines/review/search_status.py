"""Counts entries and candidates that wait for a review, without names or verdicts."""

from collections import Counter

import polars as pl

from forensics.custody.case_document import Case
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.faces.comparison import DECISIONS_TO_REVIEW
from forensics.json_object import JsonObject
from forensics.tables.manifest import PublishedState, published_state
from forensics.tables.published import candidates_of
from pipelines import clock
from pipelines.custody.entries import load_entries
from pipelines.custody.keys import keyring_for
from pipelines.review.reviews import load_reviews, select_reviews

__all__ = ["search_status"]


def search_status(case: Case) -> JsonObject:
    """Return the numbers of entries and of waiting candidates; empty in modes that do not compare faces.

    The key ``uncounted`` has the reason why candidates could not be counted; it is empty if they were counted.
    """
    if not case.mandate.mode.compares_faces:
        return {}
    n_entries, n_first, n_second, uncounted = len(case.folder.entry_files()), None, None, ""
    try:
        n_first, n_second = _count_waiting(case, [entry.entry_id for entry in load_entries(case)])
    except NotAuthorised:
        uncounted = _why_closed(case)
    except UsageError:
        is_removed = published_state(case.folder) is PublishedState.REMOVED
        uncounted = "removed by retention" if is_removed else "no faces have been compared yet"
    except IntegrityBroken as error:
        uncounted = str(error)
    return {"entries": n_entries, "wait_for_first": n_first, "wait_for_second": n_second, "uncounted": uncounted}


def _why_closed(case: Case) -> str:
    """Return why the table of candidates cannot be opened here."""
    keyring = keyring_for(case.folder, case.case_id)
    if keyring.withheld.exists():
        return "withheld"
    is_over = mandate_status(case.mandate, clock.utc_now()) in {MandateStatus.DENIED, MandateStatus.ERASED}
    return "destroyed" if is_over else f"encrypted, and their key cannot be used ({keyring.path})"


def _count_waiting(case: Case, listed: list[str]) -> tuple[int, int]:
    """Return the numbers of candidates and leads of listed entries without a verdict, and with one."""
    needs_review = pl.col("decision").is_in(DECISIONS_TO_REVIEW)
    needs_review &= pl.col("entry_id").is_in(listed)
    pairs = (
        candidates_of(case.folder, keyring_for(case.folder, case.case_id).load())
        .filter(needs_review)
        .select("sighting_id", "entry_id")
        .collect()
    )
    reviews = load_reviews(case)
    verdicts = Counter(len(select_reviews(reviews, *pair)) for pair in pairs.iter_rows())
    return verdicts[0], verdicts[1]
