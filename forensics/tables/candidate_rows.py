"""Rows of the table `candidates`: every compared pair, with the values that hold for the whole run."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from forensics.custody.sealer import Sealer
from forensics.faces.comparison import Decision, expected_false_candidates
from forensics.tables import schemas
from forensics.tables.files import read_sealed_table
from forensics.tables.outcomes import ComparisonSetup, EvidenceOutcome

__all__ = ["candidates_table", "count_candidates"]

_PART_COLUMNS = (
    *("sighting_id", "entry_id", "rank", "similarity", "margin"),
    *("quality", "n_faces", "n_people", "span_ms"),
)


def candidates_table(outcomes: Sequence[EvidenceOutcome], compared: ComparisonSetup, sealer: Sealer) -> pa.Table:
    """Build the table of all pairs, ordered by evidence as given, then by track and rank."""
    paths = (path for outcome in outcomes for path in outcome.recognise_parts)
    parts = [read_sealed_table(path, schemas.RECOGNISE_PART, sealer) for path in paths]
    pairs = pa.concat_tables(parts) if parts else schemas.RECOGNISE_PART.empty_table()
    pairs = _withhold(pairs)
    n_pairs = len(pairs)
    columns = {
        **{name: pairs[name] for name in _PART_COLUMNS},
        "model_id": pa.array([compared.model_id] * n_pairs, pa.string()),
        "threshold": pa.array([compared.threshold] * n_pairs, pa.float64()),
        "decision": pairs["decision"],
        "reason": pairs["reason"],
        "expected_false_candidates": pa.array([_expected(pairs, compared)] * n_pairs, pa.float64()),
        "log10_likelihood_ratio": _ratios(pairs, compared),
        "frames": pairs["frames"],
    }
    return pa.table({name: columns[name] for name in schemas.CANDIDATES.names}, schema=schemas.CANDIDATES)


def _withhold(pairs: pa.Table) -> pa.Table:
    """Return the pairs; those of an entry with a picture that may be from the footage lose what would be reviewed."""
    is_copy = pc.equal(pairs["decision"], Decision.NEAR_COPY.value)
    of_these = pc.is_in(pairs["entry_id"], pc.unique(pairs["entry_id"].filter(is_copy)))
    is_similar = pc.is_in(pairs["decision"], pa.array([Decision.CANDIDATE.value, Decision.LEAD.value]))
    withheld = pc.and_(of_these, is_similar)
    hidden = {"decision": pa.scalar(Decision.WITHHELD.value), "frames": pa.scalar([], pa.list_(pa.int64()))}
    hidden |= {name: pa.scalar(None, pairs[name].type) for name in ("rank", "similarity", "margin")}
    for name, value in hidden.items():
        column = pc.if_else(withheld, value, pairs[name])
        pairs = pairs.set_column(pairs.column_names.index(name), pairs.field(name), column)
    return pairs


def _expected(pairs: pa.Table, compared: ComparisonSetup) -> float | None:
    """Return the expected number of strangers that pass among the sightings with a face; None without a known rate."""
    if compared.fmr is None:
        return None
    by_sighting = pairs.group_by("sighting_id").aggregate([("n_people", "max")])
    n_people = pc.sum(by_sighting["n_people_max"]).as_py() or 0
    return expected_false_candidates(compared.fmr, compared.n_entries, n_people)


def _ratios(pairs: pa.Table, compared: ComparisonSetup) -> pa.Array:
    likelihood = compared.likelihood
    if likelihood is None:
        return pa.nulls(len(pairs), pa.float64())
    similarities = pairs["similarity"].to_pylist()
    return pa.array([None if value is None else likelihood.log10_ratio(value) for value in similarities], pa.float64())


def count_candidates(table: pa.Table) -> int:
    """Return the number of rows whose decision is candidate."""
    return int(pc.sum(pc.equal(table["decision"], Decision.CANDIDATE.value)).as_py() or 0)
