"""Packets of one stream in file order, demuxed without decoding."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from forensics.adapters.video.mpeg_order import PictureOrder, find_contradictions, parse_picture_order
from forensics.adapters.video.pyav_open import rate_of
from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["Packets", "demux_until_error", "find_dependent_packets", "list_shortfalls", "read_packets"]

# In these formats a parser splits a byte stream into frames; the corrupt flag may be up to three frames early.
_PARSED_FORMATS, _N_LATE_MARKS = ("mpeg", "mpegts"), 3

# Containers round times to a millisecond, and sound and picture end at slightly different times.
_END_TOLERANCE_US = 20_000

_Row: TypeAlias = tuple[int, bool, bool, int, int, bool]


@dataclass(frozen=True, slots=True, eq=False)
class Packets:
    """The packets of one stream in file order, as parallel columns.

    Attributes:
        pts: (N,) int64 ticks, valid where `has_pts`.
        has_pts: (N,) bool.
        is_key: (N,) bool, keyframes.
        size: (N,) int64 bytes.
        position: (N,) int64 byte offset in the file, -1 where the demuxer gives none.
        is_damaged: (N,) bool, whether the demuxer marks it as corrupt, or its pts contradicts the display order stored
            in the picture.
        demux_error: the error that stopped the demuxer; empty if it reached the end of the file.
        end_us: end of the last packet of any stream; a packet without a duration lasts as long as the median one.
        end_tolerance_us: how far a stated end may exceed `end_us` without a lost frame.
    """

    pts: Int64Array
    has_pts: BoolArray
    is_key: BoolArray
    size: Int64Array
    position: Int64Array
    is_damaged: BoolArray
    demux_error: str
    end_us: int
    end_tolerance_us: int

    def __len__(self) -> int:
        return len(self.pts)


def read_packets(container: InputContainer, stream: VideoStream) -> Packets:
    """Read all packets of one stream; keep those before an error if the demuxer fails."""
    rows: list[_Row] = []
    orders: list[PictureOrder | None] = []
    demux_error, end_us, lacks_durations = "", 0, False
    rate = rate_of(stream) if _may_lack_times(container, stream) else None
    try:
        for packet in container.demux():
            if packet.size:
                end_us = max(end_us, _packet_end_us(packet))
                if packet.stream_index == stream.index:
                    rows.append(_make_row(packet))
                    lacks_durations = lacks_durations or not packet.duration
                    orders.append(parse_picture_order(bytes(packet)) if rate else None)
    except av.error.FFmpegError as error:
        demux_error = f"reading stopped after {len(rows)} packets: {error.strerror}"
    columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
    is_damaged = _extend_marks(
        columns[5].astype(bool), _N_LATE_MARKS if container.format.name in _PARSED_FORMATS else 0
    )
    if rate:
        pts = [row[0] if row[1] else None for row in rows]
        is_damaged[list(find_contradictions(orders, pts, Fraction(stream.time_base or 1), rate))] = True
    has_pts, is_key = columns[1].astype(bool), columns[2].astype(bool)
    end_us, end_tolerance_us = _estimate_end(
        end_us, columns[0][has_pts], Fraction(stream.time_base or 1), lacks_durations=lacks_durations
    )
    return Packets(
        columns[0], has_pts, is_key, columns[3], columns[4], is_damaged, demux_error, end_us, end_tolerance_us
    )


def _estimate_end(end_us: int, pts: Int64Array, time_base: Fraction, *, lacks_durations: bool) -> tuple[int, int]:
    """Return the end of the picture in microseconds, and how far a stated end may exceed it without a lost frame.

    Args:
        end_us: end of the last packet of any stream.
        pts: (N,) int64 ticks of the video stream.
        time_base: seconds of one tick.
        lacks_durations: whether packets state no duration; then the last one may last as long as the longest.
    """
    if len(pts) < 2:
        return end_us, _END_TOLERANCE_US
    steps = np.diff(np.sort(pts))
    usual_us, longest_us = (int(each * time_base * 1_000_000) for each in (int(np.median(steps)), int(steps.max())))
    if lacks_durations:
        return max(end_us, int(int(pts.max()) * time_base * 1_000_000) + usual_us), max(_END_TOLERANCE_US, longest_us)
    return end_us, max(_END_TOLERANCE_US, usual_us // 2)


def _may_lack_times(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the format may leave out the pts of a picture, as MPEG program and transport streams do."""
    return container.format.name in _PARSED_FORMATS and stream.codec_context.name in ("mpeg1video", "mpeg2video")


def _extend_marks(is_marked: BoolArray, n_more: int) -> BoolArray:
    """Return the marks, with the next `n_more` packets after each marked one marked as well."""
    found = is_marked.copy()
    for step in range(1, n_more + 1):
        found[step:] |= is_marked[:-step]
    return found


def find_dependent_packets(is_lost: BoolArray, is_key: BoolArray, pts: Int64Array) -> BoolArray:
    """Return (N,) bool, the packets stored after a lost one that may depend on it.

    These are all packets up to the next keyframe, and those stored after that keyframe but shown before it.

    >>> lost, key = np.array([0, 1, 0, 0, 0, 0], dtype=bool), np.array([1, 0, 0, 1, 0, 0], dtype=bool)
    >>> find_dependent_packets(lost, key, np.array([0, 1, 2, 5, 4, 6])).tolist()
    [False, False, True, False, True, False]
    """
    found = np.zeros(len(pts), dtype=bool)
    is_after_loss, last_key_pts = False, None
    for number in range(len(pts)):
        if is_key[number]:
            last_key_pts = int(pts[number]) if is_after_loss else None
            is_after_loss = False
        elif is_after_loss or (last_key_pts is not None and pts[number] < last_key_pts):
            found[number] = True
        is_after_loss = is_after_loss or bool(is_lost[number])
    return found


def _make_row(packet: "Packet[Any]") -> _Row:
    """Return the packet's values in the order of the columns of `Packets`."""
    pts, position = packet.pts, -1 if packet.pos is None else packet.pos
    return (pts or 0, pts is not None, packet.is_keyframe, packet.size, position, packet.is_corrupt)


def _packet_end_us(packet: "Packet[Any]") -> int:
    """Return when the packet ends, in microseconds; 0 if it has neither pts nor dts."""
    at = packet.pts if packet.pts is not None else packet.dts
    return 0 if at is None else int((at + (packet.duration or 0)) * packet.time_base * 1_000_000)


def demux_until_error(container: InputContainer, stream_index: int) -> "Iterator[Packet[Any]]":
    """Yield the packets of one stream; end at the first error."""
    try:
        yield from (packet for packet in container.demux(container.streams[stream_index]) if packet.size)
    except av.error.FFmpegError:
        return


def list_shortfalls(packets: Packets, n_frames_from_header: int | None, stated_us: int = 0) -> list[str]:
    """Describe what is missing or doubtful, one phrase each; an empty list for a whole file.

    Args:
        packets: the packets found.
        n_frames_from_header: number of frames that the header states; None if it states none.
        stated_us: end of the file that the header states; 0 if it states none.
    """
    found = []
    if packets.demux_error:
        found.append(packets.demux_error)
    if stated_us > packets.end_us + packets.end_tolerance_us:
        stated, there = stated_us / 1e6, packets.end_us / 1e6
        found.append(f"the header promises {stated:.2f} s, the packets end at {there:.2f} s")
    if n_frames_from_header is not None and n_frames_from_header != len(packets):
        found.append(f"the header promises {n_frames_from_header} frames, {len(packets)} are there")
    n_without = int((~packets.has_pts).sum())
    if n_without:
        found.append(f"{n_without} packets have no pts and so no address")
    n_damaged = int(packets.is_damaged.sum())
    if n_damaged:
        found.append(f"{n_damaged} packets are damaged, or built on what is missing")
    return found
