"""From what a person names to what is ingested.

A folder of videos is each video, a folder of stills is one evidence.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from forensics.adapters.stills import is_stills
from forensics.adapters.stills_album import leads_out
from forensics.errors import UsageError

__all__ = ["expanded", "left_out", "refuse_cases"]

_VIDEO_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".dav", ".dv", ".flv", ".gif", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v", ".mj2"}
    | {".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ts", ".vob", ".webm", ".wmv"}
    | {".264", ".265", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg"}
)
_PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def expanded(paths: tuple[Path, ...]) -> list[Path]:
    """Every file and folder of stills that is meant, in the order given, folders by name.

    A path that is no folder stands for itself, also when it does not exist: ingest says what is
    wrong with it. So does a folder without any media. A link below a folder that leads out of it is no part of
    what was named.
    """
    return [found for path in paths for found in _expanded(path)]


def refuse_cases(paths: tuple[Path, ...], case: Path) -> None:
    """Return only if no folder that is named holds a case: its pictures and copies would be taken for footage.

    Args:
        paths: what a person names.
        case: the folder of the case that the footage is for, which need not exist yet.

    Raises:
        UsageError: one does; nothing was taken in.
    """
    for folder in (path for path in paths if path.is_dir()):
        holders = [path.parent for path in folder.rglob("case.toml")]
        if case.resolve().is_relative_to(folder.resolve()):
            holders.insert(0, case)
        for holder in holders:
            raise UsageError(
                f"{folder}: holds a case, {holder}, whose pictures and copies would be taken for footage",
                "name the files or folders of footage beside it, or choose a case's folder elsewhere",
            )


def left_out(paths: tuple[Path, ...]) -> Iterator[str]:
    """One line for each folder that holds something that is not taken, so that nobody thinks it was."""
    for folder in (path for path in paths if path.is_dir()):
        other = Counter(_kind(path, folder) for path in folder.rglob("*") if not _is_taken(path, folder))
        if other:
            kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(other.items()))
            yield f"left out of {folder}: {kinds}; name a file itself to take it all the same"


def _is_taken(path: Path, folder: Path) -> bool:
    if path.is_dir():
        return not path.is_symlink()
    return not leads_out(path, folder) and path.suffix.lower() in _VIDEO_SUFFIXES | _PICTURE_SUFFIXES


def _kind(path: Path, folder: Path) -> str:
    if path.is_dir():
        return "linked folder"
    return "links that lead out of it" if leads_out(path, folder) else path.suffix.lower() or "without suffix"


def _expanded(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    named = (p for p in path.rglob("*") if p.suffix.lower() in _VIDEO_SUFFIXES)
    videos = sorted(p for p in named if p.is_file() and not leads_out(p, path))
    stills = [path] if is_stills(path) else []
    return [*videos, *stills] or [path]
