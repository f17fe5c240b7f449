"""Atomic files: a temporary name, fsync, rename, fsync of the folder; with them Parquet, sealed or not, and JSON."""

import contextlib
import fcntl
import io
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from forensics.custody.sealer import Sealer
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.json_object import JsonObject

__all__ = [
    "atomic_file",
    "describe_file",
    "encode_json",
    "encode_table",
    "link_or_copy",
    "parquet_writer",
    "read_any_table",
    "read_sealed_table",
    "read_table",
    "remove_unfinished",
    "seal_table",
    "sealing_context",
    "sync_folder",
    "write_bytes",
    "write_json",
    "write_new",
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


def write_new(path: Path, data: bytes, mode: int = _PRIVATE) -> None:
    """Write a file atomically that must not exist.

    Raises:
        FileExistsError: it exists, perhaps only since a moment ago.
    """
    temporary, descriptor = _open_temporary(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        os.link(temporary, path)  # unlike a rename, this never replaces a file
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


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


def seal_table(path: Path, table: pa.Table, sealer: Sealer, *, at_least: int = 0) -> bytes:
    """Return the bytes of a sealed table for the file at `path`; equal tables give equal bytes.

    They are bound to the names of the file and its folder, so a sealed file cannot take the place of another.
    `at_least` is a size in bytes up to which nothing of the table's size is visible.
    """
    return sealer.seal(encode_table(table), sealing_context(path), at_least=at_least)


def sealing_context(path: Path) -> str:
    """Return the context of a sealed file: its name and that of its folder."""
    return f"{path.parent.name}/{path.name}"


def encode_table(table: pa.Table) -> bytes:
    """Return the bytes that `write_table` would write."""
    buffer = io.BytesIO()
    _write_into(buffer, table)
    return buffer.getvalue()


def _write_into(file: IO[bytes], table: pa.Table) -> None:
    with parquet_writer(file, table.schema) as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)


def parquet_writer(
    file: IO[bytes], schema: pa.Schema, encodings: Mapping[str, str] = MappingProxyType({})
) -> pq.ParquetWriter:
    """Return the writer that every Parquet file of this project is written with; each page has a checksum.

    Args:
        file: the file.
        schema: of the table.
        encodings: Parquet encoding by column; other columns have a dictionary where it helps.
    """
    return pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        write_statistics=True,
        version="2.6",
        write_page_checksum=True,
        use_dictionary=[name for name in schema.names if name not in encodings] if encodings else True,
        column_encoding=dict(encodings) or None,
    )


def read_table(path: Path, *schemas: pa.Schema) -> pa.Table:
    """Read a table that this project wrote, and check that it has one of these schemas.

    Raises:
        IntegrityBroken: the file cannot be read as Parquet, or has other columns.
    """
    return _read_checked(path, path, schemas)


def read_any_table(path: Path) -> pa.Table:
    """Read a table of any version of this project, whatever its columns.

    Raises:
        IntegrityBroken: the file cannot be read as Parquet.
    """
    return _read_checked(path, path, ())


def read_sealed_table(path: Path, schema: pa.Schema, sealer: Sealer) -> pa.Table:
    """Read a table that `seal_table` sealed, and check its schema.

    Raises:
        IntegrityBroken: the file cannot be opened with this key, is no table, or has other columns.
    """
    return _read_checked(path, io.BytesIO(sealer.unseal(path.read_bytes(), sealing_context(path))), (schema,))


def _read_checked(path: Path, source: Path | io.BytesIO, schemas: Sequence[pa.Schema]) -> pa.Table:
    try:
        table = _read_validated(source)
    except _READ_ERRORS as error:
        raise IntegrityBroken(
            f"cannot be read as Parquet ({error})",
            "restore it from a backup, or delete it so that the next run makes it again",
            path,
        ) from error
    if schemas and not any(table.schema.equals(schema, check_metadata=False) for schema in schemas):
        raise IntegrityBroken(
            _describe_other_columns(table, schemas[0]),
            "it was written by another version of this program; use that version or start a new case",
            path,
        )
    return table


def _describe_other_columns(table: pa.Table, schema: pa.Schema) -> str:
    return f"has the columns {table.schema.names}, expected {schema.names}"


def _read_validated(source: Path | io.BytesIO) -> pa.Table:
    table = pq.read_table(source, page_checksum_verification=True)
    table.validate(full=True)
    return table


def describe_file(path: Path, root: Path, *, n_rows: int | None = None) -> JsonObject:
    """Return the manifest's entry of a table: path relative to `root`, rows, bytes, SHA-256.

    Args:
        path: the file.
        root: folder of the tables.
        n_rows: number of rows of a sealed table; None reads it from a Parquet file.
    """
    return {
        "path": path.relative_to(root).as_posix(),
        "rows": pq.read_metadata(path).num_rows if n_rows is None else n_rows,
        "bytes": path.stat().st_size,
        "sha256": sha256_of_file(path),
    }
