"""Chunks of FLV, HXVS and Dahua files, and headers of NUT files, seen without the demuxer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from forensics.adapters.store.checked_file import FootageReader
from forensics.adapters.video.containers.byte_coverage import Uncovered

__all__ = [
    "DHAV_HEAD_BYTES",
    "FLV_TAG_HEAD_BYTES",
    "HXVS_HEAD_BYTES",
    "parse_dhav",
    "parse_flv",
    "parse_hxvs",
    "walk_chunks",
    "walk_nut",
]

_FLV_TAG_KINDS: Final = frozenset({8, 9, 18})
"""Sound, picture and script data."""
_FLV_HEAD_BYTES: Final = 9
FLV_TAG_HEAD_BYTES: Final = 11
_FLV_PICTURE, _FLV_H264 = 9, 7

_HXVS_FILES: Final = frozenset({b"HXVS", b"HXVT"})
_HXVS_CHUNKS: Final = frozenset({b"HXVF", b"HXAF", b"HXFI"})
"""Picture, sound and index; the size of each chunk follows its kind."""
HXVS_HEAD_BYTES: Final = 16

_DHAV_PICTURES: Final = frozenset({0xFC, 0xFD, 0xFE})
DHAV_HEAD_BYTES: Final = 24

_CHUNK_HEAD_BYTES: Final = 24
"""As many as any of these formats needs to tell what a chunk holds."""

_NUT_STARTS: Final = frozenset(
    bytes.fromhex(text)
    for text in ("4e4d7a561f5f04ad", "4e5311405bf2f9db", "4e4be4adeeca4569", "4e58dd672f23e64e", "4e49ab68b596ba78")
)
"""Main header, stream header, syncpoint, index and info."""
_NUT_MAGIC: Final = b"nut/multimedia container\0"
_NUT_MAX_FRAME_HEAD_BYTES: Final = 40


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a file that states its own size.

    Attributes:
        n_bytes: of the whole chunk.
        is_picture: whether it holds one.
    """

    n_bytes: int
    is_picture: bool


def walk_chunks(file: FootageReader, hole: Uncovered, parse: Callable[[bytes], Chunk | None]) -> int:
    """Walk from chunk to chunk; return the first byte that starts none, or a picture that was not read, or -1.

    Args:
        file: of the hole.
        hole: what is between two packets; the walk begins with the chunk of the first one.
        parse: makes a chunk of its first bytes; None if they start none.
    """
    at = max(0, hole.last_packet)
    while at < hole.stop:
        file.seek(at)
        chunk = parse(file.read(_CHUNK_HEAD_BYTES))
        if chunk is None or (chunk.is_picture and at != hole.last_packet):
            return max(at, hole.start)
        at += chunk.n_bytes
    return -1 if at == hole.stop else hole.start


def _is_flv_setup(head: bytes, size: int) -> bool:
    """Whether a tag of a picture holds none, but the setup of its codec or the end of the stream."""
    return size <= 5 or (head[0] & 0x0F == _FLV_H264 and head[1] != 1) or bool(head[0] & 0x80 and head[0] & 0x0F != 1)


def parse_flv(head: bytes) -> Chunk | None:
    """Parse the head of the file, or of a tag and what it begins with; the size of each tag is repeated behind it."""
    if head.startswith(b"FLV"):
        return Chunk(_FLV_HEAD_BYTES + 4, is_picture=False)
    if len(head) < FLV_TAG_HEAD_BYTES or head[0] not in _FLV_TAG_KINDS:
        return None
    size, content = int.from_bytes(head[1:4], "big"), head[FLV_TAG_HEAD_BYTES:]
    is_picture = head[0] == _FLV_PICTURE and not _is_flv_setup(content.ljust(2, b"\0"), size)
    return Chunk(FLV_TAG_HEAD_BYTES + size + 4, is_picture)


def parse_hxvs(head: bytes) -> Chunk | None:
    """Parse the head of the file or of a chunk."""
    kind, size = head[:4], int.from_bytes(head[4:8], "little")
    if kind in _HXVS_FILES:
        return Chunk(HXVS_HEAD_BYTES, is_picture=False)
    return Chunk(HXVS_HEAD_BYTES + size, kind == b"HXVF") if kind in _HXVS_CHUNKS else None


def parse_dhav(head: bytes) -> Chunk | None:
    """Parse the head of a chunk."""
    size = int.from_bytes(head[12:16], "little")
    return Chunk(size, head[4] in _DHAV_PICTURES) if head.startswith(b"DHAV") and size else None


def walk_nut(file: FootageReader, hole: Uncovered) -> int:
    """Walk through the headers of a hole; return the first byte that is neither one nor the head of a frame, or -1."""
    at = hole.start
    file.seek(at)
    if file.read(len(_NUT_MAGIC)) == _NUT_MAGIC:
        at += len(_NUT_MAGIC)
    while at < hole.stop:
        file.seek(at)
        head = file.read(24)
        if head[:8] not in _NUT_STARTS:
            return -1 if hole.stop - at <= _NUT_MAX_FRAME_HEAD_BYTES and not hole.is_last else at
        size, n_size = _read_nut_number(head[8:])
        at += 8 + n_size + size + (4 if size > 4096 else 0)
    return -1 if at == hole.stop else hole.stop


def _read_nut_number(head: bytes) -> tuple[int, int]:
    """Return a number of 7 bits a byte, and how many bytes it takes."""
    value = 0
    for place, byte in enumerate(head):
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    return value, len(head)
