"""How far a search is: how many are looked for, how many candidates wait for whom. Counts, no names, no verdicts."""

from collections import Counter
from typing import Any

import polars as pl

from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.faces.comparison import Decision
from forensics.tables.open import candidates_of
from pipelines.custody.case_document import Case
from pipelines.custody.entries import entries_of
from pipelines.custody.erasure import withheld_as
from pipelines.review.reviews import load_reviews, of_candidate

__all__ = ["search_status"]


def search_status(case: Case) -> dict[str, Any]:
    """Entries and what waits for a review; empty in modes that compare no faces.

    The key ``uncounted`` says why nothing could be counted; it is empty where all was.
    """
    if not case.mandate.mode.compares_faces:
        return {}
    listed = [entry.entry_id for entry in entries_of(case.folder)]
    n_first, n_second, uncounted = None, None, ""
    try:
        n_first, n_second = _waiting(case, listed)
    except NotAuthorised:
        uncounted = "withheld" if withheld_as(case) else "destroyed"
    except UsageError:
        uncounted = "no face was compared yet"
    except IntegrityBroken as error:
        uncounted = str(error)
    return {"entries": len(listed), "wait_for_first": n_first, "wait_for_second": n_second, "uncounted": uncounted}


def _waiting(case: Case, listed: list[str]) -> tuple[int, int]:
    """How many candidates and leads of listed entries have no verdict, and how many have one."""
    asks = pl.col("decision").is_in([Decision.CANDIDATE.value, Decision.LEAD.value])
    asks &= pl.col("entry_id").is_in(listed)
    pairs = candidates_of(case.folder).filter(asks).select("sighting_id", "entry_id").collect()
    reviews = load_reviews(case)
    verdicts = Counter(len(of_candidate(reviews, *pair)) for pair in pairs.iter_rows())
    return verdicts[0], verdicts[1]
