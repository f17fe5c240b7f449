"""Packet index of a video file without usable pts, made by decoding the file once.

Each packet is tagged with its number. The order in which the decoder returns the tags is the presentation order; the
pts follow from the stated frame rate.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error
import numpy as np
from av.codec.context import Flags
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from forensics.adapters.video.pyav_open import make_decoding_repeatable, open_file
from forensics.adapters.video.pyav_packets import Packets, demux_until_error, find_dependent_packets, list_shortfalls
from forensics.adapters.video.pyav_remux import redirect_to_working_copy
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Footage, Indexed, Medium, Reader, Timing
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex
from forensics.place import Place

__all__ = ["UntimedStream", "index_untimed"]

_FALLBACK_RATE = Fraction(25)
_PLAUSIBLE_RATES = (Fraction(1, 86_400), Fraction(1000))
# These formats store no pts, or only some; in every other format a missing pts is a fault of the file.
_UNTIMED_FORMATS = frozenset({"avi", "h264", "hevc", "mjpeg", "m4v", "mpegvideo", "dv"})


@dataclass(frozen=True, slots=True)
class UntimedStream:
    """A video stream without usable pts, as demuxing found it.

    Attributes:
        path, stream_index: the file and the stream in it.
        packets: all packets of the stream.
        medium: what the container states.
        rate: frames per second, as stated by the stream or the user; None if neither states it.
        rejection: why the pts of the file are rejected; empty if it has none.
    """

    path: Place
    stream_index: int
    packets: Packets
    medium: Medium
    rate: Fraction | None
    rejection: str = ""


def index_untimed(untimed: UntimedStream, working_copy: Path) -> Indexed:
    """Return the packet index, read through a stream copy in which every packet has its pts.

    Raises:
        UnreadableFootage: no packet can be decoded, or the stream copy cannot be made.
    """
    packets, medium = untimed.packets, untimed.medium
    shown_at, is_failed = _decode_presentation_order(untimed.path, untimed.stream_index, len(packets))
    shown = np.flatnonzero(shown_at >= 0)
    if not len(shown):
        raise UnreadableFootage(untimed.path, "no_picture", "no packet of the stream gave a picture")
    order = shown[np.argsort(shown_at[shown])]
    rate = _choose_rate(untimed.rate)
    is_damaged = packets.is_damaged | find_dependent_packets(is_failed, packets.is_key, shown_at)
    index = PacketIndex(
        pts=np.arange(len(order), dtype=np.int64),
        is_key=packets.is_key[order],
        size=packets.size[order],
        is_hidden=np.zeros(len(order), dtype=bool),
        time_base=1 / rate,
        damaged=frozenset(np.flatnonzero(is_damaged[order]).tolist()),
    )
    complete = replace(packets, has_pts=np.ones(len(packets), dtype=bool), is_damaged=is_damaged)
    found = [*_describe_assumed_times(untimed, rate), *list_shortfalls(complete, medium.n_frames_from_header)]
    if len(shown) != len(packets):
        found.append(f"{len(packets) - len(shown)} of {len(packets)} packets gave no picture")
    indexed = Indexed(
        index=index,
        medium=replace(medium, timing=Timing.ASSUMED, rate_counted=rate),
        footage=Footage(untimed.path, Reader.PYAV, untimed.stream_index, 0),
        working_copy_sha256=None,
        reader_reason="the reference reader",
        shortfall="; ".join(found),
    )
    return redirect_to_working_copy(indexed, shown_at, shown_at >= 0, working_copy)


def _choose_rate(rate: Fraction | None) -> Fraction:
    """Return the stated rate if it is plausible for a camera, else 25 frames per second."""
    return rate if rate is not None and _PLAUSIBLE_RATES[0] <= rate <= _PLAUSIBLE_RATES[1] else _FALLBACK_RATE


def _describe_assumed_times(untimed: UntimedStream, rate: Fraction) -> Iterator[str]:
    """Yield why the times are assumed, if the format should store a pts, and if the stated rate is implausible."""
    states_times = not _UNTIMED_FORMATS & set(untimed.medium.container.split(","))
    if untimed.rejection or states_times:
        reason = untimed.rejection or "most packets state no time"
        yield f"{reason}; frames are timed at {rate} frames/s instead"
    if untimed.rate not in (None, rate):
        yield f"a rate of {untimed.rate} frames/s is not believed, {rate} is assumed"


def _decode_presentation_order(path: Place, stream_index: int, n_packets: int) -> tuple[Int64Array, BoolArray]:
    """Decode the stream once and return the display position of each packet.

    Returns:
        (N,) int64, display position of each packet's picture, -1 where it gave none; (N,) bool, whether it failed.
    """
    shown_at = np.full(n_packets, -1, dtype=np.int64)
    is_failed = np.zeros(n_packets, dtype=bool)
    with open_file(path) as container:
        stream: Any = container.streams[stream_index]
        make_decoding_repeatable(stream)
        stream.codec_context.flags |= Flags.copy_opaque
        n_shown = 0
        for number, is_shown in _decode_tags(container, stream):
            if not is_shown:
                is_failed[number] = True
            elif shown_at[number] < 0:
                shown_at[number] = n_shown
                n_shown += 1
    return shown_at, is_failed


def _decode_tags(container: InputContainer, stream: VideoStream) -> Iterator[tuple[int, bool]]:
    """Yield (packet number, True) per picture in presentation order, and (packet number, False) per failed packet."""
    for number, packet in enumerate(demux_until_error(container, stream.index)):
        packet.opaque = number
        try:
            yield from _read_tags(packet.decode())
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            yield number, False
    try:
        yield from _read_tags(stream.codec_context.decode(None))
    except av.error.FFmpegError:
        return


def _read_tags(frames: Iterable[VideoFrame]) -> Iterator[tuple[int, bool]]:
    """Return (packet number, True) for each frame that carries a tag."""
    return ((int(str(frame.opaque)), True) for frame in frames if frame.opaque is not None)
