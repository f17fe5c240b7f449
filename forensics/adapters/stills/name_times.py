"""Times in file names: calendar times of the 24-hour and the 12-hour clock, and Unix times."""

import re
from collections.abc import Iterator
from typing import Final

from forensics.adapters.stills.exif_times import calendar_ms

__all__ = ["AT_WORD", "HALF_OF_DAY", "file_name_time_ms", "hour_of_day", "name_epoch_ms"]

HALF_OF_DAY: Final = r"(?:[\s_.-]{0,2}([AaPp])\.?\s?[Mm]\.?(?![A-Za-z0-9]))"
"""Pattern of `PM`, ` pm`, `_a.m.`, ` p. m.` and the like behind a time, with its letter; no beginning of a word."""

AT_WORD: Final = (
    r"(?i:[\s_-](?:at|um|à|a\u0300|a las|a la\(s\)|a les|alle|alle ore|ore|às|as|om|kl\.?|klo|o|v|u|la|saat|в|στις|lúc|"
    r"pada|pukul)[\s_-])"
)
"""Pattern of a word between date and time that changes nothing, as programs write it: ` at `, ` um `.

Any other word there may be a half of the day, such as ` PM `, so no time is read behind it.
"""

_DATE = r"(?<!\d)((?:19|20)\d\d)[-_./:]?(0[1-9]|1[0-2])[-_./:]?(0[1-9]|[12]\d|3[01])"
_DIGITS = re.compile(
    rf"{_DATE}[-_./ T]{{0,3}}([01]\d|2[0-3])[-_./:]?([0-5]\d)[-_./:]?([0-5]\d)"
    rf"(?:[.,](\d{{1,6}})|(\d{{3}}))?(?!\d){HALF_OF_DAY}?"
)
# As programs for screenshots write it in any language: `2021-05-31 at 1.59.50 PM`, `2021-05-31 um 13.59.50`.
_WORDED = re.compile(
    rf"{_DATE}(?:[-_./ T,]{{1,3}}|({AT_WORD}))(\d{{1,2}})[-_.:]([0-5]\d)[-_.:]([0-5]\d)"
    rf"(?:[.,](\d{{1,6}}))?(?!\d){HALF_OF_DAY}?"
)
_EPOCH = re.compile(r"(?<!\d)(\d{10})(\d{3})?(?!\d)")
# September 2001, the first of ten digits, to May 2033. Above, a year, month, day and hour would be taken for an epoch.
_EPOCH_SECONDS = range(1_000_000_000, 2_000_000_000)


def file_name_time_ms(name: str) -> int | None:
    """Return the last calendar time in a path that ends in the file's own name; its date may stand in the folders.

    >>> file_name_time_ms("cam 1/2021-05-31T08:25:38.250.jpg") == file_name_time_ms("20210531082538250.jpg")
    True
    >>> file_name_time_ms("2021/05/31/08-25-38.jpg") == file_name_time_ms("20210531-082538_2.jpg")
    True
    >>> file_name_time_ms("2021-05-31 at 1-59-50 PM.jpg") == file_name_time_ms("20210531135950.jpg")
    True
    >>> [file_name_time_ms(f"2021-05-31 {word} 01-59-50.jpg") for word in ("PM", "午後", "nachm.")]
    [None, None, None]
    """
    start_of_own = name.rfind("/") + 1
    times = [(end, time_ms) for end, time_ms in (*_read_digits(name), *_read_worded(name)) if end > start_of_own]
    return max(times, key=lambda found: found[0])[1] if times else None


def name_epoch_ms(name: str) -> int | None:
    """Return the first Unix time in the file's own name, in seconds or milliseconds there; None if absent."""
    for match in _EPOCH.finditer(name.rpartition("/")[2]):
        if int(match[1]) in _EPOCH_SECONDS:
            return int(match[1]) * 1000 + int(match[2] or 0)
    return None


def hour_of_day(hour: int, half_of_day: str | None) -> int:
    """Return the hour of the 24-hour clock. A half of the day, the letter A or P, counts for hours 1 to 12.

    >>> hour_of_day(12, "a"), hour_of_day(1, "P"), hour_of_day(13, "P"), hour_of_day(1, None)
    (0, 13, 13, 1)
    """
    return hour % 12 + 12 * (half_of_day in "Pp") if half_of_day and 1 <= hour <= 12 else hour


def _read_digits(name: str) -> Iterator[tuple[int, int | None]]:
    """Yield where each time of two-digit hours ends, and its milliseconds; None if impossible."""
    for match in _DIGITS.finditer(name):
        *date, hour, minute, second, fraction, milliseconds, half = match.groups()
        yield match.end(), _time_ms((*date, hour, minute, second), fraction or milliseconds or "", half)


def _read_worded(name: str) -> Iterator[tuple[int, int | None]]:
    """Yield where each time behind a word, or of the 12-hour clock, ends, and its milliseconds; None if impossible."""
    for match in _WORDED.finditer(name):
        *date, word, hour, minute, second, fraction, half = match.groups()
        if word or half:
            yield match.end(), _time_ms((*date, hour, minute, second), fraction or "", half)


def _time_ms(calendar: tuple[str, ...], fraction: str, half_of_day: str | None) -> int | None:
    """Return a calendar time in milliseconds; None if impossible."""
    year, month, day, hour, minute, second = map(int, calendar)
    return calendar_ms((year, month, day, hour_of_day(hour, half_of_day), minute, second), fraction)
