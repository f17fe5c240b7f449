"""From what a person names to what is ingested: a folder of videos is each video, a folder of stills is one evidence."""

from pathlib import Path

from forensics.adapters.stills import is_stills

__all__ = ["expanded"]

_VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .ts .mts .m2ts .mpg .mpeg .h264 .264 .h265 .265 .hevc .mjpeg .mjpg .flv .wmv .asf .3gp .dav".split()
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
