"""Collects the pictures of one stream while it is demuxed: one row for each, whether it is one packet or two fields."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from av.packet import Packet

from forensics.adapters.video.bitstreams.h264_syntax import H264Syntax
from forensics.adapters.video.bitstreams.inband_setup import START_BYTES, InbandSetup
from forensics.adapters.video.bitstreams.mpeg_order import PictureOrder, parse_picture_order
from forensics.adapters.video.bitstreams.parameter_sets import Setup
from forensics.adapters.video.containers.byte_coverage import JoinedHeader
from forensics.footage.timeline import Int64Array

__all__ = ["NO_TIME", "PictureCollector"]

# Stands for a pts or dts that a packet lacks.
NO_TIME = -(1 << 63)

_Row: TypeAlias = tuple[int, int, bool, int, int, bool]


@dataclass(slots=True)
class PictureCollector:
    """The pictures of one stream so far.

    Attributes:
        syntax: of an H.264 stream; None for other codecs.
        reads_order: whether the display order stored in each picture is read.
        counts_frames: whether frame numbers show losses.
        rows: pts, dts, keyframe, bytes, byte offset and corrupt mark of each picture.
        second_fields: numbers of the packets that hold only the second field of a picture.
        recovery_frames: see `Packets.recovery_frames`.
        orders: display position of each picture, if it is read.
        losses: pictures before which a reference picture is missing.
        lacks_durations: whether some packet states no duration.
        inband: parameters of the decoder inside the pictures.
        setups: parameters of the decoder that packets state anew beside the pictures.
        has_new_palette: whether a picture behind the first one brought another palette.
        waiting: headers of joined files that begin behind the pictures so far.
        unprepared: keyframes that lack the parameters that hold for them.
    """

    syntax: H264Syntax | None
    inband: InbandSetup
    reads_order: bool
    counts_frames: bool
    rows: list[_Row] = field(default_factory=list)
    second_fields: list[int] = field(default_factory=list)
    recovery_frames: dict[int, int] = field(default_factory=dict)
    orders: list[PictureOrder | None] = field(default_factory=list)
    losses: list[int] = field(default_factory=list)
    lacks_durations: bool = False
    setups: list[Setup] = field(default_factory=list)
    has_new_palette: bool = False
    unprepared: list[int] = field(default_factory=list)
    waiting: deque[JoinedHeader] = field(default_factory=deque)

    @property
    def n_packets(self) -> int:
        """Number of packets of the stream so far."""
        return len(self.rows) + len(self.second_fields)

    def add(self, packet: "Packet[Any]") -> None:
        """Add the next packet of the stream."""
        while self.waiting and (packet.pos or 0) >= self.waiting[0].start:
            self._change_setup(self.waiting.popleft().extradata)
        is_palette_new = False
        for side in packet.iter_sidedata():
            if side.data_type == "new_extradata":
                self._change_setup(bytes(side))
            is_palette_new |= side.data_type == "palette"
        self.has_new_palette |= is_palette_new and bool(self.rows)
        if self.has_new_palette and packet.is_keyframe and not is_palette_new:
            self.unprepared.append(len(self.rows))
        self._read_parameters(packet)
        syntax = self.syntax
        if syntax is not None and (packet.is_keyframe or self.counts_frames or syntax.has_fields):
            data = bytes(packet)
            if packet.is_keyframe:
                self.recovery_frames[len(self.rows)] = syntax.recovery_frames(data)
            if self.counts_frames and syntax.follows_a_loss(data) and not packet.is_keyframe:
                self.losses.append(len(self.rows))
            if syntax.has_fields and syntax.is_second_field(data) and self.rows:
                self._add_second_field(packet)
                return
        self.rows.append(_make_row(packet))
        if not packet.duration:
            self.lacks_durations = True
        if self.reads_order:
            self.orders.append(parse_picture_order(bytes(packet)))

    def _change_setup(self, extradata: bytes) -> None:
        """Note the parameters of the decoder that hold from the next picture on."""
        self.setups.append(Setup(len(self.rows), extradata))
        self.inband = InbandSetup(self.inband.codec, extradata)
        if self.syntax is not None:
            self.syntax = H264Syntax(extradata)

    def _read_parameters(self, packet: "Packet[Any]") -> None:
        """Note a keyframe at which no new decoder can start."""
        if not self.inband.is_known:
            return
        if packet.is_keyframe:
            if not self.inband.add(bytes(packet)):
                self.unprepared.append(len(self.rows))
        elif self.inband.may_state(bytes(memoryview(packet)[:START_BYTES])):
            self.inband.add(bytes(packet))

    def _add_second_field(self, packet: "Packet[Any]") -> None:
        """Add the packet of a second field to the picture that the packet before it began."""
        self.recovery_frames.pop(len(self.rows), None)
        self.second_fields.append(self.n_packets)
        pts, dts, is_key, n_bytes, position, is_corrupt = self.rows[-1]
        self.rows[-1] = (pts, dts, is_key, n_bytes + packet.size, position, is_corrupt or packet.is_corrupt)

    def first_packets(self) -> Int64Array:
        """Return the number of the first packet of each picture, (N,) int64."""
        is_first = np.ones(self.n_packets, dtype=bool)
        is_first[self.second_fields] = False
        return np.flatnonzero(is_first).astype(np.int64)


def _make_row(packet: "Packet[Any]") -> _Row:
    """Return the packet's values as a row."""
    pts, dts, position = packet.pts, packet.dts, packet.pos
    return (
        NO_TIME if pts is None else pts,
        NO_TIME if dts is None else dts,
        packet.is_keyframe,
        packet.size,
        -1 if position is None else position,
        packet.is_corrupt,
    )
