"""The packet index of one video file: every frame's pts, keyframe mark and size, by demuxing.

Nothing is decoded but the first frame, to learn the upright size and whether a decoder exists. Only
where the container carries no pts (raw H.264, some AVI) is everything decoded once: each packet is
tagged with its number, the order in which the tags come out of the decoder is the presentation
order, and the times follow from the stated rate.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.codec.context import Flags
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from forensics.adapters.pyav_open import NOT_SEEKABLE, choose_stream, open_file, rate_of, single_threaded
from forensics.adapters.pyav_packets import Packets, behind, packets_until_trouble, read_packets
from forensics.adapters.pyav_remux import remux
from forensics.errors import UnreadableFootage
from forensics.evidence import Footage, Indexed, Medium, Reader, Timing
from forensics.timeline import BoolArray, Int64Array, PacketIndex

_FALLBACK_RATE = Fraction(25)
# Elsewhere the duration is estimated from the packets, or the header's frame count says more.
_STATES_DURATION = ("matroska,webm", "mxf", "flv")
_TOLERATED_US = 250_000


__all__ = ["index_file"]


@dataclass(frozen=True, slots=True)
class _FirstLook:
    """What the first decoded frame and the open codec tell."""

    width_px: int
    height_px: int
    rotation_degrees: int
    rate: Fraction | None


def index_file(
    path: Path,
    *,
    working_copy: Path,
    stream_index: int | None = None,
    assumed_rate: Fraction | None = None,
) -> Indexed:
    """The index of the chosen video stream, with a working copy where the file itself cannot seek.

    Args:
        path: one local video file.
        working_copy: where a stream copy is written if one is needed; `.mp4` is appended.
        stream_index: the stream to read; None for the default, else the largest one.
        assumed_rate: frames per second for containers without pts; None for the stream's own.

    Raises:
        UnreadableFootage: nothing can be read, with the reason.
    """
    first = _first_look(path, stream_index)
    with open_file(path) as container:
        stream = choose_stream(container, path, stream_index)
        packets = read_packets(container, stream)
        medium = _medium(container, stream, first)
        time_base = Fraction(stream.time_base or 1)
        chosen = stream.index
        stated_us = _stated_end_us(container)
    if not len(packets):
        raise UnreadableFootage(path, "no_frames", f"the video stream holds no packets ({packets.trouble or 'empty'})")
    if packets.has_pts.mean() < 0.5 or _guesses_pts(medium.container, packets):
        return _indexed_by_decoding(path, packets, medium, chosen, assumed_rate or first.rate, working_copy)
    index, order = _in_presentation_order(packets, time_base)
    index, shift_ticks = _as_players_see_it(path, chosen, index, packets, order)
    indexed = Indexed(
        index=index,
        medium=replace(medium, rate_counted=_counted_rate(index)),
        footage=Footage(path, Reader.PYAV, chosen, shift_ticks),
        working_copy_sha256=None,
        reader_reason="the reference reader",
        shortfall="; ".join(_shortfalls(packets, medium.n_frames_from_header, stated_us)),
    )
    if not _seeks_badly(medium.container):
        return indexed
    return _through_working_copy(indexed, packets.pts, packets.has_pts, working_copy)


def _guesses_pts(container_name: str, packets: Packets) -> bool:
    """AVI stores no pts: what the demuxer gives is a guess that fails where frames are reordered."""
    return container_name == "avi" and not packets.is_key.all()


def _seeks_badly(container_name: str) -> bool:
    return bool(NOT_SEEKABLE & set(container_name.split(",")))


def _first_look(path: Path, stream_index: int | None) -> _FirstLook:
    with open_file(path) as container:
        stream = choose_stream(container, path, stream_index)
        name = stream.codec_context.name
        single_threaded(stream)
        for frame in decoded(container, stream):
            if isinstance(frame, VideoFrame):
                width_px, height_px, turn = upright_size(frame)
                return _FirstLook(width_px, height_px, turn, rate_of(stream))
    raise UnreadableFootage(path, "no_picture", f"the {name} decoder returned no picture from the whole stream")


def upright_size(frame: VideoFrame) -> tuple[int, int, int]:
    """Width, height and clockwise turn in degrees of the frame as a player shows it."""
    turn = round(-frame.rotation / 90) * 90 % 360
    return (frame.height, frame.width, turn) if turn in (90, 270) else (frame.width, frame.height, turn)


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame | str]:
    """Every frame the decoder returns, in presentation order, and what it says where it fails."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:
            yield f"demuxing: {error.strerror}"
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            yield f"decoding: {error.strerror}"


def _medium(container: InputContainer, stream: VideoStream, first: _FirstLook) -> Medium:
    others = tuple(other.index for other in container.streams.video if other.index != stream.index)
    return Medium(
        container=container.format.name,
        codec=stream.codec_context.name,
        width_px=first.width_px,
        height_px=first.height_px,
        rotation_degrees=first.rotation_degrees,
        rate_stated=first.rate,
        rate_counted=None,
        n_frames_from_header=stream.frames or None,
        timing=Timing.CONTAINER,
        other_streams=others,
    )


def _in_presentation_order(packets: Packets, time_base: Fraction) -> tuple[PacketIndex, Int64Array]:
    """The index of all packets that carry a pts, and which packet each of its rows is."""
    addressed = np.flatnonzero(packets.has_pts)
    order = addressed[np.argsort(packets.pts[addressed], kind="stable")].astype(np.int64)
    hidden = np.zeros(len(order), dtype=bool)
    damaged = frozenset(np.flatnonzero(packets.is_damaged[order]).tolist())
    return PacketIndex(
        packets.pts[order], packets.is_key[order], packets.size[order], hidden, time_base, damaged
    ), order


def _as_players_see_it(
    path: Path, stream_index: int, index: PacketIndex, packets: Packets, order: Int64Array
) -> tuple[PacketIndex, int]:
    """Hidden frames marked and the edit list's shift applied: (index, ticks added to a stored pts).

    An edit list that moves frames by different amounts keeps the stored times: then nothing is shifted.
    """
    if not packets.position.min() >= 0:
        return index, 0
    with open_file(path, ignore_editlist="0") as container:
        if "mov" not in container.format.name:
            return index, 0
        shown = {
            packet.pos: packet.pts
            for packet in packets_until_trouble(container, stream_index)
            if packet.pts is not None and not packet.is_discard
        }
    row_of_position = dict(zip(packets.position[order].tolist(), range(len(order)), strict=True))
    rows = [(row_of_position[position], pts) for position, pts in shown.items() if position in row_of_position]
    shifts = {pts - int(index.pts[row]) for row, pts in rows}
    shift_ticks = shifts.pop() if len(shifts) == 1 else 0
    is_hidden = np.ones(index.n_frames, dtype=bool)
    is_hidden[[row for row, _ in rows]] = False
    return replace(index, pts=index.pts + shift_ticks, is_hidden=is_hidden), shift_ticks


def _counted_rate(index: PacketIndex) -> Fraction | None:
    span = (int(index.pts[-1]) - int(index.pts[0])) * index.time_base
    return Fraction(index.n_frames - 1) / span if span > 0 else None


def _stated_end_us(container: InputContainer) -> int:
    """Where the header says that the file ends; 0 where there is no such statement to trust."""
    if container.format.name not in _STATES_DURATION or container.duration is None:
        return 0
    return int(container.duration)


def _shortfalls(packets: Packets, n_frames_from_header: int | None, stated_us: int = 0) -> list[str]:
    found = []
    if packets.trouble:
        found.append(packets.trouble)
    if stated_us > packets.end_us + _TOLERATED_US:
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


def _indexed_by_decoding(
    path: Path, packets: Packets, medium: Medium, stream_index: int, rate: Fraction | None, working_copy: Path
) -> Indexed:
    """The index of a file without pts: one decode tells the order, the rate tells the times."""
    shown_at, is_failed = _presentation_numbers(path, stream_index, len(packets))
    shown = np.flatnonzero(shown_at >= 0)
    if not len(shown):
        raise UnreadableFootage(path, "no_picture", "no packet of the stream gave a picture")
    order = shown[np.argsort(shown_at[shown])]
    rate = rate or _FALLBACK_RATE
    is_damaged = packets.is_damaged & packets.has_pts | behind(is_failed, packets.is_key, shown_at)
    index = PacketIndex(
        pts=np.arange(len(order), dtype=np.int64),
        is_key=packets.is_key[order],
        size=packets.size[order],
        is_hidden=np.zeros(len(order), dtype=bool),
        time_base=1 / rate,
        damaged=frozenset(np.flatnonzero(is_damaged[order]).tolist()),
    )
    told = replace(packets, has_pts=np.ones(len(packets), dtype=bool), is_damaged=is_damaged)
    shortfalls = _shortfalls(told, medium.n_frames_from_header)
    if len(shown) != len(packets):
        shortfalls.append(f"{len(packets) - len(shown)} of {len(packets)} packets gave no picture")
    indexed = Indexed(
        index=index,
        medium=replace(medium, timing=Timing.ASSUMED, rate_counted=rate),
        footage=Footage(path, Reader.PYAV, stream_index, 0),
        working_copy_sha256=None,
        reader_reason="the reference reader",
        shortfall="; ".join(shortfalls),
    )
    return _through_working_copy(indexed, shown_at, shown_at >= 0, working_copy)


def _presentation_numbers(path: Path, stream_index: int, n_packets: int) -> tuple[Int64Array, BoolArray]:
    """(N,) int64: at which place the picture of each packet is shown, -1 where it gave none; (N,) bool: it failed."""
    shown_at = np.full(n_packets, -1, dtype=np.int64)
    is_failed = np.zeros(n_packets, dtype=bool)
    with open_file(path) as container:
        stream: Any = container.streams[stream_index]
        single_threaded(stream)
        stream.codec_context.flags |= Flags.copy_opaque
        n_shown = 0
        for number, is_shown in _tags_as_decoded(container, stream):
            if not is_shown:
                is_failed[number] = True
            elif shown_at[number] < 0:
                shown_at[number] = n_shown
                n_shown += 1
    return shown_at, is_failed


def _tags_as_decoded(container: InputContainer, stream: VideoStream) -> Iterator[tuple[int, bool]]:
    """(number of the packet, True) for every picture as it is shown, and (number, False) for packets that fail."""
    number = -1
    for packet in packets_until_trouble(container, stream.index):
        number += 1
        packet.opaque = number
        try:
            yield from _tags_of(packet.decode())
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            yield number, False
    try:
        yield from _tags_of(stream.codec_context.decode(None))
    except av.error.FFmpegError:
        return


def _tags_of(frames: Iterable[VideoFrame]) -> Iterator[tuple[int, bool]]:
    return ((int(str(frame.opaque)), True) for frame in frames if frame.opaque is not None)


def _through_working_copy(indexed: Indexed, pts: Int64Array, kept: BoolArray, working_copy: Path) -> Indexed:
    """The same index, read through a stream copy in which every packet carries its pts and can be sought."""
    destination = working_copy.with_name(working_copy.name + ".mp4")
    copy = remux(indexed.footage, pts, kept, indexed.index, destination=destination)
    footage = Footage(copy.path, Reader.PYAV, 0, copy.shift_ticks)
    return replace(
        indexed,
        footage=footage,
        working_copy_sha256=copy.sha256,
        reader_reason=f"{indexed.medium.container} cannot seek exactly; read through a stream copy",
    )
