"""Bytes of a file that its demuxer passed over without a word: damaged ones, and files joined behind damage.

Demuxers of these formats skip what they cannot parse and go on, or end as if the file ended there. Packets cover almost
the whole of such a file; what lies between them must be structure that holds no picture.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np

from forensics.adapters.store.checked_file import FootageReader, open_footage, size_of_footage
from forensics.adapters.video.containers import matroska_elements, mov_header
from forensics.adapters.video.containers.byte_coverage import Coverage, JoinedHeader, Uncovered
from forensics.adapters.video.containers.chunk_walks import (
    DHAV_HEAD_BYTES,
    FLV_TAG_HEAD_BYTES,
    HXVS_HEAD_BYTES,
    parse_dhav,
    parse_flv,
    parse_hxvs,
    walk_chunks,
    walk_nut,
)
from forensics.adapters.video.containers.matroska_elements import BLOCK_HEAD_BYTES, walk_matroska
from forensics.adapters.video.containers.mov_header import MOV, Box, find_boxes
from forensics.place import Place
from forensics.wording import counted

__all__ = ["describe_unread", "find_headers", "find_unread", "is_whole_gif", "may_mislead_seeks"]

_Range: TypeAlias = tuple[int, int]

_MATROSKA: Final = "matroska,webm"

_STARTS: Final = {_MATROSKA: b"\x1f\x43\xb6\x75", MOV: b"moof"}
"""First bytes of a part that holds pictures, by demuxer."""
_LEAST_HEADER_BYTES: Final = 64
"""Of a Matroska file: shorter holes hold none."""
_BOX_HEAD_BYTES: Final = 8
_BLOCK_BYTES: Final = 1 << 20

_GIF_IMAGE, _GIF_EXTENSION, _GIF_TRAILER = 0x2C, 0x21, 0x3B


def find_unread(path: Place, container: str, coverage: Coverage) -> tuple[_Range, ...]:
    """Return the ranges of bytes that may hold pictures and were not read; empty for formats that are not checked.

    Args:
        path: of the file.
        container: name of the demuxer.
        coverage: of its packets.
    """
    file, n_bytes = open_footage(path), size_of_footage(path)
    if container == MOV:
        return tuple(_find_unread_fragments(path, coverage, n_bytes))
    if container == "gif":
        end = _walk_gif(file, n_bytes)
        return ((end, n_bytes),) if end is not None and end < n_bytes else ()
    if container not in _WALKS:
        return ()
    layout, walk = _WALKS[container]
    holes = coverage.uncovered(n_bytes, n_head_bytes=layout[0], n_usual_bytes=layout[1])
    return tuple((fault, hole.stop) for hole in holes if (fault := walk(file, hole)) >= 0)


def find_headers(path: Place, container: str, coverage: Coverage) -> list[JoinedHeader]:
    """Return the header of each of the files that were joined to this one; one or none for a single file."""
    if container == MOV:
        return list(mov_header.read_headers(path))
    if container != _MATROSKA:
        return []
    file = open_footage(path)
    holes = coverage.uncovered(size_of_footage(path), n_head_bytes=BLOCK_HEAD_BYTES, n_usual_bytes=_LEAST_HEADER_BYTES)
    return [header for hole in holes for header in matroska_elements.read_headers(file, hole)]


def may_mislead_seeks(path: Place, container: str, ranges: Sequence[_Range]) -> bool:
    """Whether a seek may find pictures in these bytes that the demuxer does not find when it reads from the start.

    A block or fragment that was cut off at the end of the file holds no others.
    """
    return any(stop < size_of_footage(path) or _holds(path, _STARTS.get(container), start) for start, stop in ranges)


def _holds(path: Place, mark: bytes | None, start: int) -> bool:
    """Whether the bytes behind the first one of a range hold this mark."""
    if mark is None:
        return False
    file, last = open_footage(path), b""
    file.seek(start + 1)
    for block in iter(partial(file.read, _BLOCK_BYTES), b""):
        if mark in last + block:
            return True
        last = block[-len(mark) :]
    return False


def describe_unread(ranges: Sequence[_Range]) -> str:
    """Describe these ranges of bytes; empty for none."""
    if not ranges:
        return ""
    n_bytes = sum(stop - start for start, stop in ranges)
    where = f"from byte {ranges[0][0]} on" if len(ranges) == 1 else f"in {len(ranges)} places, first at {ranges[0][0]}"
    are = counted(n_bytes, "byte is damaged or holds", "bytes are damaged or hold")
    return f"{are} pictures that could not be reached, {where}"


def is_whole_gif(path: Place) -> bool:
    """Whether a GIF has its trailer."""
    return _walk_gif(open_footage(path), size_of_footage(path)) is None


def _walk_gif(file: FootageReader, n_bytes: int) -> int | None:
    """Return the first byte that is no part of a GIF, before its trailer; None for one with its trailer."""
    window = _Window(file)
    at = 13 + _gif_colours(window.byte(10)) if n_bytes > 13 else n_bytes
    while at < n_bytes:
        start, kind = at, window.byte(at)
        if kind == _GIF_TRAILER:
            return None
        if kind == _GIF_EXTENSION:
            at += 2
        elif kind == _GIF_IMAGE and at + 10 < n_bytes:
            at += 11 + _gif_colours(window.byte(at + 9))
        else:
            return start
        while at < n_bytes and (n_following := window.byte(at)):
            at += 1 + n_following
        at += 1
    return n_bytes


@dataclass(slots=True)
class _Window:
    """Single bytes of a file, which is read in blocks."""

    _file: FootageReader
    _start: int = 0
    _block: bytes = b""

    def byte(self, at: int) -> int:
        """Return the byte at this offset; 0 behind the end."""
        if not self._start <= at < self._start + len(self._block):
            self._file.seek(at)
            self._start, self._block = at, self._file.read(_BLOCK_BYTES)
        return self._block[at - self._start] if self._block else 0


def _gif_colours(flags: int) -> int:
    """Return how many bytes the table of colours takes that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _find_unread_fragments(path: Place, coverage: Coverage, n_bytes: int) -> Iterator[_Range]:
    """Yield the fragments of an MP4 of which no packet was read, and what lies behind the last whole box."""
    boxes = find_boxes(path)
    if not any(box.kind == b"moof" for box in boxes):
        return
    positions = np.sort(np.frombuffer(coverage.positions, dtype=np.int64))
    for box in boxes:
        first, last = np.searchsorted(positions, [box.start, box.stop])
        is_read = last > first
        if not _is_box(box) or (box.stop > n_bytes and not is_read):
            if not _is_padding(path, box.start):
                yield box.start, n_bytes
            return
        if box.kind == b"mdat" and box.stop - box.start > _BOX_HEAD_BYTES and not is_read:
            yield box.start, box.stop


def _is_box(box: Box) -> bool:
    kind = box.kind.removeprefix(b"\xa9")
    return kind.isascii() and kind.decode("ascii").isprintable() and box.stop >= box.start + _BOX_HEAD_BYTES


def _is_padding(path: Place, start: int) -> bool:
    """Whether the file holds nothing but zeros from this byte on: space that a recorder set aside."""
    file = open_footage(path)
    file.seek(start)
    return not any(any(block) for block in iter(partial(file.read, _BLOCK_BYTES), b""))


_Walk: TypeAlias = Callable[[FootageReader, Uncovered], int]
_WALKS: Final[dict[str, tuple[tuple[int, int], _Walk]]] = {
    _MATROSKA: ((BLOCK_HEAD_BYTES, 12), walk_matroska),
    "nut": ((0, 16), walk_nut),
    "flv": ((FLV_TAG_HEAD_BYTES + 5, 4), partial(walk_chunks, parse=parse_flv)),
    "hxvs": ((HXVS_HEAD_BYTES, 0), partial(walk_chunks, parse=parse_hxvs)),
    "dhav": ((DHAV_HEAD_BYTES, 16), partial(walk_chunks, parse=parse_dhav)),
}
"""How many bytes lie between the position of a packet and its content, and then between packets; what walks on."""
