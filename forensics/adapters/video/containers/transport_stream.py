"""Packets of an MPEG transport stream: their size, and where the counters of a stream break.

Each stream counts its packets from 0 to 15. Where a packet was lost, the counter skips, and demuxers mark the pictures
around as corrupt. Where files were joined byte by byte, the counter starts anew, and nothing was lost: the next picture
starts in the very next packet.

Source: ISO/IEC 13818-1, 2.4.3.2 and 2.4.3.3.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from forensics.adapters.store.checked_file import open_footage, size_of_footage
from forensics.footage.timeline import Int64Array
from forensics.place import Place

__all__ = [
    "CounterBreak",
    "find_counter_breaks",
    "find_later_video",
    "find_lost_packets",
    "find_padding",
    "find_transport_packets",
]

_SYNC_BYTE: Final = 0x47
_SYNC_OFFSET_BY_PACKET_BYTES: Final = {188: 0, 192: 4, 204: 0}
"""Offset of the sync byte by packet size: plain, with a 4-byte timestamp in front, with 16 parity bytes at the end."""
_N_SYNCS: Final = 5
_HEAD_BYTES: Final = 1 << 16
_PACKETS_PER_READ: Final = 1 << 15
_VIDEO: Final = 0xE0
_IS_DISCONTINUITY: Final = 0x80


@dataclass(frozen=True, slots=True)
class CounterBreak:
    """A packet of a stream whose counter does not follow the one before it.

    Attributes:
        position: byte offset of the packet in the file.
        starts_unit: whether a new picture starts in it.
    """

    position: int
    starts_unit: bool


def find_transport_packets(head: bytes) -> tuple[int, int]:
    """Return the offset of the first whole transport packet and the packet size in bytes; (0, 1) if there are none.

    >>> find_transport_packets(bytes(7) + (b"G" + bytes(187)) * 6)
    (7, 188)
    >>> find_transport_packets(bytes(40))
    (0, 1)
    """
    for start in range(max(_SYNC_OFFSET_BY_PACKET_BYTES)):
        for unit, sync in _SYNC_OFFSET_BY_PACKET_BYTES.items():
            marks = head[start + sync : start + sync + _N_SYNCS * unit : unit]
            if len(marks) == _N_SYNCS and set(marks) == {_SYNC_BYTE}:
                return start, unit
    return 0, 1


def find_counter_breaks(path: Place, stream_id: int) -> list[CounterBreak] | None:
    """Return where the counter of one stream breaks, in order; None if the packets of the file are not aligned.

    Args:
        path: of the file.
        stream_id: packet identifier of the stream.
    """
    found = list[CounterBreak]()
    last: int | None = None
    for start, headers in _read_packets(path):
        if headers is None:
            return None
        rows = np.flatnonzero((_identifiers(headers) == stream_id) & (headers[:, 3] & 0x10 != 0))
        counters = (headers[rows, 3] & 15).astype(np.int64)
        before = np.concatenate([[counters[0] - 1 if last is None else last], counters[:-1]]) if len(rows) else counters
        step = (counters - before) % 16
        has_flag = (headers[rows, 3] & 0x20 != 0) & (headers[rows, 4] > 0) & (headers[rows, 5] & _IS_DISCONTINUITY != 0)
        for row in rows[(step != 1) & ~has_flag].tolist():
            found.append(CounterBreak(int(start[row]), bool(headers[row, 1] & 0x40)))
        last = int(counters[-1]) if len(rows) else last
    return found


def find_lost_packets(path: Place) -> list[int]:
    """Return the byte offset of the first packet of each run of packets that lack their sync byte.

    A demuxer skips them. If their number is a multiple of 16, no counter breaks, and it marks no picture as corrupt.

    Args:
        path: of the file.
    """
    file, padding = open_footage(path), find_padding(path)
    found = list[int]()
    start = 0
    while True:
        file.seek(start)
        offset, unit = find_transport_packets(file.read(_HEAD_BYTES))
        start += offset
        if unit == 1:
            if file.seek(0, os.SEEK_END) <= start + _HEAD_BYTES:
                return found
            start += _HEAD_BYTES
            continue
        file.seek(start)
        sync = _SYNC_OFFSET_BY_PACKET_BYTES[unit]
        while len(block := file.read(unit * _PACKETS_PER_READ)) >= unit:
            is_lost = np.frombuffer(block, dtype=np.uint8)[sync::unit][: len(block) // unit] != _SYNC_BYTE
            n_whole = int(np.argmax(is_lost)) if is_lost.any() else len(is_lost)
            start += n_whole * unit
            if n_whole < len(is_lost):
                if start >= padding:
                    return found
                found.append(start)
                start += unit
                break
        else:
            return found


def find_later_video(path: Place, stream_id: int, end: int) -> tuple[int, int] | None:
    """Return identifier and byte offset of another video that begins behind the end of the one that is read.

    Args:
        path: of the file.
        stream_id: packet identifier of the video that is read.
        end: byte offset of its last picture.
    """
    parallel = {stream_id}
    for start, packets in _read_packets(path, end):
        if packets is None:
            return None
        payload = np.where(packets[:, 3] & 0x20 != 0, 5 + packets[:, 4].astype(np.int64), 4)
        rows = np.flatnonzero((packets[:, 1] & 0x40 != 0) & (payload + 4 <= packets.shape[1]))
        heads = packets[rows[:, None], payload[rows, None] + np.arange(4)]
        is_video = np.all(heads[:, :3] == (0, 0, 1), axis=1) & (heads[:, 3] & 0xF0 == _VIDEO)
        identifier = _identifiers(packets)
        for row in rows[is_video].tolist():
            found = int(identifier[row])
            if found not in parallel:
                if not _occurs_before(path, found, end):
                    return found, int(start[row])
                parallel.add(found)
    return None


def _occurs_before(path: Place, stream_id: int, end: int) -> bool:
    """Whether a stream has packets before some byte offset, beside another stream."""
    for start, packets in _read_packets(path):
        if packets is None or start[0] >= end:
            return False
        if np.any((_identifiers(packets) == stream_id) & (start < end)):
            return True
    return False


def find_padding(path: Place) -> int:
    """Return the byte offset behind which the file holds nothing but 0, or nothing but 255; its size without such."""
    n_bytes = size_of_footage(path)
    file = open_footage(path)
    file.seek(max(0, n_bytes - 1))
    filler = file.read(1)
    if filler not in (b"\0", b"\xff"):
        return n_bytes
    end = n_bytes
    while end > 0:
        start = max(0, end - _HEAD_BYTES)
        file.seek(start)
        left = len(file.read(end - start).rstrip(filler))
        if left:
            return start + left
        end = start
    return 0


def _identifiers(packets: np.ndarray) -> Int64Array:
    """Return the packet identifier of each packet, (P,) int64."""
    return np.asarray((packets[:, 1].astype(np.int64) & 0x1F) << 8 | packets[:, 2], dtype=np.int64)


def _read_packets(path: Place, first: int = 0) -> Iterator[tuple[Int64Array, np.ndarray | None]]:
    """Yield the byte offsets of many packets, (P,) int64, and their bytes from the sync byte on; None if not aligned.

    Args:
        path: of the file.
        first: byte offset up to which packets are left out.
    """
    file = open_footage(path)
    start, unit = find_transport_packets(file.read(_HEAD_BYTES))
    if unit == 1:
        yield np.zeros(0, dtype=np.int64), None
        return
    sync = _SYNC_OFFSET_BY_PACKET_BYTES[unit]
    start += max(0, first - start) // unit * unit
    file.seek(start)
    while len(block := file.read(unit * _PACKETS_PER_READ)) >= unit:
        n_packets = len(block) // unit
        packets = np.frombuffer(block, dtype=np.uint8, count=n_packets * unit).reshape(n_packets, unit)[:, sync:]
        yield start + np.arange(n_packets) * unit, packets if np.all(packets[:, 0] == _SYNC_BYTE) else None
        start += n_packets * unit
