"""Sources of capture times, best first, and the times of all pictures by each of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from forensics.adapters.stills.exif_times import ExifTimes, Reading
from forensics.adapters.stills.name_neighbours import fill_offsets
from forensics.adapters.stills.name_times import file_name_time_ms, name_epoch_ms
from forensics.footage.evidence import Timing

__all__ = ["PictureTimestamps", "Series", "TimeSource", "Use", "read_series"]

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class PictureTimestamps:
    """The times recorded for one picture.

    Attributes:
        name: relative path, with forward slashes.
        exif: the times that it states in EXIF.
        file_time_ms: of the file or of the ZIP member, in milliseconds since 1970 by its own clock; None if absent.
        is_readable: whether its header could be read.
    """

    name: str
    exif: ExifTimes
    file_time_ms: int | None
    is_readable: bool


@dataclass(frozen=True, slots=True)
class TimeSource:
    """A place where the time of a picture may be recorded.

    Attributes:
        timing: kind of source.
        kind: what a picture without it lacks, for people; the three fields of EXIF are one kind.
        source: the source, for people.
        clock: whose clock it is, for people.
        family: sources of one family show one clock, unless the pictures contradict.
        read: reads the time; None if absent.
    """

    timing: Timing
    kind: str
    source: str
    clock: str
    family: str
    read: Callable[[PictureTimestamps], Reading | None]


@dataclass(frozen=True, slots=True)
class Series:
    """The times of all pictures by one source.

    Attributes:
        source: the source.
        times_ms: one for each picture, in milliseconds since 1970; None where the picture lacks it.
        is_utc: whether they are instants in UTC.
        has_offset: for each picture, whether it states the offset itself.
    """

    source: TimeSource
    times_ms: tuple[int | None, ...]
    is_utc: bool
    has_offset: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """A series that times some pictures, moved to the main clock.

    Attributes:
        series: the series.
        shift_ms: added to its times.
        n_compared: number of pictures that state this time and the main one, and show the shift.
        places: the pictures that it times.
    """

    series: Series
    shift_ms: int
    n_compared: int
    places: tuple[int, ...]


def _sources(file_clock: str) -> tuple[TimeSource, ...]:
    """Return the sources of capture times, best first."""
    own, named = "by the camera's own clock, no time zone", "as named, no time zone"
    exif, calendar, epoch = "EXIF time", "calendar time in the name", "epoch in the name"
    return (
        TimeSource(Timing.EXIF, exif, "EXIF", own, "wall", lambda one: one.exif.original),
        TimeSource(Timing.EXIF, exif, "EXIF DateTimeDigitized", own, "wall", lambda one: one.exif.digitized),
        TimeSource(Timing.EXIF, exif, "EXIF DateTime", own, "wall", lambda one: one.exif.changed),
        TimeSource(Timing.FILE_NAME, calendar, "file names", named, "wall", _read_calendar),
        TimeSource(Timing.FILE_NAME, epoch, "epochs in file names", "UTC", "epoch", _read_epoch),
        TimeSource(Timing.FILE_TIME, "file time", "file times", file_clock, "file", _read_file_time),
    )


def _read_calendar(picture: PictureTimestamps) -> Reading | None:
    """Read the calendar time in the name; None if absent."""
    wall_ms = file_name_time_ms(picture.name)
    return None if wall_ms is None else Reading(wall_ms)


def _read_epoch(picture: PictureTimestamps) -> Reading | None:
    """Read the epoch in the name; None if absent."""
    epoch_ms = name_epoch_ms(picture.name)
    return None if epoch_ms is None else Reading(epoch_ms, 0)


def _read_file_time(picture: PictureTimestamps) -> Reading | None:
    """Read the file time as it is; None if absent. In a ZIP it is a wall time, but not that of the camera."""
    return None if picture.file_time_ms is None else Reading(picture.file_time_ms, 0)


def read_series(pictures: Sequence[PictureTimestamps], file_clock: str) -> list[Series]:
    """Read the times by every source, best first; wall times in UTC if a picture states its offset."""
    columns = [(source, [source.read(picture) for picture in pictures]) for source in _sources(file_clock)]
    walls = [readings for source, readings in columns if source.family == "wall"]
    best = [next((one for one in of_picture if one), None) for of_picture in zip(*walls, strict=True)]
    is_utc = any(one is not None and one.offset_min is not None for one in best)
    offsets = fill_offsets([one.name for one in pictures], best) if is_utc else [0] * len(pictures)
    return [_series_of(source, readings, offsets, is_utc=is_utc) for source, readings in columns]


def _series_of(
    source: TimeSource, readings: Sequence[Reading | None], offsets: Sequence[int], *, is_utc: bool
) -> Series:
    """Return the times by one source, in UTC where offsets are known."""
    if is_utc and source.family == "wall":
        source = replace(source, clock="UTC, by the offsets in EXIF")
    return Series(
        source=source,
        times_ms=tuple(_to_ms(one, offset) for one, offset in zip(readings, offsets, strict=True)),
        is_utc=is_utc if source.family == "wall" else source.family == "epoch",
        has_offset=tuple(one is not None and one.offset_min is not None for one in readings),
    )


def _to_ms(reading: Reading | None, offset_min: int) -> int | None:
    """Return a reading in milliseconds; the given offset counts if it states none."""
    if reading is None:
        return None
    return reading.wall_ms - (offset_min if reading.offset_min is None else reading.offset_min) * _MINUTE_MS
