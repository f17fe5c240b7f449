"""The packets of one stream in the order of the file, demuxed without decoding."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from forensics.timeline import BoolArray, Int64Array

__all__ = ["Packets", "packets_until_trouble", "read_packets"]


@dataclass(frozen=True, slots=True, eq=False)
class Packets:
    """The packets of one stream in the order of the file, as parallel columns.

    Attributes:
        pts: (N,) int64 ticks, valid where `has_pts`.
        has_pts: (N,) bool.
        is_key: (N,) bool.
        size: (N,) int64 bytes.
        position: (N,) int64 byte offset in the file, -1 where the demuxer does not tell.
        trouble: what stopped the demuxer early; empty at the end of the file.
        end_us: where the last packet of any stream ends.
    """

    pts: Int64Array
    has_pts: BoolArray
    is_key: BoolArray
    size: Int64Array
    position: Int64Array
    trouble: str
    end_us: int

    def __len__(self) -> int:
        return len(self.pts)


def read_packets(container: InputContainer, stream: VideoStream) -> Packets:
    """All packets of one stream; a demuxer that fails half-way keeps what it gave before."""
    rows: list[tuple[int, bool, bool, int, int]] = []
    trouble, end_us = "", 0
    try:
        for packet in container.demux():
            if packet.size:
                end_us = max(end_us, _end_us(packet))
                if packet.stream_index == stream.index:
                    rows.append(_row(packet))
    except av.error.FFmpegError as error:
        trouble = f"reading stopped after {len(rows)} packets: {error.strerror}"
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    return Packets(
        columns[0], columns[1].astype(bool), columns[2].astype(bool), columns[3], columns[4], trouble, end_us
    )


def _row(packet: "Packet[Any]") -> tuple[int, bool, bool, int, int]:
    pts = packet.pts
    return (pts or 0, pts is not None, packet.is_keyframe, packet.size, -1 if packet.pos is None else packet.pos)


def _end_us(packet: "Packet[Any]") -> int:
    at = packet.pts if packet.pts is not None else packet.dts
    return 0 if at is None else int((at + (packet.duration or 0)) * packet.time_base * 1_000_000)


def packets_until_trouble(container: InputContainer, stream_index: int) -> "Iterator[Packet[Any]]":
    """Packets of one stream; a demuxer that fails half-way just ends."""
    try:
        yield from (packet for packet in container.demux(container.streams[stream_index]) if packet.size)
    except av.error.FFmpegError:
        return
