"""Names of cameras, made from files and folders where the user states none.

A file that was given itself is named by its own name, and so is a file directly in a given folder. A file in a
subfolder is named by that subfolder, because names such as ``10.mp4`` occur at every camera. Two viewpoints never get
one name: where their folders are called the same, the path of the folders tells them apart.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from forensics.footage.evidence import Evidence
from forensics.place import Place
from forensics.spelling import compose
from pipelines.intake.found_footage import FoundFootage, is_below_card, naming_path, place_parts

__all__ = ["describe_camera_folders", "describe_names_without_times", "describe_shared_names", "name_cameras"]

_Parts = tuple[str, ...]
NameFile = Callable[[str], str]
_MANY = 5


@dataclass(frozen=True, slots=True)
class _Viewpoint:
    """Where one camera stands, as the folders say.

    Attributes:
        path: parts of the path that stands for it, from the root.
        n_relative: how many of them lie below the path that the user gave.
        is_folder: whether it is named by a folder, and not by the file's own name.
    """

    path: _Parts
    n_relative: int
    is_folder: bool


def name_cameras(found: Sequence[FoundFootage], name_file: NameFile = str) -> list[str]:
    """Return a name for the camera of each piece of footage, parallel to `found`.

    Args:
        found: footage to ingest.
        name_file: returns the camera in the name of a file without suffix; empty for a file to be named by its folder.

    >>> from forensics.place import StoreObject
    >>> def below(given, *names):
    ...     return [FoundFootage(StoreObject(given + name), StoreObject(given)) for name in names]
    >>> name_cameras(below("s3://archive/", "gate/10.mp4", "hall/10.mp4", "street.mp4"))
    ['gate', 'hall', 'street']
    >>> name_cameras(below("s3://archive/", "north/gate/10.mp4", "south/gate/10.mp4"))
    ['north/gate', 'south/gate']
    """
    viewpoints = _viewpoints(found, name_file)
    by_last = defaultdict[str, set[_Viewpoint]](set)
    for viewpoint in viewpoints:
        by_last[compose(_last(viewpoint))].add(viewpoint)
    names = {viewpoint: name for alike in by_last.values() for viewpoint, name in _distinct_names(alike).items()}
    return [names[viewpoint] for viewpoint in viewpoints]


def _viewpoints(found: Sequence[FoundFootage], name_file: NameFile) -> list[_Viewpoint]:
    first = [_viewpoint(each, name_file) for each in found]
    unclear = _unclear_folders(found, first)
    return [
        viewpoint if viewpoint.is_folder or viewpoint.path[:-1] not in unclear else _of_folder(viewpoint)
        for viewpoint in first
    ]


def _viewpoint(found: FoundFootage, name_file: NameFile) -> _Viewpoint:
    """Return the viewpoint of footage, before it is compared with other footage."""
    given = place_parts(found.given)
    if isinstance(found.place, Path) and found.place.is_dir() and found.is_given:
        site = tuple(filter(None, naming_path(found.site).split("/")))
        return _Viewpoint((*given, *site), len(site), True)
    own_name = name_file(found.place.stem)
    if found.is_given:
        return _Viewpoint((*given[:-1], own_name), 1, False) if own_name else _Viewpoint(given[:-1], 0, True)
    between = found.folders_between
    kept = tuple(filter(None, naming_path(between).split("/")))
    if kept or not own_name or is_below_card(between) or (isinstance(found.place, Path) and found.place.is_dir()):
        return _Viewpoint((*given, *kept), len(kept), True)
    return _Viewpoint((*given, own_name), 1, False)


def _unclear_folders(found: Sequence[FoundFootage], viewpoints: Sequence[_Viewpoint]) -> set[_Parts]:
    """Return the folders whose files cannot be named by their own names.

    These are folders that hold files of the same name, and given folders if there are several of them.
    """
    named = [(each, viewpoint) for each, viewpoint in zip(found, viewpoints, strict=True) if not viewpoint.is_folder]
    folders_of = defaultdict[str, set[_Parts]](set)
    for _, viewpoint in named:
        folders_of[compose(viewpoint.path[-1])].add(viewpoint.path[:-1])
    unclear = {folder for folders in folders_of.values() if len(folders) > 1 for folder in folders}
    given = {viewpoint.path[:-1] for each, viewpoint in named if not each.is_given}
    return unclear | (given if len(given) > 1 else set())


def _of_folder(viewpoint: _Viewpoint) -> _Viewpoint:
    return _Viewpoint(viewpoint.path[:-1], 0, True)


def _last(viewpoint: _Viewpoint) -> str:
    return _text(viewpoint.path[-1:])


def _text(parts: _Parts) -> str:
    """Return parts of a path as text; bytes that are not UTF-8 become escapes."""
    return os.fsencode("/".join(parts)).decode(errors="backslashreplace")


def _distinct_names(alike: Collection[_Viewpoint]) -> Mapping[_Viewpoint, str]:
    """Name viewpoints whose last folders are called the same: by the path below the given folder, or by more of it."""
    if len({viewpoint.path for viewpoint in alike}) == 1:
        return {viewpoint: _last(viewpoint) for viewpoint in alike}
    longest = max(len(viewpoint.path) for viewpoint in alike)
    for n_more in range(longest):
        names = {each: _text(each.path[-max(1, each.n_relative) - n_more :]) for each in alike}
        if len({compose(name) for name in names.values()}) == len({each.path for each in alike}):
            return names
    return {viewpoint: _text(viewpoint.path) for viewpoint in alike}


def describe_camera_folders(found: Sequence[FoundFootage], camera: str | None, name_file: NameFile = str) -> list[str]:
    """Return a line for each given folder with footage of several folders that look like cameras.

    Args:
        found: footage to ingest.
        camera: name that the user stated for all of it; None if the names are made from the folders.
        name_file: as in `name_cameras`.
    """
    by_given = defaultdict[Place, dict[str, int]](dict)
    viewpoints = _viewpoints(found, name_file)
    for each, name, viewpoint in zip(found, name_cameras(found, name_file), viewpoints, strict=True):
        if viewpoint.is_folder and not each.is_given:
            counts = by_given[each.given]
            counts[name] = counts.get(name, 0) + 1
    several = ((given, counts) for given, counts in by_given.items() if len(counts) > 1)
    return [_describe_folders(given, counts, camera) for given, counts in several]


def describe_names_without_times(names: Iterable[str]) -> str:
    """Return a line about cameras whose names are those of files without the times in them."""
    counts = Counter(names)
    listed = _shortened(f"{name} ({number})" for name, number in counts.items())
    return f"cameras named by files without the times in their names: {listed}; to name one for all, give --camera"


def _describe_folders(given: Place, counts: Mapping[str, int], camera: str | None) -> str:
    listed = _shortened(f"{name} ({number})" for name, number in counts.items())
    if camera is None:
        return f"{given}: cameras named by folders: {listed}; to name one for all, give --camera"
    return (
        f"{given}: {len(counts)} folders look like cameras of their own: {listed}; all of it is recorded as camera "
        f"{camera!r}; if they are, ingest each folder with its own --camera"
    )


def _shortened(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _MANY} more" if len(listed) > _MANY else ""
    return ", ".join(listed[:_MANY]) + more


def describe_shared_names(found: Sequence[FoundFootage], names: Sequence[str], known: Iterable[Evidence]) -> list[str]:
    """Return a line for each camera named here that has footage of the case from other folders only.

    Two cameras may each have a ``10.mp4``; given one after the other, both become camera 10.
    """
    folders = defaultdict[str, set[_Parts]](set)
    for item in known:
        folders[item.camera_id].add(place_parts(item.path)[:-1])
    new = {name: place_parts(each.place)[:-1] for each, name in zip(found, names, strict=True) if each.is_given}
    return [
        f"camera {name!r} has footage from {PurePosixPath(*min(folders[name]))} already, this is from "
        f"{PurePosixPath(*folder)}; if it is another camera, give --camera"
        for name, folder in new.items()
        if folders.get(name) and folder not in folders[name]
    ]
