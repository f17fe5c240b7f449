"""Division of a recording into sections, each with a clock of its own.

The clock of a file runs forwards. Where it jumps back, segments were joined, or the clock of the camera was set; a new
section begins, and its frames follow those before it, in the order of the file. A clock that jumps forwards stays in
its section: recorders pause. A few pictures whose clock leaps far ahead, or back, and returns are a section between two
others.

Counters of 33 bits wrap after 26.5 hours. A jump back is a wrap only if the clock was near its end.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex, Section

__all__ = ["describe_sections", "find_jumps", "order_pictures", "place_sections", "unwrap"]

# A clock that was back returns if it is off by no more than this from where it would be, had it never been back.
_RETURN_TOLERANCE_S = 1
# A leap ahead that returns is a fault of the stamps and not a pause if it is longer than this.
_LEAP_S = 10
# No video standard lets a picture be shown before one that is stored more than this many pictures earlier.
_MAX_REORDERED = 16


def unwrap(ticks: Int64Array, n_bits: int) -> Int64Array:
    """Return the ticks of a counter of `n_bits` without its wraps, (N,) int64, in the order of the file.

    A step back by more than half of the range is a wrap, if it leads from the last eighth to the first; a step ahead
    the other way round undoes it, because pictures are stored before others that are shown earlier.

    >>> unwrap(np.array([14, 15, 1, 15, 1, 2]), 4).tolist()
    [14, 15, 17, 15, 17, 18]
    """
    period, edge = 1 << n_bits, 1 << n_bits >> 3
    is_late, is_early = (ticks >= 0) & (ticks % period >= period - edge), ticks % period < edge
    turns = np.zeros(len(ticks), dtype=np.int64)
    turns[1:] += is_late[:-1] & is_early[1:]
    turns[1:] -= is_early[:-1] & is_late[1:]
    return np.asarray(ticks + np.cumsum(turns) * period, dtype=np.int64)


def find_jumps(pts: Int64Array, dts: Int64Array | None, is_key: BoolArray, time_base: Fraction) -> list[int]:
    """Return the numbers of the pictures at which a new section begins, in the order of the file; 0 is left out.

    Args:
        pts: (N,) int64 ticks of each picture, in the order of the file.
        dts: (N,) int64 decoding times; None if the file stores none.
        is_key: (N,) bool, keyframes; all pictures before a keyframe are shown before it and those stored after it.
        time_base: seconds of one tick.

    >>> find_jumps(np.array([0, 2, 1, 3, 0, 2, 1]), None, np.array([1, 0, 0, 0, 1, 0, 0], dtype=bool), Fraction(1))
    [4]
    """
    if not len(pts):
        return []
    times = pts if dts is None else dts
    jumps = []
    start = 0
    while (jump := _first_jump(pts[start:], None if dts is None else dts[start:], is_key[start:])) is not None:
        start += jump
        jumps.append(start)
    return _with_leaps(jumps, times, time_base)


def _first_jump(pts: Int64Array, dts: Int64Array | None, is_key: BoolArray) -> int | None:
    """Return the number of the first picture whose clock is behind that of the pictures before it; None without one."""
    numbers = np.arange(len(pts))
    last_key = np.maximum.accumulate(np.where(is_key, numbers, 0))
    latest = np.maximum.accumulate(pts)
    is_back = (last_key > 0) & (pts < latest[np.maximum(last_key - 1, 0)])
    if dts is not None:
        is_back[1:] |= np.diff(dts) < 0
    jump = int(np.argmax(is_back)) if is_back.any() else None
    return jump if dts is not None else _jump_beyond_reordering(pts[:jump], latest[:jump], jump)


def _jump_beyond_reordering(pts: Int64Array, latest: Int64Array, jump: int | None) -> int | None:
    """Return a jump before `jump` that no keyframe shows: a picture is behind one that no reordering puts after it.

    Args:
        pts: (N,) int64 ticks of the pictures before `jump`.
        latest: (N,) int64, the largest of these ticks up to each picture.
        jump: the jump that is known; None without one.
    """
    is_beyond = pts[_MAX_REORDERED + 1 :] < latest[: -(_MAX_REORDERED + 1)]
    if not is_beyond.any():
        return jump
    before = int(np.argmax(is_beyond))
    falls = np.diff(pts[before : before + _MAX_REORDERED + 2])
    return before + 1 + int(np.argmin(falls))


def _with_leaps(jumps: list[int], times: Int64Array, time_base: Fraction) -> list[int]:
    """Return the jumps, with the place of each leap ahead from which one of them returns, or that returns from one."""
    found = {*jumps, *_returns(jumps, times, time_base)}
    for start, number in pairwise([0, *jumps]):
        ahead = start + 1 + int(np.argmax(np.diff(times[start:number]))) if number - start > 1 else number
        is_leap = ahead < number and (int(times[ahead]) - int(times[ahead - 1])) * time_base > _LEAP_S
        if is_leap and times[number] > times[ahead - 1]:
            found.add(ahead)
    return sorted(found)


def _returns(jumps: list[int], times: Int64Array, time_base: Fraction) -> Iterator[int]:
    """Yield the places at which a clock that jumped back is again where it would be without that jump."""
    for start, stop in pairwise([*jumps, len(times)]):
        usual = np.median(np.diff(times[max(0, start - _MAX_REORDERED) : start])) if start > 1 else 0
        steps = np.diff(times[start:stop])
        expected = times[start - 1] + (np.arange(1, stop - start) + 1) * usual
        tolerance = float(_RETURN_TOLERANCE_S / time_base)
        is_return = (steps * float(time_base) > _RETURN_TOLERANCE_S) & (
            abs(times[start + 1 : stop] - expected) < tolerance
        )
        yield from (start + 1 + np.flatnonzero(is_return)[:1]).tolist()


def order_pictures(pts: Int64Array, jumps: Sequence[int]) -> Int64Array:
    """Return the presentation order: picture numbers by section, inside a section by pts, (N,) int64.

    >>> order_pictures(np.array([0, 2, 1, 0, 2, 1]), [3]).tolist()
    [0, 2, 1, 3, 5, 4]
    """
    edges = [0, *jumps, len(pts)]
    parts = [start + np.argsort(pts[start:stop], kind="stable") for start, stop in pairwise(edges)]
    return np.concatenate(parts).astype(np.int64)


def place_sections(pts: Int64Array, jumps: Sequence[int], time_base: Fraction) -> tuple[Section, ...]:
    """Return the sections of a recording, each placed directly behind the one before it; empty if it has only one.

    A section that returns from a leap ahead is placed where its clock says, if that is later.

    Args:
        pts: (N,) int64 ticks in presentation order.
        jumps: frame numbers at which sections begin, without 0.
        time_base: seconds of one tick.

    >>> [s.offset_ticks for s in place_sections(np.array([5, 6, 7, 5, 6]), [3], Fraction(1))]
    [0, 3]
    """
    if not jumps:
        return ()
    sections = [Section(0, 0)]
    for start, stop in pairwise([*jumps, len(pts)]):
        last = sections[-1]
        end = int(pts[start - 1]) + last.offset_ticks + _usual_step(pts, last.start, start, stop)
        returns = len(sections) > 1 and pts[start] >= pts[last.start - 1]
        behind = end - int(pts[start])
        offset = max(behind, sections[-2].offset_ticks) if returns else behind
        sections.append(Section(start, offset, _describe_jump(pts, start, time_base)))
    return tuple(sections)


def describe_sections(index: PacketIndex) -> list[str]:
    """Return what people should know about the sections of a recording; nothing if it has only one."""
    later = index.sections[1:]
    if not later:
        return []
    first = later[0]
    others = f", and {len(later) - 1} more times" if len(later) > 1 else ""
    where = f"{first.reason} at frame {first.start}{others}"
    return [
        f"{len(index.sections)} sections: {where}; UTC is unknown from there on until `case clock --section` sets it"
    ]


def _usual_step(pts: Int64Array, start: int, middle: int, stop: int) -> int:
    """Return the usual ticks between two frames of the section that ends, else of the one that begins; at least 1."""
    for part in (pts[start:middle], pts[middle:stop]):
        if len(part) > 1:
            return max(1, int(np.median(np.diff(part))))
    return 1


def _describe_jump(pts: Int64Array, start: int, time_base: Fraction) -> str:
    """Return what happens to the clock at this frame, for people."""
    seconds = float((int(pts[start]) - int(pts[start - 1])) * time_base)
    return f"the clock of the file jumps {'back' if seconds < 0 else 'ahead'} by {abs(seconds):.3f} s"
