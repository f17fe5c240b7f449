"""Files of the published tables, compared with the manifest, and their rows in the columns of this version."""

from functools import lru_cache
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from forensics.custody.case_document import read_case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.sealer import Sealer
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.json_object import JsonObject, decode_json
from forensics.spelling import in_shell
from forensics.tables.files import read_sealed_table
from forensics.tables.manifest import read_manifest
from forensics.tables.schemas import CANDIDATES, CANDIDATES_TABLE, PUBLISHED, RUN_COLUMNS, SCHEMA_VERSION

__all__ = ["candidate_files", "candidates_of", "check_published", "published_files", "scan_published", "table_of_file"]

_NEXT_STEP: Final = "run `forensics verify` to see what has changed; `forensics run` publishes the tables again"
_WHERE_STATED: Final = "`forensics case show CASE` displays whether the results are withheld or destroyed"


def table_of_file(path: str) -> str:
    """Return the table that a file of the manifest belongs to; version 1 gave every table a folder.

    >>> [table_of_file(path) for path in ("sightings.parquet", "sightings/part-0.parquet", "candidates.parquet.sealed")]
    ['sightings', 'sightings', 'candidates']
    """
    return path.partition("/")[0].partition(".")[0]


def published_files(folder: CaseFolder, table: str) -> list[Path]:
    """Return the files of one table that the manifest names, after checking their digests.

    Raises:
        IntegrityBroken: a file is missing or has changed since it was published.
    """
    files = [file for file in read_manifest(folder)["files"] if table_of_file(file["path"]) == table]
    for file in files:
        check_published(folder.tables / file["path"], file["sha256"])
    return [folder.tables / file["path"] for file in files]


def check_published(path: Path, expected_sha256: str) -> None:
    """Raise `IntegrityBroken` unless a file has the digest that was published."""
    if not path.is_file():
        raise IntegrityBroken("is missing", _NEXT_STEP, path)
    state = path.stat()
    actual = _digest(path, (state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns))
    if actual != expected_sha256:
        raise IntegrityBroken("has changed since it was published", _NEXT_STEP, path)


@lru_cache(maxsize=256)
def _digest(path: Path, state: tuple[int, ...]) -> str:
    """Return the SHA-256 of a file; cached as long as size, inode and times stay the same."""
    return sha256_of_file(path)


def scan_published(folder: CaseFolder, table: str) -> pl.LazyFrame:
    """Return the rows of a published table in the columns of this version, nulls where an older one published less.

    Raises:
        UsageError: an older version published the run without this table.
        IntegrityBroken: a file of the table is missing or has changed since it was published.
    """
    files, manifest = published_files(folder, table), read_manifest(folder)
    if not files:
        raise UsageError(
            f"the published run has no table {table!r}: an older version of this program made it",
            f"run `forensics run {in_shell(folder.root)}` again, which publishes all tables",
        )
    rows = pl.scan_parquet(files)
    if manifest["schema_version"] == SCHEMA_VERSION and rows.collect_schema().names() == PUBLISHED[table].names:
        return rows
    return _upgrade(rows, table, folder, manifest)


def _upgrade(rows: pl.LazyFrame, table: str, folder: CaseFolder, manifest: JsonObject) -> pl.LazyFrame:
    """Return rows of version 1, or of a version 2 with fewer columns, in the columns of this version."""
    if table == "evidence" and manifest["schema_version"] != SCHEMA_VERSION:
        # version 1 called the reading of the camera's own clock by the name of the corrected time
        reading = pl.col("start_utc").dt.replace_time_zone(None).alias("start_camera_clock")
        name = pl.col("path").str.strip_suffix("/").str.split("/").list.last().alias("file_name")
        rows = rows.with_columns(reading, name).drop("start_utc", "clock_error_ms")
    known, identity = rows.collect_schema().names(), _identity(folder, manifest)
    columns = [
        pl.col(name).cast(dtype) if name in known else pl.lit(identity.get(name), dtype).alias(name)
        for name, dtype in _polars_schema(table).items()
    ]
    return rows.select(columns)


def _polars_schema(table: str) -> pl.Schema:
    empty = pl.from_arrow(PUBLISHED[table].empty_table())
    assert isinstance(empty, pl.DataFrame)
    return empty.schema


def _identity(folder: CaseFolder, manifest: JsonObject) -> dict[str, str]:
    """Return the values of the columns that name case, run and model."""
    case_id, run_id = manifest.get("case_id") or read_case(folder).case_id, manifest["run"]
    model = (manifest.get("model") or _recorded_model(folder, run_id)).get("name")
    return dict(zip(RUN_COLUMNS, (case_id, run_id, model), strict=True))


def _recorded_model(folder: CaseFolder, run_id: str) -> JsonObject:
    record = folder.run(run_id).record
    model: JsonObject = (decode_json(record.read_text()) if record.exists() else {}).get("model") or {}
    return model


def candidates_of(folder: CaseFolder, sealer: Sealer) -> pl.LazyFrame:
    """Decrypt the table candidates; the caller must write the access to the log.

    Raises:
        UsageError: the published run compared no faces.
        NotAuthorised: the table was destroyed.
        IntegrityBroken: the table cannot be opened with this key.
    """
    files = candidate_files(folder)
    if not all(path.exists() for path in files):
        raise NotAuthorised("was destroyed", _WHERE_STATED, files[0])
    tables = [read_sealed_table(path, CANDIDATES, sealer) for path in published_files(folder, CANDIDATES_TABLE)]
    rows = pl.from_arrow(pa.concat_tables(tables))
    assert isinstance(rows, pl.DataFrame)
    identity = _identity(folder, read_manifest(folder))
    return rows.lazy().with_columns(pl.lit(value, pl.String).alias(name) for name, value in identity.items())


def candidate_files(folder: CaseFolder) -> list[Path]:
    """Return the files of the table candidates that the manifest names.

    Raises:
        UsageError: the published run compared no faces.
    """
    paths = [file["path"] for file in read_manifest(folder)["files"]]
    files = [folder.tables / path for path in paths if table_of_file(path) == CANDIDATES_TABLE]
    if not files:
        raise UsageError("has no candidates, because no faces were compared", _WHERE_STATED, folder.root)
    return files
