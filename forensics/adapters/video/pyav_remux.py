"""Stream copy into an MP4, for footage whose demuxer cannot seek: the same packets, each with its pts."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.packet import Packet

from forensics.adapters.video.pyav_open import choose_stream, open_file
from forensics.digests import sha256_of_file
from forensics.errors import DecoderLost, UnreadableFootage
from forensics.footage.evidence import Footage, Indexed, Reader
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex

__all__ = ["WorkingCopy", "redirect_to_working_copy", "remux"]


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """One verified stream copy.

    Attributes:
        path: the copy, an MP4.
        sha256: of the copy.
        shift_ticks: ticks to add to a pts of the copy to get the pts of the index.
    """

    path: Path
    sha256: str
    shift_ticks: int


def redirect_to_working_copy(indexed: Indexed, pts: Int64Array, is_copied: BoolArray, working_copy: Path) -> Indexed:
    """Make a stream copy that can seek and return the same index, read through that copy.

    Args:
        indexed: the index of the original.
        pts: (N,) int64 of each packet in file order, in ticks of the index.
        is_copied: (N,) bool, whether each packet is copied; the others have no pts.
        working_copy: path of the copy, to which `.mp4` is appended.

    Raises:
        UnreadableFootage: the stream cannot be copied.
    """
    destination = working_copy.with_name(working_copy.name + ".mp4")
    copy = remux(indexed.footage, pts, is_copied, indexed.index, destination=destination)
    return replace(
        indexed,
        footage=Footage(copy.path, Reader.PYAV, 0, copy.shift_ticks),
        working_copy_sha256=copy.sha256,
        reader_reason=f"{indexed.medium.container} cannot seek exactly; read through a stream copy",
    )


def remux(
    footage: Footage, pts: Int64Array, is_copied: BoolArray, index: PacketIndex, *, destination: Path
) -> WorkingCopy:
    """Copy packets of `footage` into `destination` and check that the copy has the same index.

    Args:
        footage: the original.
        pts: (N,) int64 of each packet in file order, in ticks of the index.
        is_copied: (N,) bool, whether each packet is copied; the others have no pts.
        index: the packet index that the copy must have.
        destination: file to write; written under a temporary name beside it until it is complete.

    Raises:
        UnreadableFootage: the packets cannot be copied, or the copy has other frames.
        DecoderLost: the disk fails.
    """
    origin = int(pts[is_copied].min())
    decode_ticks, delay = _assign_decode_times(pts[is_copied] - origin)
    rows = np.cumsum(is_copied) - 1
    temporary = destination.with_name(destination.name + ".part")
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        times = {
            int(packet): (int(pts[packet]) - origin + delay, int(decode_ticks[rows[packet]]))
            for packet in np.flatnonzero(is_copied)
        }
        _mux(footage, times, index, temporary)
        shift_ticks = origin - delay
        _check_same_frames(temporary, index, shift_ticks)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        temporary.unlink(missing_ok=True)
        raise UnreadableFootage(footage.path, "cannot_seek", f"no working copy could be made: {error}") from error
    except DecoderLost:
        temporary.unlink(missing_ok=True)
        raise
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(destination)
    return WorkingCopy(destination, sha256_of_file(destination), shift_ticks)


def _assign_decode_times(pts: Int64Array) -> tuple[Int64Array, int]:
    """Return strictly increasing decode times in file order, and the delay in ticks that keeps them before the pts."""
    steps = np.arange(len(pts))
    rising = np.maximum.accumulate(np.sort(pts) - steps) + steps
    return rising, int(max(0, (rising - pts).max()))


def _mux(footage: Footage, times: dict[int, tuple[int, int]], index: PacketIndex, destination: Path) -> None:
    """Mux the packets named in `times` (packet number -> pts, dts)."""
    options = {"video_track_timescale": str(index.time_base.denominator)}
    with open_file(footage.path) as source, av.open(str(destination), "w", format="mp4", options=options) as copy:
        stream = choose_stream(source, footage.path, footage.stream_index)
        target = copy.add_stream_from_template(stream)
        target.time_base = index.time_base
        for number, packet in enumerate(_demux(source, stream)):
            if number in times:
                packet.stream, packet.time_base, packet.duration = target, index.time_base, 0
                packet.pts, packet.dts = times[number]
                copy.mux(packet)


def _demux(source: Any, stream: Any) -> "Iterator[Packet[Any]]":
    """Yield the packets that hold data; end at the first error."""
    try:
        yield from (packet for packet in source.demux(stream) if packet.size)
    except av.error.FFmpegError:
        return  # the packet index ends here too


def _check_same_frames(copy: Path, index: PacketIndex, shift_ticks: int) -> None:
    """Raise ValueError unless the copy has exactly the pts of the index."""
    with open_file(copy) as container:
        stream = container.streams.video[0]
        scale = Fraction(stream.time_base or 1) / index.time_base
        found = np.array([packet.pts for packet in container.demux(stream) if packet.size], dtype=np.int64)
    found = np.sort(found * scale.numerator // scale.denominator) + shift_ticks
    if not np.array_equal(found, index.pts):
        raise ValueError(f"the copy holds {len(found)} frames at other times than the {index.n_frames} of the index")
