"""Stills that are not what their names say, in every kind of pixel, turned, cut and flipped."""

import io
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.measure.bad_inputs.bad_file import BadFile, by_number
from scripts.measure.bad_inputs.originals import Workshop
from testing.painted.picture import paint

__all__ = ["odd_pictures"]

_KINDS = {"JPEG": "jpg", "PNG": "png", "BMP": "bmp", "TIFF": "tif", "WEBP": "webp"}
_KEPT = (0.0, 0.02, 0.2, 0.5, 0.8, 0.98)
_SIZE = (160, 96)
_NUMBER, _SOUND_NUMBER = 7, 8


def odd_pictures(seed: int) -> Iterator[BadFile]:
    """Folders of one odd picture and a sound one behind it, and every kind of odd picture as a file of its own."""
    for kind, content in {kind: _encoded(_painted(), kind) for kind in _KINDS}.items():
        for other, suffix in _KINDS.items():
            if other != kind:
                yield _folder(f"{kind}_called_{suffix}", f"1.{suffix}", content)
        yield _folder(f"{kind}_called_upper", f"1.{_KINDS[kind].upper()}", content)
        yield _alone(f"{kind}_as_video", "picture.mp4", content)
        yield _alone(f"{kind}_alone", f"picture.{_KINDS[kind]}", content + b"another")
        for kept in _KEPT:
            cut = content[: int(len(content) * kept)]
            yield _folder(f"{kind}_cut_{kept}", f"1.{_KINDS[kind]}", cut, may_differ=True)
        for nth in range(6):
            flipped = _flipped(content, random.Random(f"{seed}-{kind}-{nth}"), 1 << 2 * nth)
            yield _folder(f"{kind}_flipped_{nth}", f"1.{_KINDS[kind]}", flipped, may_differ=True)
    for name, make in _PIXELS.items():
        suffix, content = make()
        yield _folder(f"pixels_{name}", f"1.{suffix}", content)
    for orientation in range(12):
        for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
            yield _folder(f"{kind}_turned_{orientation}", f"1.{_KINDS[kind]}", _turned(kind, orientation))
    for name, stamp in _STAMPS.items():
        yield _folder(f"exif_{name}", "1.jpg", _stamped(stamp), may_differ=True)


def _folder(name: str, file: str, content: bytes, *, may_differ: bool = False) -> BadFile:
    """A folder of the odd picture and a sound one; where the odd one may be unreadable its time may be another."""
    numbers = None if may_differ else by_number([_NUMBER, _SOUND_NUMBER])
    return BadFile("stills", name, partial(_in_a_folder, file, content), numbers)


def _in_a_folder(file: str, content: bytes, shop: Workshop) -> Path:
    shop.write(f"trap/2026-05-01_10-00-00_{file}", content)
    shop.write("trap/2026-05-01_10-00-01.png", _encoded(Image.fromarray(paint(_SOUND_NUMBER, *_SIZE)), "PNG"))
    return shop.folder / "trap"


def _alone(name: str, file: str, content: bytes) -> BadFile:
    return BadFile("stills", name, lambda shop: shop.write(file, content))


def _painted() -> Image.Image:
    return Image.fromarray(paint(_NUMBER, *_SIZE))


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def _flipped(content: bytes, drawn: random.Random, n_bits: int) -> bytes:
    data = bytearray(content)
    for _ in range(n_bits):
        data[drawn.randrange(len(data))] ^= 1 << drawn.randrange(8)
    return bytes(data)


def _sixteen_bit(kind: str) -> bytes:
    grey = np.asarray(_painted().convert("L"), dtype=np.uint16) * 257
    return _encoded(Image.fromarray(grey), kind)


def _inverted_cmyk() -> bytes:
    """As some programs write it: ink as its opposite, marked by Adobe's segment."""
    return _encoded(_painted().convert("CMYK"), "JPEG", quality=95)


def _transparent() -> Image.Image:
    image = _painted().convert("RGBA")
    image.putalpha(255)
    return image


def _floating() -> Image.Image:
    return Image.fromarray(np.asarray(_painted().convert("L"), dtype=np.float32) / 255)


_PIXELS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "cmyk_jpeg": lambda: ("jpg", _inverted_cmyk()),
    "cmyk_tiff": lambda: ("tif", _encoded(_painted().convert("CMYK"), "TIFF")),
    "16_bit_png": lambda: ("png", _sixteen_bit("PNG")),
    "16_bit_tiff": lambda: ("tif", _sixteen_bit("TIFF")),
    "32_bit_tiff": lambda: ("tif", _encoded(_painted().convert("I"), "TIFF")),
    "float_tiff": lambda: ("tif", _encoded(_floating(), "TIFF")),
    "grey_jpeg": lambda: ("jpg", _encoded(_painted().convert("L"), "JPEG")),
    "grey_bmp": lambda: ("bmp", _encoded(_painted().convert("L"), "BMP")),
    "bits_png": lambda: ("png", _encoded(_painted().convert("1", dither=Image.Dither.NONE), "PNG")),
    "bits_tiff": lambda: ("tif", _encoded(_painted().convert("1", dither=Image.Dither.NONE), "TIFF")),
    "palette_png": lambda: ("png", _encoded(_painted().quantize(4), "PNG")),
    "palette_bmp": lambda: ("bmp", _encoded(_painted().quantize(4), "BMP")),
    "transparent_png": lambda: ("png", _encoded(_transparent(), "PNG")),
    "transparent_webp": lambda: ("webp", _encoded(_transparent(), "WEBP", lossless=True)),
    "grey_alpha_png": lambda: ("png", _encoded(_painted().convert("LA"), "PNG")),
    "lab_tiff": lambda: ("tif", _encoded(_painted().convert("L").convert("LAB"), "TIFF")),
    "ycbcr_tiff": lambda: ("tif", _encoded(_painted().convert("YCbCr"), "TIFF", compression="jpeg")),
    "lzw_tiff": lambda: ("tif", _encoded(_painted(), "TIFF", compression="tiff_lzw")),
    "group4_tiff": lambda: (
        "tif",
        _encoded(_painted().convert("1", dither=Image.Dither.NONE), "TIFF", compression="group4"),
    ),
    "progressive_jpeg": lambda: ("jpg", _encoded(_painted(), "JPEG", progressive=True)),
    "4_4_4_jpeg": lambda: ("jpg", _encoded(_painted(), "JPEG", subsampling=0)),
    "animated_webp": lambda: ("webp", _animated("WEBP")),
    "animated_png": lambda: ("png", _animated("PNG")),
    "pages_tiff": lambda: ("tif", _animated("TIFF")),
    "two_pictures_jpeg": lambda: ("jpg", _animated("MPO")),
}


def _animated(kind: str) -> bytes:
    """Two pictures in one file; the first one is the picture of it."""
    other = Image.fromarray(paint(99, *_SIZE))
    return _encoded(_painted(), kind, save_all=True, append_images=[other])


_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _turned(kind: str, orientation: int) -> bytes:
    """The painted picture as a camera held this way stores it; numbers that mean nothing turn nothing."""
    image = _painted()
    if orientation in _BACK:
        image = image.transpose(_BACK[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _encoded(image, kind, exif=exif.tobytes())


_STAMPS = {
    "year_0": "0000:01:01 00:00:00",
    "year_1": "0001:01:01 00:00:00",
    "year_9999": "9999:12:31 23:59:59",
    "month_13": "2026:13:01 00:00:00",
    "not_a_time": "yesterday",
    "empty": "",
    "long": "2026:05:01 10:00:00" * 1000,
    "zeros": "0000:00:00 00:00:00",
    "negative": "-2026:05:01 10:00:00",
}


def _stamped(stamp: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = stamp
    return _encoded(_painted(), "JPEG", exif=exif.tobytes())
