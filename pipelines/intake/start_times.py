"""Start times of footage, as the user states them: one time, a table of times, or times in file names.

A time without a zone is by the recorder's clock. It is never guessed: each start comes with its source, and a file
without one is named with the reason.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

from forensics.errors import UsageError
from forensics.place import Place
from pipelines.intake.found_footage import FoundFootage
from pipelines.intake.names_with_time import read_named_time
from pipelines.intake.starts_table import StatedStart, assign_starts, read_starts
from pipelines.intake.time_zones import UnclearTime, describe_zone, instant_in_zone, stated_text

__all__ = ["Start", "StartRule", "Starts", "describe_starts", "find_starts", "start_in_name"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN: Final = 10
_NAMED: Final = 3
_STATED: Final = "--start"


@dataclass(frozen=True, slots=True)
class StartRule:
    """How the start times of footage are stated.

    Attributes:
        at: start of the one file given; None if not stated so.
        is_in_names: whether file names hold the start times.
        zone: zone of times without one; None if not given, which means UTC for names and none for a table.
        table: CSV file of start times; its rows take precedence over names. None if there is none.
        clock_error_ms: largest error of every start; None if unknown.
    """

    at: datetime | None = None
    is_in_names: bool = False
    zone: tzinfo | None = None
    table: Path | None = None
    clock_error_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Start of one piece of footage.

    Attributes:
        stated: with the offset from UTC with which it is stated; None if unknown.
        clock_error_ms: largest error of it; None if unknown.
        source: where it comes from, for people; empty if unknown.
        name_text: part of the file's name that was read as its time; empty if none was.
        name_pattern: how that time is written, such as ``YYYYMMDD_HHMMSS``.
        problem: why there is none; empty if there is one, or if none was to be found.
        is_refused: whether the problem must be solved before anything is ingested.
    """

    stated: datetime | None = None
    clock_error_ms: int | None = None
    source: str = ""
    name_text: str = ""
    name_pattern: str = ""
    problem: str = ""
    is_refused: bool = False

    @property
    def at(self) -> datetime | None:
        """Start in UTC; None if unknown."""
        return None if self.stated is None else self.stated.astimezone(UTC)

    @property
    def utc_us(self) -> int | None:
        """Microseconds since 1970 UTC, exactly; None if unknown."""
        return None if self.stated is None else (self.stated - _EPOCH) // timedelta(microseconds=1)

    @property
    def text(self) -> str | None:
        """Start as it is stated, in ISO 8601; None if unknown."""
        return None if self.stated is None else stated_text(self.stated)


@dataclass(frozen=True, slots=True)
class Starts:
    """Starts of all footage of a command.

    Attributes:
        of: parallel to the footage.
        unused_rows: rows of the table that name none of the footage.
    """

    of: tuple[Start, ...]
    unused_rows: tuple[StatedStart, ...] = ()


def find_starts(found: Sequence[FoundFootage], rule: StartRule) -> Starts:
    """Return the start of each piece of footage.

    Raises:
        UsageError: one time is stated for several files, or the table is not valid.
    """
    if rule.at is not None and len(found) > 1:
        names = [each.place.name for each in found]
        raise UsageError(
            f"--start {stated_text(rule.at)} is the time of one recording, but {len(found)} were given, which would "
            f"all start at once: {', '.join([*names[:_NAMED], *_more(names, _NAMED)])}",
            "give --start from-name if their names hold the times; or state each start in a CSV file, with --list",
        )
    rows = [] if rule.table is None else read_starts(rule.table, rule.zone)
    assigned = {} if rule.table is None else assign_starts(rule.table, rows, [each.place for each in found])
    used = set(assigned.values())
    return Starts(
        tuple(_start_of(each.place, rule, assigned) for each in found), tuple(row for row in rows if row not in used)
    )


def _start_of(place: Place, rule: StartRule, rows: Mapping[Place, StatedStart]) -> Start:
    row = rows.get(place)
    if row is not None and rule.table is not None:
        error_ms = rule.clock_error_ms if row.clock_error_ms is None else row.clock_error_ms
        return Start(row.at, error_ms, f"{rule.table.name}, line {row.line}")
    if rule.at is not None:
        return Start(rule.at, rule.clock_error_ms, _STATED)
    if rule.is_in_names:
        return start_in_name(place, rule)
    if rule.table is not None:
        return Start(problem=f"not in {rule.table.name}")
    return Start(clock_error_ms=rule.clock_error_ms)


def start_in_name(place: Place, rule: StartRule) -> Start:
    """Return the start that the name of footage states; a start with a problem if it states none clearly."""
    try:
        named = read_named_time(place.name if isinstance(place, Path) and place.is_dir() else place.stem)
    except UnclearTime as error:
        return Start(problem=str(error))
    zone = named.at.tzinfo or rule.zone or UTC
    try:
        at = instant_in_zone(named.at.replace(tzinfo=None), zone)
    except UnclearTime as error:
        return Start(name_text=named.text, name_pattern=named.pattern, problem=str(error), is_refused=True)
    source = f"name, {named.pattern}, {_describe_zone(named.at, rule.zone)}"
    return Start(at, rule.clock_error_ms, source, named.text, named.pattern)


def _describe_zone(named: datetime, stated: tzinfo | None) -> str:
    if named.tzinfo is not None:
        return f"{describe_zone(named.tzinfo)} as named"
    return "UTC, as no --start-zone is given" if stated is None else describe_zone(stated)


def describe_starts(found: Sequence[FoundFootage], starts: Starts) -> list[str]:
    """Return a line for each source of start times, with an example, and one for each file without a start."""
    examples = defaultdict[str, list[tuple[str, Start]]](list)
    for each, start in zip(found, starts.of, strict=True):
        if start.at is not None and start.source != _STATED:
            examples[start.source.partition(", line ")[0]].append((each.place.name, start))
    lines = [_describe_source(source, stated, len(found)) for source, stated in examples.items()]
    pairs = zip(found, starts.of, strict=True)
    without = [f"no start time: {each.place}: {start.problem}" for each, start in pairs if start.problem]
    unused = [f"line {row.line} of the start times names no file given here: {row.file}" for row in starts.unused_rows]
    return [*lines, *_shortened(without), *_shortened(unused)]


def _describe_source(source: str, stated: Sequence[tuple[str, Start]], n_files: int) -> str:
    name, start = stated[0]
    assert start.at is not None
    at = start.at.isoformat().replace("+00:00", "Z")
    return f"start times from {source}: {len(stated)} of {n_files} files, such as {name} at {at}"


def _shortened(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_SHOWN]
    yield from _more(lines, _SHOWN)


def _more(listed: Sequence[str], n_shown: int) -> list[str]:
    return [f"and {len(listed) - n_shown} more"] if len(listed) > n_shown else []
