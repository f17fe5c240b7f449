"""Selection of rows of a published table: by value, and by time within the error of each clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from forensics.errors import UsageError
from forensics.json_object import JsonObject
from forensics.tables.open import OpenCase
from forensics.tables.time_selection import during, times_of

__all__ = ["RowFilter", "in_order", "largest_error", "require", "wanted_rows"]


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


def largest_error(opened: OpenCase) -> timedelta | None:
    """Return the largest error of any clock of a case; None if no error is stated."""
    error_ms = opened.evidence().select(pl.col("clock_error_ms").max()).collect().item()
    return None if error_ms is None else timedelta(milliseconds=error_ms)


def wanted_rows(
    rows: pl.LazyFrame, table: str, row_filter: RowFilter, largest_error: timedelta | None = None
) -> pl.LazyFrame:
    """The rows that were asked for, in their order; selected by time, they have a column `within`.

    Args:
        rows: of the table.
        table: its name.
        row_filter: what was asked for.
        largest_error: of any clock of the case; None if unknown.

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
    require(table, times_of(names) is not None, "has no times to filter by")
    return during(rows, row_filter.since, row_filter.until, largest_error=largest_error)


def in_order(rows: pl.LazyFrame, *columns: str) -> pl.LazyFrame:
    """Return rows sorted by columns, nulls last, equal ones in their order; published rows mostly are.

    Only the columns are read to find out, because sorting reads the whole of a table of which a few rows are shown.
    """
    keys = rows.select(columns).collect()
    is_sorted = keys.equals(keys.sort(columns, nulls_last=True, maintain_order=True))
    return rows if is_sorted else rows.sort(columns, nulls_last=True, maintain_order=True)


def require(table: str, is_met: bool, problem: str) -> None:
    """Raise `UsageError` if a table lacks what an option needs."""
    if not is_met:
        raise UsageError(f"the table {table} {problem}", "leave the option out, or query another table")
