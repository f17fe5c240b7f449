"""Formats of pictures, by suffix and by first bytes: those that are read, and those that are only named.

A picture is recognised by its suffix, so that a damaged one keeps its place; its content decides how it is decoded.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from forensics.macos_companion import is_macos_companion

__all__ = [
    "CONVERT",
    "READ_SUFFIXES",
    "START_BYTES",
    "UNREAD_SUFFIXES",
    "Recognise",
    "describe_unread_format",
    "is_picture",
    "is_unread_picture",
    "name_unread_format",
    "read_start",
    "suffix_of",
]

Recognise: TypeAlias = Callable[[str, Callable[[], bytes]], bool]
"""Whether a file is of some kind, by its name and, where that leaves a doubt, its first bytes."""

READ_SUFFIXES: Final = frozenset({".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})
UNREAD_SUFFIXES: Final = frozenset(
    {".apng", ".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif"}
    | {".j2k", ".jp2", ".jpx", ".jxl", ".jxr"}
    | {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".gpr", ".iiq", ".kdc", ".mef", ".mrw", ".nef"}
    | {".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
)
"""Of phones and cameras; the last two lines are raw formats."""

CONVERT: Final = "keep the originals, and give copies converted to JPEG with their EXIF"
"""What to do with pictures that are not read."""

START_BYTES: Final = 32
"""Number of first bytes that show what a file is."""

# Major brands of ISO base media files; a demuxer opens some of them as a video of one frame.
_BRANDS: Final = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "Canon raw",
}
_SIGNATURES: Final = {b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL", b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000"}


def suffix_of(name: str) -> str:
    """Return the suffix of a name or path, in small letters with its dot; empty if there is none.

    >>> suffix_of("DCIM/a.b.JPG"), suffix_of("DCIM.1/a")
    ('.jpg', '')
    """
    _, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return dot + suffix.lower() if dot else ""


def is_picture(name: str, read_start: Callable[[], bytes]) -> bool:
    """Whether a file is a picture of a format that is read, and no companion that macOS wrote."""
    return suffix_of(name) in READ_SUFFIXES and not is_macos_companion(name, read_start)


def is_unread_picture(name: str, read_start: Callable[[], bytes]) -> bool:
    """Whether a file is a picture of a format that is not read, and no companion that macOS wrote."""
    return suffix_of(name) in UNREAD_SUFFIXES and not is_macos_companion(name, read_start)


def name_unread_format(start: bytes) -> str:
    """Return the format of a picture that is not read, by the first bytes of its file; empty if they show none.

    >>> name_unread_format(b"\\0\\0\\0\\x20ftypavif"), name_unread_format(b"\\0\\0\\0\\x20ftypisom")
    ('AVIF', '')
    """
    brand = start[8:12] if start[4:8] == b"ftyp" else b""
    return _BRANDS.get(brand, "") or _SIGNATURES.get(start[:12], "")


def describe_unread_format(kind: str) -> str:
    """Return what a single file is that holds a picture of this format, and what to do."""
    return f"a picture ({kind}), which is not read; {CONVERT}"


def read_start(path: Path) -> bytes:
    """Return the first bytes of a file; none if it is no plain file or cannot be read: reading a pipe would block."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(START_BYTES)
    except OSError:
        return b""
