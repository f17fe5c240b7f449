"""Numbers painted as pictures that survive lossy codecs, scaling and odd sizes.

A picture has twelve columns: eight bits of the number and four of a checksum. A one is white above black, a zero black
above white. A column that is neither, or a wrong checksum, reads as no number, so a mixture of two frames never reads
as a number.
"""

import numpy as np

from forensics.footage.frames import RgbArray

__all__ = ["LARGEST", "number_in", "paint"]

LARGEST = 255
_NUMBER_BITS, _CHECK_BITS = 8, 4
_COLUMNS = _NUMBER_BITS + _CHECK_BITS
_LEAST_CONTRAST = 60.0


def paint(number: int, width_px: int, height_px: int) -> RgbArray:
    """Return a picture of `number`, (height_px, width_px, 3) uint8.

    >>> number_in(paint(73, 161, 97))
    73
    """
    if not 0 <= number <= LARGEST:
        raise ValueError(f"painted numbers run from 0 to {LARGEST}, got {number}")
    column = np.arange(width_px) * _COLUMNS // width_px
    is_one = np.array(_bits_of(number))[column]
    is_upper = np.arange(height_px) < height_px // 2
    luma = np.where(is_one[None, :] == is_upper[:, None], 224, 32).astype(np.uint8)
    return np.repeat(luma[:, :, None], 3, axis=2)


def number_in(rgb: RgbArray) -> int | None:
    """Return the painted number, or None if the picture does not show one clearly."""
    luma = rgb.astype(np.float32).mean(axis=2)
    height_px, width_px = luma.shape
    upper, lower = luma[height_px // 8 : height_px * 3 // 8], luma[height_px * 5 // 8 : height_px * 7 // 8]
    contrast = np.array(
        [_middle(upper, place, width_px) - _middle(lower, place, width_px) for place in range(_COLUMNS)]
    )
    if np.any(np.abs(contrast) < _LEAST_CONTRAST):
        return None
    bits = [bool(value > 0) for value in contrast]
    number = sum(bit << place for place, bit in enumerate(bits[:_NUMBER_BITS]))
    return number if bits == _bits_of(number) else None


def _bits_of(number: int) -> list[bool]:
    check = (number * 7 + (number >> 4) * 5 + 9) % (1 << _CHECK_BITS)
    code = number | check << _NUMBER_BITS
    return [bool(code >> place & 1) for place in range(_COLUMNS)]


def _middle(half: np.ndarray, place: int, width_px: int) -> float:
    """Return the mean of the inner half of one column, without the edges that a codec blurs."""
    left, right = place * width_px / _COLUMNS, (place + 1) * width_px / _COLUMNS
    quarter = (right - left) / 4
    return float(half[:, int(left + quarter) : max(int(left + quarter) + 1, int(right - quarter))].mean())
