"""Files that hold no video, recognised by their first bytes: pictures, and files that macOS adds beside others."""

from pathlib import Path
from typing import Final

from forensics.place import Place

__all__ = ["describe_not_footage", "is_macos_companion"]

_N_BYTES: Final = 32
_MACOS_PREFIX: Final = "._"
# AppleDouble and AppleSingle, RFC 1740.
_MACOS_MAGIC: Final = (b"\x00\x05\x16\x07", b"\x00\x05\x16\x00")
_PICTURE_MAGIC: Final = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"BM": "BMP",
}
# Brands of ISO base media files that hold pictures.
_PICTURE_BRANDS: Final = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}


def is_macos_companion(path: Path) -> bool:
    """Whether a file is what macOS writes beside another one on a foreign disk; it holds no footage.

    The name alone does not decide: a video may be hidden under such a name.
    """
    return path.name.startswith(_MACOS_PREFIX) and _read_start(path).startswith(_MACOS_MAGIC)


def describe_not_footage(place: Place) -> str:
    """Return what a file is that holds no video, and what to do; empty if its first bytes do not show it."""
    if not isinstance(place, Path) or not place.is_file():
        return ""
    start = _read_start(place)
    if start.startswith(_MACOS_MAGIC):
        return "a file that macOS wrote beside another one; it holds no footage, so leave it out"
    brand = _PICTURE_BRANDS.get(start[8:12]) if start[4:8] == b"ftyp" else None
    if brand is not None:
        return f"a picture ({brand}), which is not read; keep it, and give a copy converted to JPEG with its times"
    picture = next((kind for magic, kind in _PICTURE_MAGIC.items() if start.startswith(magic)), None)
    picture = "WebP" if start[:4] == b"RIFF" and start[8:12] == b"WEBP" else picture
    return f"a picture ({picture}), not a video; give the folder or a ZIP archive of the pictures" if picture else ""


def _read_start(path: Path) -> bytes:
    """Return the first bytes of a file; none if it is no plain file or cannot be read: reading a pipe would block."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_N_BYTES)
    except OSError:
        return b""
