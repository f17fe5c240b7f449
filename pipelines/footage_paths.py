"""From what a person names to what is ingested.

A folder of videos is each video, a folder of stills is one evidence.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from forensics.adapters.stills import is_stills

__all__ = ["expanded", "left_out"]

_VIDEO_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".dav", ".dv", ".flv", ".gif", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v", ".mj2"}
    | {".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ts", ".vob", ".webm", ".wmv"}
    | {".264", ".265", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg"}
)
_PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def expanded(paths: tuple[Path, ...]) -> list[Path]:
    """Every file and folder of stills that is meant, in the order given, folders by name.

    A path that is no folder stands for itself, also when it does not exist: ingest says what is
    wrong with it. So does a folder without any media.
    """
    return [found for path in paths for found in _expanded(path)]


def left_out(paths: tuple[Path, ...]) -> Iterator[str]:
    """One line for each folder that holds something that is not taken, so that nobody thinks it was."""
    for folder in (path for path in paths if path.is_dir()):
        other = Counter(_kind(path) for path in folder.rglob("*") if not _is_taken(path))
        if other:
            kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(other.items()))
            yield f"left out of {folder}: {kinds}; name a file itself to take it all the same"


def _is_taken(path: Path) -> bool:
    if path.is_dir():
        return not path.is_symlink()
    return path.suffix.lower() in _VIDEO_SUFFIXES | _PICTURE_SUFFIXES


def _kind(path: Path) -> str:
    return "linked folder" if path.is_dir() else path.suffix.lower() or "without suffix"


def _expanded(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    videos = sorted(p for p in path.rglob("*") if p.suffix.lower() in _VIDEO_SUFFIXES and p.is_file())
    stills = [path] if is_stills(path) else []
    return [*videos, *stills] or [path]
