"""Lines of CSV tables that people write: checked cell by cell, with all faults reported together."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from forensics.errors import UsageError
from forensics.wording import counted

__all__ = ["CellError", "CsvLine", "LineFault", "read_cell", "read_csv_lines", "refuse_faulty_lines"]

_Value = TypeVar("_Value")


class CellError(ValueError):
    """A cell that cannot be read; its text is what was expected."""


@dataclass(frozen=True, slots=True)
class CsvLine:
    """One line of a table.

    Attributes:
        number: of the line in the file, from 1.
        cells: by column, without spaces around them; empty for a cell that the line lacks.
        surplus: cells beyond the last column.
        n_cells: how many cells the header has.
    """

    number: int
    cells: Mapping[str, str]
    surplus: tuple[str, ...]
    n_cells: int


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong with a cell.

    Attributes:
        line: number of the line, from 1.
        column: name of the column.
        got: what the cell holds.
        expected: what it should hold.
    """

    line: int
    column: str
    got: str
    expected: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: got {self.got!r}, expected {self.expected}"


def read_csv_lines(path: Path, required: Sequence[str], optional: Sequence[str]) -> list[CsvLine]:
    """Read a table with a header; empty lines are left out.

    Args:
        path: file in UTF-8, with commas or semicolons between the cells.
        required: columns that the header must name; capital letters do not matter, nor does the order.
        optional: columns that it may name.

    Raises:
        UsageError: the file cannot be read, or its header names other columns.
    """
    names = ",".join((*required, *optional))
    try:
        text = path.read_bytes().decode("utf-8-sig")
        first = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(
            f"cannot be read ({problem})", f"give a CSV file in UTF-8 with the columns {names}", path
        ) from error
    header = [name.lower() for name in rows[0][1]] if rows else []
    _refuse_header(path, first.strip(), header, required, optional)
    return [_csv_line(number, row, header, (*required, *optional)) for number, row in rows[1:] if any(row)]


def _refuse_header(
    path: Path, first: str, header: Sequence[str], required: Sequence[str], optional: Sequence[str]
) -> None:
    """Check that the header names each required column, and no other column than the known ones, once.

    Raises:
        UsageError: it does not.
    """
    missing = [name for name in required if name not in header]
    unknown = [name or "(empty)" for name in header if name not in (*required, *optional)]
    double = sorted({name for name in header if header.count(name) > 1} - set(unknown))
    problems = [("lacks", missing), ("has unknown columns", unknown), ("repeats", double)]
    found = "; ".join(f"{problem}: {', '.join(names)}" for problem, names in problems if names)
    if found:
        raise UsageError(
            f"its first line is {first!r}; as a header it {found}",
            f"let the first line name these columns and no others: {','.join((*required, *optional))}",
            path,
        )


def _csv_line(number: int, row: Sequence[str], header: Sequence[str], columns: Sequence[str]) -> CsvLine:
    cells = dict.fromkeys(columns, "") | dict(zip(header, row, strict=False))
    return CsvLine(number, cells, tuple(cell for cell in row[len(header) :] if cell), len(header))


def read_cell(line: CsvLine, column: str, parse: Callable[[str], _Value], faults: list[LineFault]) -> _Value | None:
    """Return the value of a cell; None and one more fault if it cannot be read.

    Args:
        line: line of the table.
        column: name of the column.
        parse: reads the text; raises `CellError`.
        faults: extended by what is wrong.
    """
    try:
        return parse(line.cells[column])
    except CellError as error:
        faults.append(LineFault(line.number, column, line.cells[column], str(error)))
        return None


def refuse_faulty_lines(path: Path, lines: Sequence[CsvLine], faults: Sequence[LineFault]) -> None:
    """Check that no line of a table is faulty.

    Raises:
        UsageError: some are; it names every one of them.
    """
    surplus = [
        LineFault(line.number, "end of line", ", ".join(line.surplus), f"no more than {line.n_cells} cells")
        for line in lines
        if line.surplus
    ]
    every = sorted((*surplus, *faults), key=lambda fault: fault.line)
    if every:
        n_faulty = len({fault.line for fault in every})
        listed = "".join(f"\n  {fault}" for fault in every)
        raise UsageError(
            f"{counted(n_faulty, 'faulty line', 'faulty lines')} of {len(lines)}; nothing was ingested:{listed}",
            "correct these lines and run the same command again",
            path,
        )
