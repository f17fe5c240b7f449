"""Whether a path leads to a file or folder, by whatever name it is called.

Names lie: links, hard links, another mount of the same folder, a system that takes capitals for small letters. So
what is there is compared by device and inode, and by name only what is not there.
"""

from collections.abc import Iterable
from pathlib import Path

__all__ = ["identity_of", "lies_in"]

Identity = tuple[int, int]


def identity_of(path: Path) -> Identity | None:
    """Device and inode of what a path leads to; None where there is nothing, or nothing that may be looked at."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def lies_in(path: Path, places: Iterable[Path]) -> Path | None:
    """The first of these files and folders that `path` is or lies in, links followed; None if it is in none."""
    resolved = path.resolve()
    above = (resolved, *resolved.parents)
    there = {identity_of(each) for each in above} - {None}
    for place in places:
        if place.resolve() in above or identity_of(place) in there:
            return place
    return None
