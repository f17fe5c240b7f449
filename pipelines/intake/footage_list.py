"""List of footage, a CSV file with the columns file, camera and, if wanted, start and clock_error.

Every line is checked before anything is ingested. A local time or a name is read in the zone that the user gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Final

from forensics.adapters.stills.stills_reader import is_stills
from forensics.adapters.store.object_store import size_of_object
from forensics.errors import CannotStart, DecoderLost, UnreadableFootage, UsageError
from forensics.place import Place, StoreObject, place_of
from pipelines.intake.csv_lines import CellError, CsvLine, LineFault, read_cell, read_csv_lines, refuse_faulty_lines
from pipelines.intake.footage_paths import expand_paths
from pipelines.intake.found_footage import FoundFootage, place_parts
from pipelines.intake.start_times import Start, StartRule, start_in_name
from pipelines.intake.time_cells import FROM_NAME, parse_clock_error, parse_start
from pipelines.intake.unknown import UNKNOWN, Stated, Unknown

__all__ = ["ListedFootage", "read_footage_list"]

_FOOTAGE: Final = "a file, a folder or an object such as s3://BUCKET/KEY"


@dataclass(frozen=True, slots=True)
class ListedFootage:
    """Footage that a line of the list names.

    Attributes:
        line: number of the line, from 1.
        found: the file, folder of stills or object; a folder of videos makes one for each.
        camera: name of its camera.
        start: when it starts.
    """

    line: int
    found: FoundFootage
    camera: str
    start: Start


@dataclass(frozen=True, slots=True)
class _Line:
    """One line whose cells could be read.

    Attributes:
        number: of the line, from 1.
        found: footage that it names.
        camera: name of the camera.
        at: start in UTC; `FROM_NAME` to read it in names; `UNKNOWN` takes an earlier one back; None if not stated.
        clock_error_ms: largest error of it; `UNKNOWN` takes an earlier one back; None if not stated.
    """

    number: int
    found: tuple[FoundFootage, ...]
    camera: str
    at: datetime | str | Unknown | None
    clock_error_ms: Stated


def read_footage_list(path: Path, rule: StartRule) -> list[ListedFootage]:
    """Read a list of footage.

    Args:
        path: CSV file; relative paths in it start from its folder.
        rule: zone of times without one, and clock error of starts that have none in the list.

    Raises:
        CannotStart: a store cannot be reached.
        UsageError: the file cannot be read, or some lines are faulty; all of them are named.
    """
    lines, faults = read_csv_lines(path, ["file", "camera"], ["start", "clock_error"]), list[LineFault]()
    if not lines:
        raise UsageError("names no footage", "add a line for each file below the header", path)
    read = [each for line in lines if (each := _read_line(path, line, rule.zone, faults)) is not None]
    listed = [each for line in read for each in _listed(path, line, rule, faults)]
    faults += _repeated(listed)
    refuse_faulty_lines(path, lines, faults)
    return listed


def _read_line(path: Path, line: CsvLine, zone: tzinfo | None, faults: list[LineFault]) -> _Line | None:
    n_before = len(faults)
    found = read_cell(line, "file", partial(_parse_file, folder=path.absolute().parent), faults)
    camera = read_cell(line, "camera", _parse_camera, faults)
    at = read_cell(line, "start", partial(_parse_start, zone=zone), faults)
    error_ms = read_cell(line, "clock_error", parse_clock_error, faults)
    if isinstance(error_ms, int) and (not line.cells["start"] or at is UNKNOWN):
        faults.append(LineFault(line.number, "clock_error", line.cells["clock_error"], "nothing without a start"))
    if found is None or camera is None or len(faults) > n_before:
        return None
    return _Line(line.number, found, camera, at, error_ms)


def _parse_file(text: str, folder: Path) -> tuple[FoundFootage, ...]:
    """Return the footage that a cell names, which must exist."""
    if not text:
        raise CellError(_FOOTAGE)
    place = place_of(text)
    if isinstance(place, StoreObject):
        _check_object(place)
    else:
        place = folder / place
        if not _exists(place):
            raise CellError(f"{_FOOTAGE} that exists; relative paths start from {folder}")
    found = tuple(expand_paths((place,), is_one_camera=True))
    if found[0].is_given and _is_folder(place) and not (isinstance(place, Path) and is_stills(place)):
        raise CellError("a folder or prefix with videos or stills below it")
    return found


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise CellError(f"a path that can be read ({error.strerror})") from error


def _is_folder(place: Place) -> bool:
    return place.url.endswith("/") if isinstance(place, StoreObject) else place.is_dir()


def _check_object(place: StoreObject) -> None:
    """Check that an object exists; what lies below a prefix is listed later.

    Raises:
        CannotStart: the store cannot be reached.
        CellError: there is no such object.
    """
    bucket, _, key = place.url.partition("://")[2].partition("/")
    if not bucket or not key:
        raise CellError("an object, s3://BUCKET/KEY, or all objects below s3://BUCKET/FOLDER/")
    if _is_folder(place):
        return
    try:
        size_of_object(place)
    except UnreadableFootage as error:
        raise CellError(f"an object that can be read ({error.detail})") from error
    except DecoderLost as error:
        raise CannotStart(
            f"the store cannot be asked for it ({error.detail})",
            "check address and access, see docs/admin.md, Object stores",
            place,
        ) from error


def _parse_camera(text: str) -> str:
    if not text or not text.isprintable():
        raise CellError("the name of a camera")
    return text


def _parse_start(text: str, zone: tzinfo | None) -> datetime | str | Unknown | None:
    if not text or text == FROM_NAME:
        return text or None
    try:
        return parse_start(text, zone)
    except CellError as error:
        raise CellError(f"{error}; or {FROM_NAME}, {UNKNOWN.value}, or nothing") from error


def _listed(path: Path, line: _Line, rule: StartRule, faults: list[LineFault]) -> list[ListedFootage]:
    """Return the footage of a line, with starts; add a fault for each start that does not fit it."""
    if isinstance(line.at, datetime) and len(line.found) > 1:
        got = line.at.isoformat().replace("+00:00", "Z")
        expected = f"the start of one recording, not of {len(line.found)}: list the files, or write {FROM_NAME}"
        faults.append(LineFault(line.number, "start", got, expected))
    error_ms = rule.clock_error_ms if line.clock_error_ms is None else line.clock_error_ms
    listed = []
    for found in line.found:
        if isinstance(line.at, str):
            start = start_in_name(found.place, replace(rule, clock_error_ms=error_ms))
        else:
            start = _stated_start(path, line, error_ms)
        if start.problem:
            expected = f"a time, because it cannot be read in the name {found.place.name} ({start.problem})"
            faults.append(LineFault(line.number, "start", FROM_NAME, expected))
        listed.append(ListedFootage(line.number, found, line.camera, start))
    return listed


def _stated_start(path: Path, line: _Line, error_ms: Stated) -> Start:
    """Return the start that a line states itself; a clock error alone can only be taken back."""
    if isinstance(line.at, datetime):
        return Start(line.at, error_ms, f"{path.name}, line {line.number}")
    assert not isinstance(line.at, str)
    return Start(line.at, UNKNOWN if error_ms is UNKNOWN else None)


def _repeated(listed: Sequence[ListedFootage]) -> list[LineFault]:
    """Return a fault for each piece of footage that an earlier line names already."""
    first, faults = dict[tuple[str, ...], int](), []
    for each in listed:
        earlier = first.setdefault(place_parts(each.found.place), each.line)
        if earlier != each.line:
            expected = f"other footage, because line {earlier} names this already"
            faults.append(LineFault(each.line, "file", str(each.found.place), expected))
    return faults
