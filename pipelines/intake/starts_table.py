"""Table of start times, a CSV file with the columns file, start and, if wanted, clock_error."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path, PurePosixPath

from forensics.errors import UsageError
from forensics.place import Place
from forensics.spelling import compose
from pipelines.intake.csv_lines import CellError, CsvLine, LineFault, read_cell, read_csv_lines, refuse_faulty_lines
from pipelines.intake.found_footage import place_parts
from pipelines.intake.time_cells import parse_clock_error, parse_start

__all__ = ["StatedStart", "assign_starts", "read_starts"]


@dataclass(frozen=True, slots=True)
class StatedStart:
    """One row of the table.

    Attributes:
        file: name or path of the footage.
        at: start, with the offset from UTC with which it is stated.
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
        path: CSV file; the column of the clock error is also read if it is called clock_error_ms.
        zone: of times without one; None refuses them.

    Raises:
        UsageError: the file cannot be read, or some rows are not valid.
    """
    lines, faults = read_csv_lines(path, ["file", "start"], ["clock_error", "clock_error_ms"]), list[LineFault]()
    rows = [row for line in lines if (row := _read_row(line, zone, faults)) is not None]
    refuse_faulty_lines(path, lines, faults)
    return rows


def _read_row(line: CsvLine, zone: tzinfo | None, faults: list[LineFault]) -> StatedStart | None:
    file = read_cell(line, "file", _parse_file, faults)
    at = read_cell(line, "start", partial(parse_start, zone=zone), faults)
    errors = [read_cell(line, column, parse_clock_error, faults) for column in ("clock_error", "clock_error_ms")]
    if file is None or at is None:
        return None
    return StatedStart(file, at, next((each for each in errors if each is not None), None), line.number)


def _parse_file(text: str) -> str:
    if not text:
        raise CellError("the name of a file")
    return text


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
    named = [place for place in by_name.get(wanted[-1] if wanted else "", ()) if _ends_with(place, wanted)]
    if len(named) > 1:
        raise UsageError(
            f"{row.file!r} names {len(named)} files: {named[0]} and {named[1]}",
            "give more of the path in the table",
            f"{path}, line {row.line}",
        )
    return named


def _ends_with(place: Place, parts: tuple[str, ...]) -> bool:
    return tuple(map(compose, place_parts(place)))[-len(parts) :] == parts
