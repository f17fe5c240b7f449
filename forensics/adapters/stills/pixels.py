"""Header and pixels of one picture, read by Pillow as upright 8-bit RGB, with limits on size and memory."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING

import numpy as np

from forensics.adapters.stills.exif_times import ExifTimes, read_exif_times
from forensics.adapters.stills.tiff_pages import count_tiff_pages
from forensics.footage.frames import RgbArray, View

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "MAX_PAGES",
    "MAX_PICTURE_BYTES",
    "MAX_PIXELS",
    "PICTURE_FAULTS",
    "Header",
    "TooLarge",
    "lenient_pillow",
    "read_header",
    "read_pixels",
    "strict_pillow",
]

MAX_PIXELS = 200_000_000
MAX_PICTURE_BYTES = 256 << 20
MAX_PAGES = 1000
"""Pages of a TIFF are counted one by one, and a small file may hold millions."""
PICTURE_FAULTS = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError),
    *(AttributeError, AssertionError, RuntimeError, EOFError, struct.error, zlib.error),
)
"""Exceptions of Pillow for bytes that are no intact picture: it does not check what it parses."""

# A closed list, because for some formats Pillow runs other programs.
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
_ORIENTATION, _EXIF_IFD, _DATE_TIME = 0x0112, 0x8769, 0x0132
_SIDEWAYS = range(5, 9)  # orientations that swap width and height

# Memory that decoding one picture may take: a decompression bomb must not exhaust a worker.
_MAX_MEMORY_BYTES = 480 << 20
# Greatest number of bytes per pixel while decoding to RGB, by mode; mostly Pillow's four bytes and a copy.
_BYTES_BY_MODE = {"RGB": 4, "1": 6, "L": 6, "P": 6, "I": 36, "F": 36, "I;16": 12, "I;16B": 12, "I;16L": 12}
_BYTES_OF_OTHER_MODES, _BYTES_IF_TRANSPARENT = 9, 20
_BYTES_BY_FORMAT = {"WEBP": 12, "TIFF": 4}
# Bytes per stored pixel: progressive JPEGs keep all coefficients until the last scan, at full size even if scaled down.
_BYTES_OF_COEFFICIENTS = 6
# Bytes per pixel of the result, and of the shared memory in which it leaves the process.
_BYTES_OF_RESULT = 6
_ROWS_AT_A_TIME = 256


class TooLarge(Exception):
    """A picture that needs more memory to decode than one picture may have."""


@dataclass(frozen=True, slots=True)
class Header:
    """Facts about a picture that are known before its pixels are decoded.

    Attributes:
        codec: such as ``jpeg``.
        width_px, height_px: upright.
        exif: the times that it states.
        n_pages: pages of a TIFF, frames of an animation, pictures of an MPO, up to `MAX_PAGES`; only the first is read.
    """

    codec: str
    width_px: int
    height_px: int
    exif: ExifTimes
    n_pages: int


@dataclass(frozen=True, slots=True)
class _Exif:
    """The EXIF fields that are used.

    Attributes:
        orientation: 1 to 8.
        times: the times that it states.
    """

    orientation: int
    times: ExifTimes


def strict_pillow() -> AbstractContextManager[None]:
    """Make Pillow refuse truncated pictures, and disable its own limit on pixels and its warnings."""
    return _pillow_settings(loads_truncated=False)


def lenient_pillow() -> AbstractContextManager[None]:
    """Make Pillow decode what there is of truncated pictures, and disable its own limit on pixels and its warnings."""
    return _pillow_settings(loads_truncated=True)


@contextmanager
def _pillow_settings(*, loads_truncated: bool) -> Iterator[None]:
    """Set globals of Pillow that other libraries change, and restore them afterwards.

    The warnings concern odd metadata, not the pixels, and would flood a run.
    """
    from PIL import Image, ImageFile

    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, loads_truncated
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


def read_header(stream: IO[bytes]) -> Header:
    """Read format, upright size, EXIF times and number of pages of a picture without decoding its pixels.

    Raises:
        One of `PICTURE_FAULTS`: it is no picture of a known format.
    """
    from PIL import Image

    with Image.open(stream, formats=_FORMATS) as image:
        exif = _read_exif(image)
        width_px, height_px = _upright_size(image.size, exif.orientation)
        # Pillow calls a JPEG with a second picture inside MPO.
        codec = str(image.format).lower().replace("mpo", "jpeg")
        return Header(codec, width_px, height_px, exif.times, _count_pages(image, stream))


def read_pixels(data: bytes, view: View) -> tuple[RgbArray, tuple[int, int]]:
    """Decode a picture: (h, w, 3) uint8 RGB, upright and scaled to the view, and its upright size before scaling.

    Raises:
        TooLarge: more than 200 megapixels, or decoding needs more memory than one picture may have.
        One of `PICTURE_FAULTS`: it is damaged or truncated.
    """
    from PIL import Image

    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise TooLarge(f"{image.width}x{image.height} pixels, at most {MAX_PIXELS} are decoded")
        orientation = _read_exif(image).orientation
        upright = _upright_size(image.size, orientation)
        stored = _upright_size(view.size_of(*upright), orientation)
        # The decoder scales JPEGs down itself, in integer arithmetic: the same on every run.
        n_full = image.width * image.height
        image.draft(image.mode, stored)
        _check_memory(image, n_full, stored[0] * stored[1], len(data))
        small = _scale(_to_rgb(image), stored)
    return _to_array(_turn_upright(small, orientation)), upright


def _check_memory(image: "Image.Image", n_full: int, n_wanted: int, n_bytes: int) -> None:
    """Check that decoding stays within the memory of one picture.

    Args:
        image: opened, as small as its decoder can make it.
        n_full: number of stored pixels.
        n_wanted: number of pixels of the result.
        n_bytes: size of the file.

    Raises:
        TooLarge: it does not.
    """
    mode_bytes = _BYTES_BY_MODE.get(image.mode, _BYTES_OF_OTHER_MODES)
    pixel_bytes = max(mode_bytes, _BYTES_IF_TRANSPARENT if image.has_transparency_data else 0)
    pixel_bytes += _BYTES_BY_FORMAT.get(str(image.format), 0)
    n_held_bytes = n_bytes + image.width * image.height * pixel_bytes + n_wanted * _BYTES_OF_RESULT
    if image.info.get("progressive"):
        n_held_bytes += n_full * _BYTES_OF_COEFFICIENTS
    if n_held_bytes > _MAX_MEMORY_BYTES:
        raise TooLarge(f"decoding it would hold {n_held_bytes >> 20} MiB, at most {_MAX_MEMORY_BYTES >> 20} are given")


def _count_pages(image: "Image.Image", stream: IO[bytes]) -> int:
    """Count what the file of a picture holds: pages, frames or pictures, up to `MAX_PAGES`."""
    if image.format == "TIFF":
        return count_tiff_pages(stream, MAX_PAGES)
    return min(getattr(image, "n_frames", 1), MAX_PAGES)


def _to_array(image: "Image.Image") -> RgbArray:
    """Copy the picture into (h, w, 3) uint8, a few rows at a time: copied at once, Pillow makes two more copies."""
    rgb = np.empty((image.height, image.width, 3), dtype=np.uint8)
    for top in range(0, image.height, _ROWS_AT_A_TIME):
        rows = image.crop((0, top, image.width, min(top + _ROWS_AT_A_TIME, image.height)))
        rgb[top : top + _ROWS_AT_A_TIME] = np.asarray(rows)
    return rgb


def _read_exif(image: "Image.Image") -> _Exif:
    """Read the EXIF fields. Damaged metadata gives orientation 1 and no time: the pixels may be intact."""
    try:
        return _parse_exif(image)
    except PICTURE_FAULTS:
        return _Exif(1, ExifTimes())


def _parse_exif(image: "Image.Image") -> _Exif:
    """Parse the EXIF fields; raises one of `PICTURE_FAULTS` if the metadata is damaged."""
    from PIL import Image

    # The method of the base class: that of PNG decodes all pixels to read EXIF behind them.
    exif = Image.Image.getexif(image)
    fields = exif.get_ifd(_EXIF_IFD)
    # Pillow turns TIFFs upright itself.
    orientation = 1 if image.format == "TIFF" else exif.get(_ORIENTATION, 1)
    return _Exif(
        orientation=orientation if orientation in range(1, 9) else 1,
        times=read_exif_times(_read_changed(exif), fields),
    )


def _read_changed(exif: "Image.Exif") -> str:
    """Return DateTime as it is stored; empty if absent or damaged, because the other fields may be intact."""
    try:
        return str(exif.get(_DATE_TIME, ""))
    except PICTURE_FAULTS:
        return ""


def _upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return (width, height) after turning upright; the same function maps them back."""
    return (size[1], size[0]) if orientation in _SIDEWAYS else size


def _turn_upright(image: "Image.Image", orientation: int) -> "Image.Image":
    """Turn the picture upright by its EXIF orientation."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _scale(image: "Image.Image", size: tuple[int, int]) -> "Image.Image":
    """Scale the picture to this size, bilinear."""
    from PIL.Image import Resampling

    return image if image.size == size else image.resize(size, Resampling.BILINEAR)


def _to_rgb(image: "Image.Image") -> "Image.Image":
    """Convert to RGB as viewers do: transparent parts on white, 16-bit grey by its upper byte."""
    from PIL import Image

    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        return _to_eight_bit(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _to_eight_bit(image: "Image.Image") -> "Image.Image":
    """Convert deep grey to 8 bits: 16-bit values by their upper byte, wider ones by their range.

    Wider formats do not state which value is white, so they are stretched from least to greatest.
    """
    from PIL import Image

    grey = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((grey >> 8).astype(np.uint8))
    finite = np.nan_to_num(grey.astype(np.float64))
    low, high = finite.min(), finite.max()
    return Image.fromarray(((finite - low) * (255 / max(high - low, 1e-12))).astype(np.uint8))
