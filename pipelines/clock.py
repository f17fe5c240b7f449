"""The one place that asks what time it is; tests put another clock here."""

from datetime import UTC, datetime

__all__ = ["utc_now"]


def utc_now() -> datetime:
    """Now, in UTC. Call it as `clock.utc_now()`."""
    return datetime.now(UTC)
