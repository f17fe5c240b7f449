"""Checks of what somebody states about a document: names, and days or times in the past.

A day is stored as its begin, midnight UTC. So an instant at midnight may mean any time of that day.
"""

from datetime import UTC, datetime, time, timedelta

from forensics.errors import UsageError
from forensics.spelling import fault_in_name, fault_in_statement

__all__ = ["check_past", "check_statement", "day_or_time_text", "is_day", "latest_of", "stated_instant"]

_DAY = timedelta(days=1)


def is_day(instant: datetime) -> bool:
    """Whether an instant stands for a whole day.

    >>> is_day(datetime(2026, 5, 1, tzinfo=UTC)), is_day(datetime(2026, 5, 1, 9, tzinfo=UTC))
    (True, False)
    """
    return instant.astimezone(UTC).time() == time()


def latest_of(instant: datetime) -> datetime:
    """Return the instant, or the end of the day that it stands for."""
    return instant + _DAY if is_day(instant) else instant


def day_or_time_text(instant: datetime) -> str:
    """Return a day, or a time in UTC to the minute.

    >>> day_or_time_text(datetime(2026, 5, 1, tzinfo=UTC)), day_or_time_text(datetime(2026, 5, 1, 9, tzinfo=UTC))
    ('2026-05-01', '2026-05-01 09:00Z')
    """
    instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%d}" if is_day(instant) else f"{instant:%Y-%m-%d %H:%M}Z"


def stated_instant(instant: datetime | None) -> str | None:
    """Return a day or an instant in ISO 8601, as it was stated; None for none.

    >>> stated_instant(datetime(2026, 5, 1, tzinfo=UTC)), stated_instant(datetime(2026, 5, 1, 9, tzinfo=UTC))
    ('2026-05-01', '2026-05-01T09:00:00+00:00')
    """
    if instant is None:
        return None
    return f"{instant.astimezone(UTC):%Y-%m-%d}" if is_day(instant) else instant.isoformat()


def check_statement(option: str, text: str) -> None:
    """Check that a text states something and cannot be mistaken for another one.

    Raises:
        UsageError: it is blank or a placeholder, has invisible characters, or mixes alphabets.
    """
    fault = fault_in_statement(text) or fault_in_name(text)
    if fault:
        raise UsageError(
            f"{option} {text!a} {fault}", "state it in visible letters of one alphabet, so that somebody can check it"
        )


def check_past(option: str, instant: datetime, now: datetime) -> None:
    """Check that a day or time is not in the future.

    Raises:
        UsageError: it is.
    """
    if instant > now:
        raise UsageError(
            f"{option} {day_or_time_text(instant)} is in the future, it is {now.astimezone(UTC):%Y-%m-%d %H:%M}Z",
            "give the day or time at which it happened",
        )
