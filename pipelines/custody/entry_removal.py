"""Remove an entry of the watch-list: its pictures, its template, and the faces that were compared with it."""

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from forensics.custody.case_folder import CaseFolder
from forensics.digests import digest_of
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.tables.files import read_table, write_table
from forensics.tables.schemas import RECOGNISE_PART
from pipelines.custody.case_document import Case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.entries import entry_named
from pipelines.custody.erasure import destroy_files

__all__ = ["remove_entry", "replace_parts"]


def remove_entry(
    case: Case, files: DecidingFiles, entry_id: str, *, why: str, who: dict[str, str], now: datetime
) -> Path:
    """Destroy an entry's pictures, its template and the faces that resembled it; returns the certificate.

    Published rows of candidates that name the entry hold numbers only; the next run removes them.

    Raises:
        UsageError: there is no such entry.
        NotAuthorised: the case is on hold.
    """
    entry_named(case.folder, entry_id)
    if case.mandate.hold:
        raise NotAuthorised(f"the case is on hold ({case.mandate.hold})", "nothing of it may be deleted")
    paths = [path for path in sorted((case.folder.watchlist / entry_id).iterdir()) if path.is_file()]
    paths += _replace_parts_naming(case.folder, entry_id)
    return destroy_files(case, files, paths, reason="entry", why=f"{entry_id}: {why}", who=who, now=now)


def _replace_parts_naming(folder: CaseFolder, entry_id: str) -> list[Path]:
    """Write parts without the rows of an entry; returns the parts to destroy.

    Withheld parts and parts that a killed command left half written cannot be opened, so they are destroyed as well;
    the next run compares again.
    """
    unreadable = [path for kind in ("sealed", "tmp") for path in folder.runs.glob(f"*/parts/recognise/*.{kind}")]
    kept, why = pc.field("entry_id") != entry_id, f"without {entry_id}"
    readable = sorted(folder.runs.glob("*/parts/recognise/*.parquet"))
    return sorted(unreadable) + [old for part in readable for old in _replace(part, kept, why=why)]


def replace_parts(parts: Iterable[Path], pairs: Collection[tuple[str, str]]) -> list[Path]:
    """Write parts with the rows of these pairs (sighting, entry) alone; returns the parts to destroy."""
    names = pa.array(sorted(f"{sighting_id}:{entry_id}" for sighting_id, entry_id in pairs), pa.string())
    kept = pc.binary_join_element_wise(pc.field("sighting_id"), pc.field("entry_id"), ":").isin(names)
    return [old for part in sorted(parts) for old in _replace(part, kept, why=f"only {names.to_pylist()}")]


def _replace(part: Path, kept: pc.Expression, *, why: str) -> list[Path]:
    """Write the kept rows to a new part unless all rows are kept; returns the old part if it must be destroyed."""
    if part.suffix != ".parquet":
        return [part]
    try:
        rows = read_table(part, RECOGNISE_PART)
    except IntegrityBroken:  # it cannot be read, so it may name anybody
        return [part]
    others = rows.filter(kept)
    if len(others) == len(rows):
        return []
    if len(others):
        write_table(part.with_stem(digest_of({"part": part.stem, "why": why})), others)
    return [part]
