"""Expansion of the paths given by the user to the footage to ingest.

Each video in a folder is one evidence. A folder of stills is one evidence.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from forensics.adapters.stills.album import is_outside_link
from forensics.adapters.stills.stills_reader import is_stills
from forensics.adapters.store.object_store import list_objects
from forensics.custody.case_folder import CASE_FILE
from forensics.errors import CannotStart, DecoderLost, UnreadableFootage, UsageError
from forensics.place import Place, StoreObject

__all__ = ["describe_skipped", "expand_paths", "list_prefix", "refuse_cases"]

_VIDEO_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".dav", ".dv", ".flv", ".gif", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v", ".mj2"}
    | {".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ts", ".vob", ".webm", ".wmv"}
    | {".264", ".265", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg"}
)
_PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def expand_paths(places: tuple[Place, ...]) -> list[Place]:
    """Return the files, folders of stills and objects to ingest, in the order given; within a folder by name.

    A folder stands for the media in it, without links that lead out of it. The name of an object that ends in a slash
    is a prefix and stands for the videos below it. Every other path stands for itself, also a missing one and a folder
    without media: ingest reports the problem.

    Raises:
        CannotStart: the objects below a prefix cannot be listed.
    """
    return [found for place in places for found in _expand(place)]


def refuse_cases(places: tuple[Place, ...], case: Path) -> None:
    """Check that no given folder contains a case, whose pictures and copies would be ingested as footage.

    Args:
        places: paths given by the user.
        case: folder of the case that the footage is for, which need not exist yet.

    Raises:
        UsageError: a folder contains a case; nothing was ingested.
    """
    for folder in _folders(places):
        cases = [path.parent for path in folder.rglob(CASE_FILE)]
        if case.resolve().is_relative_to(folder.resolve()):
            cases.insert(0, case)
        for holder in cases:
            raise UsageError(
                f"contains a case, {holder}, whose pictures and copies would be ingested as footage",
                "give the files or folders of footage beside it, or choose a folder elsewhere for the case",
                folder,
            )


def describe_skipped(places: tuple[Place, ...]) -> Iterator[str]:
    """Yield a line for each folder and prefix that contains files which are not ingested."""
    for prefix in filter(_is_prefix, places):
        other = Counter(
            found.suffix.lower() or "without suffix" for found in list_prefix(prefix) if not _is_video(found)
        )
        yield from _describe_other(prefix, other)
    for folder in _folders(places):
        other = Counter(_kind(path, folder) for path in folder.rglob("*") if not _is_ingested(path, folder))
        yield from _describe_other(folder, other)


def _describe_other(folder: Place, other: Counter[str]) -> Iterator[str]:
    if other:
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(other.items()))
        yield f"not ingested from {folder}: {kinds}; give the path of a file itself to ingest it"


def _folders(places: tuple[Place, ...]) -> Iterator[Path]:
    return (place for place in places if isinstance(place, Path) and place.is_dir())


def _is_prefix(place: Place) -> TypeGuard[StoreObject]:
    return isinstance(place, StoreObject) and place.url.endswith("/")


def _is_video(place: StoreObject) -> bool:
    return place.suffix.lower() in _VIDEO_SUFFIXES


def list_prefix(prefix: StoreObject) -> list[StoreObject]:
    """Return all objects below a prefix, by key.

    Raises:
        CannotStart: the store cannot list them.
    """
    try:
        return list_objects(prefix)
    except (UnreadableFootage, DecoderLost) as error:
        raise CannotStart(
            f"the objects below it cannot be listed ({error.detail})",
            "check address and access, see docs/admin.md, Object stores",
            prefix,
        ) from error


def _is_ingested(path: Path, folder: Path) -> bool:
    if path.is_dir():
        return not path.is_symlink()
    return not is_outside_link(path, folder) and path.suffix.lower() in _VIDEO_SUFFIXES | _PICTURE_SUFFIXES


def _kind(path: Path, folder: Path) -> str:
    if path.is_dir():
        return "linked folder"
    return "links that lead out of it" if is_outside_link(path, folder) else path.suffix.lower() or "without suffix"


def _expand(path: Place) -> list[Place]:
    if _is_prefix(path):
        return [found for found in list_prefix(path) if _is_video(found)] or [path]
    if isinstance(path, StoreObject) or not path.is_dir():
        return [path]
    named = (p for p in path.rglob("*") if p.suffix.lower() in _VIDEO_SUFFIXES)
    videos = sorted(p for p in named if p.is_file() and not is_outside_link(p, path))
    stills = [path] if is_stills(path) else []
    return [*videos, *stills] or [path]
