"""Capture times of the pictures of one folder or ZIP archive, all by one clock.

The sources are tried in this order: EXIF, a calendar time in the name, an epoch in the name, the file time. A source
is used only if every readable picture has it: two clocks in one evidence would put its pictures out of order. An
unreadable picture without that time takes the time of its neighbour in name order. Pictures with equal times are
placed one millisecond apart, in name order.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from forensics.footage.evidence import Timing
from forensics.footage.timeline import Int64Array

__all__ = ["CaptureTimes", "PictureTimestamps", "choose_times", "exif_time_ms", "file_name_time_ms", "space_out_times"]

_EXIF = re.compile(r"\s*(\d{4})\D(\d{1,2})\D(\d{1,2})\D+(\d{1,2})\D(\d{1,2})\D(\d{1,2})")
_CALENDAR = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_./:]?(0[1-9]|1[0-2])[-_./:]?(0[1-9]|[12]\d|3[01])[-_./ T]{0,3}"
    r"([01]\d|2[0-3])[-_./:]?([0-5]\d)[-_./:]?([0-5]\d)(?:[.,](\d{1,6})|(\d{3}))?(?!\d)"
)
_EPOCH = re.compile(r"(?<!\d)(\d{10})(\d{3})?(?!\d)")
# September 2001, the first of ten digits, to May 2033. Above, a year, month, day and hour would be taken for an epoch.
_EPOCH_SECONDS = range(1_000_000_000, 2_000_000_000)
# A clock that shows a year outside this range was never set.
_YEARS = range(1970, 2100)
_ORIGIN = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class PictureTimestamps:
    """The times recorded for one picture, in milliseconds since 1970 by the clock that recorded each.

    Attributes:
        name: relative path, with forward slashes.
        exif_ms: DateTimeOriginal; None if absent.
        file_time_ms: of the file or of the ZIP member; None if absent.
        is_readable: whether its header could be read.
    """

    name: str
    exif_ms: int | None
    file_time_ms: int | None
    is_readable: bool


@dataclass(frozen=True, slots=True)
class CaptureTimes:
    """Capture times of all pictures, by the one source that was chosen.

    Attributes:
        timing: kind of source.
        source: the source, for people.
        clock: whose clock it is, for people.
        times_ms: one for each picture, in the order given.
        rejected_sources: why better sources were not used, for people; empty for the best source.
    """

    timing: Timing
    source: str
    clock: str
    times_ms: tuple[int, ...]
    rejected_sources: str

    def first(self) -> str:
        """Return the earliest time as ISO text, as it was recorded."""
        return _iso(min(self.times_ms))


@dataclass(frozen=True, slots=True)
class _Source:
    """A place where the time of a picture may be recorded.

    Attributes:
        timing: kind of source.
        missing_name: what a picture without it lacks, for people.
        source: the source, for people.
        clock: whose clock it is, for people.
        read_ms: reads the time in milliseconds since 1970; None if absent.
    """

    timing: Timing
    missing_name: str
    source: str
    clock: str
    read_ms: Callable[[PictureTimestamps], int | None]


def choose_times(pictures: Sequence[PictureTimestamps], file_clock: str) -> CaptureTimes:
    """Choose the best source that every readable picture has, and return the capture times by it.

    Without any source, all times are 0 and the pictures keep their order.

    Args:
        pictures: the pictures in name order.
        file_clock: whose clock the file times are by, for people.
    """
    rejected_sources: list[str] = []
    for source in _sources(file_clock):
        times = tuple(map(source.read_ms, pictures))
        n_missing = sum(one.is_readable and at is None for one, at in zip(pictures, times, strict=True))
        if n_missing == 0 and any(at is not None for at in times):
            return CaptureTimes(
                source.timing, source.source, source.clock, tuple(_fill_missing(times)), "; ".join(rejected_sources)
            )
        rejected_sources.append(f"{n_missing} of {len(pictures)} pictures have no {source.missing_name}")
    return CaptureTimes(
        Timing.ASSUMED, "the order of names", "at no known time", (0,) * len(pictures), "; ".join(rejected_sources)
    )


def space_out_times(times_ms: Int64Array) -> Int64Array:
    """Return milliseconds since the first picture, moved so that each is at least one after the one before.

    Args:
        times_ms: (N,) int64, non-decreasing.

    >>> space_out_times(np.array([5000, 5000, 5001, 7000])).tolist()
    [0, 1, 2, 2000]
    """
    steps = np.arange(len(times_ms), dtype=np.int64)
    return np.maximum.accumulate(times_ms - times_ms[0] - steps) + steps


def exif_time_ms(stamp: str, subsecond: str) -> int | None:
    """Return DateTimeOriginal with SubSecTimeOriginal in milliseconds; None if absent or impossible for a camera.

    >>> exif_time_ms("2021:05:31 08:25:38", "25") - exif_time_ms("2021:05:31 08:25:37", "")
    1250
    >>> exif_time_ms("0000:00:00 00:00:00", "") is None
    True
    """
    found = _EXIF.match(stamp)
    return None if found is None else _milliseconds(found.groups(), subsecond.strip(" \0"))


def file_name_time_ms(name: str) -> int | None:
    """Return the last calendar time in a path that ends in the file's own name; its date may stand in the folders.

    >>> file_name_time_ms("cam 1/2021-05-31T08:25:38.250.jpg") == file_name_time_ms("20210531082538250.jpg")
    True
    >>> file_name_time_ms("2021/05/31/08-25-38.jpg") == file_name_time_ms("20210531-082538_2.jpg")
    True
    """
    start_of_own = name.rfind("/") + 1
    found = [match for match in _CALENDAR.finditer(name) if match.end() > start_of_own]
    return _milliseconds(found[-1].groups()[:6], found[-1][7] or found[-1][8] or "") if found else None


def _epoch_ms(name: str) -> int | None:
    """Return the first Unix time in the file's own name, in seconds or milliseconds there; None if absent."""
    for match in _EPOCH.finditer(name.rpartition("/")[2]):
        if int(match[1]) in _EPOCH_SECONDS:
            return int(match[1]) * 1000 + int(match[2] or 0)
    return None


def _sources(file_clock: str) -> tuple[_Source, ...]:
    """Return the sources of capture times, best first."""
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


def _fill_missing(times: Sequence[int | None]) -> Iterator[int]:
    """Yield the times, with each missing one replaced by the time before it; those at the start by the first known."""
    last = next(at for at in times if at is not None)
    for at in times:
        last = last if at is None else at
        yield last


def _milliseconds(calendar: Sequence[str], fraction: str) -> int | None:
    """Return a calendar time and its decimal fraction in milliseconds since 1970; None if impossible."""
    digits = fraction if fraction.isascii() and fraction.isdigit() else ""
    try:
        moment = datetime(*map(int, calendar), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return int(moment.timestamp()) * 1000 + int(f"{digits}000"[:3])


def _iso(milliseconds: int) -> str:
    """Return milliseconds since 1970 as ISO text; the fraction only where there is one."""
    moment = _ORIGIN + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds" if milliseconds % 1000 else "seconds")
