"""Where the tables of two runs differ: the first table, row or picture, never what it says about a person."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from forensics.custody.case_folder import RunFolder
from forensics.digests import sha256_of_file

__all__ = ["altered_since", "first_difference"]

_ROWS: Final = 65_536


def first_difference(then: RunFolder, was: dict[str, Any], now: RunFolder, became: dict[str, Any]) -> str:
    """The first table, row or picture that differs, in words; empty if none does.

    Args:
        then: the run that was recorded.
        was: its manifest.
        now: the run that was made again.
        became: its manifest.
    """
    made = {file["path"]: file["sha256"] for file in became["files"]}
    for file in was["files"]:
        if made.pop(file["path"], None) != file["sha256"]:
            return f"{file['path']}: {_row_that_differs(then, now, file['path'])}"
    for path in made:
        return f"{path}: was made now, and not then"
    old, new = ({each["path"]: each["sha256"] for each in one.get("pictures", [])} for one in (was, became))
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            return f"{path}: the picture is another one"
    if sha256_of_file(then.manifest) != sha256_of_file(now.manifest):
        return "MANIFEST.json: what holds for the whole run is not the same"
    return ""


def altered_since(then: RunFolder, was: dict[str, Any]) -> str:
    """The first table or picture of a run that no longer is what its manifest says, in words; empty if none.

    What is gone is no matter here: it may have been destroyed on record, and `verify` asks.
    """
    tables = ((then.tables / file["path"], file["sha256"]) for file in was["files"])
    pictures = ((then.case_root / each["path"], each["sha256"]) for each in was.get("pictures", []))
    for path, sha256 in (*tables, *pictures):
        if path.exists() and sha256_of_file(path) != sha256:
            return f"{path}: is not what was recorded"
    return ""


def _row_that_differs(then: RunFolder, now: RunFolder, name: str) -> str:
    old, new = then.tables / name, now.tables / name
    if not old.exists() or not new.exists():
        return "is there only once; its digest differs from the recorded one"
    n_equal = 0
    for was, became in zip(_batches(old), _batches(new), strict=False):
        if not was.equals(became):
            return _first_row(n_equal, was.to_pylist(), became.to_pylist())
        n_equal += len(was)
    n_old, n_new = (pq.read_metadata(path).num_rows for path in (old, new))
    return f"{n_old} rows then, {n_new} now" if n_old != n_new else "equal rows, other bytes"


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(_ROWS)


def _first_row(n_before: int, was: list[dict[str, Any]], became: list[dict[str, Any]]) -> str:
    """Where the first row differs, without what it says: it may be about a person."""
    for number, (one, other) in enumerate(zip(was, became, strict=False), start=n_before):
        differing = [column for column in one if one[column] != other.get(column)]
        if differing:
            return f"row {number} differs in {', '.join(differing)}"
    return f"row {n_before + min(len(was), len(became))} is there only once"
