"""Which pictures were taken from a case's own footage, wherever they lie now and whatever they are called.

A picture is the case's own if it lies in the case or in its evidence, or if it is byte for byte a picture of its
evidence of stills, an evidence itself, or a thumbnail of any of its runs. What was cut out or saved anew has other
bytes, and is not known again: that is for those who answer for the case.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from forensics.adapters.stills.album import is_stills, pictures_held
from forensics.adapters.store.checked_file import on_disk
from forensics.custody.case_folder import CaseFolder
from forensics.digests import sha256_of_bytes
from forensics.errors import DecoderLost, NotAuthorised, UnreadableFootage
from forensics.footage.evidence import Evidence, Reader
from forensics.tables.evidence import load_evidence
from forensics.tables.manifest import read_manifest
from pipelines.places import lies_in

__all__ = ["case_pictures_among"]


def case_pictures_among(folder: CaseFolder, given: Mapping[Path, bytes]) -> Iterator[Path]:
    """Yield those of the given files that were taken from the case's own footage, in their order.

    Args:
        folder: the case.
        given: the bytes of each file.

    Raises:
        NotAuthorised: evidence of stills cannot be read, so nobody can tell.
    """
    evidence = load_evidence(folder)
    places = (folder.root, *(item.path for item in evidence if isinstance(item.path, Path)))
    digests = {item.sha256 for item in evidence} | _published_thumbnails(folder)
    own = _thumbnails_among(folder, set(given.values()))
    for item in filter(_is_of_stills, evidence):
        own |= _held_by(item, set(given.values()))
    for path, content in given.items():
        if lies_in(path, places) or content in own or sha256_of_bytes(content) in digests:
            yield path


def _is_of_stills(item: Evidence) -> bool:
    """Rejected evidence has no reader; a folder or zip of pictures it may be all the same."""
    if item.readable is not None:
        return item.readable.footage.reader is Reader.STILLS
    return isinstance(item.path, Path) and is_stills(item.path)


def _held_by(item: Evidence, contents: set[bytes]) -> set[bytes]:
    try:
        return pictures_held(on_disk(item.path), contents)
    except (UnreadableFootage, DecoderLost) as error:
        raise NotAuthorised(
            f"cannot be compared with the pictures that were given ({error.detail})",
            "let it be read again, or say where it is: forensics evidence relocate CASE FOLDER",
            item.path,
        ) from error


def _thumbnails_among(folder: CaseFolder, contents: set[bytes]) -> set[bytes]:
    """Those of the contents that are a thumbnail of any run, published or not."""
    sizes = {len(content) for content in contents}
    thumbnails = (path for path in folder.runs.glob("*/crops/*") if path.is_file())
    return {path.read_bytes() for path in thumbnails if path.stat().st_size in sizes} & contents


def _published_thumbnails(folder: CaseFolder) -> set[str]:
    """Their digests, which the manifest knows also where the files are gone."""
    published = read_manifest(folder).get("pictures", ()) if folder.manifest.exists() else ()
    return {picture["sha256"] for picture in published}
