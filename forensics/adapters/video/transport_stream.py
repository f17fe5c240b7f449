"""Packets of an MPEG transport stream: their size, and where the counters of a stream break.

Each stream counts its packets from 0 to 15. Where a packet was lost, the counter skips, and demuxers mark the pictures
around as corrupt. Where files were joined byte by byte, the counter starts anew, and nothing was lost: the next picture
starts in the very next packet.

Source: ISO/IEC 13818-1, 2.4.3.2 and 2.4.3.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from forensics.adapters.store.checked_file import open_footage
from forensics.place import Place

__all__ = ["CounterBreak", "find_counter_breaks", "find_transport_packets"]

_SYNC_BYTE: Final = 0x47
_SYNC_OFFSET_BY_PACKET_BYTES: Final = {188: 0, 192: 4, 204: 0}
"""Offset of the sync byte by packet size: plain, with a 4-byte timestamp in front, with 16 parity bytes at the end."""
_N_SYNCS: Final = 5
_HEAD_BYTES: Final = 1 << 16
_PACKETS_PER_READ: Final = 1 << 15
_HEADER_BYTES: Final = 6
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
    for start, headers in _read_headers(path):
        if headers is None:
            return None
        identifier = (headers[:, 1].astype(np.int64) & 0x1F) << 8 | headers[:, 2]
        rows = np.flatnonzero((identifier == stream_id) & (headers[:, 3] & 0x10 != 0))
        counters = (headers[rows, 3] & 15).astype(np.int64)
        before = np.concatenate([[counters[0] - 1 if last is None else last], counters[:-1]]) if len(rows) else counters
        step = (counters - before) % 16
        has_flag = (headers[rows, 3] & 0x20 != 0) & (headers[rows, 4] > 0) & (headers[rows, 5] & _IS_DISCONTINUITY != 0)
        for row in rows[(step != 1) & ~has_flag].tolist():
            found.append(CounterBreak(int(start[row]), bool(headers[row, 1] & 0x40)))
        last = int(counters[-1]) if len(rows) else last
    return found


def _read_headers(path: Place) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield the byte offsets of many packets, (P,) int64, and their headers, (P, 6) uint8, or None if not aligned."""
    file = open_footage(path)
    start, unit = find_transport_packets(file.read(_HEAD_BYTES))
    if unit == 1:
        yield np.zeros(0), None
        return
    sync = _SYNC_OFFSET_BY_PACKET_BYTES[unit]
    file.seek(start)
    while len(block := file.read(unit * _PACKETS_PER_READ)) >= unit:
        n_packets = len(block) // unit
        packets = np.frombuffer(block, dtype=np.uint8, count=n_packets * unit).reshape(n_packets, unit)
        headers = packets[:, sync : sync + _HEADER_BYTES]
        yield start + np.arange(n_packets) * unit, headers if np.all(headers[:, 0] == _SYNC_BYTE) else None
        start += n_packets * unit
