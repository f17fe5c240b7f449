"""Removal of an entry of the watch-list, with its pictures, its template and the faces compared with it."""

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from forensics.custody.case_document import Case
from forensics.custody.case_folder import SEALED_SUFFIX, CaseFolder
from forensics.digests import digest_of
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.tables.files import read_table, write_table
from forensics.tables.schemas import RECOGNISE_PART
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.entries import find_entry
from pipelines.custody.erasure import destroy_files

__all__ = ["remove_entry", "replace_parts"]


# Ends of the names of withheld and of unfinished parts.
_UNREADABLE: Final = (SEALED_SUFFIX, ".tmp")


def remove_entry(
    case: Case, files: DecidingFiles, entry_id: str, *, why: str, who: dict[str, str], now: datetime
) -> Path:
    """Destroy an entry's pictures, its template and the faces compared with it; return the certificate.

    Published rows of candidates of the entry contain only numbers; the next run removes them.

    Raises:
        UsageError: there is no such entry.
        NotAuthorised: the case is on hold.
    """
    find_entry(case.folder, entry_id)
    if case.mandate.hold:
        raise NotAuthorised(
            f"the case is on hold ({case.mandate.hold}), so nothing may be deleted",
            "lift the hold with `forensics case hold --lift`, then try again",
        )
    paths = [path for path in sorted(case.folder.entry_folder(entry_id).iterdir()) if path.is_file()]
    paths += _replace_parts_naming(case.folder, entry_id)
    return destroy_files(case, files, paths, reason="entry", why=f"{entry_id}: {why}", who=who, now=now)


def _replace_parts_naming(folder: CaseFolder, entry_id: str) -> list[Path]:
    """Write parts without the rows of an entry; return the parts to destroy.

    Withheld parts and parts that a killed command left incomplete cannot be read, so they are destroyed as well. The
    next run computes them again.
    """
    rows, why = pc.field("entry_id") != entry_id, f"without {entry_id}"
    parts = folder.compared_parts()
    unreadable = [part for part in parts if part.suffix in _UNREADABLE]
    readable = [part for part in parts if part.suffix == ".parquet"]
    return unreadable + [old for part in readable for old in _replace_part(part, rows, why=why)]


def replace_parts(parts: Iterable[Path], pairs: Collection[tuple[str, str]]) -> list[Path]:
    """Write parts with only the rows of these pairs (sighting, entry); return the parts to destroy."""
    names = pa.array(sorted(f"{sighting_id}:{entry_id}" for sighting_id, entry_id in pairs), pa.string())
    rows = pc.binary_join_element_wise(pc.field("sighting_id"), pc.field("entry_id"), ":").isin(names)
    return [old for part in sorted(parts) for old in _replace_part(part, rows, why=f"only {names.to_pylist()}")]


def _replace_part(part: Path, rows_to_keep: pc.Expression, *, why: str) -> list[Path]:
    """Write the rows to keep to a new part unless they are all; return the old part if it must be destroyed."""
    if part.suffix != ".parquet":
        return [part]
    try:
        rows = read_table(part, RECOGNISE_PART)
    except IntegrityBroken:  # an unreadable part may name any entry
        return [part]
    others = rows.filter(rows_to_keep)
    if len(others) == len(rows):
        return []
    if len(others):
        write_table(part.with_stem(digest_of({"part": part.stem, "why": why})), others)
    return [part]
