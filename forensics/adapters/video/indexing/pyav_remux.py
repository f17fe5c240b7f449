"""Stream copy of footage whose demuxer cannot seek: the same packets, each with its pts.

The copy is an MP4; if MP4 does not take the codec, a QuickTime, NUT or Matroska file.
"""

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.codec.codec import Codec, UnknownCodecError
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from forensics.adapters.video.indexing.complete_packets import demux_complete
from forensics.adapters.video.indexing.pyav_packets import Packets, demux_until_error
from forensics.adapters.video.pyav_open import NOT_SEEKABLE, choose_stream, open_decoder, open_file
from forensics.digests import sha256_of_file
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Footage, Indexed, Reader
from forensics.footage.timeline import BoolArray, Int64Array
from forensics.place import Place

# Formats of a copy, with their suffixes: the first that keeps the codec and all times is taken.
_SUFFIXES = {"mp4": "mp4", "mov": "mov", "nut": "nut", "matroska": "mkv"}
# So many packets are decoded to see what pictures they hold.
_N_TRIED_PACKETS = 100

# The disk of the case is full, or cannot be written.
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

__all__ = ["PictureTimes", "WorkingCopy", "redirect_to_working_copy", "remux"]


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """One verified stream copy.

    Attributes:
        path: the copy.
        sha256: of the copy.
        shift_ticks: ticks to add to a pts of the copy to get the pts of the index.
    """

    path: Path
    sha256: str
    shift_ticks: int


def redirect_to_working_copy(
    indexed: Indexed, packets: Packets, ticks: Int64Array, is_copied: BoolArray, working_copy: Path
) -> Indexed:
    """Make a stream copy that can seek and return the same index, read through that copy.

    Args:
        indexed: the index of the original.
        packets: the pictures of the original.
        ticks: (N,) int64 of each picture in file order: the pts that the copy gets, without the shift.
        is_copied: (N,) bool, whether each picture is copied; the others have no frame in the index.
        working_copy: path of the copy, to which the suffix of its format is appended.

    Raises:
        UnreadableFootage: the stream cannot be copied.
    """
    times = PictureTimes(packets, ticks, is_copied, indexed.index.time_base_read)
    copy = remux(indexed.footage, times, working_copy)
    return replace(
        indexed,
        footage=Footage(copy.path, Reader.PYAV, 0, copy.shift_ticks),
        working_copy_sha256=copy.sha256,
        reader_reason=f"{_reason_to_copy(indexed, packets)}; read through a stream copy",
    )


def _reason_to_copy(indexed: Indexed, packets: Packets) -> str:
    """Return why the original is not read itself, for people."""
    container = indexed.medium.container
    if NOT_SEEKABLE & set(container.split(",")) or container == "avi":
        return f"{container} cannot seek exactly"
    if packets.has_split_pictures:
        return "pictures are stored as two fields"
    if packets.setups:
        return "the parameters of its decoder change"
    if packets.unread:
        return "behind bytes that were not read it may seek to other pictures"
    if indexed.index.is_numbered:
        return "some frames have the same pts"
    return "some frames have no usable pts" if packets.has_pts.any() else "its frames have no pts"


@dataclass(frozen=True, slots=True, eq=False)
class PictureTimes:
    """The pts that each picture of a stream gets in its copy.

    Attributes:
        packets: the pictures, in file order.
        ticks: (N,) int64 of each picture.
        is_copied: (N,) bool, whether each picture is copied.
        time_base: seconds of one tick.
    """

    packets: Packets
    ticks: Int64Array
    is_copied: BoolArray
    time_base: Fraction


def remux(footage: Footage, times: PictureTimes, working_copy: Path) -> WorkingCopy:
    """Copy the pictures of `footage` and check that the copy has exactly their times.

    Args:
        footage: the original.
        times: which pictures are copied, and their times.
        working_copy: file to write, without suffix; written under a temporary name beside it until it is complete.

    Raises:
        UnreadableFootage: the packets cannot be copied, or the copy has other frames.
        DecoderLost: the disk fails.
        OSError: the disk of the copy is full, or cannot be written.
    """
    temporary = working_copy.with_name(working_copy.name + ".part")
    working_copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        name, shift_ticks = _copy_to_first_format(footage, times, temporary)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    destination = working_copy.with_name(f"{working_copy.name}.{_SUFFIXES[name]}")
    temporary.replace(destination)
    return WorkingCopy(destination, sha256_of_file(destination), shift_ticks)


def _copy_to_first_format(footage: Footage, times: PictureTimes, temporary: Path) -> tuple[str, int]:
    """Write the copy in the first format that keeps codec and times; return the format and the shift of the copy."""
    fault = ""
    for name in _SUFFIXES:
        try:
            if _takes_codec(name, footage):
                return name, _copy(footage, times, name, temporary)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            number = getattr(error, "errno", None)
            if number in _DISK_ERRORS:
                raise OSError(number, os.strerror(number), str(temporary)) from error
            fault = fault or str(error)
    raise UnreadableFootage(
        footage.path, "cannot_seek", f"no working copy could be made: {fault or 'no container takes its codec'}"
    )


def _copy(footage: Footage, times: PictureTimes, name: str, destination: Path) -> int:
    """Write the copy, check it, and return the ticks to add to its pts.

    Raises:
        ValueError: the copy has other frames, or its pictures are of another kind.
    """
    copied = times.ticks[times.is_copied]
    origin = int(copied.min())
    decode_ticks, delay = _assign_decode_times(copied - origin)
    first_packets = times.packets.first_packet[times.is_copied].tolist()
    pts_and_dts = zip((copied - origin + delay).tolist(), decode_ticks.tolist(), strict=True)
    _mux(footage, times, dict(zip(first_packets, pts_and_dts, strict=True)), name, destination)
    shift_ticks = origin - delay
    _check_same_frames(destination, np.sort(copied) - shift_ticks, times.time_base)
    expected, found = _kind_of_picture(footage.path, footage.stream_index), _kind_of_picture(destination, None)
    if found != expected:
        raise ValueError(f"the pictures of the copy are {found}, expected {expected}")
    return shift_ticks


def _assign_decode_times(pts: Int64Array) -> tuple[Int64Array, int]:
    """Return strictly increasing decode times in file order, and the delay in ticks that keeps them before the pts."""
    steps = np.arange(len(pts))
    rising = np.maximum.accumulate(np.sort(pts) - steps) + steps
    return rising, int(max(0, (rising - pts).max()))


def _takes_codec(name: str, footage: Footage) -> bool:
    """Whether files of a format can hold the codec of the footage."""
    with open_file(footage.path) as source, av.open(os.devnull, "w", format=name) as trial:
        try:
            _add_stream(trial, choose_stream(source, footage.path, footage.stream_index))
            trial.start_encoding()
        except (ValueError, av.error.FFmpegError):
            return False
    return True


def _mux(
    footage: Footage, times: PictureTimes, stamps: dict[int, tuple[int, int]], name: str, destination: Path
) -> None:
    """Mux the pictures named in `stamps` (number of the first packet -> pts, dts) into a file of this format."""
    options = {"video_track_timescale": str(times.time_base.denominator)} if name in ("mp4", "mov") else {}
    with open_file(footage.path) as source, av.open(str(destination), "w", format=name, options=options) as copy:
        stream = choose_stream(source, footage.path, footage.stream_index)
        target = _add_stream(copy, stream)
        target.time_base = times.time_base
        for number, packet in _demux_pictures(source, stream, times.packets):
            if number in stamps:
                packet.stream, packet.time_base, packet.duration = target, times.time_base, 0
                packet.pts, packet.dts = stamps[number]
                copy.mux(packet)


def _add_stream(copy: OutputContainer, stream: VideoStream) -> VideoStream:
    """Add a stream with the parameters of another one, whose codec may have a decoder only."""
    try:
        Codec(stream.codec_context.codec.name, "w")
    except UnknownCodecError:
        return copy.add_stream_from_template(stream, opaque=True)
    return copy.add_stream_from_template(stream)


def _demux_pictures(source: Any, stream: Any, packets: Packets) -> "Iterator[tuple[int, Packet[Any]]]":
    """Yield each picture as one packet, with the number of its first packet; two fields are put together."""
    numbered = demux_complete(source, stream, packets)
    if not packets.has_split_pictures:
        yield from numbered
        return
    first_packets = set(packets.first_packet.tolist())
    number = -1
    parts: list[Packet[Any]] = []
    for next_number, packet in numbered:
        if next_number in first_packets:
            if parts:
                yield number, _join(parts)
            number, parts = next_number, []
        parts.append(packet)
    if parts:
        yield number, _join(parts)


def _join(parts: "list[Packet[Any]]") -> "Packet[Any]":
    """Return one packet with the bytes of all parts."""
    if len(parts) == 1:
        return parts[0]
    joined = Packet(b"".join(bytes(part) for part in parts))
    joined.is_keyframe = parts[0].is_keyframe
    return joined


def _check_same_frames(copy: Path, expected: Int64Array, time_base: Fraction) -> None:
    """Raise ValueError unless the copy has exactly the expected pts, in ticks of `time_base`."""
    with open_file(copy) as container:
        stream = container.streams.video[0]
        scale = Fraction(stream.time_base or 1) / time_base
        found = np.array([packet.pts for packet in container.demux(stream) if packet.size], dtype=np.int64)
    found = np.sort(found * scale.numerator // scale.denominator)
    if not np.array_equal(found, expected):
        raise ValueError(f"the copy holds {len(found)} frames at other times than the {len(expected)} of the index")


def _kind_of_picture(path: Place, stream_index: int | None) -> str:
    """Return size and pixel format of the first picture that the decoder returns; empty if it returns none."""
    with open_file(path) as container:
        stream = choose_stream(container, path, stream_index)
        decoder = open_decoder(stream, is_strict=False)
        for packet in itertools.islice(demux_until_error(container, stream.index), _N_TRIED_PACKETS):
            with contextlib.suppress(av.error.FFmpegError):
                for frame in decoder.decode(packet):
                    return f"{frame.width}x{frame.height} {frame.format.name}"
    return ""
