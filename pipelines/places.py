"""Comparison of paths by the file or folder that they lead to.

One file can have several names: links, hard links, a second mount of the folder, a file system that ignores case. So
existing files are compared by device and inode. Only missing ones are compared by name.
"""

from collections.abc import Iterable
from pathlib import Path

__all__ = ["find_containing_place", "identity_of"]

Identity = tuple[int, int]


def identity_of(path: Path) -> Identity | None:
    """Return device and inode of the file that a path leads to; None if it does not exist or is not accessible."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def find_containing_place(path: Path, places: Iterable[Path]) -> Path | None:
    """Return the first of these places that `path` is, or is inside of, after following links; None if none is."""
    resolved = path.resolve()
    above = (resolved, *resolved.parents)
    identities = {identity_of(each) for each in above} - {None}
    for place in places:
        if place.resolve() in above or identity_of(place) in identities:
            return place
    return None
