"""Start times in file names, as recorders write them: ``ch01_20260501_100000``, ``gate_2026-05-01_10-00-00``.

A time is read only if its year has four digits and stands first, so that day and month cannot be confused. Of two times
in a name the first is the start and the second the end. What the 12-hour clock adds is as in names of stills. A zone
directly behind the time is applied: ``Z``, ``UTC``, ``GMT``, ``+0200``, ``GMT+2``. `name_doubts` finds what else may
change the time; such names are refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from forensics.adapters.stills.name_times import AT_WORD, HALF_OF_DAY, hour_of_day
from pipelines.intake.name_doubts import find_doubt
from pipelines.intake.time_zones import UnclearTime

__all__ = ["NamedTime", "name_without_time", "read_named_time"]

# 20260501, 2026_0501 and 2026-05-01, but not 202605_01: that is the end of one number and the begin of another.
_DATE: Final = (
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<after_year>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P<after_month>(?:(?<=[-_.]..)[-_.])?)"
    r"(?P<day>0[1-9]|[12]\d|3[01])"
)
_MINUTES: Final = r"[-_.:][0-5]\d[-_.:][0-5]\d"
_HOURS_ZONE: Final = r"(?:1[0-4]|0\d)(?:[:-]?[0-5]\d(?!:?\d)|(?![-_.:h' ]?\d))"
_NO_OFFSET: Final = r"(?!(?:[-_ .+pm]*|\()(?:1[0-4]|0?\d)(?:00|15|30|45)?(?!\d))"
_ZONE: Final = (
    rf"[Zz](?![A-Za-z0-9])|-(?:0\d|1[0-4]):[0-5]\d(?!:?\d)|[-_ .]{{0,2}}[(\[]?"
    rf"(?:(?:UTC|GMT)(?:[-_ ]?\+(?:{_HOURS_ZONE}|\d(?![-_.:h' ]?\d))|{_NO_OFFSET})|\+{_HOURS_ZONE})(?![A-Za-z0-9])"
)
_OFFSET: Final = re.compile(r"([+-])(\d{1,2})[:-]?(\d\d)?$")
_TO: Final = re.compile(
    r"[\s_.,~()\[\]\u2013\u2014-]*(?:(?:to|bis|till|until|al?|au|à|tot|до|至|S|E|end)[\s_.-]*)?", re.IGNORECASE
)
# An hour of one digit counts only with AM or PM behind it.
_TIME: Final = re.compile(
    rf"{_DATE}(?P<after_day>[-_. T@,\u2013\u2014]{{0,3}}|(?:{AT_WORD})(?=\d{{1,2}}{_MINUTES}))"
    rf"(?P<hour>[01]\d|2[0-3]|(?<!\d)\d(?={_MINUTES}(?:[.,]\d{{1,6}})?{HALF_OF_DAY}))(?P<after_hour>[-_.:]?)"
    r"(?P<minute>[0-5]\d)(?P<after_minute>[-_.:]?)(?P<second>[0-5]\d)"
    rf"(?:[.,](?P<fraction>\d{{1,6}})(?!\d)|(?:[-_](?=\d{{3}}Z(?![A-Z\d])))?(?P<milliseconds>\d{{3}}))?(?!\d)(?P<half>{HALF_OF_DAY})?"
    rf"(?P<zone>{_ZONE})?",
    re.IGNORECASE,
)
_PREPOSITION: Final = re.compile(r"\s+am\s+[^\W\d_]")
_ANY_WORD: Final = r"\s[^\d/]{1,10}\s"
_UNKNOWN_WORD: Final = re.compile(rf"{_DATE}(?P<word>{_ANY_WORD})\d{{1,2}}{_MINUTES}")
_ONE_DIGIT: Final = re.compile(rf"{_DATE}(?:[-_. T@]{{1,3}}|{AT_WORD})\d{_MINUTES}(?!\d)")
_DATE_ALONE: Final = re.compile(rf"{_DATE}(?!\d)")
_SEPARATORS: Final = " -_.@()[]"


@dataclass(frozen=True, slots=True)
class NamedTime:
    """A start time in a name.

    Attributes:
        at: time with its zone if the name states one, else without.
        text: part of the name that was read as a time, or as two times.
        pattern: how it is written, such as ``YYYYMMDD_HHMMSS``.
    """

    at: datetime
    text: str
    pattern: str


def read_named_time(name: str) -> NamedTime:
    """Read the start time in a name without suffix.

    Raises:
        UnclearTime: the name holds no time, or one that can be read in two ways.

    >>> read_named_time("NVR_ch2_main_20260501100000_20260501110000")
    NamedTime(at=datetime.datetime(2026, 5, 1, 10, 0), text='20260501100000_20260501110000', \
pattern='YYYYMMDDHHMMSS_YYYYMMDDHHMMSS')
    >>> read_named_time("gate_2026-05-01_10-00-00 (2)")
    NamedTime(at=datetime.datetime(2026, 5, 1, 10, 0), text='2026-05-01_10-00-00', pattern='YYYY-MM-DD_HH-MM-SS')
    >>> read_named_time("Screen Recording 2026-05-01 at 1.59.50 PM").at.hour
    13
    """
    found = list(_TIME.finditer(name))
    if not found:
        raise UnclearTime(_describe_absence(name))
    if len(found) > 2:
        raise UnclearTime(f"{len(found)} times in the name")
    times = [_read(name, each) for each in found]
    if len(times) == 2:
        _require_start_and_end(found, times, name[found[0].end() : found[1].start()])
    is_half_known = found[0]["half"] is not None or times[0].at.hour > 12
    doubt = find_doubt(name[: found[0].start()], name[found[-1].end() :], is_half_known=is_half_known)
    if doubt:
        raise UnclearTime(doubt)
    if len(times) == 1:
        return times[0]
    between = name[found[0].end() : found[1].start()]
    text = name[found[0].start() : found[1].end()]
    return NamedTime(times[0].at, text, f"{times[0].pattern}{between}{times[1].pattern}")


def _require_start_and_end(found: Sequence[re.Match[str]], times: Sequence[NamedTime], between: str) -> None:
    """Raise `UnclearTime` unless two times of a name are written alike, as the start and the end of a recording."""
    start, end = found
    if times[1].at.replace(tzinfo=None) < times[0].at.replace(tzinfo=None):
        raise UnclearTime("two times in the name, and the second is earlier")
    if not _TO.fullmatch(between):
        raise UnclearTime(f"two times in the name, with {between!r} between them")
    for part, what in (("half", "AM or PM"), ("zone", "time zone")):
        if (start[part] is None) != (end[part] is None):
            raise UnclearTime(f"two times in the name, and one without {what}")


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


def _describe_absence(name: str) -> str:
    """Return why no time can be read in a name."""
    word = _UNKNOWN_WORD.search(name)
    if word and not _ONE_DIGIT.search(name):
        return f"{word['word'].strip()!r} between date and time, which may be AM or PM"
    if _ONE_DIGIT.search(name):
        return "an hour of one digit without AM or PM, which may be before or after noon"
    return "a date without a time" if _DATE_ALONE.search(name) else "no date and time in the name"


def _read(name: str, found: re.Match[str]) -> NamedTime:
    """Return one time of a name.

    Raises:
        UnclearTime: it is impossible, or can be read in two ways.
    """
    if found["hour"] == "12" and _PREPOSITION.match(name, found.end("second")):
        raise UnclearTime("'am' behind 12 o'clock may mean midnight, or be a word")
    year, month, day, minute, second = (int(found[part]) for part in ("year", "month", "day", "minute", "second"))
    hour = _read_hour(found)
    fraction = found["fraction"] or found["milliseconds"] or ""
    try:
        at = datetime(year, month, day, hour, minute, second, int(f"{fraction}000000"[:6]))
    except ValueError as error:
        raise UnclearTime(f"{found[0]!r} is no date") from error
    zone = found["zone"]
    return NamedTime(at if zone is None else at.replace(tzinfo=_read_zone(zone)), found[0], _describe(found))


def _read_zone(text: str) -> tzinfo:
    offset = _OFFSET.search(text)
    if offset is None:
        return UTC
    span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    return timezone(-span if offset[1] == "-" else span)


def _read_hour(found: re.Match[str]) -> int:
    """Return the hour of the 24-hour clock.

    Raises:
        UnclearTime: hour and half of the day contradict each other, as in 13:00 AM.
    """
    hour = int(found["hour"])
    if found["half"] is None:
        return hour
    half = next(filter(str.isalpha, found["half"])).upper()
    hour = hour_of_day(hour, half)
    if (half == "P") != (hour >= 12):
        raise UnclearTime(f"{found['hour']} {half}M is no hour")
    return hour


def _describe(found: re.Match[str]) -> str:
    """Return how a time is written, with its separators."""
    separators = (found[f"after_{part}"] for part in ("year", "month", "day", "hour", "minute"))
    words = ("YYYY", "MM", "DD", "HH" if found["half"] is None else "h", "MM", "SS")
    calendar = "".join(f"{word}{separator}" for word, separator in zip(words, [*separators, ""], strict=True))
    fraction = ".f" if found["fraction"] else "f" * len(found["milliseconds"] or "")
    half = "" if found["half"] is None else " AM/PM"
    return f"{calendar}{fraction}{half}{'zone' if found['zone'] else ''}"
