"""Remarks about candidates for the summary of a run, such as decided candidates that fell below the threshold."""

import polars as pl

from forensics.custody.case_folder import CaseFolder
from forensics.faces.comparison import Decision
from forensics.tables.open import candidates_of
from pipelines.custody.case_store import load_case
from pipelines.custody.keys import keyring_for
from pipelines.review.reviews import load_reviews

__all__ = ["candidate_remarks"]


def _has_low_ratio() -> pl.Expr:
    """Return the condition for a candidate with a likelihood ratio below 1."""
    return (pl.col("decision") == Decision.CANDIDATE.value) & (pl.col("log10_likelihood_ratio") < 0)


def candidate_remarks(folder: CaseFolder) -> list[str]:
    """Return one line for each kind of candidate that needs attention; the caller records the reading in the log.

    Raises:
        IntegrityBroken: a verdict has changed since it was signed.
    """
    case = load_case(folder.root)
    key = keyring_for(folder, case.case_id).load()
    rows = candidates_of(folder, key).select("sighting_id", "entry_id", "decision", "log10_likelihood_ratio").collect()
    decided = {(review.sighting_id, review.entry_id) for review in load_reviews(case)}
    below = rows.filter(pl.col("decision") == Decision.BELOW.value).select("sighting_id", "entry_id").rows()
    counted = (
        (sum(pair in decided for pair in below), "with a verdict {is_are} below the threshold now"),
        (
            len(rows.filter(_has_low_ratio())),
            "{has_have} a likelihood ratio below 1, which is evidence against the same person",
        ),
    )
    return [_count_text(n, predicate) for n, predicate in counted if n]


def _count_text(n: int, predicate: str) -> str:
    """Return the number of candidates and the predicate, in singular or plural.

    >>> _count_text(1, "{is_are} below"), _count_text(2, "{is_are} below")
    ('1 candidate is below', '2 candidates are below')
    """
    one, many = {"is_are": "is", "has_have": "has"}, {"is_are": "are", "has_have": "have"}
    return f"{n} candidate{'' if n == 1 else 's'} {predicate.format_map(one if n == 1 else many)}"
