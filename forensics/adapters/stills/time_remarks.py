"""What people should know about capture times: which source timed how many pictures, and what is doubtful."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from forensics.adapters.stills.album import escape_name
from forensics.adapters.stills.time_sources import PictureTimestamps, Series, Use

__all__ = ["describe_counts", "describe_missing", "describe_times", "iso_time"]

_ORIGIN = datetime(1970, 1, 1)


def iso_time(milliseconds: int) -> str:
    """Return milliseconds since 1970 as ISO text; the fraction only where there is one."""
    moment = _ORIGIN + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds" if milliseconds % 1000 else "seconds")


def describe_counts(uses: Sequence[Use], n_pictures: int) -> str:
    """Describe how many pictures each source timed; empty if one source timed all."""
    n_left = n_pictures - sum(len(use.places) for use in uses)
    counts = [f"{len(use.places)} from {use.series.source.source}" for use in uses]
    counts += [f"{n_left} beside a neighbour in name order"] if n_left else []
    return f"times of {n_pictures} pictures: {', '.join(counts)}" if len(counts) > 1 else ""


def describe_missing(
    pictures: Sequence[PictureTimestamps], series: Sequence[Series], main_kind: str = ""
) -> Iterator[str]:
    """Yield for each kind of source that is not the main one how many readable pictures lack it."""
    for kind in dict.fromkeys(one.source.kind for one in series if one.source.kind != main_kind):
        has_it = _pictures_with(series, kind)
        n_missing = sum(one.is_readable and place not in has_it for place, one in enumerate(pictures))
        yield f"{n_missing} of {len(pictures)} pictures have no {kind}"


def _pictures_with(series: Sequence[Series], kind: str) -> set[int]:
    """Return the places of the pictures that state a time of this kind."""
    columns = [one.times_ms for one in series if one.source.kind == kind]
    return {place for column in columns for place, at in enumerate(column) if at is not None}


def describe_times(
    pictures: Sequence[PictureTimestamps], series: Sequence[Series], uses: Sequence[Use]
) -> Iterator[str]:
    """Yield what people should know about the times."""
    main = uses[0].series
    yield from _describe_offsets(pictures, uses)
    for use in uses[1:]:
        lack = f"{len(use.places)} of {len(pictures)} pictures have no time from {main.source.source}"
        yield f"{lack}: {use.series.source.source} used, {_describe_shift(use)}"
    yield from _describe_beside(pictures, series, uses)
    for kind in dict.fromkeys(one.source.kind for one in series[: series.index(main)]):
        n_unused = len(_pictures_with(series, kind)) if kind not in _kinds_of(uses) else 0
        if n_unused:
            yield f"{n_unused} of {len(pictures)} pictures have an {kind} that is not used, because most have none"


def _describe_shift(use: Use) -> str:
    """Describe why a source shows the main clock."""
    if not use.n_compared:
        return "assumed to show the same clock"
    moved = f"moved by {use.shift_ms / 1000:.3f} s, " if use.shift_ms else ""
    return f"{moved}as the {use.n_compared} pictures that have both show"


def _kinds_of(uses: Sequence[Use]) -> set[str]:
    """Return the kinds of sources that are used."""
    return {use.series.source.kind for use in uses}


def _describe_offsets(pictures: Sequence[PictureTimestamps], uses: Sequence[Use]) -> Iterator[str]:
    """Yield a remark if wall times are in UTC by the offset of a neighbour."""
    walls = [use for use in uses if use.series.source.family == "wall" and use.series.is_utc]
    taken = sorted(place for use in walls for place in use.places if not use.series.has_offset[place])
    if taken:
        yield (
            f"{len(taken)} of {len(pictures)} pictures state no offset from UTC and take that of their neighbours in "
            f"name order, the first is {escape_name(pictures[taken[0]].name)}"
        )


def _describe_beside(
    pictures: Sequence[PictureTimestamps], series: Sequence[Series], uses: Sequence[Use]
) -> Iterator[str]:
    """Yield a remark if readable pictures have no time by the main clock, with another time of the first one."""
    main = uses[0].series
    timed = {place for use in uses for place in use.places}
    beside = [place for place, one in enumerate(pictures) if one.is_readable and place not in timed]
    if not beside:
        return
    other = next((one for one in series if one.times_ms[beside[0]] is not None), None)
    at = "no time" if other is None else f"{other.source.kind} {iso_time(other.times_ms[beside[0]] or 0)}"
    yield (
        f"{len(beside)} of {len(pictures)} pictures have no time by the clock of {main.source.source}: their UTC is "
        "unknown, and they are placed beside their neighbours in name order, the first is "
        f"{escape_name(pictures[beside[0]].name)} ({at} not used)"
    )
