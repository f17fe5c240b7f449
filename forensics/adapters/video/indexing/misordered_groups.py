"""Groups of pictures that are not shown in the order of their pts, because their clock leaps inside the group.

Pictures that use later ones are stored behind them. If the clock is set between the two, their pts are in another order
than the one in which they are shown. A group in which the clock leaps is decoded once, to compare the two orders. Some
muxers store the pictures of such a codec with times that rise in the order of the file: these are no pts.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from forensics.adapters.video.indexing.complete_packets import demux_complete
from forensics.adapters.video.indexing.pyav_packets import Packets
from forensics.adapters.video.packet_tags import number_tagged, tag_packet
from forensics.adapters.video.pyav_open import choose_stream, open_decoder, open_file
from forensics.footage.timeline import BoolArray, Int64Array
from forensics.place import Place

__all__ = ["MisorderedGroup", "find_misordered", "find_untimed", "rises_as_stored"]

# A step of so many usual ones may be a leap; one of so many seconds is no jitter.
_LEAP_STEPS, _LARGE_LEAP_S = 1.5, Fraction(1, 5)
# So many groups with small leaps are decoded, and so many of a file whose times rise in the order of storage.
_MAX_SMALL_LEAPS, _N_SAMPLED = 64, 3
_N_SAMPLED_PICTURES = 60
# No video standard lets a picture be shown before one that is stored more than this many pictures earlier.
_MAX_REORDERED = 16
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
        largest_step_s: between two of its pictures in the order of their pts, in seconds.
    """

    start: int
    stop: int
    leaps: tuple[int, ...]
    largest_step_s: float = 0.0


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
    if rises_as_stored(packets):
        suspects = [_beginning(each) for each in _list_groups(packets) if each.stop - each.start > 2][:_N_SAMPLED]
    else:
        suspects = _sample(list(_find_suspects(packets, time_base)))
    if not suspects:
        return []
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    found, group_at = [], {each.start: each for each in suspects}
    with open_file(path) as container:
        stream = choose_stream(container, path, stream_index)
        for start, pictures in _decode_groups(container, stream, packets, group_at):
            if np.any(np.diff(place[pictures]) < 0):
                found.append(group_at[start])
    return found


def _beginning(group: MisorderedGroup) -> MisorderedGroup:
    """Return the first pictures of a group, which show whether the decoder reorders."""
    return replace(group, stop=min(group.stop, group.start + _N_SAMPLED_PICTURES))


def rises_as_stored(packets: Packets) -> bool:
    """Whether the pts rise in the order of the file, as if no picture were shown before one stored ahead of it."""
    return len(packets) > 2 and bool(np.all(np.diff(packets.pts) > 0))


def _sample(groups: list[MisorderedGroup]) -> list[MisorderedGroup]:
    """Return the groups with large leaps, and some of those with small ones: many are the jitter of a camera."""
    small = [each for each in groups if each.largest_step_s < _LARGE_LEAP_S]
    kept = {each.start for each in small[:: max(1, len(small) // _MAX_SMALL_LEAPS)]}
    return [each for each in groups if each.start in kept or each.largest_step_s >= _LARGE_LEAP_S]


def find_untimed(groups: Sequence[MisorderedGroup], packets: Packets, shown_at: Int64Array) -> BoolArray:
    """Return (N,) bool, the pictures whose pts says nothing about when they are shown.

    These are the pictures from before a leap that are shown behind one from after it, and of a group without a leap all
    but its keyframe.

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
    return found


def _list_groups(packets: Packets) -> Iterator[MisorderedGroup]:
    """Yield all groups."""
    for start, stop in pairwise([*np.flatnonzero(packets.is_key).tolist(), len(packets)]):
        yield MisorderedGroup(start, stop, ())


def _find_suspects(packets: Packets, time_base: Fraction) -> Iterator[MisorderedGroup]:
    """Yield the groups in which the clock leaps, stands, or hardly moves."""
    usual = float(np.median(np.diff(np.sort(packets.pts)))) if len(packets) > 1 else 0.0
    tiny, least_leap = float(_TINY_STEP_S / time_base), _LEAP_STEPS * usual
    has_dts = packets.dts is not None
    times = packets.pts if packets.dts is None else packets.dts
    least_stored = least_leap if has_dts else _STORED_LEAP_STEPS * usual
    for group in _list_groups(packets):
        steps, stored = (
            np.diff(np.sort(packets.pts[group.start : group.stop])),
            np.diff(times[group.start : group.stop]),
        )
        is_back = has_dts & (stored < 0)
        if len(steps) and (is_back.any() or steps.max() > least_leap or not steps.all() or np.median(steps) < tiny):
            leaps = group.start + 1 + np.flatnonzero((np.abs(stored) > least_stored) | is_back)
            largest_s = float(max(steps.max(), -stored.min(initial=0) * has_dts) * time_base)
            yield MisorderedGroup(group.start, group.stop, tuple(leaps.tolist()), largest_s)


def _decode_groups(
    container: InputContainer, stream: VideoStream, packets: Packets, groups: dict[int, MisorderedGroup]
) -> Iterator[tuple[int, Int64Array]]:
    """Yield the start of each group, and its pictures in the order in which a new decoder shows them, (P,) int64."""
    keys = np.flatnonzero(packets.is_key)
    begin = defaultdict[int, list[int]](list)
    for start in groups:  # with the group before it: pictures stored behind the first keyframe may be built on it
        begin[int(keys[max(0, int(np.searchsorted(keys, start)) - 1)])].append(start)
    last = int(packets.first_packet[-1])
    picture_of = packets.pictures_of(np.arange(last + 1)).tolist()
    running: dict[int, _Running] = {}
    for number, packet in demux_complete(container, stream, packets):
        picture = picture_of[min(number, last)]
        for start in [start for start in running if picture > groups[start].stop + _MAX_REORDERED]:
            yield start, running.pop(start).finish()
        if packets.is_key[picture] and number == packets.first_packet[picture]:
            running |= {start: _Running(groups[start], open_decoder(stream)) for start in begin[picture]}
        tag_packet(packet, picture)
        for each in running.values():
            each.decode(packet)
    for start, each in running.items():
        yield start, each.finish()


@dataclass(slots=True)
class _Running:
    """A group that is decoded while the file is demuxed; it keeps the numbers of its pictures, and no picture."""

    group: MisorderedGroup
    decoder: VideoCodecContext
    shown: list[int] = field(default_factory=list)

    def decode(self, packet: "Packet[VideoStream] | None") -> None:
        """Decode one packet, or what the decoder still holds; a packet that fails shows nothing."""
        with contextlib.suppress(av.error.FFmpegError):
            self.shown += [tag for frame in self.decoder.decode(packet) if (tag := number_tagged(frame)) is not None]

    def finish(self) -> Int64Array:
        """Return the pictures of the group in the order in which they are shown."""
        self.decode(None)
        own = [each for each in dict.fromkeys(self.shown) if self.group.start <= each < self.group.stop]
        return np.array(own, dtype=np.int64)
