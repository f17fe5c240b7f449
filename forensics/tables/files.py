"""Files that are whole or absent: a temporary name, fsync, rename, fsync of the folder."""

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

__all__ = [
    "described",
    "encoded_json",
    "encoded_table",
    "fault_in_table",
    "link_or_copy",
    "parquet_writer",
    "read_table",
    "remove_unfinished",
    "sync_folder",
    "whole_file",
    "write_bytes",
    "write_json",
    "write_table",
]

_ROW_GROUP_ROWS = 65_536
_PRIVATE = 0o600
_UNFINISHED = f".*.{'[0-9a-f]' * 8}.tmp"
_FAULTS = (pa.ArrowException, OSError, ValueError, KeyError)


@contextlib.contextmanager
def whole_file(path: Path, mode: int = _PRIVATE) -> Iterator[IO[bytes]]:
    """A file that appears at `path` once the block ends well, and not at all if it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, descriptor = _begun(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            if mode != _PRIVATE:  # which it is already; some file systems know no modes
                os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _begun(path: Path) -> tuple[Path, int]:
    """A temporary file beside `path`, open and held, so that nobody takes it for one whose writer died."""
    while True:
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        with contextlib.suppress(OSError):  # a file system without locks; then nobody removes it either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # it was taken for one before it was held


def remove_unfinished(folder: Path, *, of: str = "") -> None:
    """What killed processes were writing in a folder is gone; what somebody still writes stays, and so do other files.

    Args:
        folder: itself, not the folders in it.
        of: only files whose names begin so.
    """
    for temporary in folder.glob(f".{of}{_UNFINISHED[1:]}" if of else _UNFINISHED):
        with contextlib.suppress(OSError):
            descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                temporary.unlink()
            finally:
                os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """A second name of the same bytes; a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        write_bytes(Path(target), Path(source).read_bytes())


def write_bytes(path: Path, data: bytes, mode: int = _PRIVATE) -> None:
    """Write all of `data` or nothing; only its owner reads it unless `mode` says otherwise."""
    with whole_file(path, mode) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, all of it or nothing."""
    write_bytes(path, encoded_json(value))


def encoded_json(value: Any) -> bytes:
    """As indented JSON."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as zstd Parquet, all of it or nothing; equal tables give equal bytes."""
    with whole_file(path) as file:
        _write_into(file, table)


def encoded_table(table: pa.Table) -> bytes:
    """The bytes that `write_table` writes."""
    buffer = io.BytesIO()
    _write_into(buffer, table)
    return buffer.getvalue()


def _write_into(file: IO[bytes], table: pa.Table) -> None:
    with parquet_writer(file, table.schema) as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)


def parquet_writer(file: IO[bytes], schema: pa.Schema) -> pq.ParquetWriter:
    """The one way this project writes Parquet; every page carries its checksum."""
    return pq.ParquetWriter(
        file, schema, compression="zstd", write_statistics=True, version="2.6", write_page_checksum=True
    )


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """The rows of a file we wrote, checked against the schema they must have.

    Raises:
        IntegrityBroken: the file is not Parquet any more, or has other columns.
    """
    try:
        table = _whole_table(path)
    except _FAULTS as error:
        raise IntegrityBroken(
            f"cannot be read as Parquet ({error})", "restore it, or delete it to have it made again", path
        ) from error
    if not table.schema.equals(schema, check_metadata=False):
        raise IntegrityBroken(
            f"{_other_columns(table, schema)}",
            "it was written by another version; use that version or start a new case",
            path,
        )
    return table


def _other_columns(table: pa.Table, schema: pa.Schema) -> str:
    return f"has the columns {table.schema.names}, expected {schema.names}"


def fault_in_table(path: Path, schema: pa.Schema) -> str:
    """Why the bytes of a file are not a whole table with these columns; empty if they are.

    Raises:
        OSError: the disk does not give the bytes.
    """
    try:
        table = _whole_table(path)
    except _FAULTS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return " ".join(str(error).split())
    return "" if table.schema.equals(schema, check_metadata=False) else _other_columns(table, schema)


def _whole_table(path: Path) -> pa.Table:
    table = pq.read_table(path, page_checksum_verification=True)
    table.validate(full=True)
    return table


def described(path: Path, root: Path) -> dict[str, Any]:
    """What a manifest says of a Parquet file: name relative to `root`, rows, bytes, SHA-256."""
    return {
        "path": path.relative_to(root).as_posix(),
        "rows": pq.read_metadata(path).num_rows,
        "bytes": path.stat().st_size,
        "sha256": sha256_of_file(path),
    }
