"""Order and pts of the pictures, by their capture times, or by their names where the camera's clock was reset.

A camera whose battery fails may fall back to a date years ago. Where names that differ only in their numbers rise and
EXIF falls by a year or more, a new section begins: the recording goes on in the order of the names, and the instants
of the later section are unknown, see `forensics.footage.frame_clock`. Where the clock returns, another section begins.

A smaller fall may also come from a clock that was set, from clocks set back in autumn by a camera that states no
offset, or from two cameras in one folder; many falls only show that the names are no order. These pictures are in the
order of their times, and the fall is reported. A counter that starts anew (9999, 0001) is no fall of the clock: the
later names lead up to the first ones.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from forensics.adapters.stills.album import escape_name
from forensics.adapters.stills.capture_time import CaptureTimes, space_out_times
from forensics.adapters.stills.name_times import file_name_time_ms, name_epoch_ms
from forensics.adapters.stills.time_remarks import iso_time
from forensics.footage.clock_jumps import order_pictures, place_sections
from forensics.footage.evidence import Timing
from forensics.footage.timeline import Int64Array, Section

__all__ = ["MILLISECOND", "Arrangement", "arrange", "arrange_by_time"]

MILLISECOND = Fraction(1, 1000)
"""Time base of stills."""

_MINUTE_MS, _DAY_MS = 60_000, 86_400_000
_YEAR_MS = 365 * _DAY_MS


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """The pictures as frames.

    Attributes:
        order: (N,) int64, for each frame the place of its picture in name order.
        pts: (N,) int64 milliseconds since the first frame, each another one.
        sections: of the recording; empty for one.
        n_moved: pictures moved by milliseconds because another one has the same time.
        remarks: what people should know about the clock.
    """

    order: Int64Array
    pts: Int64Array
    sections: tuple[Section, ...]
    n_moved: int
    remarks: tuple[str, ...] = ()

    def is_same_order(self, other: "Arrangement") -> bool:
        """Whether each frame has the same picture and the same pts."""
        return np.array_equal(self.order, other.order) and np.array_equal(self.pts, other.pts)


@dataclass(frozen=True, slots=True)
class _Jump:
    """Two pictures of one numbered series between which the clock jumps.

    Attributes:
        before, place: places of the pictures in name order.
        step_ms: from the first to the second.
    """

    before: int
    place: int
    step_ms: int


def arrange(names: Sequence[str], times: CaptureTimes) -> Arrangement:
    """Return the pictures in the order of capture.

    Args:
        names: of the pictures, in name order.
        times: of the pictures, parallel.
    """
    times_ms = np.array(times.times_ms, dtype=np.int64)
    if times.timing is not Timing.EXIF:
        return arrange_by_time(times_ms)
    jumps = _find_jumps(names, times_ms)
    falls = [jump for jump in jumps if jump.step_ms < 0]
    starts = _find_section_starts(times_ms, falls)
    remarks = [*_describe_sections(names, times_ms, falls, starts), *_describe_falls(names, times_ms, falls, starts)]
    return replace(_arrange(times_ms, starts), remarks=tuple(remarks or _describe_leaps(names, times_ms, jumps)))


def arrange_by_time(times_ms: Int64Array) -> Arrangement:
    """Return the pictures in the order of their times, (N,) int64 milliseconds in name order; ties by name."""
    return _arrange(times_ms, [])


def _arrange(times_ms: Int64Array, starts: Sequence[int]) -> Arrangement:
    """Return the pictures by section, inside a section by time; sections begin at these places in name order."""
    order = order_pictures(times_ms, starts)
    stated = times_ms[order] - times_ms[order[0]]
    pts = _unique_pts(stated, starts)
    sections = tuple(_with_reason(section, stated) for section in place_sections(pts, starts, MILLISECOND))
    return Arrangement(order, pts, sections, int(np.count_nonzero(pts != stated)))


def _unique_pts(stated: Int64Array, starts: Sequence[int]) -> Int64Array:
    """Return the pts: the stated times, moved by milliseconds so that no two frames have the same."""
    parts: list[Int64Array] = []
    for start, stop in pairwise([0, *starts, len(stated)]):
        own = space_out_times(stated[start:stop]) + stated[start]
        while parts and np.isin(own, np.concatenate(parts)).any():
            own = own + 1
        parts.append(own)
    return np.concatenate(parts)


def _with_reason(section: Section, stated: Int64Array) -> Section:
    """Return the section with the reason why it begins."""
    if section.start == 0:
        return section
    step_ms = int(stated[section.start] - stated[section.start - 1])
    return replace(section, reason=f"the camera's clock jumps {_describe_step(step_ms)}")


def _find_jumps(names: Sequence[str], times_ms: Int64Array) -> list[_Jump]:
    """Return where the clock falls by more than a minute or leaps ahead by a year or more within a numbered series."""
    last: dict[str, int] = {}
    jumps = []
    for place, series in ((place, _series_of(name)) for place, name in enumerate(names) if _is_numbered(name)):
        before = last.get(series, place)
        step_ms = int(times_ms[place] - times_ms[before])
        if step_ms < -_MINUTE_MS or step_ms >= _YEAR_MS:
            jumps.append(_Jump(before, place, step_ms))
        last[series] = place
    falls = [jump for jump in jumps if jump.step_ms < 0]
    if len(falls) == 1 and _is_counter_restart(names, times_ms, falls[0]):
        return [jump for jump in jumps if jump.step_ms > 0]
    return jumps


def _series_of(name: str) -> str:
    """Return what names of one numbered series have in common: the folder, and the name with its numbers replaced.

    >>> _series_of("100MEDIA/IMG_0007.JPG"), _series_of("100MEDIA/img_0008.jpg")
    ('100MEDIA/img_#.jpg', '100MEDIA/img_#.jpg')
    """
    folder, slash, own = name.rpartition("/")
    return folder + slash + re.sub(r"\d+", "#", own).casefold()


def _is_numbered(name: str) -> bool:
    """Whether the numbers of a name may be a counter: names with a time are not in the order of that time."""
    return file_name_time_ms(name) is None and name_epoch_ms(name) is None


def _is_counter_restart(names: Sequence[str], times_ms: Int64Array, fall: _Jump) -> bool:
    """Whether the names behind the only fall lead up to those before it, with a gap that is small beside the fall."""
    series = _series_of(names[fall.place])
    places = np.array([place for place, name in enumerate(names) if _series_of(name) == series])
    gap_ms = int(times_ms[places[places < fall.place]].min() - times_ms[places[places >= fall.place]].max())
    return 0 <= gap_ms * 10 < -fall.step_ms


def _find_section_starts(times_ms: Int64Array, falls: Sequence[_Jump]) -> list[int]:
    """Return the places in name order at which sections begin; none if the names do not show the order of capture."""
    resets = [fall.place for fall in falls if fall.step_ms <= -_YEAR_MS]
    if len(resets) > max(1, len(times_ms) // 10):
        return []
    starts = sorted({*resets, *_find_returns(times_ms, resets)})
    parts = [times_ms[start:stop] for start, stop in pairwise([0, *starts, len(times_ms)])]
    is_orderly = all(np.max(np.maximum.accumulate(part) - part) < _YEAR_MS for part in parts)
    return starts if is_orderly else []


def _find_returns(times_ms: Int64Array, resets: Sequence[int]) -> Iterator[int]:
    """Yield for each reset the place at which the clock returns to where it was, if it does before the next one."""
    for start, stop in pairwise([*resets, len(times_ms)]):
        is_back = times_ms[start + 1 : stop] >= times_ms[:start].max()
        is_leap = np.diff(times_ms[start:stop]) > _DAY_MS
        if (is_back & is_leap).any():
            yield start + 1 + int(np.argmax(is_back & is_leap))


def _describe_sections(
    names: Sequence[str], times_ms: Int64Array, falls: Sequence[_Jump], starts: Sequence[int]
) -> Iterator[str]:
    """Yield a remark for each reset of the clock."""
    stops = dict(pairwise([*starts, len(names)]))
    for fall in (fall for fall in falls if fall.place in stops):
        yield (
            f"{_describe_jump(names, times_ms, fall)}: the camera was probably reset; {stops[fall.place] - fall.place} "
            f"of {len(names)} pictures, from this one on, follow in the order of their names"
        )


def _describe_falls(
    names: Sequence[str], times_ms: Int64Array, falls: Sequence[_Jump], starts: Sequence[int]
) -> Iterator[str]:
    """Yield a remark if the clock falls where no section begins."""
    left = [fall for fall in falls if fall.place not in starts]
    if left:
        places = f", the first of {len(left)} such places in name order" if len(left) > 1 else ""
        yield (
            f"{_describe_jump(names, times_ms, left[0])}{places}: names and times contradict each other, and the "
            "pictures are in the order of their times"
        )


def _describe_leaps(names: Sequence[str], times_ms: Int64Array, jumps: Sequence[_Jump]) -> Iterator[str]:
    """Yield a remark if the clock, which never falls, leaps ahead."""
    leaps = [jump for jump in jumps if jump.step_ms > 0]
    if leaps:
        places = f", the first of {len(leaps)} such places in name order" if len(leaps) > 1 else ""
        yield (
            f"{_describe_jump(names, times_ms, leaps[0])}{places}: if the camera was set there, the times of the "
            f"{leaps[0].place} pictures before it are wrong"
        )


def _describe_jump(names: Sequence[str], times_ms: Int64Array, jump: _Jump) -> str:
    """Describe where the clock jumps, by how much, from when to when."""
    before, after = iso_time(int(times_ms[jump.before])), iso_time(int(times_ms[jump.place]))
    name = escape_name(names[jump.place])
    return f"the camera's clock jumps {_describe_step(jump.step_ms)} at {name} (from {before} to {after})"


def _describe_step(step_ms: int) -> str:
    """Describe a jump in whole days, or below two days in minutes.

    >>> _describe_step(-45 * 60_000), _describe_step(5964 * 86_400_000)
    ('back by 45 minutes', 'ahead by 5964 days')
    """
    direction, size_ms = "back" if step_ms < 0 else "ahead", abs(step_ms)
    amount = f"{size_ms // _DAY_MS} days" if size_ms >= 2 * _DAY_MS else f"{size_ms // _MINUTE_MS} minutes"
    return f"{direction} by {amount}"
