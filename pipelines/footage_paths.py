"""From what a person names to what is ingested.

A folder of videos is each video, a folder of stills is one evidence.
"""

from pathlib import Path

from forensics.adapters.stills import is_stills

__all__ = ["expanded"]

_VIDEO_SUFFIXES = frozenset(
    {".3gp", ".asf", ".avi", ".dav", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"}
    | {".mts", ".ts", ".webm", ".wmv", ".264", ".265", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg"}
)


def expanded(paths: tuple[Path, ...]) -> list[Path]:
    """Every file and folder of stills that is meant, in the order given, folders by name.

    A path that is no folder stands for itself, also when it does not exist: ingest says what is
    wrong with it. So does a folder without any media.
    """
    return [found for path in paths for found in _expanded(path)]


def _expanded(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    videos = sorted(p for p in path.rglob("*") if p.suffix.lower() in _VIDEO_SUFFIXES and p.is_file())
    stills = [path] if is_stills(path) else []
    return [*videos, *stills] or [path]
