"""The header of MP4 and QuickTime files: whether there is one, and how large a packed one says it is.

A packed header of a few kilobytes can ask for gigabytes.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["lacks_header", "packed_header_bytes"]

_BOX = struct.Struct(">I4s")
_LARGE = 1
_FIRST = ([b"ftyp"], [b"mdat"], [b"wide"], [b"skip"])
# Of those beside the packed header; the one in use holds four bytes.
_LARGEST_BOX_BYTES = 1 << 20
# More boxes than any file has before its header.
_MOST_BOXES = 10_000


def packed_header_bytes(path: Path) -> int:
    """Bytes that the header (`moov`) unpacks to by its own word; 0 where it is not packed, or there is none."""
    with path.open("rb") as file:
        return next((_packed_bytes(file) for kind in _kinds(file, path) if kind == b"moov"), 0)


def lacks_header(path: Path) -> bool:
    """Whether a file begins as MP4 or QuickTime files do, and has no header: cut short, or never finished."""
    with path.open("rb") as file:
        kinds = list(_kinds(file, path))
    return kinds[:1] in _FIRST and b"moov" not in kinds


def _kinds(file: IO[bytes], path: Path) -> Iterator[bytes]:
    """The kind of each box of the file, which then is read behind its head; one that is cut short is the last."""
    n_bytes = path.stat().st_size
    for _ in range(_MOST_BOXES):
        start, size, kind = file.tell(), *_box(file)
        if not kind:
            return
        yield kind
        if not _BOX.size <= size <= n_bytes:
            return
        file.seek(start + size)


def _box(file: IO[bytes]) -> tuple[int, bytes]:
    """Size and kind of the box that begins here; size 0 where there is none."""
    header = file.read(_BOX.size)
    if len(header) < _BOX.size:
        return 0, b""
    size, kind = _BOX.unpack(header)
    if size == _LARGE:
        return int.from_bytes(file.read(8), "big"), kind
    return size, kind


def _packed_bytes(file: IO[bytes]) -> int:
    """What `cmvd` states, where the header's first box is a packed one."""
    if _box(file)[1] != b"cmov":
        return 0
    for _ in range(3):
        start, size, kind = file.tell(), *_box(file)
        if kind == b"cmvd":
            return int.from_bytes(file.read(4), "big")
        if not _BOX.size <= size <= _LARGEST_BOX_BYTES:
            return 0
        file.seek(start + size)
    return 0
