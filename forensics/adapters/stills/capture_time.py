"""When each picture of one folder or zip was taken, by one clock for all of them.

A source counts only if every picture that can be read has it: EXIF, then a calendar time in the
name, then an epoch in the name, then the file time. Two clocks in one evidence would put its
pictures out of order. A picture that cannot be read and has no such time takes the time of its
neighbour in name order. Pictures of one instant are one millisecond apart, in name order.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from forensics.footage.evidence import Timing
from forensics.footage.timeline import Int64Array

__all__ = ["Stamped", "Times", "choose_times", "exif_time_ms", "file_name_time_ms", "spread"]

_EXIF = re.compile(r"\s*(\d{4})\D(\d{1,2})\D(\d{1,2})\D+(\d{1,2})\D(\d{1,2})\D(\d{1,2})")
_CALENDAR = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_./:]?(0[1-9]|1[0-2])[-_./:]?(0[1-9]|[12]\d|3[01])[-_./ T]{0,3}"
    r"([01]\d|2[0-3])[-_./:]?([0-5]\d)[-_./:]?([0-5]\d)(?:[.,](\d{1,6})|(\d{3}))?(?!\d)"
)
_EPOCH = re.compile(r"(?<!\d)(\d{10})(\d{3})?(?!\d)")
# September 2001, the first of ten digits, to May 2033: above it a year, month, day and hour would pass.
_EPOCH_SECONDS = range(1_000_000_000, 2_000_000_000)
# No digital camera took a picture before; a clock that says more is not set.
_YEARS = range(1970, 2100)
_ORIGIN = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Stamped:
    """What one picture says of its time; milliseconds since 1970 of the clock in question.

    Attributes:
        name: relative, with forward slashes.
        exif_ms: DateTimeOriginal; None where it has none.
        file_time_ms: of the file or of the zip's entry; None where it has none.
        is_readable: its header could be read.
    """

    name: str
    exif_ms: int | None
    file_time_ms: int | None
    is_readable: bool


@dataclass(frozen=True, slots=True)
class Times:
    """The time of every picture by the one source that all of them have.

    Attributes:
        timing: the source.
        source: the source in words.
        clock: whose clock it is, in words.
        moments_ms: one for each picture, in the order given.
        passed_over: why better sources were not taken, in words; empty for the best.
    """

    timing: Timing
    source: str
    clock: str
    moments_ms: tuple[int, ...]
    passed_over: str

    def first(self) -> str:
        """The earliest moment as ISO text, as it was recorded."""
        return _iso(min(self.moments_ms))


@dataclass(frozen=True, slots=True)
class _Source:
    """A place where a picture's time may stand."""

    timing: Timing
    lacking: str
    source: str
    clock: str
    moment: Callable[[Stamped], int | None]


def choose_times(stamped: Sequence[Stamped], file_clock: str) -> Times:
    """The times by the best source that every readable picture has.

    Args:
        stamped: the pictures in name order; where none has any time they keep it.
        file_clock: whose clock file times are by, in words.
    """
    passed_over: list[str] = []
    for source in _sources(file_clock):
        moments = tuple(map(source.moment, stamped))
        n_lacking = sum(one.is_readable and at is None for one, at in zip(stamped, moments, strict=True))
        if n_lacking == 0 and any(at is not None for at in moments):
            return Times(source.timing, source.source, source.clock, tuple(_filled(moments)), "; ".join(passed_over))
        passed_over.append(f"{n_lacking} of {len(stamped)} pictures have no {source.lacking}")
    return Times(Timing.ASSUMED, "the order of names", "at no known time", (0,) * len(stamped), "; ".join(passed_over))


def spread(moments_ms: Int64Array) -> Int64Array:
    """Milliseconds since the first picture, each at least one after the picture before.

    Args:
        moments_ms: (N,) int64, never decreasing.

    >>> spread(np.array([5000, 5000, 5001, 7000])).tolist()
    [0, 1, 2, 2000]
    """
    steps = np.arange(len(moments_ms), dtype=np.int64)
    return np.maximum.accumulate(moments_ms - moments_ms[0] - steps) + steps


def exif_time_ms(stamp: str, subsecond: str) -> int | None:
    """DateTimeOriginal and SubSecTimeOriginal in milliseconds; None for no time, or one that no camera's clock shows.

    >>> exif_time_ms("2021:05:31 08:25:38", "25") - exif_time_ms("2021:05:31 08:25:37", "")
    1250
    >>> exif_time_ms("0000:00:00 00:00:00", "") is None
    True
    """
    found = _EXIF.match(stamp)
    return None if found is None else _milliseconds(found.groups(), subsecond.strip(" \0"))


def file_name_time_ms(name: str) -> int | None:
    """The last calendar time that ends in the file's own name; folders may hold its date.

    >>> file_name_time_ms("cam 1/2021-05-31T08:25:38.250.jpg") == file_name_time_ms("20210531082538250.jpg")
    True
    >>> file_name_time_ms("2021/05/31/08-25-38.jpg") == file_name_time_ms("20210531-082538_2.jpg")
    True
    """
    start_of_own = name.rfind("/") + 1
    found = [match for match in _CALENDAR.finditer(name) if match.end() > start_of_own]
    return _milliseconds(found[-1].groups()[:6], found[-1][7] or found[-1][8] or "") if found else None


def _epoch_ms(name: str) -> int | None:
    for match in _EPOCH.finditer(name.rpartition("/")[2]):
        if int(match[1]) in _EPOCH_SECONDS:
            return int(match[1]) * 1000 + int(match[2] or 0)
    return None


def _sources(file_clock: str) -> tuple[_Source, ...]:
    own = "no time zone"
    return (
        _Source(Timing.EXIF, "EXIF time", "EXIF", f"by the camera's own clock, {own}", lambda one: one.exif_ms),
        _Source(
            Timing.FILE_NAME,
            "calendar time in the name",
            "file names",
            f"as named, {own}",
            lambda one: file_name_time_ms(one.name),
        ),
        _Source(Timing.FILE_NAME, "epoch in the name", "epochs in file names", "UTC", lambda one: _epoch_ms(one.name)),
        _Source(Timing.FILE_TIME, "file time", "file times", file_clock, lambda one: one.file_time_ms),
    )


def _filled(moments: Sequence[int | None]) -> Iterator[int]:
    """Give each gap the moment before it, and those in front the first there is."""
    last = next(at for at in moments if at is not None)
    for at in moments:
        last = last if at is None else at
        yield last


def _milliseconds(calendar: Sequence[str], fraction: str) -> int | None:
    digits = fraction if fraction.isascii() and fraction.isdigit() else ""
    try:
        moment = datetime(*map(int, calendar), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return int(moment.timestamp()) * 1000 + int(f"{digits}000"[:3])


def _iso(milliseconds: int) -> str:
    moment = _ORIGIN + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds" if milliseconds % 1000 else "seconds")
