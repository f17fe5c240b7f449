"""Footage that moved: found again by what it is, wherever it lies now."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from forensics.adapters.footage_index import digest_and_size
from forensics.adapters.store.object_store import size_of_object
from forensics.custody.case_folder import CaseFolder
from forensics.errors import DecoderLost, UnreadableFootage, UsageError
from forensics.footage.evidence import Evidence, evidence_id_of
from forensics.place import Place, StoreObject
from forensics.spelling import is_text
from forensics.tables.evidence import evidence_table, load_evidence, load_index
from forensics.tables.files import encoded_table
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.intake.footage_paths import listed

__all__ = ["is_absent", "relocate"]


def is_absent(item: Evidence) -> bool:
    """Whether what lies where the evidence was has not even its size; a store is asked, and may not answer."""
    if not isinstance(item.path, StoreObject):
        return not item.path.is_dir() and not (item.path.is_file() and item.path.stat().st_size == item.size_bytes)
    try:
        return size_of_object(item.path) != item.size_bytes
    except (UnreadableFootage, DecoderLost):
        return True


def relocate(files: DecidingFiles, search: Place) -> list[tuple[Evidence, Place]]:
    """Find evidence that is no longer at its place by digest below `search`; returns what was found where.

    Args:
        files: writes the lists of the case, which the caller has locked.
        search: a file or folder, an object, or what all keys of a store begin with; read but never written.

    Raises:
        UsageError: the store holds what was ingested from a disk.
        CannotStart: the store does not say what it holds.
    """
    folder = files.folder
    evidence = {item.evidence_id: item for item in load_evidence(folder)}
    lost = {item.evidence_id: item for item in evidence.values() if is_absent(item)}
    found = []
    for place in _below(search):
        item = lost.pop(_id_of(place), None) if place == search or _is_likely(place, lost.values()) else None
        if item is not None:
            evidence[item.evidence_id] = _moved(folder, item, place)
            found.append((item, place))
    files.write_together({folder.evidence_file: encoded_table(evidence_table(folder, list(evidence.values())))})
    return found


def _below(search: Place) -> Iterator[Place]:
    if isinstance(search, StoreObject):
        yield from listed(search) if search.url.endswith("/") else [search]
    else:
        if is_text(str(search)):
            yield search
        yield from (path.absolute() for path in sorted(search.rglob("*")) if is_text(str(path)))


def _is_likely(place: Place, lost: Iterable[Evidence]) -> bool:
    """Whether something that was lost may lie there: files and objects are told by size, folders of stills by name."""
    try:
        if isinstance(place, StoreObject):
            size_bytes = size_of_object(place)
        elif place.is_dir():
            return any(item.path.name == place.name for item in lost)
        else:
            size_bytes = place.stat().st_size if place.is_file() else -1
        return any(item.size_bytes == size_bytes for item in lost)
    except (OSError, UnreadableFootage, DecoderLost):
        return False


def _id_of(path: Place) -> str:
    """The id of what lies at `path`; empty where it cannot be read."""
    try:
        return evidence_id_of(digest_and_size(path)[0])
    except (UnreadableFootage, DecoderLost):
        return ""


def _moved(folder: CaseFolder, item: Evidence, place: Place) -> Evidence:
    readable = item.readable
    if readable is not None and readable.working_copy_sha256 is None:
        if isinstance(place, StoreObject) and not load_index(folder, item).blocks:
            raise UsageError(
                f"holds {item.evidence_id}, which was ingested from a disk, so nobody knows its blocks",
                "copy it to a disk, or ingest it from the store in a case of its own",
                place,
            )
        readable = replace(readable, footage=replace(readable.footage, path=place))
    return replace(item, path=place, readable=readable)
