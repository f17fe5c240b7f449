"""Statements about a time: a number, nothing, or that it is unknown after all."""

from enum import Enum
from typing import Final

__all__ = ["UNKNOWN", "Stated", "Unknown", "stated_now"]


class Unknown(Enum):
    """The statement that something is not known, which takes back what was stated before."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
Stated = int | Unknown | None
"""A number, `UNKNOWN`, or None where nothing is stated."""


def stated_now(before: int | None, stated: Stated) -> int | None:
    """Return what is stated after a statement; what is not stated stays.

    >>> stated_now(5, None), stated_now(5, 7), stated_now(5, UNKNOWN)
    (5, 7, None)
    """
    if stated is None:
        return before
    return None if isinstance(stated, Unknown) else stated
