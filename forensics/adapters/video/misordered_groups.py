"""Groups of pictures that are not shown in the order of their pts, because their clock leaps inside the group.

Pictures that use later ones are stored behind them. If the clock is set between the two, their pts are in another order
than the one in which they are shown. A group in which the clock leaps is decoded once, to compare the two orders.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from forensics.adapters.video.packet_tags import number_tagged, tag_packet
from forensics.adapters.video.pyav_open import choose_stream, open_decoder, open_file
from forensics.adapters.video.pyav_packets import Packets, demux_until_error
from forensics.footage.timeline import BoolArray, Int64Array
from forensics.place import Place

__all__ = ["MisorderedGroup", "find_misordered", "find_untimed"]

# A step of so many usual ones, and of so many seconds, is a leap.
_LEAP_STEPS, _LEAP_S = 4, Fraction(1, 5)
# Where a clock went back, muxers let it stand almost still until it has caught up.
_TINY_STEP_S = Fraction(1, 500)
# In the order of the file, reordering alone makes larger steps.
_STORED_LEAP_STEPS = 8


@dataclass(frozen=True, slots=True)
class MisorderedGroup:
    """A group of pictures in which the clock leaps.

    Attributes:
        start, stop: its pictures, in the order of the file; the first one is a keyframe.
        leaps: the pictures at which the clock leaps.
    """

    start: int
    stop: int
    leaps: tuple[int, ...]


def find_misordered(
    path: Place, stream_index: int, packets: Packets, order: Int64Array, time_base: Fraction
) -> list[MisorderedGroup]:
    """Return the groups whose pictures the decoder shows in another order than their pts.

    Args:
        path: of the file.
        stream_index: the stream in it.
        packets: its pictures, each with a pts.
        order: (N,) int64, the picture at each place by the pts.
        time_base: seconds of one tick.
    """
    suspects = {each.start: each for each in _find_suspects(packets, time_base)}
    if not suspects:
        return []
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    found = []
    with open_file(path) as container:
        stream = choose_stream(container, path, stream_index)
        for start, pictures in _decode_groups(container, stream, packets, suspects):
            if np.any(np.diff(place[pictures]) < 0):
                found.append(suspects[start])
    return found


def find_untimed(groups: Sequence[MisorderedGroup], packets: Packets, shown_at: Int64Array) -> BoolArray:
    """Return (N,) bool, the pictures whose pts says nothing about when they are shown.

    These are the pictures from before a leap that are shown behind one from after it, and all of a group without one.
    Keyframes keep their pts.

    Args:
        groups: the misordered groups.
        packets: all pictures.
        shown_at: (N,) int64, at which place each is shown; -1 for never.
    """
    found = np.zeros(len(packets), dtype=bool)
    for group in groups:
        if not group.leaps:
            found[group.start + 1 : group.stop] = True
        for leap in group.leaps:
            shown_after = shown_at[leap : group.stop]
            shown_after = shown_after[shown_after >= 0]
            if len(shown_after):
                found[group.start : leap] |= shown_at[group.start : leap] > shown_after.min()
    return found & ~packets.is_key


def _find_suspects(packets: Packets, time_base: Fraction) -> Iterator[MisorderedGroup]:
    """Yield the groups in which the clock leaps, or hardly moves."""
    usual = float(np.median(np.diff(np.sort(packets.pts)))) if len(packets) > 1 else 0.0
    tiny = float(_TINY_STEP_S / time_base)
    least_leap = max(_LEAP_STEPS * usual, float(_LEAP_S / time_base))
    edges = [*np.flatnonzero(packets.is_key).tolist(), len(packets)]
    for start, stop in pairwise(edges):
        pts = packets.pts[start:stop]
        steps = np.diff(np.sort(pts))
        times = pts if packets.dts is None else packets.dts[start:stop]
        is_back = packets.dts is not None and bool(np.any(np.diff(times) < 0))
        if len(steps) and (is_back or steps.max() > least_leap or np.median(steps) < tiny):
            least_stored = least_leap if packets.dts is not None else max(least_leap, _STORED_LEAP_STEPS * usual)
            stored = np.diff(times)
            is_leap = (np.abs(stored) > least_stored) | ((stored < 0) & (packets.dts is not None))
            yield MisorderedGroup(start, stop, tuple((start + 1 + np.flatnonzero(is_leap)).tolist()))


def _decode_groups(
    container: InputContainer, stream: VideoStream, packets: Packets, groups: dict[int, MisorderedGroup]
) -> Iterator[tuple[int, Int64Array]]:
    """Yield the start of each group, and its pictures in the order in which the decoder shows them."""
    keys = set(np.flatnonzero(packets.is_key).tolist())
    held: dict[int, list[tuple[int, Packet[VideoStream]]]] = {}
    first = np.searchsorted(packets.first_packet, np.arange(int(packets.first_packet[-1]) + 1), side="right") - 1
    for number, packet in enumerate(demux_until_error(container, stream.index)):
        picture = int(first[min(number, len(first) - 1)])
        if picture in keys and number == packets.first_packet[picture]:
            finished = [start for start in held if groups[start].stop < picture]
            for start in finished:
                yield start, _shown(stream, held.pop(start), groups[start])
            if picture in groups:
                held[picture] = []
        for group in held.values():
            group.append((picture, packet))
    for start, group in held.items():
        yield start, _shown(stream, group, groups[start])


def _shown(stream: VideoStream, stored: "list[tuple[int, Packet[VideoStream]]]", group: MisorderedGroup) -> Int64Array:
    """Return the pictures of a group in the order in which a new decoder shows them, (P,) int64."""
    decoder = open_decoder(stream)
    shown = list[int]()
    for picture, packet in [*stored, (-1, None)]:
        if packet is not None:
            tag_packet(packet, picture)
        try:
            frames = decoder.decode(packet)
        except av.error.FFmpegError:
            continue
        shown.extend(tag for frame in frames if (tag := number_tagged(frame)) is not None)
    return np.array([each for each in dict.fromkeys(shown) if group.start <= each < group.stop], dtype=np.int64)
