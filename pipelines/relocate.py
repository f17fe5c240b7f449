"""Footage that moved: found again by what it is, wherever it lies now."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from forensics.adapters.footage_index import digest_and_size
from forensics.adapters.object_store import size_of_object
from forensics.errors import DecoderLost, UnreadableFootage
from forensics.evidence import Evidence, evidence_id_of
from forensics.place import StoreObject
from forensics.tables.evidence import evidence_table, load_evidence
from forensics.tables.files import encoded_table
from pipelines.custody.deciding_files import DecidingFiles

__all__ = ["is_absent", "relocate"]


def is_absent(item: Evidence) -> bool:
    """Whether nothing can be read where the evidence was; a store is asked, and may not answer."""
    if not isinstance(item.path, StoreObject):
        return not item.path.exists()
    try:
        return size_of_object(item.path) != item.size_bytes
    except (UnreadableFootage, DecoderLost):
        return True


def relocate(files: DecidingFiles, search: Path) -> list[tuple[Evidence, Path]]:
    """Find evidence that is no longer at its path by digest below `search`; returns what was found where.

    Args:
        files: writes the lists of the case, which the caller has locked.
        search: a file or folder, read but never written.
    """
    folder = files.folder
    evidence = {item.evidence_id: item for item in load_evidence(folder)}
    lost = {item.evidence_id: item for item in evidence.values() if is_absent(item)}
    found = []
    for path in [search, *sorted(search.rglob("*"))]:
        item = lost.pop(_id_of(path), None) if path == search or _is_likely(path, lost.values()) else None
        if item is not None:
            evidence[item.evidence_id] = _moved(item, path.absolute())
            found.append((item, path.absolute()))
    files.write_together({folder.evidence_file: encoded_table(evidence_table(folder, list(evidence.values())))})
    return found


def _is_likely(path: Path, lost: Iterable[Evidence]) -> bool:
    """Whether something that was lost may lie at `path`: files are told by size, folders of stills by name."""
    try:
        if path.is_dir():
            return any(item.path.name == path.name for item in lost)
        return path.is_file() and any(item.size_bytes == path.stat().st_size for item in lost)
    except OSError:
        return False


def _id_of(path: Path) -> str:
    """The id of what lies at `path`; empty where it cannot be read."""
    try:
        return evidence_id_of(digest_and_size(path)[0])
    except (UnreadableFootage, DecoderLost):
        return ""


def _moved(item: Evidence, path: Path) -> Evidence:
    readable = item.readable
    if readable is not None and readable.working_copy_sha256 is None:
        readable = replace(readable, footage=replace(readable.footage, path=path))
    return replace(item, path=path, readable=readable)
