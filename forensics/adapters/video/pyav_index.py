"""Packet index of a video file: pts, keyframe flag and size of every frame, by demuxing.

Only the first frame is decoded, for the upright size and to check that a decoder exists. If the container has no usable
pts (raw H.264, some AVI), the whole file is decoded once; see `pyav_untimed`.
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

from forensics.adapters.store.checked_file import open_footage
from forensics.adapters.video.pyav_open import (
    MAX_PIXELS,
    NOT_SEEKABLE,
    choose_stream,
    make_decoding_repeatable,
    open_file,
    rate_of,
)
from forensics.adapters.video.pyav_packets import (
    Packets,
    demux_until_error,
    find_dependent_packets,
    list_shortfalls,
    read_packets,
)
from forensics.adapters.video.pyav_remux import redirect_to_working_copy
from forensics.adapters.video.pyav_untimed import UntimedStream, index_untimed
from forensics.adapters.video.truncation import find_truncation
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Footage, Indexed, Medium, Reader, Timing
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.place import Place

# In other formats the duration is estimated from the packets, or the header's frame count is more exact.
_FORMATS_STATING_DURATION = ("matroska,webm", "mxf", "flv")
# Block terminator of the last picture and trailer of the file.
_GIF_TRAILER = b"\0;"
# 50 years: no recording is longer. Larger spans come from damaged times, and some overflow in microseconds.
_MAX_SPAN_S = 50 * 365 * 86_400


__all__ = ["index_file", "upright_size"]


@dataclass(frozen=True, slots=True)
class _FirstFrame:
    """Facts from the first decoded frame and the open codec.

    Attributes:
        width_px, height_px: of the upright frame.
        rotation_degrees: clockwise rotation that makes the frame upright.
        rate: frames per second stated by the stream; None if it states none.
    """

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
    """Return the packet index of the chosen video stream; write a working copy if the file itself cannot seek.

    Args:
        path: one video file, on a disk or in a store.
        working_copy: path of the stream copy, written only if it is needed; `.mp4` is appended.
        stream_index: the stream to read; None for the default one, else the largest.
        assumed_rate: frames per second for streams without usable pts; None for the rate that the stream states.

    Raises:
        UnreadableFootage: no frame can be read; `reason` says why.
    """
    first = _decode_first_frame(path, stream_index)
    with open_file(path) as container:
        stream = choose_stream(container, path, stream_index)
        packets = read_packets(container, stream)
        medium = _describe_medium(container, stream, first)
        time_base = Fraction(stream.time_base or 1)
        chosen = stream.index
        stated_us = _read_stated_end_us(container)
    if medium.container == "gif" and len(packets) and not _has_gif_trailer(path):
        packets.is_damaged[-1] = True
    if not len(packets):
        raise UnreadableFootage(
            path, "no_frames", f"the video stream holds no packets ({packets.demux_error or 'empty'})"
        )
    if packets.has_pts.mean() < 0.5 or _has_guessed_pts(medium.container, packets):
        return index_untimed(UntimedStream(path, chosen, packets, medium, assumed_rate or first.rate), working_copy)
    packets = replace(
        packets, is_damaged=packets.is_damaged | find_dependent_packets(~packets.has_pts, packets.is_key, packets.pts)
    )
    index, order = _build_index(packets, time_base)
    if index.span_s > _MAX_SPAN_S:
        untimed = UntimedStream(
            path, chosen, packets, medium, assumed_rate or first.rate, _describe_impossible_span(index)
        )
        return index_untimed(untimed, working_copy)
    index, shift_ticks = _apply_edit_list(path, chosen, index, packets, order)
    missing = list_shortfalls(packets, medium.n_frames_from_header, stated_us)
    indexed = Indexed(
        index=index,
        medium=replace(medium, rate_counted=_measure_rate(index)),
        footage=Footage(path, Reader.PYAV, chosen, shift_ticks),
        working_copy_sha256=None,
        reader_reason="the reference reader",
        shortfall="; ".join(filter(None, [find_truncation(path, medium.container), *missing])),
    )
    if not _lacks_exact_seeking(medium.container):
        return indexed
    try:
        return redirect_to_working_copy(indexed, packets.pts, packets.has_pts, working_copy)
    except UnreadableFootage as error:
        # the reader stays exact: it detects every seek that misses and then reads from the start
        return replace(indexed, reader_reason=f"the reference reader, slowly: {error.detail}")


def _has_gif_trailer(path: Place) -> bool:
    """Whether the file ends with the GIF trailer; the demuxer does not report a truncated last picture."""
    file = open_footage(path)
    file.seek(-len(_GIF_TRAILER), os.SEEK_END)
    return file.read(len(_GIF_TRAILER)) == _GIF_TRAILER


def _describe_impossible_span(index: PacketIndex) -> str:
    """Return the reason for rejecting times that span an impossibly long period."""
    return f"its times lie {index.span_s // (365 * 86_400)} years apart and are not believed"


def _has_guessed_pts(container_name: str, packets: Packets) -> bool:
    """Whether the demuxer guesses the pts: AVI stores none, and the guess is wrong where frames are reordered."""
    return container_name == "avi" and not packets.is_key.all()


def _lacks_exact_seeking(container_name: str) -> bool:
    """Whether this demuxer does not seek exactly."""
    return bool(NOT_SEEKABLE & set(container_name.split(",")))


def _decode_first_frame(path: Place, stream_index: int | None) -> _FirstFrame:
    """Decode up to the first frame and return its facts.

    Raises:
        UnreadableFootage: the pictures are too large, or the decoder returns none.
    """
    with open_file(path) as container:
        stream = choose_stream(container, path, stream_index)
        name, width_px, height_px = stream.codec_context.name, stream.width, stream.height
        make_decoding_repeatable(stream)
        for frame in _decode_frames(container, stream):
            if isinstance(frame, VideoFrame):
                width_px, height_px, turn = upright_size(frame)
                return _FirstFrame(width_px, height_px, turn, rate_of(stream))
    if width_px * height_px > MAX_PIXELS:
        raise UnreadableFootage(
            path, "too_large", f"its pictures are {width_px}x{height_px} pixels, at most {MAX_PIXELS} are decoded"
        )
    raise UnreadableFootage(path, "no_picture", f"the {name} decoder returned no picture from the whole stream")


def upright_size(frame: VideoFrame) -> tuple[int, int, int]:
    """Return the frame's upright width and height in pixels, and the clockwise rotation in degrees that gives them."""
    turn = round(-frame.rotation / 90) * 90 % 360
    return (frame.height, frame.width, turn) if turn in (90, 270) else (frame.width, frame.height, turn)


def _decode_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame | str]:
    """Yield every decoded frame in presentation order, and an error text for each failure."""
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


def _describe_medium(container: InputContainer, stream: VideoStream, first: _FirstFrame) -> Medium:
    """Return the container's and the stream's facts."""
    others = tuple(other.index for other in container.streams.video if other.index != stream.index)
    return Medium(
        container=container.format.name,
        codec=stream.codec_context.name,
        width_px=first.width_px,
        height_px=first.height_px,
        rotation_degrees=first.rotation_degrees,
        rate_stated=first.rate,
        rate_counted=None,
        n_frames_from_header=_read_stated_frames(container, stream),
        timing=Timing.CONTAINER,
        other_streams=others,
    )


def _read_stated_frames(container: InputContainer, stream: VideoStream) -> int | None:
    """Return the number of frames that the header states; MXF states its duration in frames."""
    if container.format.name == "mxf" and stream.duration and stream.time_base == 1 / (rate_of(stream) or 1):
        return stream.duration
    return stream.frames or None


def _build_index(packets: Packets, time_base: Fraction) -> tuple[PacketIndex, Int64Array]:
    """Return the index of all packets that have a pts, and (F,) int64, the packet number of each of its rows."""
    addressed = np.flatnonzero(packets.has_pts)
    order = addressed[np.argsort(packets.pts[addressed], kind="stable")].astype(np.int64)
    hidden = np.zeros(len(order), dtype=bool)
    damaged = frozenset(np.flatnonzero(packets.is_damaged[order]).tolist())
    return PacketIndex(
        packets.pts[order], packets.is_key[order], packets.size[order], hidden, time_base, damaged
    ), order


def _apply_edit_list(
    path: Place, stream_index: int, index: PacketIndex, packets: Packets, order: Int64Array
) -> tuple[PacketIndex, int]:
    """Return the index, hidden frames marked and the edit list's shift applied, and the ticks added to a stored pts.

    An edit list that moves frames by different amounts shifts nothing: the stored pts are kept.
    """
    if not packets.position.min() >= 0:
        return index, 0
    with open_file(path, ignore_editlist="0") as container:
        if "mov" not in container.format.name:
            return index, 0
        shown = {
            packet.pos: packet.pts
            for packet in demux_until_error(container, stream_index)
            if packet.pts is not None and not packet.is_discard
        }
    row_of_position = dict(zip(packets.position[order].tolist(), range(len(order)), strict=True))
    rows = [(row_of_position[position], pts) for position, pts in shown.items() if position in row_of_position]
    shifts = {pts - int(index.pts[row]) for row, pts in rows}
    shift_ticks = shifts.pop() if len(shifts) == 1 else 0
    is_hidden = np.ones(index.n_frames, dtype=bool)
    is_hidden[[row for row, _ in rows]] = False
    return replace(index, pts=index.pts + shift_ticks, is_hidden=is_hidden), shift_ticks


def _measure_rate(index: PacketIndex) -> Fraction | None:
    """Return the mean frames per second of the index; None if it spans no time."""
    span = (int(index.pts[-1]) - int(index.pts[0])) * index.time_base
    return Fraction(index.n_frames - 1) / span if span > 0 else None


def _read_stated_end_us(container: InputContainer) -> int:
    """Return the end of the file that the header states, in microseconds; 0 if it states none that can be relied on."""
    if container.format.name not in _FORMATS_STATING_DURATION or container.duration is None:
        return 0
    return int(container.duration)
