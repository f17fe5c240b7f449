"""Header (`moov`) of MP4 and QuickTime files: whether it exists, and the unpacked size that a compressed one states.

A compressed header (`cmov`) of a few kilobytes can state gigabytes; check the size before a demuxer allocates them.
"""

import struct
from collections.abc import Iterator

from forensics.adapters.store.checked_file import FootageFile, open_footage, size_of_footage
from forensics.adapters.store.object_store import ObjectFile
from forensics.place import Place

__all__ = ["find_boxes", "lacks_header", "unpacked_header_bytes"]

_File = FootageFile | ObjectFile
_BOX = struct.Struct(">I4s")
_SIZE_IS_64_BIT = 1
_FIRST_BOX_KINDS = ([b"ftyp"], [b"mdat"], [b"wide"], [b"skip"])
# Limit for the boxes beside the compressed header; the only one in use (dcom) holds four bytes.
_MAX_BOX_BYTES = 1 << 20
# No real file has more top-level boxes before its header.
_MAX_BOXES = 10_000


def unpacked_header_bytes(path: Place) -> int:
    """Return the unpacked size in bytes that a compressed header states; 0 if the header is plain or missing."""
    file = open_footage(path)
    return next(
        (_read_unpacked_bytes(file) for _, kind in _iterate_boxes(file, size_of_footage(path)) if kind == b"moov"), 0
    )


def find_boxes(path: Place) -> list[tuple[int, bytes]]:
    """Return offset and kind of each top-level box."""
    file = open_footage(path)
    return list(_iterate_boxes(file, size_of_footage(path)))


def lacks_header(path: Place) -> bool:
    """Whether a file starts like MP4 or QuickTime but has no header: it was cut short or never finished."""
    kinds = [kind for _, kind in find_boxes(path)]
    return kinds[:1] in _FIRST_BOX_KINDS and b"moov" not in kinds


def _iterate_boxes(file: _File, n_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield offset and kind of each top-level box, the file positioned after its header; end at a truncated box."""
    for _ in range(_MAX_BOXES):
        start, size, kind = file.tell(), *_read_box_header(file)
        if not kind:
            return
        yield start, kind
        if not _BOX.size <= size <= n_bytes:
            return
        file.seek(start + size)


def _read_box_header(file: _File) -> tuple[int, bytes]:
    """Read a box header and return the box's size and kind; size 0 and an empty kind at the end of the file."""
    header = file.read(_BOX.size)
    if len(header) < _BOX.size:
        return 0, b""
    size, kind = _BOX.unpack(header)
    if size == _SIZE_IS_64_BIT:
        return int.from_bytes(file.read(8), "big"), kind
    return size, kind


def _read_unpacked_bytes(file: _File) -> int:
    """Return the unpacked size stated in `cmvd`, if the header's first box is `cmov`; else 0."""
    if _read_box_header(file)[1] != b"cmov":
        return 0
    for _ in range(3):
        start, size, kind = file.tell(), *_read_box_header(file)
        if kind == b"cmvd":
            return int.from_bytes(file.read(4), "big")
        if not _BOX.size <= size <= _MAX_BOX_BYTES:
            return 0
        file.seek(start + size)
    return 0
