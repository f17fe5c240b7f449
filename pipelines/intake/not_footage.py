"""Descriptions of what is no footage: single pictures, files of macOS, folders of which nothing is read."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from forensics.adapters.stills.album import open_album
from forensics.adapters.stills.contents import describe_unread
from forensics.adapters.stills.picture_formats import (
    UNREAD_SUFFIXES,
    describe_unread_format,
    name_unread_format,
    read_start,
    suffix_of,
)
from forensics.errors import DecoderLost, UnreadableFootage
from forensics.macos_companion import MACOS_MAGIC
from forensics.place import Place

__all__ = ["describe_empty_folder", "describe_not_footage"]

_PICTURE_MAGIC: Final = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"BM": "BMP",
}


def describe_not_footage(place: Place) -> str:
    """Return what a file is that holds no video, and what to do; empty if its first bytes do not show it."""
    if not isinstance(place, Path) or not place.is_file():
        return ""
    start = read_start(place)
    if start.startswith(MACOS_MAGIC):
        return "a file that macOS wrote beside another one; it holds no footage, so leave it out"
    unread = name_unread_format(start) or _unread_suffix(place)
    if unread:
        return describe_unread_format(unread)
    picture = next((kind for magic, kind in _PICTURE_MAGIC.items() if start.startswith(magic)), None)
    picture = "WebP" if start[:4] == b"RIFF" and start[8:12] == b"WEBP" else picture
    return f"a picture ({picture}), not a video; give the folder or a ZIP archive of the pictures" if picture else ""


def describe_empty_folder(place: Place) -> str:
    """Return what a folder holds of which nothing is read, and what to do with its pictures."""
    sentences = ["the folder holds no video, and no picture with any bytes"]
    if isinstance(place, Path):
        with suppress(UnreadableFootage, DecoderLost), open_album(place) as album:
            sentences += filter(None, [describe_unread(album)])
    return "; ".join(sentences)


def _unread_suffix(path: Path) -> str:
    """Return the suffix of a picture that is not read, because many raw files begin like TIFF; empty for others."""
    suffix = suffix_of(path.name)
    return suffix if suffix in UNREAD_SUFFIXES else ""
