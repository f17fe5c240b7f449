"""Selects the pairs that reviewers see, for the review desk and for all counts of what waits."""

import polars as pl

from forensics.custody.case_document import Case
from forensics.custody.sealer import Sealer
from forensics.faces.comparison import DECISIONS_TO_REVIEW
from forensics.tables.published import candidates_of
from pipelines import clock
from pipelines.custody.entries import expired_entries, load_entries
from pipelines.review.reviews import load_reviews

__all__ = ["reviewed_pairs"]


def reviewed_pairs(case: Case, key: Sealer) -> pl.LazyFrame:
    """Return the rows of `candidates` that need a review or have a verdict, in table order.

    A pair with a verdict stays, also if a later comparison no longer makes it a candidate, so that a review that was
    started can be completed. Pairs of entries that were removed or have ended are left out.

    Raises:
        UsageError: no candidates were published.
    """
    ended = [] if case.mandate.hold else expired_entries(case.folder, clock.utc_now())
    listed = [entry.entry_id for entry in load_entries(case) if entry.folder not in ended]
    has_verdict = {f"{each.sighting_id}:{each.entry_id}" for each in load_reviews(case)}
    is_shown = pl.col("decision").is_in(DECISIONS_TO_REVIEW)
    is_shown |= pl.concat_str("sighting_id", "entry_id", separator=":").is_in(sorted(has_verdict))
    return candidates_of(case.folder, key).filter(is_shown & pl.col("entry_id").is_in(listed))
