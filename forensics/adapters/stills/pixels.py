"""One picture's header and pixels, by Pillow: upright, 8-bit RGB, or the reason why not."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING

import numpy as np

from forensics.adapters.stills.capture_time import exif_time_ms
from forensics.footage.frames import RgbArray, View

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "MAX_PICTURE_BYTES",
    "MAX_PIXELS",
    "PICTURE_FAULTS",
    "Header",
    "TooLarge",
    "read_header",
    "read_pixels",
    "strict_pillow",
]

MAX_PIXELS = 200_000_000
MAX_PICTURE_BYTES = 256 << 20
PICTURE_FAULTS = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError),
    *(AttributeError, AssertionError, RuntimeError, EOFError, struct.error, zlib.error),
)
"""What Pillow raises for bytes that are no whole picture: it trusts what it parses."""

# Closed, because Pillow also opens formats that run other programs.
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
_ORIENTATION, _EXIF_IFD, _DATE_TIME_ORIGINAL, _SUBSECOND_ORIGINAL = 0x0112, 0x8769, 0x9003, 0x9291
_TURNED = range(5, 9)


# What decoding one picture may hold: a few bytes of bomb must not cost a worker its memory.
_MAX_HELD_BYTES = 480 << 20
# Bytes of a pixel at the worst moment, on the way from the file to RGB; most are Pillow's own four and a copy.
_HELD_IN_MODE = {"RGB": 4, "1": 6, "L": 6, "P": 6, "I": 36, "F": 36, "I;16": 12, "I;16B": 12, "I;16L": 12}
_HELD_BY_OTHERS, _HELD_FOR_CLEAR = 9, 20
_HELD_BY_FORMAT = {"WEBP": 12, "TIFF": 4}
# Progressive JPEGs keep all coefficients until the last scan, at full size however small the picture is wanted.
_HELD_BY_COEFFICIENTS = 6
# The result and the shared memory that it is handed over in.
_HELD_BY_RESULT = 6
_ROWS_AT_A_TIME = 256


class TooLarge(Exception):
    """A picture whose header asks for more memory than any camera would."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture says of itself before its pixels are decoded.

    Attributes:
        codec: such as ``jpeg``.
        width_px, height_px: upright.
        exif_ms: DateTimeOriginal in milliseconds since 1970 by the camera's clock; None if absent.
    """

    codec: str
    width_px: int
    height_px: int
    exif_ms: int | None


@dataclass(frozen=True, slots=True)
class _Exif:
    """Orientation from 1 to 8, DateTimeOriginal and SubSecTimeOriginal as they stand there."""

    orientation: int
    taken: str
    subsecond: str


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Let Pillow pass half a picture as whole nowhere inside, and leave the limit on pixels to us.

    Pillow keeps both in globals that other libraries set; its warnings about odd metadata would
    flood a run, and what they warn of is no fault of the pixels.
    """
    from PIL import Image, ImageFile

    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


def read_header(stream: IO[bytes]) -> Header:
    """Format, upright size and EXIF time without decoding a pixel.

    Raises:
        One of `PICTURE_FAULTS`: it is no picture of a known format.
    """
    from PIL import Image

    with Image.open(stream, formats=_FORMATS) as image:
        exif = _exif(image)
        width_px, height_px = _upright(image.size, exif.orientation)
        # A camera's JPEG with a second picture inside is told apart by Pillow only.
        codec = str(image.format).lower().replace("mpo", "jpeg")
    return Header(codec, width_px, height_px, exif_time_ms(exif.taken, exif.subsecond))


def read_pixels(data: bytes, view: View) -> tuple[RgbArray, tuple[int, int]]:
    """(h, w, 3) uint8 RGB, upright and scaled, and the upright size before scaling.

    Raises:
        TooLarge: more than 200 megapixels, or decoding it takes more memory than one picture may have.
        One of `PICTURE_FAULTS`: it is broken or cut short.
    """
    from PIL import Image

    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise TooLarge(f"{image.width}x{image.height} pixels, at most {MAX_PIXELS} are decoded")
        orientation = _exif(image).orientation
        upright = _upright(image.size, orientation)
        stored = _upright(view.size_of(*upright), orientation)
        # Smaller JPEGs straight from the decoder: integer arithmetic, the same on every run.
        n_full = image.width * image.height
        image.draft(image.mode, stored)
        _check_memory(image, n_full, stored[0] * stored[1], len(data))
        small = _scaled(_rgb(image), stored)
    return _as_array(_turned(small, orientation)), upright


def _check_memory(image: "Image.Image", n_full: int, n_wanted: int, n_bytes: int) -> None:
    """Refuse what would hold too much.

    Args:
        image: opened, as small as its decoder can make it.
        n_full: pixels that are stored.
        n_wanted: pixels that are handed out.
        n_bytes: of the file.
    """
    of_mode = _HELD_IN_MODE.get(image.mode, _HELD_BY_OTHERS)
    a_pixel = max(of_mode, _HELD_FOR_CLEAR if image.has_transparency_data else 0)
    a_pixel += _HELD_BY_FORMAT.get(str(image.format), 0)
    held = n_bytes + image.width * image.height * a_pixel + n_wanted * _HELD_BY_RESULT
    if image.info.get("progressive"):
        held += n_full * _HELD_BY_COEFFICIENTS
    if held > _MAX_HELD_BYTES:
        raise TooLarge(f"decoding it would hold {held >> 20} MiB, at most {_MAX_HELD_BYTES >> 20} are given")


def _as_array(image: "Image.Image") -> RgbArray:
    """(h, w, 3) uint8, taken over row by row: Pillow's own way makes two more copies."""
    rgb = np.empty((image.height, image.width, 3), dtype=np.uint8)
    for top in range(0, image.height, _ROWS_AT_A_TIME):
        rows = image.crop((0, top, image.width, min(top + _ROWS_AT_A_TIME, image.height)))
        rgb[top : top + _ROWS_AT_A_TIME] = np.asarray(rows)
    return rgb


def _exif(image: "Image.Image") -> _Exif:
    """Orientation 1 and no time where the metadata is damaged: the pixels may be whole."""
    try:
        return _stated_exif(image)
    except PICTURE_FAULTS:
        return _Exif(1, "", "")


def _stated_exif(image: "Image.Image") -> _Exif:
    from PIL import Image

    # Of the base class: PNG's own would decode all pixels to look for EXIF behind them.
    exif = Image.Image.getexif(image)
    stated = exif.get_ifd(_EXIF_IFD)
    # Pillow turns a TIFF by itself.
    orientation = 1 if image.format == "TIFF" else exif.get(_ORIENTATION, 1)
    return _Exif(
        orientation=orientation if orientation in range(1, 9) else 1,
        taken=str(stated.get(_DATE_TIME_ORIGINAL, "")),
        subsecond=str(stated.get(_SUBSECOND_ORIGINAL, "")),
    )


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation in _TURNED else size


def _turned(image: "Image.Image", orientation: int) -> "Image.Image":
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


def _scaled(image: "Image.Image", size: tuple[int, int]) -> "Image.Image":
    from PIL.Image import Resampling

    return image if image.size == size else image.resize(size, Resampling.BILINEAR)


def _rgb(image: "Image.Image") -> "Image.Image":
    """As a viewer shows it: see-through parts on white, deep grey by its upper bits."""
    from PIL import Image

    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        return _eight_bit(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def _eight_bit(image: "Image.Image") -> "Image.Image":
    """16-bit grey by its upper byte; wider numbers, whose white nobody states, from least to most."""
    from PIL import Image

    grey = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((grey >> 8).astype(np.uint8))
    finite = np.nan_to_num(grey.astype(np.float64))
    low, high = finite.min(), finite.max()
    return Image.fromarray(((finite - low) * (255 / max(high - low, 1e-12))).astype(np.uint8))
