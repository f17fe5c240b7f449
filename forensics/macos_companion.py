"""Files that macOS writes beside others on foreign disks and in ZIP archives (``._gate.mp4``): they hold no footage."""

from collections.abc import Callable
from typing import Final

__all__ = ["MACOS_MAGIC", "is_macos_companion"]

MACOS_MAGIC: Final = (b"\x00\x05\x16\x07", b"\x00\x05\x16\x00")
"""First bytes of AppleDouble and AppleSingle, RFC 1740."""


def is_macos_companion(name: str, read_start: Callable[[], bytes]) -> bool:
    """Whether a file is a companion, by its name and its first bytes: footage may be hidden under such a name.

    Args:
        name: of the file, or its path with forward slashes.
        read_start: returns the first bytes of the file; called only if its name begins with ``._``.

    >>> [is_macos_companion("._a.jpg", lambda: start) for start in (MACOS_MAGIC[0], b"JFIF")]
    [True, False]
    """
    return name.rpartition("/")[2].startswith("._") and read_start().startswith(MACOS_MAGIC)
