"""Table of start times, a CSV file with the columns file, start and, if wanted, clock_error_ms."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path, PurePosixPath
from typing import Final

from forensics.errors import UsageError
from forensics.place import Place
from forensics.spelling import compose
from pipelines.intake.found_footage import place_parts
from pipelines.intake.time_zones import UnclearTime, instant_in_zone

__all__ = ["StatedStart", "assign_starts", "read_starts"]

_HEADERS: Final = (["file", "start"], ["file", "start", "clock_error_ms"])
_YEARS: Final = range(1970, 2200)
_HEADER: Final = "file,start,clock_error_ms"


@dataclass(frozen=True, slots=True)
class StatedStart:
    """One row of the table.

    Attributes:
        file: name or path of the footage.
        at: start in UTC.
        clock_error_ms: largest error of it; None if not stated.
        line: number of the line, from 1.
    """

    file: str
    at: datetime
    clock_error_ms: int | None
    line: int


def read_starts(path: Path, zone: tzinfo | None) -> list[StatedStart]:
    """Read a table of start times.

    Args:
        path: file with commas or semicolons between the columns, in UTF-8; a first line with the names of the columns.
        zone: of times without one; None refuses them.

    Raises:
        UsageError: the file cannot be read, or a row is not valid.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(
            f"cannot be read ({problem})", f"give a CSV file in UTF-8 with the columns {_HEADER}", path
        ) from error
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    if not rows or [name.strip().lower() for name in rows[0]] not in _HEADERS:
        raise UsageError(
            f"its first line is {first.strip()!r}, expected {_HEADER}", "add a line with these names", path
        )
    return [
        _read_row(path, line, row, zone) for line, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)
    ]


def _read_row(path: Path, line: int, row: list[str], zone: tzinfo | None) -> StatedStart:
    cells = [cell.strip() for cell in row] + [""]
    try:
        if len(row) not in {2, 3} or not cells[0]:
            raise UnclearTime(f"has {len(row)} cells, expected a file, its start and, if wanted, its clock error")
        at = _instant(cells[1], zone)
        return StatedStart(cells[0], at, _milliseconds(cells[2]), line)
    except ValueError as error:
        raise UsageError(str(error), f"correct the row; columns are {_HEADER}", f"{path}, line {line}") from error


def _instant(text: str, zone: tzinfo | None) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnclearTime(f"{text!r} is not a time; give it as 2026-05-01T10:00:00Z") from error
    if ":" not in text or at.year not in _YEARS:
        raise UnclearTime(f"{text!r} is not a day with a time of this epoch; give it as 2026-05-01T10:00:00Z")
    if at.tzinfo is not None:
        return instant_in_zone(at.replace(tzinfo=None), at.tzinfo)
    if zone is None:
        raise UnclearTime(f"{text!r} has no time zone; add Z for UTC or an offset such as +02:00, or give --start-zone")
    return instant_in_zone(at, zone)


def _milliseconds(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise UnclearTime(f"{text!r} is no clock error; give whole milliseconds, such as 500")
    return int(text)


def assign_starts(path: Path, rows: Sequence[StatedStart], places: Sequence[Place]) -> dict[Place, StatedStart]:
    """Return the row of each piece of footage that has one; a row names a file by its name or by the end of its path.

    Raises:
        UsageError: a row names several files, or several rows name one file.
    """
    by_name = defaultdict[str, list[Place]](list)
    for place in places:
        by_name[compose(place.name)].append(place)
    assigned = dict[Place, StatedStart]()
    for row in rows:
        for place in _named_by(path, row, by_name):
            if place in assigned:
                raise UsageError(
                    f"lines {assigned[place].line} and {row.line} both name {place}", "leave one of them out", path
                )
            assigned[place] = row
    return assigned


def _named_by(path: Path, row: StatedStart, by_name: Mapping[str, Sequence[Place]]) -> list[Place]:
    """Return the footage that a row names: one piece, or none of those given."""
    wanted = tuple(part for part in PurePosixPath(compose(row.file)).parts if part != ".")
    named = [place for place in by_name.get(wanted[-1], ()) if _ends_with(place, wanted)]
    if len(named) > 1:
        raise UsageError(
            f"{row.file!r} names {len(named)} files: {named[0]} and {named[1]}",
            "give more of the path in the table",
            f"{path}, line {row.line}",
        )
    return named


def _ends_with(place: Place, parts: tuple[str, ...]) -> bool:
    return tuple(map(compose, place_parts(place)))[-len(parts) :] == parts
