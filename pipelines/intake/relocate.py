"""Relocation of moved footage: find it again by its digest."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from forensics.adapters.footage_index import digest_and_size, earlier_digest
from forensics.adapters.store.object_store import size_of_object
from forensics.custody.case_folder import CaseFolder
from forensics.errors import DecoderLost, UnreadableFootage, UsageError
from forensics.footage.evidence import Evidence, evidence_id_of
from forensics.place import Place, StoreObject
from forensics.spelling import is_text
from forensics.tables.evidence import load_evidence, load_index, stored_evidence_table
from forensics.tables.files import encode_table
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.intake.footage_paths import list_prefix

__all__ = ["is_absent", "relocate"]


def is_absent(item: Evidence) -> bool:
    """Whether the evidence is missing at its path: no file, or another size, or the object store does not answer."""
    if not isinstance(item.path, StoreObject):
        return not item.path.is_dir() and not (item.path.is_file() and item.path.stat().st_size == item.size_bytes)
    try:
        return size_of_object(item.path) != item.size_bytes
    except (UnreadableFootage, DecoderLost):
        return True


def relocate(files: DecidingFiles, search: Place) -> list[tuple[Evidence, Place]]:
    """Find missing evidence by its digest below `search`, and set its new path; return each with its new path.

    Args:
        files: writes the lists of the case; the caller holds its lock.
        search: a file, a folder, an object or a prefix of objects; it is only read.

    Raises:
        UsageError: the evidence was ingested from a disk and found in an object store.
        CannotStart: the objects below a prefix cannot be listed.
    """
    folder = files.folder
    evidence = {item.evidence_id: item for item in load_evidence(folder)}
    absent = {item.evidence_id: item for item in evidence.values() if is_absent(item)}
    found = []
    for place in _places_below(search):
        is_worth_reading = place == search or _is_likely(place, absent.values())
        known = next((each for each in _compute_ids(place) if each in absent), None) if is_worth_reading else None
        if known is not None:
            item = absent.pop(known)
            evidence[item.evidence_id] = _with_new_path(folder, item, place)
            found.append((item, place))
    files.write_together({folder.evidence_file: encode_table(stored_evidence_table(folder, list(evidence.values())))})
    return found


def _places_below(search: Place) -> Iterator[Place]:
    if isinstance(search, StoreObject):
        yield from list_prefix(search) if search.url.endswith("/") else [search]
    else:
        if is_text(str(search)):
            yield search
        yield from (path.absolute() for path in sorted(search.rglob("*")) if is_text(str(path)))


def _is_likely(place: Place, absent: Iterable[Evidence]) -> bool:
    """Whether absent evidence may be at this place, by size of a file or object, by name of a folder of stills."""
    try:
        if isinstance(place, StoreObject):
            size_bytes = size_of_object(place)
        elif place.is_dir():
            return any(item.path.name == place.name for item in absent)
        else:
            size_bytes = place.stat().st_size if place.is_file() else -1
        return any(item.size_bytes == size_bytes for item in absent)
    except (OSError, UnreadableFootage, DecoderLost):
        return False


def _compute_ids(path: Place) -> Iterator[str]:
    """Yield the evidence id of the footage at `path`, and the one that earlier versions gave; none if unreadable."""
    try:
        yield evidence_id_of(digest_and_size(path)[0])
        yield evidence_id_of(earlier_digest(path))
    except (UnreadableFootage, DecoderLost):
        return


def _with_new_path(folder: CaseFolder, item: Evidence, place: Place) -> Evidence:
    """Return the evidence with its new path."""
    readable = item.readable
    if readable is not None and readable.working_copy_sha256 is None:
        if isinstance(place, StoreObject) and not load_index(folder, item).blocks:
            raise UsageError(
                f"is {item.evidence_id}, which was ingested from a disk, so the digests of its blocks are unknown",
                "copy it to a disk and search there, or ingest it from the store in a case of its own",
                place,
            )
        readable = replace(readable, footage=replace(readable.footage, path=place))
    return replace(item, path=place, readable=readable)
