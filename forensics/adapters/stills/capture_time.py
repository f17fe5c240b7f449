"""Capture times of the pictures of one folder or ZIP archive, all by one clock.

Each picture may state several times. The sources, best first: DateTimeOriginal, DateTimeDigitized and DateTime of
EXIF, a calendar time in the name, an epoch in the name, the file time. The first three and the calendar time are wall
times of the camera; the epoch and the file time are clocks of their own.

The main source is the most common one among the best sources of the readable pictures, of the most common clock. A
picture that lacks it is timed by its best other source that shows the same clock:

- A source that agrees with the main one on nine of ten pictures that have both, but for a constant shift of at most 14
  hours and 5 seconds of jitter, shows the same clock and is moved by that shift. For a file time, or an epoch beside a
  time without a zone, these pictures must span a minute: a copy may write many files in one second.
- Where no picture has both, wall times are taken as one clock, and so are an epoch and an EXIF time with an offset.
- Every other source is another clock. A file time may be that of a later copy, and would put the picture years away.

A picture without a time by the main clock is placed at the time of its neighbour in name order: names are given in the
order of capture more often than any other clock is right. That is its place, not its time: its instant stays
unknown. Nothing of this happens without a remark.

If a picture states its offset from UTC in EXIF, all wall times become instants in UTC; a picture without an offset
takes that of a neighbour. The wall clock alone would put the night in which clocks are set back into a wrong order.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forensics.adapters.stills.name_neighbours import fill_times
from forensics.adapters.stills.time_remarks import describe_counts, describe_missing, describe_times, iso_time
from forensics.adapters.stills.time_sources import PictureTimestamps, Series, TimeSource, Use, read_series
from forensics.footage.evidence import Timing
from forensics.footage.timeline import Int64Array

__all__ = ["CaptureTimes", "choose_times", "space_out_times"]

# Cameras write a file seconds after the picture, and file times of memory cards have steps of two seconds.
_JITTER_MS = 5000
# Two clocks that differ by more are not two time zones.
_WIDEST_SHIFT_MS = 14 * 3_600_000
_LEAST_SPAN_MS = 60_000


@dataclass(frozen=True, slots=True)
class CaptureTimes:
    """Capture times of all pictures, by one clock.

    Attributes:
        timing: kind of the main source.
        source: the main source, for people.
        clock: whose clock it is, for people.
        times_ms: one for each picture, in the order given.
        counts: how many pictures each source timed, for people; empty if the main source timed all.
        rejected_sources: why better sources were not used, for people; empty for the best source.
        remarks: what people should know about the pictures that are not timed by the main source alone.
        timings: origin of the time of each picture; assumed if it has none by this clock and takes its neighbour's.
    """

    timing: Timing
    source: str
    clock: str
    times_ms: tuple[int, ...]
    counts: str
    rejected_sources: str
    timings: tuple[Timing, ...]
    remarks: tuple[str, ...] = ()

    def first(self) -> str:
        """Return the earliest time as ISO text, by the clock."""
        return iso_time(min(self.times_ms))


def choose_times(pictures: Sequence[PictureTimestamps], file_clock: str) -> CaptureTimes:
    """Choose the main source and return the capture times of all pictures by its clock.

    Without any source, all times are 0 and the pictures keep their order.

    Args:
        pictures: the pictures in name order.
        file_clock: whose clock the file times are by, for people.
    """
    series = read_series(pictures, file_clock)
    main = _choose_main(pictures, series)
    if main is None:
        rejected_sources = "; ".join(describe_missing(pictures, series))
        zeros = (0,) * len(pictures)
        timings = (Timing.ASSUMED,) * len(pictures)
        return CaptureTimes(
            Timing.ASSUMED, "the order of names", "at no known time", zeros, "", rejected_sources, timings
        )
    uses = _use_sources(main, series)
    times_ms = _merge(uses, len(pictures))
    return CaptureTimes(
        timing=main.source.timing,
        source=main.source.source,
        clock=main.source.clock,
        times_ms=tuple(fill_times([picture.name for picture in pictures], times_ms)),
        counts=describe_counts(uses, len(pictures)),
        rejected_sources="; ".join(describe_missing(pictures, series[: series.index(main)], main.source.kind)),
        timings=_timings(uses, len(pictures)),
        remarks=tuple(describe_times(pictures, series, uses)),
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


def _choose_main(pictures: Sequence[PictureTimestamps], series: Sequence[Series]) -> Series | None:
    """Return the series that is the best one of most readable pictures, in the family of which that is true."""
    best = Counter(filter(None, (_best_source(series, place) for place, one in enumerate(pictures) if one.is_readable)))
    families = Counter[str]()
    for source in (one.source for one in series):
        families[source.family] += best[source]
    family, n_pictures = families.most_common(1)[0]
    if n_pictures == 0:
        return None
    # The first of equals is the better one, here and in `most_common`.
    return max((one for one in series if one.source.family == family), key=lambda one: best[one.source])


def _best_source(series: Sequence[Series], place: int) -> TimeSource | None:
    """Return the best source of one picture; None if it states no time."""
    return next((one.source for one in series if one.times_ms[place] is not None), None)


def _use_sources(main: Series, series: Sequence[Series]) -> list[Use]:
    """Return the series that time the pictures: the main one, then each other of the same clock, best first."""
    uses, left = list[Use](), set(range(len(main.times_ms)))
    for one in (main, *(other for other in series if other is not main)):
        differences = _differences(main, one)
        shift_ms = _find_shift(differences, is_comparable=_is_comparable(main, one))
        places = tuple(place for place in sorted(left) if one.times_ms[place] is not None)
        if shift_ms is not None and places:
            uses.append(Use(one, shift_ms, len(differences), places))
            left.difference_update(places)
    return uses


def _differences(main: Series, other: Series) -> list[tuple[int, int]]:
    """Return the main time of each picture that has both, and by how many milliseconds it is later than the other."""
    pairs = zip(main.times_ms, other.times_ms, strict=True)
    return [(at, at - beside) for at, beside in pairs if at is not None and beside is not None]


def _find_shift(differences: Sequence[tuple[int, int]], *, is_comparable: bool) -> int | None:
    """Return the milliseconds from the other clock to the main one; None if they are not the same clock.

    Args:
        differences: as of `_differences`.
        is_comparable: whether they are the same clock unless the pictures contradict.
    """
    if not differences:
        return 0 if is_comparable else None
    shift_ms = sorted(difference for _, difference in differences)[len(differences) // 2]
    close = [at for at, difference in differences if abs(difference - shift_ms) <= _JITTER_MS]
    is_steady = len(close) * 10 >= len(differences) * 9 and abs(shift_ms) <= _WIDEST_SHIFT_MS
    if not is_steady or not (is_comparable or max(close) - min(close) >= _LEAST_SPAN_MS):
        return None
    return 0 if abs(shift_ms) <= _JITTER_MS else shift_ms


def _is_comparable(main: Series, other: Series) -> bool:
    """Whether two sources show one clock unless the pictures contradict: wall times, or instants in UTC."""
    return main.source.family == other.source.family or (main.is_utc and other.is_utc)


def _merge(uses: Sequence[Use], n_pictures: int) -> list[int | None]:
    """Return the time of each picture by the main clock; None for a picture that no series times."""
    times_ms: list[int | None] = [None] * n_pictures
    for use in uses:
        for place in use.places:
            times_ms[place] = (use.series.times_ms[place] or 0) + use.shift_ms
    return times_ms


def _timings(uses: Sequence[Use], n_pictures: int) -> tuple[Timing, ...]:
    """Return the origin of the time of each picture; assumed for one that no series times."""
    origins = {place: use.series.source.timing for use in uses for place in use.places}
    return tuple(origins.get(place, Timing.ASSUMED) for place in range(n_pictures))
