"""The packet index of a file that states no times, or none that can be believed: by decoding it once.

Each packet is tagged with its number. The order in which the tags come out of the decoder is the presentation
order, and the times follow from the stated rate.
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

from forensics.adapters.video.pyav_open import open_file, single_threaded
from forensics.adapters.video.pyav_packets import Packets, behind, packets_until_trouble, shortfalls
from forensics.adapters.video.pyav_remux import through_working_copy
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Footage, Indexed, Medium, Reader, Timing
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex
from forensics.place import Place

__all__ = ["Untimed", "index_untimed"]

_FALLBACK_RATE = Fraction(25)
_RATES = (Fraction(1, 86_400), Fraction(1000))
# These state no times at all, or only some; for everything else that is a fault of the file.
_WITHOUT_TIMES = frozenset({"avi", "h264", "hevc", "mjpeg", "m4v", "mpegvideo", "dv"})


@dataclass(frozen=True, slots=True)
class Untimed:
    """What demuxing found of such a file.

    Attributes:
        path, stream_index: what is read.
        packets: all of them.
        medium: what the container states.
        rate: frames per second as somebody states them; None where nobody does.
        doubt: why the times that the file states are not taken; empty where it states none.
    """

    path: Place
    stream_index: int
    packets: Packets
    medium: Medium
    rate: Fraction | None
    doubt: str = ""


def index_untimed(untimed: Untimed, working_copy: Path) -> Indexed:
    """The index, with a stream copy in which every packet carries its pts.

    Raises:
        UnreadableFootage: nothing of it can be decoded, or it cannot be copied.
    """
    packets, medium = untimed.packets, untimed.medium
    shown_at, is_failed = _presentation_numbers(untimed.path, untimed.stream_index, len(packets))
    shown = np.flatnonzero(shown_at >= 0)
    if not len(shown):
        raise UnreadableFootage(untimed.path, "no_picture", "no packet of the stream gave a picture")
    order = shown[np.argsort(shown_at[shown])]
    rate = _credible(untimed.rate)
    is_damaged = packets.is_damaged | behind(is_failed, packets.is_key, shown_at)
    index = PacketIndex(
        pts=np.arange(len(order), dtype=np.int64),
        is_key=packets.is_key[order],
        size=packets.size[order],
        is_hidden=np.zeros(len(order), dtype=bool),
        time_base=1 / rate,
        damaged=frozenset(np.flatnonzero(is_damaged[order]).tolist()),
    )
    told = replace(packets, has_pts=np.ones(len(packets), dtype=bool), is_damaged=is_damaged)
    found = [*_doubts(untimed, rate), *shortfalls(told, medium.n_frames_from_header)]
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
    return through_working_copy(indexed, shown_at, shown_at >= 0, working_copy)


def _credible(rate: Fraction | None) -> Fraction:
    """The rate, if a camera may have it."""
    return rate if rate is not None and _RATES[0] <= rate <= _RATES[1] else _FALLBACK_RATE


def _doubts(untimed: Untimed, rate: Fraction) -> Iterator[str]:
    """Why the times are assumed, where the file should have stated some, or states a rate that no camera has."""
    states_times = not _WITHOUT_TIMES & set(untimed.medium.container.split(","))
    if untimed.doubt or states_times:
        why = untimed.doubt or "most packets state no time"
        yield f"{why}; frames are timed at {rate} frames/s instead"
    if untimed.rate not in (None, rate):
        yield f"a rate of {untimed.rate} frames/s is not believed, {rate} is assumed"


def _presentation_numbers(path: Place, stream_index: int, n_packets: int) -> tuple[Int64Array, BoolArray]:
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
    for number, packet in enumerate(packets_until_trouble(container, stream.index)):
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
