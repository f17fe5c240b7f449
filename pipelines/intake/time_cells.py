"""Start times and clock errors in the cells of a table."""

from datetime import datetime, tzinfo
from typing import Final

from pipelines.durations import parse_duration
from pipelines.intake.csv_lines import CellError
from pipelines.intake.time_zones import UnclearTime, instant_in_zone
from pipelines.iso_times import parse_iso_time

__all__ = ["FROM_NAME", "parse_clock_error", "parse_start"]

FROM_NAME: Final = "from-name"
"""Word for a start that is read from the file's name."""

_YEARS: Final = range(1970, 2200)
_EXAMPLE: Final = "such as 2026-05-01T10:00:00Z"


def parse_start(text: str, zone: tzinfo | None) -> datetime:
    """Return a start with the offset from UTC with which it is stated.

    Args:
        text: day and time in ISO 8601, such as 2026-05-01T10:00:00Z.
        zone: of a time without one; None refuses it.

    Raises:
        CellError: it is no time, or stands for no instant or for two.
    """
    at = parse_iso_time(text)
    if at is None or at.year not in _YEARS:
        raise CellError(f"a day from 1970 on with a time, {_EXAMPLE}")
    if at.tzinfo is not None:
        return instant_in_zone(at.replace(tzinfo=None), at.tzinfo)
    if zone is None:
        raise CellError("a time with its zone: add Z for UTC or an offset such as +02:00, or give --start-zone")
    try:
        return instant_in_zone(at, zone)
    except UnclearTime as error:
        raise CellError(f"the time with its offset, because {error}") from error


def parse_clock_error(text: str) -> int | None:
    """Return the largest error of a clock in milliseconds; None for an empty cell.

    Raises:
        CellError: it is no duration, or negative.

    >>> [parse_clock_error(text) for text in ("500ms", "2s", "250", "")]
    [500, 2000, 250, None]
    """
    if not text:
        return None
    milliseconds = parse_duration(text)
    if milliseconds is None or milliseconds < 0:
        raise CellError("a duration such as 500ms or 2s, not negative; a bare number is milliseconds")
    return milliseconds
