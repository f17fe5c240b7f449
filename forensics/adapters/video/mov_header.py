"""The header of MP4 and QuickTime files: whether there is one, and how large a packed one says it is.

A packed header of a few kilobytes can ask for gigabytes.
"""

import struct
from collections.abc import Iterator

from forensics.adapters.store.checked_file import FootageFile, footage_file, size_of_footage
from forensics.adapters.store.object_store import ObjectFile
from forensics.place import Place

__all__ = ["lacks_header", "packed_header_bytes"]

_File = FootageFile | ObjectFile
_BOX = struct.Struct(">I4s")
_LARGE = 1
_FIRST = ([b"ftyp"], [b"mdat"], [b"wide"], [b"skip"])
# Of those beside the packed header; the one in use holds four bytes.
_LARGEST_BOX_BYTES = 1 << 20
# More boxes than any file has before its header.
_MOST_BOXES = 10_000


def packed_header_bytes(path: Place) -> int:
    """Bytes that the header (`moov`) unpacks to by its own word; 0 where it is not packed, or there is none."""
    file = footage_file(path)
    return next((_packed_bytes(file) for kind in _kinds(file, size_of_footage(path)) if kind == b"moov"), 0)


def lacks_header(path: Place) -> bool:
    """Whether a file begins as MP4 or QuickTime files do, and has no header: cut short, or never finished."""
    kinds = list(_kinds(footage_file(path), size_of_footage(path)))
    return kinds[:1] in _FIRST and b"moov" not in kinds


def _kinds(file: _File, n_bytes: int) -> Iterator[bytes]:
    """The kind of each box of the file, which then is read behind its head; one that is cut short is the last."""
    for _ in range(_MOST_BOXES):
        start, size, kind = file.tell(), *_box(file)
        if not kind:
            return
        yield kind
        if not _BOX.size <= size <= n_bytes:
            return
        file.seek(start + size)


def _box(file: _File) -> tuple[int, bytes]:
    """Size and kind of the box that begins here; size 0 where there is none."""
    header = file.read(_BOX.size)
    if len(header) < _BOX.size:
        return 0, b""
    size, kind = _BOX.unpack(header)
    if size == _LARGE:
        return int.from_bytes(file.read(8), "big"), kind
    return size, kind


def _packed_bytes(file: _File) -> int:
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
