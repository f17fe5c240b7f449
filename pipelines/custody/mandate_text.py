"""Texts about a mandate for people; `forensics/custody/mandate.py` computes its status."""

from datetime import UTC, datetime, time, timedelta

from forensics.custody.mandate import PENDING, Mandate, MandateStatus, is_pending, mandate_status

__all__ = ["authority_text", "instant_text", "last_day_text"]


def instant_text(instant: datetime) -> str:
    """Return an instant in UTC, to the minute.

    >>> instant_text(datetime(2026, 11, 26, 22, 21, 40, tzinfo=UTC))
    '2026-11-26 22:21Z'
    """
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def last_day_text(end: datetime) -> str:
    """Return the last day of an end at midnight UTC, as the user gave it; any other end to the minute.

    >>> last_day_text(datetime(2027, 1, 1, tzinfo=UTC)), last_day_text(datetime(2027, 1, 1, 12, tzinfo=UTC))
    ('2026-12-31', '2027-01-01 12:00Z')
    """
    end = end.astimezone(UTC)
    return f"{end - timedelta(days=1):%Y-%m-%d}" if end.time() == time() else instant_text(end)


def authority_text(mandate: Mandate, now: datetime) -> str:
    """Return the authority, or its denial, or until when it may be pending; empty if the mode has none."""
    if mandate.denied_utc is not None:
        return f"denied {instant_text(mandate.denied_utc)}"
    if not is_pending(mandate.authority):
        return mandate.authority
    ends = mandate.authority_ends
    if ends is None:
        return f"{PENDING}, 48 hours from the first run"
    if mandate_status(mandate, now) is MandateStatus.LAPSED:
        return f"{PENDING}, results withheld since {instant_text(ends)}"
    return f"{PENDING}, until {instant_text(ends)}"
