"""Start times in file names, as recorders write them: ``ch01_20260501_100000``, ``gate_2026-05-01_10-00-00``.

A time is read only if its year has four digits and stands first, so that day and month cannot be confused. Of two times
in a name the first is the start and the second the end.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipelines.intake.time_zones import UnclearTime, parse_zone

__all__ = ["NamedTime", "name_without_time", "read_named_time"]

_TIME: Final = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])([-_.]?)(0[1-9]|[12]\d|3[01])([-_. T@]{0,3})"
    r"([01]\d|2[0-3])([-_.:]?)([0-5]\d)([-_.:]?)([0-5]\d)(?:[.,](\d{1,6})(?!\d)|(\d{3}))?(?!\d)"
    r"(Z(?![A-Za-z])|\+(?:0\d|1[0-4]):?[0-5]\d(?!\d)|-(?:0\d|1[0-4]):[0-5]\d(?!\d))?"
)
_SEPARATORS: Final = " -_.@()[]"
_TWELVE_HOURS: Final = re.compile(r"[-_ .]?[AP]M(?![A-Z])", re.IGNORECASE)
_ZONE_OR_NUMBER: Final = re.compile(r"-(?:0\d|1[0-4])(?:00|15|30|45)(?!\d)")
_DATE_ALONE: Final = re.compile(r"(?<!\d)(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True, slots=True)
class NamedTime:
    """A start time in a name.

    Attributes:
        at: time with its zone if the name states one, else without.
        pattern: how it is written, such as ``YYYYMMDD_HHMMSS``.
    """

    at: datetime
    pattern: str


def read_named_time(name: str) -> NamedTime:
    """Read the start time in a name without suffix.

    Raises:
        UnclearTime: the name holds no time, or one that can be read in two ways.

    >>> read_named_time("NVR_ch2_main_20260501100000_20260501110000")
    NamedTime(at=datetime.datetime(2026, 5, 1, 10, 0), pattern='YYYYMMDDHHMMSS_YYYYMMDDHHMMSS')
    >>> read_named_time("gate_2026-05-01_10-00-00").pattern
    'YYYY-MM-DD_HH-MM-SS'
    """
    found = list(_TIME.finditer(name))
    if not found:
        raise UnclearTime("a date without a time" if _DATE_ALONE.search(name) else "no date and time in the name")
    if len(found) > 2:
        raise UnclearTime(f"{len(found)} times in the name")
    times = [_read(name, each) for each in found]
    if len(times) == 2 and times[1].at.replace(tzinfo=None) < times[0].at.replace(tzinfo=None):
        raise UnclearTime("two times in the name, and the second is earlier")
    if len(times) == 1:
        return times[0]
    between = name[found[0].end() : found[1].start()]
    return NamedTime(times[0].at, f"{times[0].pattern}{between}{times[1].pattern}")


def name_without_time(name: str) -> str:
    """Return what stands before the time in a name, else what stands behind it: the camera, as recorders write it.

    A name without a time stays as it is. A number behind the time counts files, so it is left out.

    >>> [name_without_time(each) for each in ("ch01_20260501_100000", "20260501_100000_0007", "gate")]
    ['ch01', '', 'gate']
    """
    found = list(_TIME.finditer(name))
    if not found:
        return name
    before, behind = name[: found[0].start()].strip(_SEPARATORS), name[found[-1].end() :].strip(_SEPARATORS)
    return before or ("" if behind.isdigit() else behind)


def _read(name: str, found: re.Match[str]) -> NamedTime:
    rest = name[found.end() :]
    if _TWELVE_HOURS.match(rest):
        raise UnclearTime("a time of twelve hours, AM or PM")
    if found[14] is None and _ZONE_OR_NUMBER.match(rest):
        raise UnclearTime(f"{rest[:5]!r} after the time may be a time zone or a number")
    year, month, day, hour, minute, second = (int(found[number]) for number in (1, 3, 5, 7, 9, 11))
    fraction = found[12] or found[13] or ""
    try:
        at = datetime(year, month, day, hour, minute, second, int(f"{fraction}000000"[:6]))
    except ValueError as error:
        raise UnclearTime(f"{found[0]!r} is no date") from error
    zone = found[14]
    return NamedTime(at if zone is None else at.replace(tzinfo=parse_zone(zone)), _describe(found))


def _describe(found: re.Match[str]) -> str:
    """Return how a time is written, with its separators."""
    separators = (found[number] for number in (2, 4, 6, 8, 10))
    words = ("YYYY", "MM", "DD", "HH", "MM", "SS")
    calendar = "".join(f"{word}{separator}" for word, separator in zip(words, [*separators, ""], strict=True))
    fraction = ".f" if found[12] else "f" * len(found[13] or "")
    return f"{calendar}{fraction}{'zone' if found[14] else ''}"
