"""Times in EXIF: three fields, each with a fraction of a second and an offset from UTC of its own."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["ExifTimes", "Reading", "calendar_ms", "exif_time_ms", "read_exif_times"]

_STAMP = re.compile(r"\s*(\d{4})\D(\d{1,2})\D(\d{1,2})\D+(\d{1,2})\D(\d{1,2})\D(\d{1,2})")
_OFFSET = re.compile(r"\s*(?:([+-])(\d{1,2}):?(\d{2})|Z)")
_WIDEST_OFFSET_MIN = 14 * 60
# Tags of each field: itself, its fraction of a second, its offset from UTC.
_ORIGINAL, _DIGITIZED, _CHANGED = (0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012), (0x0132, 0x9290, 0x9010)
# Two fields that differ by more were not written by one clock at one moment: a program changed the file later.
_SAME_MOMENT_MS = 60_000
# A clock that shows a year outside this range was never set.
_YEARS = range(1970, 2100)


@dataclass(frozen=True, slots=True)
class Reading:
    """A time as one source states it.

    Attributes:
        wall_ms: milliseconds since 1970 by the clock that stated it.
        offset_min: minutes by which this clock is ahead of UTC; None if not stated.
    """

    wall_ms: int
    offset_min: int | None = None


@dataclass(frozen=True, slots=True)
class ExifTimes:
    """The times that a picture states in EXIF; None for each that is absent or impossible.

    Attributes:
        original: DateTimeOriginal.
        digitized: DateTimeDigitized, the same for a digital camera.
        changed: DateTime, which programs set when they change a picture.
    """

    original: Reading | None = None
    digitized: Reading | None = None
    changed: Reading | None = None


@dataclass(frozen=True, slots=True)
class _Field:
    """One field as it is stored; its time is None if absent or impossible, its offset if not stated."""

    wall_ms: int | None
    offset_min: int | None


def read_exif_times(changed: str, details: Mapping[int, object]) -> ExifTimes:
    """Read the three times; a field without an offset takes that of another field of the same moment.

    Args:
        changed: DateTime, from the first directory; empty if absent.
        details: the fields of the EXIF directory.

    >>> read_exif_times("", {0x9003: "2026:10:25 02:30:00", 0x9010: "+02:00"}).original
    Reading(wall_ms=1792895400000, offset_min=120)
    """
    stored = {**details, _CHANGED[0]: changed}
    fields = [_read_field(tags, stored) for tags in (_ORIGINAL, _DIGITIZED, _CHANGED)]
    readings = [None if one.wall_ms is None else Reading(one.wall_ms, _offset_of(one, fields)) for one in fields]
    return ExifTimes(*readings)


def exif_time_ms(stamp: str, subsecond: str) -> int | None:
    """Return a time and its fraction of a second in milliseconds; None if absent or impossible for a camera.

    >>> exif_time_ms("2021:05:31 08:25:38", "25") - exif_time_ms("2021:05:31 08:25:37", "")
    1250
    >>> exif_time_ms("0000:00:00 00:00:00", "") is None
    True
    """
    found = _STAMP.match(stamp)
    return None if found is None else calendar_ms([int(part) for part in found.groups()], subsecond.strip(" \0"))


def calendar_ms(calendar: Sequence[int], fraction: str) -> int | None:
    """Return a calendar time in milliseconds since 1970; None if impossible.

    Args:
        calendar: year, month, day, hour, minute, second.
        fraction: decimal digits of the second, such as ``25`` for a quarter; anything else counts as none.
    """
    digits = fraction if fraction.isascii() and fraction.isdigit() else ""
    year, month, day, hour, minute, second = calendar
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000 + int(f"{digits}000"[:3]) if year in _YEARS else None


def _read_field(tags: tuple[int, int, int], stored: Mapping[int, object]) -> _Field:
    """Read one field; an offset behind the time, as some programs write it, counts like one in its own tag."""
    stamp, subsecond, offset = (str(stored.get(tag, "")) for tag in tags)
    found = _STAMP.match(stamp)
    offsets = (_offset_min(offset), _offset_min(stamp[found.end() :]) if found else None)
    return _Field(exif_time_ms(stamp, subsecond), next((one for one in offsets if one is not None), None))


def _offset_of(field: _Field, fields: Sequence[_Field]) -> int | None:
    """Return the offset of a field, its own or that of the first other field that states no other moment."""
    candidates = (field, *(other for other in fields if _is_same_moment(field, other)))
    return next((one.offset_min for one in candidates if one.offset_min is not None), None)


def _is_same_moment(field: _Field, other: _Field) -> bool:
    """Whether two fields state one moment; a field that has only an offset states no other."""
    if field.wall_ms is None or other.wall_ms is None:
        return True
    return abs(field.wall_ms - other.wall_ms) <= _SAME_MOMENT_MS


def _offset_min(text: str) -> int | None:
    """Return an offset from UTC in minutes; None if there is none, or it is wider than any on Earth.

    >>> _offset_min("+02:00"), _offset_min("-0330"), _offset_min("Z"), _offset_min("   :  ")
    (120, -210, 0, None)
    """
    found = _OFFSET.match(text)
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3]) if found[1] else 0
    return None if minutes > _WIDEST_OFFSET_MIN else -minutes if found[1] == "-" else minutes
