"""The packet index of one video file: every frame's pts, keyframe mark and size, by demuxing.

Nothing is decoded but the first frame, to learn the upright size and whether a decoder exists. Only
where the container carries no pts (raw H.264, some AVI), or none to be believed, is everything
decoded once; see `pyav_untimed`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from forensics.adapters.store.checked_file import footage_file
from forensics.adapters.video.pyav_open import (
    MAX_PIXELS,
    NOT_SEEKABLE,
    choose_stream,
    open_file,
    rate_of,
    single_threaded,
)
from forensics.adapters.video.pyav_packets import Packets, behind, packets_until_trouble, read_packets, shortfalls
from forensics.adapters.video.pyav_remux import through_working_copy
from forensics.adapters.video.pyav_untimed import Untimed, index_untimed
from forensics.adapters.video.truncation import find_truncation
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Footage, Indexed, Medium, Reader, Timing
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.place import Place

# Elsewhere the duration is estimated from the packets, or the header's frame count says more.
_STATES_DURATION = ("matroska,webm", "mxf", "flv")
# The end of a picture, and of the file.
_END_OF_GIF = b"\0;"
# Nobody records one file for longer; times that say so are damaged, and some would not even fit into microseconds.
_LONGEST_S = 50 * 365 * 86_400


__all__ = ["index_file", "upright_size"]


@dataclass(frozen=True, slots=True)
class _FirstLook:
    """What the first decoded frame and the open codec tell."""

    width_px: int
    height_px: int
    rotation_degrees: int
    rate: Fraction | None


def index_file(
    path: Place,
    *,
    working_copy: Path,
    stream_index: int | None = None,
    assumed_rate: Fraction | None = None,
) -> Indexed:
    """The index of the chosen video stream, with a working copy where the file itself cannot seek.

    Args:
        path: one video file, of a disk or a store.
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
    if medium.container == "gif" and len(packets) and not _ends_as_gif(path):
        packets.is_damaged[-1] = True
    if not len(packets):
        raise UnreadableFootage(path, "no_frames", f"the video stream holds no packets ({packets.trouble or 'empty'})")
    if packets.has_pts.mean() < 0.5 or _guesses_pts(medium.container, packets):
        return index_untimed(Untimed(path, chosen, packets, medium, assumed_rate or first.rate), working_copy)
    packets = replace(packets, is_damaged=packets.is_damaged | behind(~packets.has_pts, packets.is_key, packets.pts))
    index, order = _in_presentation_order(packets, time_base)
    if index.span_s > _LONGEST_S:
        untimed = Untimed(path, chosen, packets, medium, assumed_rate or first.rate, _incredible(index))
        return index_untimed(untimed, working_copy)
    index, shift_ticks = _as_players_see_it(path, chosen, index, packets, order)
    missing = shortfalls(packets, medium.n_frames_from_header, stated_us)
    indexed = Indexed(
        index=index,
        medium=replace(medium, rate_counted=_counted_rate(index)),
        footage=Footage(path, Reader.PYAV, chosen, shift_ticks),
        working_copy_sha256=None,
        reader_reason="the reference reader",
        shortfall="; ".join(filter(None, [find_truncation(path, medium.container), *missing])),
    )
    if not _seeks_badly(medium.container):
        return indexed
    try:
        return through_working_copy(indexed, packets.pts, packets.has_pts, working_copy)
    except UnreadableFootage as objection:
        # right all the same: the reader finds every seek that misses, and reads from the start then
        return replace(indexed, reader_reason=f"the reference reader, slowly: {objection.detail}")


def _ends_as_gif(path: Place) -> bool:
    """Whether the last bytes say so; the demuxer does not tell that it ran out of bytes in a picture."""
    file = footage_file(path)
    file.seek(-len(_END_OF_GIF), os.SEEK_END)
    return file.read(len(_END_OF_GIF)) == _END_OF_GIF


def _incredible(index: PacketIndex) -> str:
    return f"its times lie {index.span_s // (365 * 86_400)} years apart and are not believed"


def _guesses_pts(container_name: str, packets: Packets) -> bool:
    """AVI stores no pts: what the demuxer gives is a guess that fails where frames are reordered."""
    return container_name == "avi" and not packets.is_key.all()


def _seeks_badly(container_name: str) -> bool:
    return bool(NOT_SEEKABLE & set(container_name.split(",")))


def _first_look(path: Place, stream_index: int | None) -> _FirstLook:
    with open_file(path) as container:
        stream = choose_stream(container, path, stream_index)
        name, width_px, height_px = stream.codec_context.name, stream.width, stream.height
        single_threaded(stream)
        for frame in decoded(container, stream):
            if isinstance(frame, VideoFrame):
                width_px, height_px, turn = upright_size(frame)
                return _FirstLook(width_px, height_px, turn, rate_of(stream))
    if width_px * height_px > MAX_PIXELS:
        raise UnreadableFootage(
            path, "too_large", f"its pictures are {width_px}x{height_px} pixels, at most {MAX_PIXELS} are decoded"
        )
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
        n_frames_from_header=_stated_frames(container, stream),
        timing=Timing.CONTAINER,
        other_streams=others,
    )


def _stated_frames(container: InputContainer, stream: VideoStream) -> int | None:
    """How many frames the header promises; MXF counts its duration in them."""
    if container.format.name == "mxf" and stream.duration and stream.time_base == 1 / (rate_of(stream) or 1):
        return stream.duration
    return stream.frames or None


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
    path: Place, stream_index: int, index: PacketIndex, packets: Packets, order: Int64Array
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
