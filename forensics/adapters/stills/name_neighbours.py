"""Neighbours in name order, from which a picture takes what it does not state itself."""

from collections.abc import Iterator, Sequence

import numpy as np

from forensics.adapters.stills.exif_times import Reading

__all__ = ["fill_offsets", "fill_times", "find_neighbours"]

_MINUTE_MS = 60_000


def fill_times(names: Sequence[str], times_ms: Sequence[int | None]) -> list[int]:
    """Return the times, with each missing one replaced by that of the nearer neighbour; one time must be known.

    >>> fill_times(["a/1.jpg", "a/2.jpg", "b/1.png", "b/2.jpg"], [10, None, None, 90])
    [10, 10, 90, 90]
    """
    filled = list(times_ms)
    for place, neighbours in find_neighbours(names, [at is not None for at in times_ms]):
        filled[place] = times_ms[neighbours[0]]
    return [at for at in filled if at is not None]


def fill_offsets(names: Sequence[str], readings: Sequence[Reading | None]) -> list[int]:
    """Return the offset from UTC of each picture in minutes, where missing that of a neighbour; one must be known.

    Of two neighbours with different offsets it is the one by which the picture lies between them in time. In the night
    in which clocks are set back, a picture of 02:05 behind one of 02:50+02:00 was taken after the change.

    >>> wall = [Reading(170, 120), Reading(125), Reading(130, 60)]
    >>> fill_offsets(["1", "2", "3"], [Reading(one.wall_ms * 60_000, one.offset_min) for one in wall])
    [120, 60, 60]
    """
    offsets = [None if one is None else one.offset_min for one in readings]
    filled = list(offsets)
    for place, neighbours in find_neighbours(names, [offset is not None for offset in offsets]):
        filled[place] = _offset_between(readings, place, neighbours)
    return [offset for offset in filled if offset is not None]


def find_neighbours(names: Sequence[str], is_known: Sequence[bool]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the place of each unknown picture with those of its known neighbours, the nearer one first.

    The nearer one is the one before it, unless only the one after it is in the same folder.

    Args:
        names: of the pictures, in name order.
        is_known: one for each picture.
    """
    known = np.flatnonzero(is_known)
    for place in np.flatnonzero(~np.asarray(is_known, dtype=bool)).tolist():
        middle = int(np.searchsorted(known, place))
        neighbours = [int(one) for one in known[max(0, middle - 1) : middle + 1]]
        neighbours.sort(key=lambda one: _folder(names[one]) != _folder(names[place]))
        yield place, tuple(neighbours)


def _offset_between(readings: Sequence[Reading | None], place: int, neighbours: tuple[int, ...]) -> int | None:
    """Return the offset of the first neighbour that puts the picture between both of them, else of the nearer one."""
    stated = [one for one in (readings[neighbour] for neighbour in sorted(neighbours)) if one is not None]
    instants = [_instant_ms(one.wall_ms, one.offset_min or 0) for one in stated]
    own = readings[place]
    for neighbour in neighbours:
        offset_min = _offset(readings[neighbour])
        if own is None or instants[0] <= _instant_ms(own.wall_ms, offset_min) <= instants[-1]:
            return offset_min
    return _offset(readings[neighbours[0]])


def _offset(reading: Reading | None) -> int:
    """Return the offset of a reading in minutes."""
    return reading.offset_min or 0 if reading else 0


def _instant_ms(wall_ms: int, offset_min: int) -> int:
    """Return the instant of a wall time in milliseconds since 1970 UTC."""
    return wall_ms - offset_min * _MINUTE_MS


def _folder(name: str) -> str:
    """Return the folder part of a name."""
    return name.rpartition("/")[0]
