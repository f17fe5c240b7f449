"""Removal of an entry of the watch-list, with its pictures, its template and the faces compared with it."""

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from forensics.custody.case_document import Case
from forensics.custody.sealer import Sealer
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.tables.files import read_sealed_table, seal_table
from forensics.tables.schemas import RECOGNISE_PART
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.entries import read_entry
from pipelines.custody.erasure import destroy_files
from pipelines.custody.keys import keyring_for
from pipelines.custody.part_records import PartRecords

__all__ = ["remove_entry", "replace_parts"]


def remove_entry(
    case: Case, files: DecidingFiles, entry: Path, *, why: str, who: dict[str, str], now: datetime
) -> Path:
    """Destroy an entry's pictures, its template and the faces compared with it; return the certificate.

    Args:
        case: the case; the caller holds its lock.
        files: removes the files and writes the certificate.
        entry: folder of the entry.
        why: the reason in words.
        who: facts about the user.
        now: time of the removal.

    Published rows of candidates of the entry stay sealed until the next run removes them.

    Raises:
        NotAuthorised: the case is on hold.
    """
    if case.mandate.hold:
        raise NotAuthorised(
            f"the case is on hold ({case.mandate.hold}), so nothing may be deleted",
            "lift the hold with `forensics case hold --lift`, then try again",
        )
    paths = [path for path in sorted(entry.iterdir()) if path.is_file()]
    paths += _replace_parts_naming(case, entry)
    return destroy_files(case, files, paths, reason="entry", why=why, who=who, now=now)


def _replace_parts_naming(case: Case, entry: Path) -> list[Path]:
    """Write parts without the rows of an entry; return the parts to destroy.

    Parts that cannot be read, because the key is withheld or a killed command left them incomplete, are destroyed as
    well. The next run computes them again.
    """
    keyring, parts = keyring_for(case.folder, case.case_id), case.folder.compared_parts()
    if not keyring.exists:
        return parts
    key = keyring.load_withheld()
    entry_id = read_entry(entry, key).entry_id
    rows = pc.field("entry_id") != entry_id
    return [old for part in parts for old in _replace_part(part, rows, key, why=f"without {entry_id}")]


def replace_parts(parts: Iterable[Path], pairs: Collection[tuple[str, str]], key: Sealer) -> list[Path]:
    """Write parts with only the rows of these pairs (sighting, entry); return the parts to destroy."""
    names = pa.array(sorted(f"{sighting_id}:{entry_id}" for sighting_id, entry_id in pairs), pa.string())
    rows = pc.binary_join_element_wise(pc.field("sighting_id"), pc.field("entry_id"), ":").isin(names)
    return [old for part in sorted(parts) for old in _replace_part(part, rows, key, why=f"only {names.to_pylist()}")]


def _replace_part(part: Path, rows_to_keep: pc.Expression, key: Sealer, *, why: str) -> list[Path]:
    """Write the rows to keep to a new part unless they are all; return the old part if it must be destroyed."""
    try:
        rows = read_sealed_table(part, RECOGNISE_PART, key)
    except IntegrityBroken:  # an unreadable part may name any entry
        return [part]
    others = rows.filter(rows_to_keep)
    if len(others) == len(rows):
        return []
    if len(others):
        unit, suffixes = part.name.split(".")[0], "".join(part.suffixes)
        new = part.with_name(f"{key.reference('part', f'{unit}: {why}')}{suffixes}")
        PartRecords.holding(new).store(new, seal_table(new, others, key))
    return [part]
