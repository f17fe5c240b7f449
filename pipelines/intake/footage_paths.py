"""Expansion of the paths given by the user to the footage to ingest, and what is left out.

Each video in a folder is one evidence. A folder of stills is one evidence, or one for each of its sites.
"""

import difflib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeGuard

from forensics.adapters.stills.album import is_outside_link
from forensics.adapters.stills.picture_formats import (
    CONVERT,
    READ_SUFFIXES,
    START_BYTES,
    UNREAD_SUFFIXES,
    read_start,
    suffix_of,
)
from forensics.adapters.stills.stills_reader import is_stills
from forensics.adapters.store.object_store import list_objects, read_object_start, size_of_object
from forensics.custody.case_folder import CASE_FILE
from forensics.errors import CannotStart, DecoderLost, UnreadableFootage, UsageError
from forensics.macos_companion import is_macos_companion
from forensics.place import Place, StoreObject
from forensics.wording import counted
from pipelines.intake.found_footage import FoundFootage
from pipelines.intake.site_folders import find_sites

__all__ = ["LeftOut", "expand_paths", "find_left_out", "list_prefix", "refuse_cases", "refuse_missing"]

_VIDEO_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".dav", ".dv", ".flv", ".gif", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v", ".mj2"}
    | {".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ts", ".vob", ".webm", ".wmv"}
    | {".264", ".265", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg"}
)

_GIVE_ITSELF: Final = "give the path of a file itself to ingest it"
_FROM_A_DISK: Final = "stills are read from a disk; copy their folder or a ZIP archive of them there"
_OF_MACOS: Final = "macOS companion (._ name)"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files of one kind below a given path that are not ingested.

    Attributes:
        given: path that the user gave.
        kind: suffix, or what they are.
        names: of all of them, sorted, relative to `given`.
        advice: what to do if they should be ingested; empty if nothing.
    """

    given: Place
    kind: str
    names: tuple[str, ...]
    advice: str

    @property
    def number(self) -> int:
        """How many they are."""
        return len(self.names)

    def __str__(self) -> str:
        advice = f"; {self.advice}" if self.advice else ""
        return f"not ingested from {self.given}: {self.number} {self.kind}, such as {self.names[0]}{advice}"


def expand_paths(places: tuple[Place, ...], *, is_one_camera: bool) -> list[FoundFootage]:
    """Return the files, folders of stills and objects to ingest, in the order given; within a folder by name.

    A folder stands for the media in it, without links that lead out of it. The name of an object that ends in a slash
    is a prefix and stands for the videos below it. Every other path stands for itself, also a missing one and a folder
    without media: ingest reports the problem.

    Args:
        places: paths given by the user.
        is_one_camera: whether all of it is of one camera, so that a folder of stills is not divided into sites.

    Raises:
        CannotStart: the objects below a prefix cannot be listed.
        UsageError: a folder has pictures of its own beside folders that may be of other cameras.
    """
    return [found for place in places for found in _expand(place, is_one_camera)]


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


def refuse_missing(places: tuple[Place, ...]) -> None:
    """Check that every given path leads to something: a mistyped one must make no case and no row.

    What exists and cannot be read is reported by ingest.

    Raises:
        UsageError: some lead to nothing; nothing was ingested.
        CannotStart: the objects below a prefix cannot be listed.
    """
    missing = [(place, why) for place in places if (why := _why_missing(place))]
    if missing:
        (first, why), others = missing[0], len(missing) - 1
        also = f"; {counted(others, 'other path is', 'other paths are')} missing too" if others else ""
        raise UsageError(f"{why}{also}; nothing was ingested", _spelling_advice(first), first)


def _why_missing(place: Place) -> str:
    """Return why a path leads to nothing; empty if it leads to something, or if that cannot be known now."""
    try:
        if isinstance(place, Path):
            place.lstat()
        elif _is_prefix(place):
            return "" if list_prefix(place) else "no object lies below it"
        else:
            size_of_object(place)
    except (FileNotFoundError, NotADirectoryError):
        return "there is no such file or folder"
    except UnreadableFootage as error:
        return error.detail if error.reason == "missing" else ""
    except (OSError, DecoderLost):
        return ""  # ingest says why
    return ""


def _spelling_advice(place: Place) -> str:
    """Return what to do about a path that leads to nothing, with similar names beside it."""
    beside = sorted(each.name for each in place.parent.iterdir()) if _has_folder(place) else []
    similar = difflib.get_close_matches(place.name, beside, n=3)
    return f"did you mean {', '.join(similar)}?" if similar else "check the spelling"


def _has_folder(place: Place) -> TypeGuard[Path]:
    return isinstance(place, Path) and place.parent.is_dir() and os.access(place.parent, os.R_OK)


def find_left_out(places: tuple[Place, ...]) -> list[LeftOut]:
    """Return the files below each folder and prefix that are not ingested, by kind."""
    found: list[LeftOut] = []
    for prefix in filter(_is_prefix, places):
        names = [(each.url.removeprefix(prefix.url), _kind_of_object(each)) for each in list_prefix(prefix)]
        found += _count_kinds(prefix, names, _advice_for_object)
    for folder in _folders(places):
        names = [(str(path.relative_to(folder)), _kind(path, folder)) for path in sorted(folder.rglob("*"))]
        found += _count_kinds(folder, names, _advice)
    return found


def _count_kinds(given: Place, names: list[tuple[str, str]], advice: Callable[[str], str]) -> Iterator[LeftOut]:
    """Yield the files of each kind; those without a kind are ingested."""
    by_kind = defaultdict[str, list[str]](list)
    for name, kind in names:
        by_kind[kind].append(os.fsencode(name).decode(errors="backslashreplace"))
    by_kind.pop("", None)
    yield from (LeftOut(given, kind, tuple(by_kind[kind]), advice(kind)) for kind in sorted(by_kind))


def _advice(kind: str) -> str:
    if kind == _OF_MACOS:
        return "such a file holds no footage"
    return CONVERT if kind in UNREAD_SUFFIXES else _GIVE_ITSELF


def _advice_for_object(kind: str) -> str:
    return _FROM_A_DISK if kind in READ_SUFFIXES else _advice(kind)


def _folders(places: tuple[Place, ...]) -> Iterator[Path]:
    return (place for place in places if isinstance(place, Path) and place.is_dir())


def _is_prefix(place: Place) -> TypeGuard[StoreObject]:
    return isinstance(place, StoreObject) and place.url.endswith("/")


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


def _kind_of_object(place: StoreObject) -> str:
    """Return the kind of an object that is not ingested with its prefix; empty if it is a video."""
    if is_macos_companion(place.name, partial(read_object_start, place, START_BYTES)):
        return _OF_MACOS
    suffix = place.suffix.lower()
    return "" if suffix in _VIDEO_SUFFIXES else suffix or "without suffix"


def _kind(path: Path, folder: Path) -> str:
    """Return the kind of a file or folder below `folder` that is not ingested with it; empty if it is."""
    if path.is_dir():
        return "linked folder" if path.is_symlink() else ""
    if is_outside_link(path, folder):
        return "links that lead out of it"
    if not path.is_file():
        return "broken links" if path.is_symlink() else "pipes or devices"
    suffix = path.suffix.lower()
    if is_macos_companion(path.name, partial(read_start, path)):
        return _OF_MACOS
    is_ingested = suffix in _VIDEO_SUFFIXES or suffix_of(path.name) in READ_SUFFIXES
    return "" if is_ingested else suffix or "without suffix"


def _expand(place: Place, is_one_camera: bool) -> list[FoundFootage]:
    itself = [FoundFootage(place, place)]
    if _is_prefix(place):
        return [FoundFootage(found, place) for found in list_prefix(place) if not _kind_of_object(found)] or itself
    if isinstance(place, StoreObject) or not place.is_dir():
        return itself
    stills = (itself if is_one_camera else find_sites(place)) if is_stills(place) else []
    return [*(FoundFootage(found, place) for found in _videos_below(place)), *stills] or itself


def _videos_below(folder: Path) -> list[Path]:
    named = (path for path in folder.rglob("*") if path.suffix.lower() in _VIDEO_SUFFIXES)
    return sorted(path for path in named if path.is_file() and not _kind(path, folder))
