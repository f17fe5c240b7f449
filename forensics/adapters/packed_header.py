"""How large the packed header of a QuickTime file says it is: a few kilobytes can ask for gigabytes."""

import struct
from pathlib import Path
from typing import IO

__all__ = ["packed_header_bytes"]

_BOX = struct.Struct(">I4s")
_LARGE = 1
# Of those beside the packed header; the one in use holds four bytes.
_LARGEST_BOX_BYTES = 1 << 20
# More boxes than any file has before its header.
_MOST_BOXES = 10_000


def packed_header_bytes(path: Path) -> int:
    """Bytes that the header (`moov`) unpacks to by its own word; 0 where it is not packed, or there is none."""
    with path.open("rb") as file:
        n_bytes = path.stat().st_size
        for _ in range(_MOST_BOXES):
            start, size, kind = file.tell(), *_box(file)
            if kind == b"moov":
                return _packed_bytes(file)
            if not _BOX.size <= size <= n_bytes:
                return 0
            file.seek(start + size)
    return 0


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
