"""From what a person names to what is ingested.

A folder of videos is each video, a folder of stills is one evidence.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from forensics.adapters.stills.album import leads_out
from forensics.adapters.stills.stills_reader import is_stills
from forensics.adapters.store.object_store import objects_below
from forensics.errors import CannotStart, DecoderLost, UnreadableFootage, UsageError
from forensics.place import Place, StoreObject

__all__ = ["expand_paths", "listed", "refuse_cases", "skipped_text"]

_VIDEO_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".dav", ".dv", ".flv", ".gif", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v", ".mj2"}
    | {".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ts", ".vob", ".webm", ".wmv"}
    | {".264", ".265", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg"}
)
_PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def expand_paths(places: tuple[Place, ...]) -> list[Place]:
    """Every file, folder of stills and object that is meant, in the order given, folders and prefixes by name.

    A path that is no folder stands for itself, also when it does not exist: ingest says what is
    wrong with it. So does a folder without any media. A link below a folder that leads out of it is no part of
    what was named. A name of a store that ends in a slash stands for the videos whose names begin so.

    Raises:
        CannotStart: a store does not say what lies below such a name.
    """
    return [found for place in places for found in _expanded(place)]


def refuse_cases(places: tuple[Place, ...], case: Path) -> None:
    """Return only if no folder that is named holds a case: its pictures and copies would be taken for footage.

    Args:
        places: what a person names.
        case: the folder of the case that the footage is for, which need not exist yet.

    Raises:
        UsageError: one does; nothing was taken in.
    """
    for folder in _folders(places):
        holders = [path.parent for path in folder.rglob("case.toml")]
        if case.resolve().is_relative_to(folder.resolve()):
            holders.insert(0, case)
        for holder in holders:
            raise UsageError(
                f"holds a case, {holder}, whose pictures and copies would be taken for footage",
                "name the files or folders of footage beside it, or choose a case's folder elsewhere",
                folder,
            )


def skipped_text(places: tuple[Place, ...]) -> Iterator[str]:
    """One line for each folder that holds something that is not taken, so that nobody thinks it was."""
    for prefix in filter(_is_prefix, places):
        other = Counter(found.suffix.lower() or "without suffix" for found in listed(prefix) if not _is_video(found))
        yield from _told(prefix, other)
    for folder in _folders(places):
        other = Counter(_kind(path, folder) for path in folder.rglob("*") if not _is_taken(path, folder))
        yield from _told(folder, other)


def _told(folder: Place, other: Counter[str]) -> Iterator[str]:
    if other:
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(other.items()))
        yield f"left out of {folder}: {kinds}; name a file itself to take it all the same"


def _folders(places: tuple[Place, ...]) -> Iterator[Path]:
    return (place for place in places if isinstance(place, Path) and place.is_dir())


def _is_prefix(place: Place) -> TypeGuard[StoreObject]:
    return isinstance(place, StoreObject) and place.url.endswith("/")


def _is_video(place: StoreObject) -> bool:
    return place.suffix.lower() in _VIDEO_SUFFIXES


def listed(prefix: StoreObject) -> list[StoreObject]:
    """Every object below a prefix, by key.

    Raises:
        CannotStart: the store does not say what it holds.
    """
    try:
        return objects_below(prefix)
    except (UnreadableFootage, DecoderLost) as error:
        raise CannotStart(f"cannot be listed ({error.detail})", "see docs/admin.md, Object stores", prefix) from error


def _is_taken(path: Path, folder: Path) -> bool:
    if path.is_dir():
        return not path.is_symlink()
    return not leads_out(path, folder) and path.suffix.lower() in _VIDEO_SUFFIXES | _PICTURE_SUFFIXES


def _kind(path: Path, folder: Path) -> str:
    if path.is_dir():
        return "linked folder"
    return "links that lead out of it" if leads_out(path, folder) else path.suffix.lower() or "without suffix"


def _expanded(path: Place) -> list[Place]:
    if _is_prefix(path):
        return [found for found in listed(path) if _is_video(found)] or [path]
    if isinstance(path, StoreObject) or not path.is_dir():
        return [path]
    named = (p for p in path.rglob("*") if p.suffix.lower() in _VIDEO_SUFFIXES)
    videos = sorted(p for p in named if p.is_file() and not leads_out(p, path))
    stills = [path] if is_stills(path) else []
    return [*videos, *stills] or [path]
