"""Finds the first table, row or picture in which two runs differ, without revealing values about a person."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from forensics.custody.case_folder import SEALED_SUFFIX, RunFolder
from forensics.custody.sealer import Sealer
from forensics.digests import sha256_of_file
from forensics.faults import Fault, FaultKind
from forensics.json_object import JsonObject, decode_json
from forensics.tables.files import sealing_context

__all__ = ["find_changed_file", "find_first_difference"]

_ROWS: Final = 65_536
# Facts of a manifest about the scope of the case, see `forensics.tables.searched_scope`.
_OF_THE_SCOPE: Final = ("scope", "mandate")


def find_first_difference(
    recorded: RunFolder,
    old_manifest: JsonObject,
    repeated: RunFolder,
    new_manifest: JsonObject,
    sealer: Sealer | None = None,
) -> str:
    """Return the first table, row or picture that differs, as text; empty if none does.

    Args:
        recorded: the recorded run.
        old_manifest: its manifest.
        repeated: the repeated run.
        new_manifest: its manifest.
        sealer: opens sealed tables; None if there are none.
    """
    remaining = {file["path"]: file["sha256"] for file in new_manifest["files"]}
    for file in old_manifest["files"]:
        if remaining.pop(file["path"], None) != file["sha256"]:
            return f"{file['path']}: {_describe_difference(recorded, repeated, file['path'], sealer)}"
    for path in remaining:
        return f"{path}: exists only in the repeated run"
    old, new = (
        {each["path"]: each["sha256"] for each in manifest.get("pictures", [])}
        for manifest in (old_manifest, new_manifest)
    )
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            return f"{path}: the picture differs"
    if _facts_of_run(recorded, old_manifest) != _facts_of_run(repeated, old_manifest):
        return "MANIFEST.json: the facts about the whole run differ"
    return ""


def _facts_of_run(run: RunFolder, old_manifest: JsonObject) -> JsonObject:
    """Return the facts of a manifest that the old one has too: earlier versions published none or one of two."""
    unknown = {name for name in _OF_THE_SCOPE if old_manifest.get(name) is None}
    return {name: value for name, value in decode_json(run.manifest.read_text()).items() if name not in unknown}


def find_changed_file(run: RunFolder, manifest: JsonObject) -> Fault | None:
    """Return the first table or picture of a run that differs from its manifest; None if none does.

    A missing file is ignored here: it may have been destroyed on record, and `verify` reports it.
    """
    tables = ((run.tables / file["path"], file["sha256"]) for file in manifest["files"])
    pictures = ((run.case_root / each["path"], each["sha256"]) for each in manifest.get("pictures", []))
    for path, sha256 in (*tables, *pictures):
        if path.exists() and sha256_of_file(path) != sha256:
            return Fault(FaultKind.ALTERED, path, "has changed since it was recorded")
    return None


def _describe_difference(recorded: RunFolder, repeated: RunFolder, name: str, sealer: Sealer | None) -> str:
    """Return how a table with different digests differs: the first row, or the number of rows."""
    paths = recorded.tables / name, repeated.tables / name
    if not all(path.exists() for path in paths):
        return "exists in only one of the two runs"
    old, new = (_opened(path, sealer) for path in paths)
    n_equal = 0
    for old_rows, new_rows in zip(_batches(old), _batches(new), strict=False):
        if not old_rows.equals(new_rows):
            return _describe_row(n_equal, old_rows.to_pylist(), new_rows.to_pylist())
        n_equal += len(old_rows)
    n_old, n_new = (pq.read_metadata(source).num_rows for source in (old, new))
    return f"{n_old} rows recorded, {n_new} now" if n_old != n_new else "the rows are equal, the bytes differ"


def _opened(path: Path, sealer: Sealer | None) -> Path | io.BytesIO:
    """Return the file, or the content of a sealed one."""
    if path.suffix != SEALED_SUFFIX:
        return path
    assert sealer is not None
    return io.BytesIO(sealer.unseal(path.read_bytes(), sealing_context(path)))


def _batches(source: Path | io.BytesIO) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(source) as file:
        yield from file.iter_batches(_ROWS)


def _describe_row(n_before: int, old: list[JsonObject], new: list[JsonObject]) -> str:
    """Return the first row that differs and its columns, without values, because they may be about a person."""
    for number, (old_row, new_row) in enumerate(zip(old, new, strict=False), start=n_before):
        differing = [column for column in old_row if old_row[column] != new_row.get(column)]
        if differing:
            return f"row {number} differs in {', '.join(differing)}"
    return f"row {n_before + min(len(old), len(new))} exists in only one of the two runs"
