"""The packets of one stream in the order of the file, demuxed without decoding."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from forensics.adapters.video.mpeg_order import PictureOrder, find_contradictions, picture_order
from forensics.adapters.video.pyav_open import rate_of
from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["Packets", "behind", "packets_until_trouble", "read_packets", "shortfalls"]

# Their frames are cut out of a stream of bytes; the mark of a loss may stand on a frame before the one that was hit.
_CUT_OUT, _LATE_MARKS = ("mpeg", "mpegts"), 3

# Containers round times to a millisecond, and the ends of sound and picture differ by a little.
_TOLERATED_US = 20_000

_Row: TypeAlias = tuple[int, bool, bool, int, int, bool]


@dataclass(frozen=True, slots=True, eq=False)
class Packets:
    """The packets of one stream in the order of the file, as parallel columns.

    Attributes:
        pts: (N,) int64 ticks, valid where `has_pts`.
        has_pts: (N,) bool.
        is_key: (N,) bool.
        size: (N,) int64 bytes.
        position: (N,) int64 byte offset in the file, -1 where the demuxer does not tell.
        is_damaged: (N,) bool, the demuxer marks it as cut short or damaged, or its time contradicts the picture's
            own order.
        trouble: what stopped the demuxer early; empty at the end of the file.
        end_us: where the last packet of any stream ends; one that states no duration lasts as long as most.
        tolerated_us: by how much a stated end may lie behind that without a frame being lost.
    """

    pts: Int64Array
    has_pts: BoolArray
    is_key: BoolArray
    size: Int64Array
    position: Int64Array
    is_damaged: BoolArray
    trouble: str
    end_us: int
    tolerated_us: int

    def __len__(self) -> int:
        return len(self.pts)


def read_packets(container: InputContainer, stream: VideoStream) -> Packets:
    """All packets of one stream; a demuxer that fails half-way keeps what it gave before."""
    rows: list[_Row] = []
    orders: list[PictureOrder | None] = []
    trouble, end_us, lacks_durations = "", 0, False
    rate = rate_of(stream) if _guesses_times(container, stream) else None
    try:
        for packet in container.demux():
            if packet.size:
                end_us = max(end_us, _end_us(packet))
                if packet.stream_index == stream.index:
                    rows.append(_row(packet))
                    lacks_durations = lacks_durations or not packet.duration
                    orders.append(picture_order(bytes(packet)) if rate else None)
    except av.error.FFmpegError as error:
        trouble = f"reading stopped after {len(rows)} packets: {error.strerror}"
    columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
    is_damaged = _reaching(columns[5].astype(bool), _LATE_MARKS if container.format.name in _CUT_OUT else 0)
    if rate:
        pts = [row[0] if row[1] else None for row in rows]
        is_damaged[list(find_contradictions(orders, pts, Fraction(stream.time_base or 1), rate))] = True
    has_pts, is_key = columns[1].astype(bool), columns[2].astype(bool)
    end_us, tolerated_us = _end_with_slack(
        end_us, columns[0][has_pts], Fraction(stream.time_base or 1), lacks_durations=lacks_durations
    )
    return Packets(columns[0], has_pts, is_key, columns[3], columns[4], is_damaged, trouble, end_us, tolerated_us)


def _end_with_slack(end_us: int, pts: Int64Array, time_base: Fraction, *, lacks_durations: bool) -> tuple[int, int]:
    """Where the picture ends, and by how much a header that says later may be right all the same.

    Args:
        end_us: as the packets say, of any stream.
        pts: (N,) int64 ticks of the video stream.
        time_base: seconds of a tick.
        lacks_durations: packets do not say how long they last; then the last may last as long as any.
    """
    if len(pts) < 2:
        return end_us, _TOLERATED_US
    steps = np.diff(np.sort(pts))
    usual_us, longest_us = (int(each * time_base * 1_000_000) for each in (int(np.median(steps)), int(steps.max())))
    if lacks_durations:
        return max(end_us, int(int(pts.max()) * time_base * 1_000_000) + usual_us), max(_TOLERATED_US, longest_us)
    return end_us, max(_TOLERATED_US, usual_us // 2)


def _guesses_times(container: InputContainer, stream: VideoStream) -> bool:
    """Program and transport streams need not state the time of every picture."""
    return container.format.name in _CUT_OUT and stream.codec_context.name in ("mpeg1video", "mpeg2video")


def _reaching(is_marked: BoolArray, n_more: int) -> BoolArray:
    """The marked packets and as many behind each."""
    found = is_marked.copy()
    for step in range(1, n_more + 1):
        found[step:] |= is_marked[:-step]
    return found


def behind(is_lost: BoolArray, is_key: BoolArray, pts: Int64Array) -> BoolArray:
    """(N,) bool, packets stored behind one that is lost and maybe built on it.

    These are all up to the next keyframe, and those behind that keyframe that are shown before it.

    >>> lost, key = np.array([0, 1, 0, 0, 0, 0], dtype=bool), np.array([1, 0, 0, 1, 0, 0], dtype=bool)
    >>> behind(lost, key, np.array([0, 1, 2, 5, 4, 6])).tolist()
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


def _row(packet: "Packet[Any]") -> _Row:
    pts, position = packet.pts, -1 if packet.pos is None else packet.pos
    return (pts or 0, pts is not None, packet.is_keyframe, packet.size, position, packet.is_corrupt)


def _end_us(packet: "Packet[Any]") -> int:
    at = packet.pts if packet.pts is not None else packet.dts
    return 0 if at is None else int((at + (packet.duration or 0)) * packet.time_base * 1_000_000)


def packets_until_trouble(container: InputContainer, stream_index: int) -> "Iterator[Packet[Any]]":
    """Packets of one stream; a demuxer that fails half-way just ends."""
    try:
        yield from (packet for packet in container.demux(container.streams[stream_index]) if packet.size)
    except av.error.FFmpegError:
        return


def shortfalls(packets: Packets, n_frames_from_header: int | None, stated_us: int = 0) -> list[str]:
    """What is missing or doubtful, a phrase for each; none for a whole file.

    Args:
        packets: that are there.
        n_frames_from_header: that are promised; None where nothing is.
        stated_us: where the header says that the file ends; 0 where it does not say.
    """
    found = []
    if packets.trouble:
        found.append(packets.trouble)
    if stated_us > packets.end_us + packets.tolerated_us:
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
