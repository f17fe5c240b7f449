"""Elements of Matroska files: what lies between two packets, seen without the demuxer.

Source: RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from forensics.adapters.store.checked_file import FootageReader
from forensics.adapters.video.containers.byte_coverage import JoinedHeader, Uncovered

__all__ = ["BLOCK_HEAD_BYTES", "read_headers", "walk_matroska"]

BLOCK_HEAD_BYTES: Final = 4
"""Of a block: track, time and flags. A block without more is a frame that did not change."""
_BLOCKS: Final = frozenset({0xA3, 0xA1})
"""SimpleBlock and Block."""
_PARENTS: Final = frozenset({0x18538067, 0x1F43B675, 0xA0})
"""Segment, Cluster and BlockGroup: what is in them is walked through."""
_OTHERS: Final = frozenset(
    {0x1A45DFA3, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469, 0xEC, 0xBF}
    | {0xE7, 0xA7, 0xAB, 0x5854, 0x9B, 0xFB, 0xFA, 0xA4, 0x75A1, 0x75A2, 0x8E, 0xA2, 0xAF, 0xFD, 0xC8}
)
"""EBML head, SeekHead, Info, Tracks, Cues, Tags, Chapters, Attachments, Void and CRC-32; then what clusters hold."""
_EBML: Final = 0x1A45DFA3
_INFO: Final = 0x1549A966
_TIMESTAMP_SCALE: Final = 0x2AD7B1
_DEFAULT_TIMESTAMP_SCALE: Final = 1_000_000
_TRACKS: Final = 0x1654AE6B
_TRACK_TYPE: Final = 0x83
_VIDEO: Final = b"\1"
_CODEC_ID: Final = 0x86
_CODEC_PRIVATE: Final = 0x63A2
_MAX_ELEMENT_HEAD_BYTES: Final = 9
_MAX_VALUE_BYTES: Final = 1 << 20
_MAX_ELEMENTS: Final = 100_000
"""Between two packets; an element may have two bytes, so damage could hold very many."""


@dataclass(frozen=True, slots=True)
class _Element:
    """One element.

    Attributes:
        at: its first byte.
        kind: its identifier.
        data: first byte of its content.
        size: bytes of its content.
    """

    at: int
    kind: int
    data: int
    size: int

    @property
    def stop(self) -> int:
        """First byte behind it."""
        return self.data + self.size


def walk_matroska(file: FootageReader, hole: Uncovered) -> int:
    """Walk through the elements of a hole; return the first byte that is none, or a block that was not read, or -1.

    A packet may be smaller or larger than its block, which may be compressed or shared.
    """
    ends = [*_block_ends(file, hole.last_packet), hole.start]
    faults = [_walk_elements(file, replace(hole, start=end)) for end in ends]
    return -1 if -1 in faults else faults[0]


def _block_ends(file: FootageReader, content: int) -> Iterator[int]:
    """Yield the possible ends of the block whose content begins at this byte."""
    start = max(0, content - _MAX_ELEMENT_HEAD_BYTES)
    file.seek(start)
    head = file.read(max(0, content - start))
    for at, kind in enumerate(head):
        size, n_size = _read_number(head[at + 1 :], keeps_marker=False)
        if kind in _BLOCKS and n_size == len(head) - at - 1:
            yield content + size


def _walk_elements(file: FootageReader, hole: Uncovered) -> int:
    """Walk through the elements from a byte on; return the first byte that is none, or an unread block, or -1."""
    at = hole.start
    for _ in range(_MAX_ELEMENTS):
        if at >= hole.stop:
            return -1
        element = _read_element(file, at)
        if element is None:
            return at
        if element.kind in _PARENTS:
            at = element.data
        elif element.kind in _BLOCKS:
            if element.data == hole.stop and not hole.is_last:
                return -1
            if element.size > BLOCK_HEAD_BYTES:
                return at
            at = element.stop
        elif element.kind in _OTHERS and element.stop <= hole.stop:
            at = element.stop
        else:
            return at
    return at


def read_headers(file: FootageReader, hole: Uncovered) -> Iterator[JoinedHeader]:
    """Yield the header of each file that begins in a hole."""
    start, nanoseconds = hole.start, _DEFAULT_TIMESTAMP_SCALE
    for end in [*_block_ends(file, hole.last_packet), hole.start]:
        elements = list(_iterate_elements(file, end, hole.stop))
        if any(element.kind == _TRACKS for element in elements):
            break
    for element in elements:
        if element.kind == _EBML:
            start, nanoseconds = element.at, _DEFAULT_TIMESTAMP_SCALE
        if element.kind == _INFO:
            stated = dict(_values(file, element, _TIMESTAMP_SCALE)).get(_TIMESTAMP_SCALE)
            nanoseconds = int.from_bytes(stated, "big") if stated else _DEFAULT_TIMESTAMP_SCALE
        if element.kind == _TRACKS:
            for entry in _iterate_elements(file, element.data, element.stop):
                values = dict(_values(file, entry, _TRACK_TYPE, _CODEC_ID, _CODEC_PRIVATE))
                if values.get(_TRACK_TYPE) == _VIDEO:
                    codec, extradata = values.get(_CODEC_ID, b""), values.get(_CODEC_PRIVATE, b"")
                    yield JoinedHeader(start, b"%d %b" % (nanoseconds, codec), extradata)
                    break


def _iterate_elements(file: FootageReader, at: int, stop: int) -> Iterator[_Element]:
    """Yield the elements from a byte on, those inside of segments and clusters too, up to the first that is cut off."""
    for _ in range(_MAX_ELEMENTS):
        if at >= stop or (element := _read_element(file, at)) is None:
            return
        yield element
        at = element.data if element.kind in _PARENTS else element.stop


def _values(file: FootageReader, parent: _Element, *kinds: int) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of the elements of some kinds in another one."""
    for element in _iterate_elements(file, parent.data, parent.stop):
        if element.kind in kinds:
            file.seek(element.data)
            yield element.kind, file.read(min(element.size, _MAX_VALUE_BYTES))


def _read_element(file: FootageReader, at: int) -> _Element | None:
    """Return the element that begins at a byte; None if none does."""
    file.seek(at)
    head = file.read(12)
    kind, n_kind = _read_number(head, keeps_marker=True)
    size, n_size = _read_number(head[n_kind:], keeps_marker=False)
    return _Element(at, kind, at + n_kind + n_size, size) if n_kind and n_size else None


def _read_number(head: bytes, *, keeps_marker: bool) -> tuple[int, int]:
    """Return a number of variable length and how many bytes it takes; (0, 0) if there is none."""
    n_bytes = 9 - head[0].bit_length() if head else 9
    if n_bytes > min(8, len(head)):
        return 0, 0
    value = int.from_bytes(head[:n_bytes], "big")
    return value if keeps_marker else value & (1 << 7 * n_bytes) - 1, n_bytes
