"""Selection and comparison of rows by time, within the error of each clock. For analysts and for commands.

The functions take and return LazyFrames of published tables. A clock may be off by as much as its error. So a row is
certainly within some time, possibly, or not; one whose error nobody stated is never certainly within.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from forensics.errors import UsageError

__all__ = ["CERTAINLY", "POSSIBLY", "WITHIN", "during", "gaps", "local", "near", "times_of", "together"]

WITHIN: Final = "within"
"""Column that `during` and `near` add."""
CERTAINLY: Final = "certainly"
POSSIBLY: Final = "possibly"
_TIMES: Final = (("first_utc", "last_utc"), ("start_utc", "stop_utc"), ("start_utc", "end_utc"), ("utc", "utc"))
_CASE: Final = "case_id"
_ERROR: Final = "clock_error_ms"
_SEARCHED: Final = ("detected", "carried", "doubtful")
_MICROSECOND: Final = timedelta(microseconds=1)


def times_of(columns: Iterable[str]) -> tuple[str, str] | None:
    """Return the columns with the first and the last time of a row; None for a table without times."""
    known = set(columns)
    return next((pair for pair in _TIMES if known.issuperset(pair)), None)


def during(
    rows: pl.LazyFrame, since: datetime | None, until: datetime | None, *, largest_error: timedelta | None = None
) -> pl.LazyFrame:
    """Return the rows that are within a time, certainly or possibly, in their order.

    Rows without a time are left out. A clock whose error nobody stated counts as exact where rows are left out, and its
    rows are never certainly within.

    Args:
        rows: of `sightings`, `detections`, `coverage`, `sections`, `frames` or `candidates` joined with times.
        since: rows that end at or after this aware time of any zone, or may; None for no limit.
        until: rows that start before this aware time of any zone, or may; None for no limit.
        largest_error: no clock error of the rows is larger; lets the reader skip parts of a file. None if unknown.

    Returns:
        the rows with the column `within`: ``certainly`` or ``possibly``.

    Raises:
        UsageError: the rows have no times, a limit has no time zone, or the limits are in the wrong order.
    """
    names = rows.collect_schema().names()
    times = times_of(names)
    if times is None or _ERROR not in names:
        raise UsageError("the rows have no times", "use a table with first_utc, start_utc or utc, and clock_error_ms")
    since, until = (None if limit is None else _to_utc(limit) for limit in (since, until))
    if since is not None and until is not None and until <= since:
        raise UsageError(f"{until.isoformat()} is not after {since.isoformat()}", "give the earlier time first")
    if largest_error is not None:
        rows = rows.filter(_overlap(times, since, until, pl.lit(largest_error)))
    error = pl.duration(milliseconds=pl.col(_ERROR).fill_null(0))
    certain = _overlap(times, since, until, -error) & pl.col(_ERROR).is_not_null()
    possible = rows.filter(_overlap(times, since, until, error))
    return possible.with_columns(pl.when(certain).then(pl.lit(CERTAINLY)).otherwise(pl.lit(POSSIBLY)).alias(WITHIN))


def _to_utc(limit: datetime) -> datetime:
    """Return an aware time in UTC.

    Polars compares no times of two zones, and Python compares two times of one zone by the wall clock.

    Raises:
        UsageError: it has no time zone.
    """
    if limit.tzinfo is None:
        raise UsageError(f"{limit.isoformat()} has no time zone", "give an aware datetime, such as with tzinfo=UTC")
    return limit.astimezone(UTC)


def _overlap(times: tuple[str, str], since: datetime | None, until: datetime | None, tolerance: pl.Expr) -> pl.Expr:
    """Return whether a row overlaps a time, if its clock is off by this tolerance in favour of it."""
    first, last = times
    # the last frame may lie in a section whose clock nobody stated
    ends = pl.lit(True) if since is None else pl.coalesce(last, first) + tolerance >= since
    starts = pl.lit(True) if until is None else pl.col(first) - tolerance < until
    return ends & starts & pl.col(first).is_not_null()


def near(rows: pl.LazyFrame, at: datetime, tolerance: timedelta = timedelta(0)) -> pl.LazyFrame:
    """Return the rows at an aware time of any zone, or so long before or after it; see `during`."""
    at = _to_utc(at)
    return during(rows, at - tolerance, at + tolerance + _MICROSECOND)


def together(sightings: pl.LazyFrame) -> pl.LazyFrame:
    """Return pairs of sightings that are in the picture at the same time, in the same recording.

    Frames are compared, so no clock is needed and its error does not matter.

    Returns:
        evidence_id, camera_id, sighting_id and class_name of the one, other_sighting_id and other_class_name of the
        other, first_frame and last_frame of both, first_media_us and last_media_us in microseconds. Each pair once.
    """
    cases = _case_columns(sightings, "evidence_id", "first_frame", "sighting_id")
    columns = [*cases, "evidence_id", "camera_id", "sighting_id", "class_name"]
    frames = ["first_frame", "last_frame", "first_media_us", "last_media_us"]
    one = sightings.select(*columns, *frames)
    other = sightings.select(*cases, "evidence_id", "sighting_id", "class_name", *frames)
    pairs = one.join_where(
        other,
        *(pl.col(name) == pl.col(f"{name}_other") for name in (*cases, "evidence_id")),
        pl.col("first_frame") <= pl.col("last_frame_other"),
        pl.col("last_frame") >= pl.col("first_frame_other"),
        pl.col("sighting_id") < pl.col("sighting_id_other"),
        suffix="_other",
    )
    return pairs.select(
        *columns,
        pl.col("sighting_id_other").alias("other_sighting_id"),
        pl.col("class_name_other").alias("other_class_name"),
        *(pl.max_horizontal(name, f"{name}_other").alias(name) for name in frames if name.startswith("first")),
        *(pl.min_horizontal(name, f"{name}_other").alias(name) for name in frames if name.startswith("last")),
    ).sort(*cases, "camera_id", "evidence_id", "first_frame", "sighting_id", "other_sighting_id")


def _case_columns(rows: pl.LazyFrame, *needed: str) -> list[str]:
    """Return the column that keeps cases apart, if there is one.

    Raises:
        UsageError: the rows lack a column that is needed.
    """
    names = rows.collect_schema().names()
    missing = [name for name in needed if name not in names]
    if missing:
        raise UsageError(f"the rows have no column {missing[0]}", "use the table that the function is described for")
    return [_CASE] if _CASE in names else []


def gaps(
    coverage: pl.LazyFrame,
    *,
    of: Literal["detection", "footage"] = "detection",
    longer_than: timedelta = timedelta(seconds=1),
) -> pl.LazyFrame:
    """Return the times of each camera between two recordings or ranges in which nothing was detected, or recorded.

    Times before the first and after the last recording are no gaps. Between two stills nothing is known either;
    `coverage.longest_step_us` says how far apart frames are.

    Args:
        coverage: the table.
        of: ``detection`` counts frames in which objects were detected; ``footage`` counts every frame.
        longer_than: shorter gaps are left out.

    Returns:
        case_id if the rows have it, camera_id, from_utc, to_utc, duration_us, clock_error_ms (the larger one of both
        ends, null if unknown), reason (``between``). A range whose clock is unknown has a row without times, with the
        reason ``clock_unknown``.

    Raises:
        UsageError: the rows are not those of `coverage`.
    """
    by = [*_case_columns(coverage, "start_utc", "stop_utc", "state", _ERROR), "camera_id"]
    counted = coverage.filter(pl.col("start_frame") < pl.col("stop_frame"))
    if of == "detection":
        counted = counted.filter(pl.col("state").is_in(_SEARCHED))
    is_timed = pl.col("start_utc").is_not_null() & pl.col("stop_utc").is_not_null()
    ordered = counted.filter(is_timed).sort(*by, "start_utc", "stop_utc")
    between = ordered.select(
        *by,
        pl.col("stop_utc").cum_max().shift().over(by).alias("from_utc"),
        pl.col("start_utc").alias("to_utc"),
    ).with_columns((pl.col("to_utc") - pl.col("from_utc")).dt.total_microseconds().alias("duration_us"))
    longer = (
        between.filter(pl.col("duration_us") > longer_than // _MICROSECOND)
        .join(_errors_by_time(ordered, by, "stop_utc"), left_on=[*by, "from_utc"], right_on=[*by, "stop_utc"])
        .join(_errors_by_time(ordered, by, "start_utc"), left_on=[*by, "to_utc"], right_on=[*by, "start_utc"])
        .select(*by, "from_utc", "to_utc", "duration_us", _larger_error().alias(_ERROR), reason=pl.lit("between"))
    )
    untimed = counted.filter(~is_timed).select(*by, pl.lit("clock_unknown").alias("reason")).unique()
    return pl.concat([longer, untimed], how="diagonal").sort(*by, "from_utc", nulls_last=True)


def _errors_by_time(ranges: pl.LazyFrame, by: list[str], time: str) -> pl.LazyFrame:
    """Return the largest error of the ranges of a camera that start or stop at one time; null if one is unknown."""
    error = pl.when(pl.col(_ERROR).is_not_null().all()).then(pl.col(_ERROR).max())
    return ranges.group_by(*by, time).agg(error.alias(f"{time}_error"))


def _larger_error() -> pl.Expr:
    one, other = pl.col("start_utc_error"), pl.col("stop_utc_error")
    return pl.when(one.is_not_null() & other.is_not_null()).then(pl.max_horizontal(one, other))


def local(rows: pl.LazyFrame, zone: str) -> pl.LazyFrame:
    """Return the rows with their UTC columns in a local time, daylight saving included; ``_utc`` becomes ``_local``.

    Args:
        rows: of any table.
        zone: IANA name, such as ``Europe/Berlin``.

    Raises:
        UsageError: there is no such zone.
    """
    try:
        ZoneInfo(zone)
        pl.Series([0], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone(zone)  # Polars knows fewer names
    except (ZoneInfoNotFoundError, ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"there is no time zone {zone!r}", "give a name such as Europe/Berlin") from error
    schema = rows.collect_schema()
    utc = [name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime) and dtype.time_zone == "UTC"]
    converted = rows.with_columns(pl.col(name).dt.convert_time_zone(zone) for name in utc)
    return converted.rename({name: _local_name(name) for name in utc})


def _local_name(name: str) -> str:
    """Return the name of a column that holds local time.

    >>> _local_name("first_utc"), _local_name("utc")
    ('first_local', 'local')
    """
    return f"{name.removesuffix('utc')}local"
