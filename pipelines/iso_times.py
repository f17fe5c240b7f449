"""Times and days in ISO 8601 as people state them: whole, with separators, and in no other form."""

import re
from datetime import date, datetime
from typing import Final

__all__ = ["parse_iso_day", "parse_iso_time"]

_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ZONE: Final = r"Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?"
_TIME: Final = re.compile(rf"{_DAY}[T ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,6}})?)?(?:{_ZONE})?")


def parse_iso_time(text: str) -> datetime | None:
    """Return a day with a time, and its zone if it states one; None for anything else.

    >>> parse_iso_time("2026-05-01T10:00:00Z")
    datetime.datetime(2026, 5, 1, 10, 0, tzinfo=datetime.timezone.utc)
    >>> [parse_iso_time(text) for text in ("2026-05-01", "2026-05-01+02:00", "20260501T100000", "2026-W18-5T10:00")]
    [None, None, None, None]
    """
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def parse_iso_day(text: str) -> date | None:
    """Return a day; None for anything else.

    >>> parse_iso_day("2026-05-01"), parse_iso_day("20260501"), parse_iso_day("2026-02-30")
    (datetime.date(2026, 5, 1), None, None)
    """
    if not re.fullmatch(_DAY, text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
