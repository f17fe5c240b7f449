"""Durations as people write them on the command line: whole milliseconds, or numbers with units."""

import re
from fractions import Fraction
from typing import Any, Final

import click

__all__ = ["Duration"]

_MS: Final = {"h": 3_600_000, "m": 60_000, "min": 60_000, "s": 1000, "ms": 1}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(h|min|ms|m|s)\s*")
_LARGEST_MS: Final = 1 << 53


class Duration(click.ParamType[int]):
    """A duration in milliseconds: ``500``, ``500ms``, ``90s``, ``25m3s``, ``-1h``.

    Args:
        is_signed: whether it may be negative.
    """

    name = "duration"

    def __init__(self, *, is_signed: bool) -> None:
        self._is_signed = is_signed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the milliseconds."""
        if isinstance(value, int):
            return value
        milliseconds = _milliseconds(value)
        if milliseconds is None or abs(milliseconds) > _LARGEST_MS:
            self.fail(
                f"{value!r} is no duration; write milliseconds, or units as in 25m3s, 90s, 500ms, -1h", param, ctx
            )
        if milliseconds < 0 and not self._is_signed:
            self.fail(f"{value} is negative", param, ctx)
        return milliseconds


def _milliseconds(text: str) -> int | None:
    """Return the milliseconds; None for what is no duration or has a fraction of a millisecond.

    >>> [_milliseconds(text) for text in ("500", "-1h", "25m3s", "1h 30min", "0.5s", "5ms", "3x", "", "1.5")]
    [500, -3600000, 1503000, 5400000, 500, 5, None, None, None]
    """
    bare = text.strip()
    sign, digits = (-1 if bare.startswith("-") else 1), bare.lstrip("+-").strip()
    if digits.isascii() and digits.isdigit():
        return sign * int(digits)
    parts = _PART.findall(digits)
    if not parts or _PART.sub("", digits) or len(bare) - len(bare.lstrip("+-")) > 1:
        return None
    total = sum(Fraction(number) * _MS[unit] for number, unit in parts)
    return sign * int(total) if total.denominator == 1 else None
