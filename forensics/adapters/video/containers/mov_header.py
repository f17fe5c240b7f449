"""Header (`moov`) of MP4 and QuickTime files: whether it exists, and the unpacked size that a compressed one states.

A compressed header (`cmov`) of a few kilobytes can state gigabytes; check the size before a demuxer allocates them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from forensics.adapters.store.checked_file import FootageReader, open_footage, size_of_footage
from forensics.adapters.video.containers.byte_coverage import JoinedHeader
from forensics.place import Place

__all__ = ["MOV", "Box", "find_boxes", "lacks_header", "read_headers", "unpacked_header_bytes"]

MOV = "mov,mp4,m4a,3gp,3g2,mj2"
"""Name of the demuxer."""

_BOX = struct.Struct(">I4s")
_SIZE_IS_64_BIT = 1
_FIRST_BOX_KINDS = ([b"ftyp"], [b"mdat"], [b"wide"], [b"skip"])
# Limit for the boxes beside the compressed header; the only one in use (dcom) holds four bytes.
_MAX_BOX_BYTES = 1 << 20
_PARAMETERS = (b"avcC", b"hvcC", b"av1C", b"vpcC")
_LARGEST_HEADER_BYTES = 64 << 20
# A day of fragments of one second has fewer.
_MAX_BOXES = 1_000_000


def unpacked_header_bytes(path: Place) -> int:
    """Return the unpacked size in bytes that a compressed header states; 0 if the header is plain or missing."""
    file = open_footage(path)
    return next(
        (_read_unpacked_bytes(file) for box in _iterate_boxes(file, size_of_footage(path)) if box.kind == b"moov"), 0
    )


@dataclass(frozen=True, slots=True)
class Box:
    """A top-level box.

    Attributes:
        start: byte offset.
        stop: byte offset behind it, by its own size.
        kind: four bytes.
    """

    start: int
    stop: int
    kind: bytes


def find_boxes(path: Place) -> list[Box]:
    """Return the top-level boxes up to one that is not whole, or does not state its size."""
    file = open_footage(path)
    return list(_iterate_boxes(file, size_of_footage(path)))


def read_headers(path: Place) -> Iterator[JoinedHeader]:
    """Yield the header of each file that was joined to others, if there are several."""
    boxes = find_boxes(path)
    headers = [box for box in boxes if box.kind == b"moov"]
    if len(headers) > 1:
        file = open_footage(path)
        for header in headers:
            start = max((box.start for box in boxes if box.kind == b"ftyp" and box.start < header.start), default=0)
            yield JoinedHeader(start, *_read_setup(file, header))


def _read_setup(file: FootageReader, header: Box) -> tuple[bytes, bytes]:
    """Return clock rate and kind of parameters of the first video track, and the parameters of its decoder."""
    file.seek(header.start)
    content = file.read(min(header.stop - header.start, _LARGEST_HEADER_BYTES))
    edges = [*_find_all(content, b"trak"), len(content)]
    tracks = (content[start:stop] for start, stop in pairwise(edges))
    track = next((each for each in tracks if _handler_of(each) == b"vide"), content)
    rate = next((_read_rate(track, at) for at in _find_all(track, b"mdhd")), b"")
    for kind in _PARAMETERS:
        for at in _find_all(track, kind):
            return rate + kind, track[at + 4 : at - 4 + int.from_bytes(track[at - 4 : at], "big")]
    return rate, b""


def _handler_of(track: bytes) -> bytes:
    at = track.find(b"hdlr")
    return track[at + 12 : at + 16] if at >= 0 else b""


def _read_rate(track: bytes, at: int) -> bytes:
    """Return the ticks per second that the `mdhd` at this byte states; the times before it may be longer."""
    start = at + (24 if track[at + 4 : at + 5] == b"\1" else 16)
    return track[start : start + 4]


def _find_all(content: bytes, kind: bytes) -> Iterator[int]:
    at = content.find(kind)
    while at >= 0:
        yield at
        at = content.find(kind, at + 1)


def lacks_header(path: Place) -> bool:
    """Whether a file starts like MP4 or QuickTime but has no header: it was cut short or never finished."""
    kinds = [box.kind for box in find_boxes(path)]
    return kinds[:1] in _FIRST_BOX_KINDS and b"moov" not in kinds


def _iterate_boxes(file: FootageReader, n_bytes: int) -> Iterator[Box]:
    """Yield each top-level box, the file positioned after its header; end at a truncated box."""
    for _ in range(_MAX_BOXES):
        start, size, kind = file.tell(), *_read_box_header(file)
        if not kind:
            return
        yield Box(start, start + size if size else n_bytes, kind)
        if not _BOX.size <= size <= n_bytes:
            return
        file.seek(start + size)


def _read_box_header(file: FootageReader) -> tuple[int, bytes]:
    """Read a box header and return the box's size and kind; size 0 and an empty kind at the end of the file."""
    header = file.read(_BOX.size)
    if len(header) < _BOX.size:
        return 0, b""
    size, kind = _BOX.unpack(header)
    if size == _SIZE_IS_64_BIT:
        return int.from_bytes(file.read(8), "big"), kind
    return size, kind


def _read_unpacked_bytes(file: FootageReader) -> int:
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
