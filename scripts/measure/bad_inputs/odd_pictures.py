"""Odd stills: wrong suffixes, all pixel formats, rotated, truncated, with flipped bits, odd EXIF times."""

import io
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.measure.bad_inputs.bad_file import BadFile, numbers_in_order
from scripts.measure.bad_inputs.originals import Workshop
from testing.painted.picture import paint

__all__ = ["odd_pictures"]

_KINDS = {"JPEG": "jpg", "PNG": "png", "BMP": "bmp", "TIFF": "tif", "WEBP": "webp"}
_KEPT = (0.0, 0.02, 0.2, 0.5, 0.8, 0.98)
_SIZE = (160, 96)
_NUMBER, _SOUND_NUMBER = 7, 8


def odd_pictures(seed: int) -> Iterator[BadFile]:
    """Yield folders of one odd picture and one intact picture, and odd pictures as single files."""
    for kind, content in {kind: _encode(_paint_picture(), kind) for kind in _KINDS}.items():
        for other, suffix in _KINDS.items():
            if other != kind:
                yield _folder(f"{kind}_called_{suffix}", f"1.{suffix}", content)
        yield _folder(f"{kind}_called_upper", f"1.{_KINDS[kind].upper()}", content)
        yield _single_file(f"{kind}_as_video", "picture.mp4", content)
        yield _single_file(f"{kind}_alone", f"picture.{_KINDS[kind]}", content + b"another")
        for kept in _KEPT:
            cut = content[: int(len(content) * kept)]
            yield _folder(f"{kind}_cut_{kept}", f"1.{_KINDS[kind]}", cut, may_differ=True)
        for nth in range(6):
            flipped = _flip_bits(content, random.Random(f"{seed}-{kind}-{nth}"), 1 << 2 * nth)
            yield _folder(f"{kind}_flipped_{nth}", f"1.{_KINDS[kind]}", flipped, may_differ=True)
    for name, make in _PIXELS.items():
        suffix, content = make()
        yield _folder(f"pixels_{name}", f"1.{suffix}", content)
    for orientation in range(12):
        for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
            yield _folder(f"{kind}_turned_{orientation}", f"1.{_KINDS[kind]}", _rotate(kind, orientation))
    for name, stamp in _EXIF_TIMES.items():
        yield _folder(f"exif_{name}", "1.jpg", _with_exif_time(stamp), may_differ=True)


def _folder(name: str, file: str, content: bytes, *, may_differ: bool = False) -> BadFile:
    """Return a folder of the odd picture and an intact one; no numbers are expected if the odd one may be damaged."""
    numbers = None if may_differ else numbers_in_order([_NUMBER, _SOUND_NUMBER])
    return BadFile("stills", name, partial(_in_a_folder, file, content), numbers)


def _in_a_folder(file: str, content: bytes, shop: Workshop) -> Path:
    shop.write(f"trap/2026-05-01_10-00-00_{file}", content)
    shop.write("trap/2026-05-01_10-00-01.png", _encode(Image.fromarray(paint(_SOUND_NUMBER, *_SIZE)), "PNG"))
    return shop.folder / "trap"


def _single_file(name: str, file: str, content: bytes) -> BadFile:
    return BadFile("stills", name, lambda shop: shop.write(file, content))


def _paint_picture() -> Image.Image:
    return Image.fromarray(paint(_NUMBER, *_SIZE))


def _encode(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def _flip_bits(content: bytes, rng: random.Random, n_bits: int) -> bytes:
    data = bytearray(content)
    for _ in range(n_bits):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _sixteen_bit(kind: str) -> bytes:
    grey = np.asarray(_paint_picture().convert("L"), dtype=np.uint16) * 257
    return _encode(Image.fromarray(grey), kind)


def _inverted_cmyk() -> bytes:
    """Return a JPEG with inverted CMYK and Adobe's marker, as some programs write it."""
    return _encode(_paint_picture().convert("CMYK"), "JPEG", quality=95)


def _transparent() -> Image.Image:
    image = _paint_picture().convert("RGBA")
    image.putalpha(255)
    return image


def _floating() -> Image.Image:
    return Image.fromarray(np.asarray(_paint_picture().convert("L"), dtype=np.float32) / 255)


_PIXELS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "cmyk_jpeg": lambda: ("jpg", _inverted_cmyk()),
    "cmyk_tiff": lambda: ("tif", _encode(_paint_picture().convert("CMYK"), "TIFF")),
    "16_bit_png": lambda: ("png", _sixteen_bit("PNG")),
    "16_bit_tiff": lambda: ("tif", _sixteen_bit("TIFF")),
    "32_bit_tiff": lambda: ("tif", _encode(_paint_picture().convert("I"), "TIFF")),
    "float_tiff": lambda: ("tif", _encode(_floating(), "TIFF")),
    "grey_jpeg": lambda: ("jpg", _encode(_paint_picture().convert("L"), "JPEG")),
    "grey_bmp": lambda: ("bmp", _encode(_paint_picture().convert("L"), "BMP")),
    "bits_png": lambda: ("png", _encode(_paint_picture().convert("1", dither=Image.Dither.NONE), "PNG")),
    "bits_tiff": lambda: ("tif", _encode(_paint_picture().convert("1", dither=Image.Dither.NONE), "TIFF")),
    "palette_png": lambda: ("png", _encode(_paint_picture().quantize(4), "PNG")),
    "palette_bmp": lambda: ("bmp", _encode(_paint_picture().quantize(4), "BMP")),
    "transparent_png": lambda: ("png", _encode(_transparent(), "PNG")),
    "transparent_webp": lambda: ("webp", _encode(_transparent(), "WEBP", lossless=True)),
    "grey_alpha_png": lambda: ("png", _encode(_paint_picture().convert("LA"), "PNG")),
    "lab_tiff": lambda: ("tif", _encode(_paint_picture().convert("L").convert("LAB"), "TIFF")),
    "ycbcr_tiff": lambda: ("tif", _encode(_paint_picture().convert("YCbCr"), "TIFF", compression="jpeg")),
    "lzw_tiff": lambda: ("tif", _encode(_paint_picture(), "TIFF", compression="tiff_lzw")),
    "group4_tiff": lambda: (
        "tif",
        _encode(_paint_picture().convert("1", dither=Image.Dither.NONE), "TIFF", compression="group4"),
    ),
    "progressive_jpeg": lambda: ("jpg", _encode(_paint_picture(), "JPEG", progressive=True)),
    "4_4_4_jpeg": lambda: ("jpg", _encode(_paint_picture(), "JPEG", subsampling=0)),
    "animated_webp": lambda: ("webp", _animated("WEBP")),
    "animated_png": lambda: ("png", _animated("PNG")),
    "pages_tiff": lambda: ("tif", _animated("TIFF")),
    "two_pictures_jpeg": lambda: ("jpg", _animated("MPO")),
}


def _animated(kind: str) -> bytes:
    """Return a file with two pictures, of which the first one counts."""
    other = Image.fromarray(paint(99, *_SIZE))
    return _encode(_paint_picture(), kind, save_all=True, append_images=[other])


_INVERSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _rotate(kind: str, orientation: int) -> bytes:
    """Return the painted picture as a camera in this orientation stores it; undefined orientations rotate nothing."""
    image = _paint_picture()
    if orientation in _INVERSE:
        image = image.transpose(_INVERSE[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _encode(image, kind, exif=exif.tobytes())


_EXIF_TIMES = {
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


def _with_exif_time(stamp: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = stamp
    return _encode(_paint_picture(), "JPEG", exif=exif.tobytes())
