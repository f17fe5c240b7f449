"""Atomic files: a temporary name, fsync, rename, fsync of the folder; Parquet and JSON on top of them."""

import contextlib
import fcntl
import io
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.json_object import JsonObject

__all__ = [
    "atomic_file",
    "describe_file",
    "encode_json",
    "encode_table",
    "find_table_fault",
    "link_or_copy",
    "parquet_writer",
    "read_table",
    "remove_unfinished",
    "sync_folder",
    "write_bytes",
    "write_json",
    "write_table",
]

_ROW_GROUP_ROWS = 65_536
_PRIVATE = 0o600
_TEMPORARY_PATTERN = f".*.{'[0-9a-f]' * 8}.tmp"
_READ_ERRORS = (pa.ArrowException, OSError, ValueError, KeyError)


@contextlib.contextmanager
def atomic_file(path: Path, mode: int = _PRIVATE) -> Iterator[IO[bytes]]:
    """Open a file that appears at `path` when the block ends, and not at all if the block raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, descriptor = _open_temporary(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            if mode != _PRIVATE:  # the mode it was created with; chmod fails on file systems without modes
                os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _open_temporary(path: Path) -> tuple[Path, int]:
    """Open a locked temporary file beside `path`; the lock shows `remove_unfinished` that its writer is alive."""
    while True:
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        with contextlib.suppress(OSError):  # without locks in the file system, `remove_unfinished` removes nothing
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # `remove_unfinished` deleted it before it was locked


def remove_unfinished(folder: Path, *, prefix: str = "") -> None:
    """Delete the temporary files that killed processes left in a folder; those still being written stay.

    Args:
        folder: searched without its subfolders.
        prefix: delete only temporary files of files whose names start with this.
    """
    for temporary in folder.glob(f".{prefix}{_TEMPORARY_PATTERN[1:]}" if prefix else _TEMPORARY_PATTERN):
        with contextlib.suppress(OSError):
            descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                temporary.unlink()
            finally:
                os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush the directory entries of a folder to disk, so that new names survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Link `target` to the bytes of `source`; copy them where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        write_bytes(Path(target), Path(source).read_bytes())


def write_bytes(path: Path, data: bytes, mode: int = _PRIVATE) -> None:
    """Write a file atomically; by default only its owner can read it."""
    with atomic_file(path, mode) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, atomically."""
    write_bytes(path, encode_json(value))


def encode_json(value: Any) -> bytes:
    """Encode a value as indented JSON."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as zstd Parquet, atomically; equal tables give equal bytes."""
    with atomic_file(path) as file:
        _write_into(file, table)


def encode_table(table: pa.Table) -> bytes:
    """Return the bytes that `write_table` would write."""
    buffer = io.BytesIO()
    _write_into(buffer, table)
    return buffer.getvalue()


def _write_into(file: IO[bytes], table: pa.Table) -> None:
    with parquet_writer(file, table.schema) as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)


def parquet_writer(file: IO[bytes], schema: pa.Schema) -> pq.ParquetWriter:
    """Return the writer that every Parquet file of this project is written with; each page has a checksum."""
    return pq.ParquetWriter(
        file, schema, compression="zstd", write_statistics=True, version="2.6", write_page_checksum=True
    )


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a table that this project wrote, and check its schema.

    Raises:
        IntegrityBroken: the file cannot be read as Parquet, or has other columns.
    """
    try:
        table = _read_validated(path)
    except _READ_ERRORS as error:
        raise IntegrityBroken(
            f"cannot be read as Parquet ({error})",
            "restore it from a backup, or delete it so that the next run makes it again",
            path,
        ) from error
    if not table.schema.equals(schema, check_metadata=False):
        raise IntegrityBroken(
            _describe_other_columns(table, schema),
            "it was written by another version of this program; use that version or start a new case",
            path,
        )
    return table


def _describe_other_columns(table: pa.Table, schema: pa.Schema) -> str:
    return f"has the columns {table.schema.names}, expected {schema.names}"


def find_table_fault(path: Path, schema: pa.Schema) -> str:
    """Return why a file is not a valid table with these columns; empty if it is.

    Raises:
        OSError: the file system cannot read the file.
    """
    try:
        table = _read_validated(path)
    except _READ_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return " ".join(str(error).split())
    return "" if table.schema.equals(schema, check_metadata=False) else _describe_other_columns(table, schema)


def _read_validated(path: Path) -> pa.Table:
    table = pq.read_table(path, page_checksum_verification=True)
    table.validate(full=True)
    return table


def describe_file(path: Path, root: Path) -> JsonObject:
    """Return the manifest's entry of a Parquet file: path relative to `root`, rows, bytes, SHA-256."""
    return {
        "path": path.relative_to(root).as_posix(),
        "rows": pq.read_metadata(path).num_rows,
        "bytes": path.stat().st_size,
        "sha256": sha256_of_file(path),
    }
