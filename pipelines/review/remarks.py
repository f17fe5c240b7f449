"""What a run must say of its candidates beside their number, so that nobody misses what has changed."""

import polars as pl

from forensics.custody.case_folder import CaseFolder
from forensics.faces.comparison import Decision
from forensics.tables.open import candidates_of
from pipelines.custody.case_store import load_case
from pipelines.review.reviews import load_reviews

__all__ = ["remarks", "speaks_against"]


def speaks_against() -> pl.Expr:
    """The rows of `candidates` that are candidates though the ratio speaks against one person."""
    return (pl.col("decision") == Decision.CANDIDATE.value) & (pl.col("log10_likelihood_ratio") < 0)


def remarks(folder: CaseFolder) -> list[str]:
    """One line for each kind of candidate that needs a word; the caller records that the table is read.

    Raises:
        IntegrityBroken: a verdict is not what was signed.
    """
    rows = candidates_of(folder).select("sighting_id", "entry_id", "decision", "log10_likelihood_ratio").collect()
    decided = {(review.sighting_id, review.entry_id) for review in load_reviews(load_case(folder.root))}
    below = rows.filter(pl.col("decision") == Decision.BELOW.value).select("sighting_id", "entry_id").rows()
    counted = (
        (sum(pair in decided for pair in below), "that people have decided {is_are} below the threshold now"),
        (len(rows.filter(speaks_against())), "{has_have} a likelihood ratio below 1, which speaks against one person"),
    )
    return [_counted(n, said) for n, said in counted if n]


def _counted(n: int, said: str) -> str:
    """With the words that fit the number.

    >>> _counted(1, "{is_are} below"), _counted(2, "{is_are} below")
    ('1 candidate is below', '2 candidates are below')
    """
    one, many = {"is_are": "is", "has_have": "has"}, {"is_are": "are", "has_have": "have"}
    return f"{n} candidate{'' if n == 1 else 's'} {said.format_map(one if n == 1 else many)}"
