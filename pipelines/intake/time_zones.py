"""Time zones of recorder clocks: by name, such as Europe/Berlin, or as a fixed offset; and local times in them."""

import re
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

__all__ = ["UnclearTime", "describe_zone", "instant_in_zone", "named_zone", "parse_zone", "stated_text"]

_OFFSET: Final = re.compile(r"([+-])(0\d|1[0-4]):?([0-5]\d)")
# Names that stand for the zone of this machine, or for none.
_OF_THIS_MACHINE: Final = frozenset({"localtime", "posixrules", "Factory"})
_EXAMPLES: Final = "give Europe/Berlin, UTC, or an offset such as +02:00"


class UnclearTime(ValueError):
    """A local time that stands for no instant, or for two."""


def parse_zone(text: str) -> tzinfo:
    """Return the time zone of a name or an offset.

    Raises:
        ValueError: this machine knows no such zone.

    >>> parse_zone("+02:00").utcoffset(None)
    datetime.timedelta(seconds=7200)
    """
    if text in {"UTC", "Z"}:
        return UTC
    offset = _OFFSET.fullmatch(text)
    if offset is not None:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    return named_zone(text)


def named_zone(name: str) -> zoneinfo.ZoneInfo:
    """Return a zone by its IANA name. Names that mean another zone on another machine, as localtime, are refused.

    Raises:
        ValueError: this machine knows no such zone.

    >>> named_zone("Europe/Berlin").key
    'Europe/Berlin'
    """
    names = zoneinfo.available_timezones()
    if not names:
        raise ValueError(f"{name!r}: this machine has no time zone database; give an offset such as +02:00")
    if name not in names or name in _OF_THIS_MACHINE or name.startswith(("posix/", "right/")):
        raise ValueError(f"{name!r} is no time zone; {_EXAMPLES}")
    return zoneinfo.ZoneInfo(name)


def describe_zone(zone: tzinfo) -> str:
    """Return the name of a zone.

    >>> describe_zone(parse_zone("-0530"))
    'UTC-05:30'
    """
    return str(zone)


def instant_in_zone(local: datetime, zone: tzinfo) -> datetime:
    """Return the instant of a local time: the same reading, with its offset from UTC.

    Raises:
        UnclearTime: clocks are set back, and the time occurs twice; or forward, and it does not occur.

    >>> instant_in_zone(datetime(2026, 5, 1, 10), parse_zone("Europe/Berlin")).isoformat()
    '2026-05-01T10:00:00+02:00'
    """
    first, second = (_with_offset(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first == second:
        return first
    where = f"{local:%Y-%m-%d %H:%M:%S} in {describe_zone(zone)}"
    readings = f"that night; {stated_text(first)} and {stated_text(second)} are clear"
    if first.astimezone(zone).replace(tzinfo=None) == local:
        raise UnclearTime(f"{where} occurs twice, because clocks are set back {readings}")
    raise UnclearTime(f"{where} does not exist, because clocks are set forward {readings}")


def _with_offset(at: datetime) -> datetime:
    """Return an aware time with its offset from UTC in place of the rules of its zone."""
    return at.replace(tzinfo=timezone(at.utcoffset() or timedelta()), fold=0)


def stated_text(at: datetime) -> str:
    """Return an aware time in ISO 8601, with the offset from UTC with which it was stated.

    >>> stated_text(datetime(2026, 5, 1, 10, tzinfo=UTC))
    '2026-05-01T10:00:00Z'
    """
    return at.isoformat().replace("+00:00", "Z")
