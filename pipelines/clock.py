"""The clock of the program. Tests replace it here."""

from datetime import UTC, datetime

__all__ = ["utc_now"]


def utc_now() -> datetime:
    """Return the current time in UTC. Call it as `clock.utc_now()`, so that tests can replace it."""
    return datetime.now(UTC)
