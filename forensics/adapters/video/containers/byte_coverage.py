"""Which bytes of a file the packets of its demuxer cover, and which they do not."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from av.packet import Packet

__all__ = ["Coverage", "JoinedHeader", "Uncovered"]


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Bytes that no packet covers.

    Attributes:
        start, stop: byte offsets.
        last_packet: byte offset of the packet before it; -1 if there is none.
        is_last: whether no packet follows.
    """

    start: int
    stop: int
    last_packet: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class JoinedHeader:
    """The header of one of several files that were joined byte by byte.

    Attributes:
        start: byte offset of its file.
        kind: clock and codec, as the container states them.
        extradata: parameters of the decoder.
    """

    start: int
    kind: bytes
    extradata: bytes


@dataclass(slots=True)
class Coverage:
    """Where the packets of all streams lie, in the order of the demuxer.

    Attributes:
        positions: byte offset of each packet.
        sizes: bytes of each packet.
    """

    positions: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, packet: "Packet[Any]") -> None:
        """Add a packet; one whose position is unknown is left out."""
        if packet.pos is not None and packet.pos >= 0:
            self.positions.append(packet.pos)
            self.sizes.append(packet.size)

    def uncovered(self, n_bytes: int, *, n_head_bytes: int, n_usual_bytes: int) -> Iterator[Uncovered]:
        """Yield the ranges that may hold a picture; packets at the same position share a block.

        Args:
            n_bytes: of the file.
            n_head_bytes: between the position of a packet and its content.
            n_usual_bytes: between packets, in which no picture fits.
        """
        if not self.positions:
            return
        positions, sizes = (np.frombuffer(column, dtype=np.int64) for column in (self.positions, self.sizes))
        order = np.argsort(positions, kind="stable")
        starts, first = np.unique(positions[order], return_index=True)
        ends = np.maximum.accumulate(starts + n_head_bytes + np.add.reduceat(sizes[order], first))
        stops = np.append(starts[1:], n_bytes)
        yield Uncovered(0, int(starts[0]), -1, is_last=False)
        for number in np.flatnonzero((stops - ends > n_usual_bytes) | ((stops > ends) & (stops == n_bytes))).tolist():
            stop = int(stops[number])
            yield Uncovered(int(ends[number]), stop, int(starts[number]), is_last=stop == n_bytes)
