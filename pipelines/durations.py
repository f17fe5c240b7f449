"""Durations as people write them: whole milliseconds, or numbers with units."""

import re
from fractions import Fraction
from typing import Final

__all__ = ["parse_duration"]

_MS: Final = {"h": 3_600_000, "m": 60_000, "min": 60_000, "s": 1000, "ms": 1}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(h|min|ms|m|s)\s*")
_LARGEST_MS: Final = 1 << 53


def parse_duration(text: str) -> int | None:
    """Return the milliseconds; None for what is no duration, has a fraction of a millisecond, or is too large.

    >>> [parse_duration(text) for text in ("500", "-1h", "25m3s", "1h 30min", "0.5s", "5ms", "3x", "", "1.5")]
    [500, -3600000, 1503000, 5400000, 500, 5, None, None, None]
    """
    bare = text.strip()
    sign, digits = (-1 if bare.startswith("-") else 1), bare.lstrip("+-").strip()
    if len(bare) - len(bare.lstrip("+-")) > 1:
        return None
    milliseconds = Fraction(digits) if digits.isascii() and digits.isdigit() else _sum_of_parts(digits)
    if milliseconds is None or milliseconds.denominator != 1 or milliseconds > _LARGEST_MS:
        return None
    return sign * int(milliseconds)


def _sum_of_parts(text: str) -> Fraction | None:
    """Return the milliseconds of numbers with units; None if there is anything else."""
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text):
        return None
    return sum((Fraction(number) * _MS[unit] for number, unit in parts), Fraction(0))
