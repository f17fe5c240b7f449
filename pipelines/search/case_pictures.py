"""Finds pictures that were taken from a case's own footage, by path and by content.

A picture is the case's own if its file is in the case folder or in the evidence, or if its bytes are those of a still
in the evidence, of an evidence file, or of a thumbnail of any run. A picture that was cropped or saved again has other
bytes and is not found. The people responsible for the case must prevent that.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from forensics.adapters.stills.album import is_stills
from forensics.adapters.stills.contained_pictures import find_contained
from forensics.adapters.store.checked_file import require_local_path
from forensics.custody.case_folder import CaseFolder
from forensics.custody.sealer import Sealer
from forensics.digests import sha256_of_bytes
from forensics.errors import DecoderLost, NotAuthorised, UnreadableFootage
from forensics.footage.evidence import Evidence, Reader
from forensics.tables.evidence import load_evidence
from forensics.tables.manifest import read_manifest
from forensics.tables.sighting_rows import THUMBNAIL
from pipelines.custody.erasure import destroyed_digests
from pipelines.places import find_containing_place

__all__ = ["find_case_pictures"]


def find_case_pictures(folder: CaseFolder, key: Sealer, given: Mapping[Path, bytes]) -> Iterator[Path]:
    """Yield the given files that were taken from the case's own footage, in their order.

    Args:
        folder: the case.
        key: the key of the case; it makes a sealed thumbnail of the same content the same bytes.
        given: content of each file.

    Raises:
        NotAuthorised: stills in the evidence cannot be read, so the files cannot be compared with them.
    """
    evidence = load_evidence(folder)
    places = (folder.root, *(item.path for item in evidence if isinstance(item.path, Path)))
    digests = {item.sha256 for item in evidence} | _published_digests(folder)
    own = _find_thumbnails(folder, key, set(given.values()))
    for item in filter(_is_stills, evidence):
        own |= _find_in_stills(item, set(given.values()))
    for path, content in given.items():
        known = {sha256_of_bytes(content), sha256_of_bytes(key.seal(content, THUMBNAIL))}
        if find_containing_place(path, places) or content in own or known & digests:
            yield path


def _is_stills(item: Evidence) -> bool:
    """Whether an evidence is a folder or zip of pictures; rejected evidence has no reader, so its path is checked."""
    if item.readable is not None:
        return item.readable.footage.reader is Reader.STILLS
    return isinstance(item.path, Path) and is_stills(item.path)


def _find_in_stills(item: Evidence, contents: set[bytes]) -> set[bytes]:
    """Return the contents that are a picture of this evidence.

    Raises:
        NotAuthorised: the evidence cannot be read.
    """
    try:
        return find_contained(require_local_path(item.path), contents)
    except (UnreadableFootage, DecoderLost) as error:
        raise NotAuthorised(
            f"cannot be read ({error.detail}), so the given pictures cannot be compared with it",
            "make the evidence readable, or give its new place: forensics evidence relocate CASE FOLDER",
            item.path,
        ) from error


def _find_thumbnails(folder: CaseFolder, key: Sealer, contents: set[bytes]) -> set[bytes]:
    """Return the contents that are a thumbnail of any run, published or not, sealed or not."""
    stored = {form: content for content in contents for form in (content, key.seal(content, THUMBNAIL))}
    sizes = {len(form) for form in stored}
    thumbnails = (path for run in folder.run_folders() for path in run.crops.glob("*") if path.is_file())
    found = {path.read_bytes() for path in thumbnails if path.stat().st_size in sizes}
    return {stored[form] for form in found & stored.keys()}


def _published_digests(folder: CaseFolder) -> set[str]:
    """Return the digests of the thumbnails that were published, also of missing and destroyed ones."""
    published = read_manifest(folder).get("pictures", ()) if folder.manifest.exists() else ()
    return {picture["sha256"] for picture in published} | destroyed_digests(folder)
