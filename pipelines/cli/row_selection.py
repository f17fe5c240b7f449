"""Selection of rows of a published table: by value, and by time within the error of each clock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from forensics.errors import UsageError
from forensics.json_object import JsonObject
from forensics.tables.open import OpenCase
from forensics.tables.schemas import CANDIDATES_TABLE

__all__ = ["POSSIBLY", "TIME_COLUMNS", "WITHIN", "RowFilter", "clock_errors_of", "require", "wanted_rows"]

TIME_COLUMNS: Final = {
    "sightings": ("first_utc", "last_utc"),
    CANDIDATES_TABLE: ("first_utc", "last_utc"),
    "detections": ("utc", "utc"),
}
_ERROR: Final = "clock_error_ms"
WITHIN: Final = "within"
"""Column of rows that are selected by time."""
_CERTAINLY: Final = "certainly"
POSSIBLY: Final = "possibly"


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows of a table are selected; None and empty select nothing in particular.

    Attributes:
        equal: the value that a column must have, by column.
        decisions: of candidates; any of these.
        since: rows that may end at or after this time, within the error of their clock.
        until: rows that may start before this time.
    """

    equal: dict[str, str | None]
    decisions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def has_times(self) -> bool:
        """Whether rows are selected by time; then they have a column `within`."""
        return self.since is not None or self.until is not None

    @property
    def facts(self) -> JsonObject:
        """Return the filter as facts for the case's log."""
        times = {"from": self.since, "to": self.until}
        facts: JsonObject = {name: value for name, value in self.equal.items() if value is not None}
        facts |= {name: value.isoformat() for name, value in times.items() if value is not None}
        return facts | ({"decision": list(self.decisions)} if self.decisions else {})


def clock_errors_of(opened: OpenCase) -> pl.DataFrame:
    """Return the largest error of the clock by evidence: columns evidence_id and clock_error_ms, null if unknown."""
    try:
        stated = opened.sections()
    except UsageError:  # an older version published none
        stated = opened.evidence()
    return stated.group_by("evidence_id").agg(pl.col("clock_error_ms").max()).collect()


def wanted_rows(
    rows: pl.LazyFrame, table: str, row_filter: RowFilter, clock_errors: pl.DataFrame | None = None
) -> pl.LazyFrame:
    """The rows that were asked for, in their order; selected by time, they have a column `within`.

    Args:
        rows: of the table.
        table: its name.
        row_filter: what was asked for.
        clock_errors: error of the clock by evidence, for tables without it; see `clock_errors_of`.

    Raises:
        UsageError: the table has nothing to choose them by.
    """
    names = rows.collect_schema().names()
    for column, value in row_filter.equal.items():
        if value is not None:
            require(table, column in names, f"has no column {column}")
            rows = rows.filter(pl.col(column) == value)
    if row_filter.decisions:
        require(table, "decision" in names, "has no column decision")
        rows = rows.filter(pl.col("decision").is_in(row_filter.decisions))
    if not row_filter.has_times:
        return rows
    require(table, table in TIME_COLUMNS, "has no times to filter by")
    if _ERROR in names or clock_errors is None:
        return _within(rows if _ERROR in names else rows.with_columns(pl.lit(None).alias(_ERROR)), table, row_filter)
    largest = clock_errors[_ERROR].max() or 0
    assert isinstance(largest, int)
    near = _overlapping(rows, table, row_filter, pl.duration(milliseconds=largest))
    timed = near.join(clock_errors.lazy(), on="evidence_id", how="left", maintain_order="left")
    return _within(timed, table, row_filter).drop(_ERROR)


def _within(rows: pl.LazyFrame, table: str, row_filter: RowFilter) -> pl.LazyFrame:
    """Return the rows that are within the times, certainly or possibly; an unknown error counts as none."""
    error = pl.duration(milliseconds=pl.col(_ERROR).fill_null(0))
    possible = _overlapping(rows, table, row_filter, error)
    certain = _overlap(table, row_filter, -error)
    return possible.with_columns(pl.when(certain).then(pl.lit(_CERTAINLY)).otherwise(pl.lit(POSSIBLY)).alias(WITHIN))


def _overlapping(rows: pl.LazyFrame, table: str, row_filter: RowFilter, tolerance: pl.Expr) -> pl.LazyFrame:
    return rows.filter(_overlap(table, row_filter, tolerance))


def _overlap(table: str, row_filter: RowFilter, tolerance: pl.Expr) -> pl.Expr:
    """Return whether a row overlaps the times, if its clock is off by this tolerance in favour of it."""
    first, last = TIME_COLUMNS[table]
    # the last frame may lie in a section whose clock nobody stated
    ends = pl.coalesce(last, first) + tolerance >= row_filter.since if row_filter.since is not None else pl.lit(True)
    starts = pl.col(first) - tolerance < row_filter.until if row_filter.until is not None else pl.lit(True)
    return ends & starts & pl.col(first).is_not_null()


def require(table: str, is_met: bool, problem: str) -> None:
    """Raise `UsageError` if a table lacks what an option needs."""
    if not is_met:
        raise UsageError(f"the table {table} {problem}", "leave the option out, or query another table")
