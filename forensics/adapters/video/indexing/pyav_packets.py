"""Pictures of one stream in file order, demuxed without decoding."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from forensics.adapters.video.bitstreams.h264_syntax import H264Syntax
from forensics.adapters.video.bitstreams.inband_setup import InbandSetup
from forensics.adapters.video.bitstreams.mpeg_order import find_contradictions
from forensics.adapters.video.bitstreams.parameter_sets import Setup, list_changes
from forensics.adapters.video.containers.byte_coverage import Coverage, JoinedHeader
from forensics.adapters.video.containers.mov_header import MOV
from forensics.adapters.video.containers.transport_joints import N_LATE_MARKS, correct_marks
from forensics.adapters.video.containers.transport_stream import find_lost_packets
from forensics.adapters.video.containers.unread_bytes import find_headers, find_unread
from forensics.adapters.video.indexing.damage_marks import extend_marks, find_misplaced, pictures_at
from forensics.adapters.video.indexing.picture_collector import NO_TIME, PictureCollector
from forensics.adapters.video.indexing.stream_ends import StreamEnds, estimate_end
from forensics.adapters.video.pyav_open import choose_stream, demux, open_file, rate_of
from forensics.footage.clock_jumps import unwrap
from forensics.footage.timeline import BoolArray, Int64Array
from forensics.place import Place

__all__ = ["Packets", "demux_until_error", "read_packets"]

# In these formats a parser splits a byte stream into pictures.
_PARSED_FORMATS = ("mpeg", "mpegts")

# In these formats nothing but the pictures themselves shows that one was lost.
_BARE_FORMATS = ("h264", "mpeg")
# Some encoders number their pictures in their own way; then the numbers show no losses.
_MAX_SHARE_OF_LOSSES = 0.05

# The demuxers of these formats count frames at a rate of their own.
_FORMATS_WITHOUT_PTS = ("mjpeg", "mpjpeg", "jpeg_pipe")

# These formats store no dts; libavformat derives them.
_FORMATS_WITHOUT_DTS = ("matroska,webm",)

# The clocks of these formats count 90,000 ticks a second in 33 bits.
_WRAPPING_FORMATS, _CLOCK_BITS = ("mpeg", "mpegts"), 33


@dataclass(frozen=True, slots=True, eq=False)
class Packets:
    """The pictures of one stream in file order, as parallel columns. A picture is one packet, or a packet per field.

    Attributes:
        pts: (N,) int64 ticks, valid where `has_pts`.
        has_pts: (N,) bool.
        dts: (N,) int64 ticks; None if the file stores none, or not for every picture.
        is_key: (N,) bool, keyframes.
        size: (N,) int64 bytes.
        position: (N,) int64 byte offset in the file, -1 where the demuxer gives none.
        is_damaged: (N,) bool, whether the demuxer marks it as corrupt, or its pts contradicts the display order stored
            in the picture.
        first_packet: (N,) int64, number of its first packet; the packets up to the next picture's belong to it, too.
        recovery_frames: how many frames after a keyframe pictures are right, by picture; -1 if it needs no history.
            Only those of H.264: the keyframes of other codecs need none.
        demux_error: the error that stopped the demuxer; empty if it reached the end of the file.
        n_header_units: number of frames as a header counts them, and by how many a header may exceed it: in AVI also
            the empty chunks of frames that the recorder dropped, and those after the last frame.
        end_us: end of the last packet of any stream, see `estimate_end`.
        end_tolerance_us: how far a stated end may exceed `end_us` without a lost frame.
        setups: parameters of the decoder that change inside the stream.
        foreign_from: byte offset of a joined file with another clock or codec; None without one.
        unread: ranges of bytes that may hold pictures and were not read; empty if the format is not checked.
    """

    pts: Int64Array
    has_pts: BoolArray
    dts: Int64Array | None
    is_key: BoolArray
    size: Int64Array
    position: Int64Array
    is_damaged: BoolArray
    first_packet: Int64Array
    recovery_frames: Mapping[int, int]
    demux_error: str
    n_header_units: tuple[int, int]
    end_us: int
    end_tolerance_us: int
    setups: tuple[Setup, ...]
    foreign_from: int | None
    unread: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def must_be_copied(self) -> bool:
        """Whether only a copy holds each picture in one packet, with the parameters that its decoder needs."""
        return self.has_split_pictures or bool(self.setups)

    @property
    def has_split_pictures(self) -> bool:
        """Whether some picture is two packets."""
        return bool(len(self)) and bool(np.any(np.diff(self.first_packet) > 1))

    def recovery_frames_of(self, pictures: Int64Array) -> Int64Array | None:
        """Return what `PacketIndex.recovery_frames` holds for these keyframes; None if none of them needs history."""
        found = np.array([self.recovery_frames.get(picture, -1) for picture in pictures.tolist()], dtype=np.int64)
        return found if np.any(found >= 0) else None

    def pictures_of(self, packets: Int64Array) -> Int64Array:
        """Return the number of the picture that each packet belongs to."""
        return np.asarray(np.searchsorted(self.first_packet, packets, side="right") - 1, dtype=np.int64)


def read_packets(container: InputContainer, stream: VideoStream, path: Place) -> Packets:
    """Read all pictures of one stream; keep those before an error if the demuxer fails.

    Args:
        container: as opened.
        stream: of the container.
        path: of the same file.
    """
    format_name, time_base, context = container.format.name, Fraction(stream.time_base or 1), stream.codec_context
    collector, coverage, demux_error, end_us = _collect(container, stream)
    headers = find_headers(path, format_name, coverage)
    if len({header.extradata for header in headers}) > 1:  # pictures are read with the parameters that hold for them
        with open_file(path) as again:
            collector, coverage, demux_error, end_us = _collect(
                again, choose_stream(again, path, stream.index), headers
            )
    pts, dts, keys, size, position, corrupt = np.array(collector.rows, dtype=np.int64).reshape(-1, 6).T
    is_key, is_corrupt = keys.astype(bool), corrupt.astype(bool)
    is_key[collector.unprepared] = False
    has_pts, has_dts = _has_own_pts(pts, position, format_name), dts != NO_TIME
    pts, dts = np.where(has_pts, pts, 0), np.where(has_dts, dts, 0)
    if format_name in _WRAPPING_FORMATS:
        pts, dts = _unwrap(pts, has_pts, dts, has_dts)
    is_leading_lost = np.zeros(len(pts), dtype=bool)
    if format_name == "mpegts":
        if is_corrupt.any():
            is_corrupt, is_leading_lost = correct_marks(
                path, stream.id, is_corrupt, pts=pts, position=position, is_key=is_key
            )
        is_corrupt[pictures_at(find_lost_packets(path), position)] = True
    is_damaged = extend_marks(is_corrupt, N_LATE_MARKS if format_name in _PARSED_FORMATS else 0) | is_leading_lost
    unread = find_unread(path, format_name, coverage)
    if unread and format_name == MOV:
        is_damaged |= find_misplaced(position, size)
    if len(collector.losses) <= _MAX_SHARE_OF_LOSSES * len(pts):
        is_damaged[collector.losses] = True
    if collector.reads_order:
        known = [int(at) if is_known else None for at, is_known in zip(pts, has_pts, strict=True)]
        contradictions = find_contradictions(
            collector.orders,
            known,
            time_base,
            rate_of(stream) or Fraction(1),
            are_stated=format_name == "mpegts",
        )
        is_damaged[list(contradictions.incomplete)] = True
        has_pts[list(contradictions.mistimed)] = False
    end_us, end_tolerance_us = estimate_end(end_us, pts[has_pts], time_base, lacks_durations=collector.lacks_durations)
    return Packets(
        pts=pts,
        has_pts=has_pts,
        dts=dts if has_dts.all() and format_name not in _FORMATS_WITHOUT_DTS else None,
        is_key=is_key,
        size=size,
        position=position,
        is_damaged=is_damaged,
        first_packet=collector.first_packets(),
        recovery_frames=collector.recovery_frames,
        demux_error=demux_error,
        n_header_units=_count_header_units(format_name, dts, has_dts),
        end_us=end_us,
        end_tolerance_us=end_tolerance_us,
        setups=list_changes(context.name, context.extradata, collector.setups),
        foreign_from=next((each.start for each in headers if each.kind != headers[0].kind), None),
        unread=unread,
    )


def _collect(
    container: InputContainer, stream: VideoStream, headers: Sequence[JoinedHeader] = ()
) -> tuple[PictureCollector, Coverage, str, int]:
    """Demux the file.

    Args:
        container: as opened.
        stream: of the container.
        headers: of the files that were joined to this one, with its own as the first; empty if they are not known.

    Returns:
        the pictures of the stream; where the packets of all streams lie; the demuxer's error, empty if it reached the
        end; the end of all streams in microseconds.
    """
    context = stream.codec_context
    collector = PictureCollector(
        H264Syntax(bytes(context.extradata or b"")) if context.name == "h264" else None,
        InbandSetup(context.name, bytes(context.extradata or b"")),
        reads_order=_may_lack_times(container, stream) and rate_of(stream) is not None,
        counts_frames=container.format.name in _BARE_FORMATS,
        waiting=deque(headers[1:]),
    )
    coverage, end = Coverage(), StreamEnds()
    read = _streams_that_may_exist(container, stream)
    try:
        for packet in demux(container):
            if packet.size:
                if packet.stream_index in read:
                    coverage.add(packet)
                end.add(packet)
                if packet.stream_index == stream.index:
                    collector.add(packet)
    except av.error.FFmpegError as error:
        return collector, coverage, f"reading stopped after {collector.n_packets} packets: {error.strerror}", end.us
    return collector, coverage, "", end.us


def _streams_that_may_exist(container: InputContainer, stream: VideoStream) -> set[int]:
    """Return the indices of the streams that the file can have; FLV has one video, damage announces another."""
    streams = list(container.streams)
    if container.format.name == "flv":
        streams = [each for each in streams if each.index == stream.index or each.type != "video"]
    return {each.index for each in streams}


def _has_own_pts(pts: Int64Array, position: Int64Array, format_name: str) -> BoolArray:
    """Return (N,) bool, whether the file states the pts of a picture.

    In a program stream two pictures may get the one pts of their packet, which belongs to the second one.
    """
    if format_name in _FORMATS_WITHOUT_PTS:
        return np.zeros(len(pts), dtype=bool)
    has_pts: BoolArray = pts != NO_TIME
    if format_name == "mpeg":
        has_pts[:-1] &= (np.diff(pts) != 0) | (np.diff(position) != 0)
    return has_pts


def _count_header_units(format_name: str, dts: Int64Array, has_dts: BoolArray) -> tuple[int, int]:
    """Return the number of frames as a header counts them, and by how many a header may exceed it."""
    if format_name != "avi" or not has_dts.all() or len(dts) < 2:
        return len(dts), 0
    return int(dts.max()) + 1, int(np.median(np.diff(dts))) - 1


def _unwrap(pts: Int64Array, has_pts: BoolArray, dts: Int64Array, has_dts: BoolArray) -> tuple[Int64Array, Int64Array]:
    """Return pts and dts without the wraps of their counter; each pts lies less than half a turn from its dts."""
    known = has_dts | has_pts
    times = np.where(has_dts, dts, pts)
    unwrapped = times.copy()
    unwrapped[known] = unwrap(times[known], _CLOCK_BITS)
    half = 1 << _CLOCK_BITS - 1
    ahead = (pts - times + half) % (2 * half) - half
    return unwrapped + ahead, unwrapped


def _may_lack_times(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the format may leave out the pts of a picture, as MPEG program and transport streams do."""
    return container.format.name in _PARSED_FORMATS and stream.codec_context.name in ("mpeg1video", "mpeg2video")


def demux_until_error(container: InputContainer, stream_index: int) -> "Iterator[Packet[Any]]":
    """Yield the packets of one stream; end at the first error."""
    try:
        yield from (packet for packet in demux(container, container.streams.get(stream_index)[0]) if packet.size)
    except av.error.FFmpegError:
        return
