"""Remarks about candidates for the summary of a run, such as decided candidates that fell below the threshold."""

from collections.abc import Sequence

import polars as pl

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.faces.comparison import Decision
from forensics.tables.published import candidates_of
from forensics.wording import counted
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
    copies = sorted(set(rows.filter(pl.col("decision") == Decision.NEAR_COPY.value)["entry_id"]))
    withheld = len(rows.filter(pl.col("decision") == Decision.WITHHELD.value))
    remarks = (
        (sum(pair in decided for pair in below), "with a verdict {is_are} below the threshold now"),
        (
            len(rows.filter(_has_low_ratio())),
            "{has_have} a likelihood ratio below 1, which is evidence against the same person",
        ),
    )
    return [
        *_copies_text(copies, withheld),
        *_simultaneous_text(_entries_seen_twice_at_once(folder, rows)),
        *(_count_text(n, predicate) for n, predicate in remarks if n),
    ]


def _entries_seen_twice_at_once(folder: CaseFolder, rows: pl.DataFrame) -> int:
    """Return the number of entries with two candidates or leads in view of one recording at the same time."""
    sightings = forensics.open_case(folder.root).sightings()
    intervals = sightings.select("sighting_id", "evidence_id", "first_frame", "last_frame")
    is_similar = pl.col("decision").is_in([Decision.CANDIDATE.value, Decision.LEAD.value])
    seen = rows.lazy().filter(is_similar).join(intervals, on="sighting_id")
    pairs = seen.join(seen, on=("entry_id", "evidence_id"), suffix="_other")
    overlap = (pl.col("first_frame") <= pl.col("last_frame_other")) & (
        pl.col("first_frame_other") <= pl.col("last_frame")
    )
    both = pairs.filter(overlap & (pl.col("sighting_id") < pl.col("sighting_id_other")))
    return both.collect()["entry_id"].n_unique()


def _simultaneous_text(n_entries: int) -> list[str]:
    """Return a line about entries with candidates that cannot all be one person.

    >>> _simultaneous_text(1)
    ['1 entry has candidates that are in view at the same time: at most one of them can be that person']
    """
    entries = counted(n_entries, "entry has", "entries have")
    text = f"{entries} candidates that are in view at the same time: at most one of them can be that person"
    return [text] if n_entries else []


def _copies_text(entry_ids: Sequence[str], n_withheld: int) -> list[str]:
    """Return a line about entries with a picture that may be a frame of the footage.

    >>> _copies_text(["E1"], 2)
    ['a picture of E1 may be a frame of this footage (near_copy): two reviewers decide whose face it is; until then 2 \
other candidates are withheld']
    """
    if not entry_ids:
        return []
    names = ", ".join(entry_ids)
    text = f"a picture of {names} may be a frame of this footage (near_copy): two reviewers decide whose face it is"
    others = counted(n_withheld, "other candidate is", "other candidates are")
    return [f"{text}; until then {others} withheld" if n_withheld else text]


def _count_text(n: int, predicate: str) -> str:
    """Return the number of candidates and the predicate, in singular or plural.

    >>> _count_text(1, "{is_are} below"), _count_text(2, "{is_are} below")
    ('1 candidate is below', '2 candidates are below')
    """
    one, many = {"is_are": "is", "has_have": "has"}, {"is_are": "are", "has_have": "have"}
    return f"{n} candidate{'' if n == 1 else 's'} {predicate.format_map(one if n == 1 else many)}"
