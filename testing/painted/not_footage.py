"""Beginnings of files that hold no footage that is read: companions of macOS, and a picture of a phone."""

from typing import Final

__all__ = ["APPLE_DOUBLE", "APPLE_SINGLE", "HEIC"]

APPLE_DOUBLE: Final = bytes.fromhex("00051607 00020000") + b"Mac OS X        " + bytes(4000)
"""A companion of macOS, as RFC 1740 has it."""

APPLE_SINGLE: Final = bytes.fromhex("00051600 00020000") + bytes(56)
"""Its other form."""

HEIC: Final = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x08mdat" + bytes(500)
"""Header of a picture of a phone, with nothing behind it."""
