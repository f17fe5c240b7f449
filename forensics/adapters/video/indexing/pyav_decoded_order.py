"""Packet index of a video file in which pictures lack a pts, made by decoding the file once.

Each packet is tagged with its number. The order in which the decoder returns the tags is the presentation order. The
times are, in this order of preference: the chunk positions of an AVI and the times of an ASF, in order; the pts that
some pictures have, with the others placed between them; the frame rate that the user or the stream states.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeGuard

import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from forensics.adapters.video.bitstreams.key_pictures import KeySource, is_key_picture
from forensics.adapters.video.indexing.complete_packets import demux_complete
from forensics.adapters.video.indexing.damage_marks import find_dependent_packets
from forensics.adapters.video.indexing.demuxed_stream import DemuxedStream, describe_other_streams, list_shortfalls
from forensics.adapters.video.indexing.misordered_groups import MisorderedGroup, find_untimed, rises_as_stored
from forensics.adapters.video.indexing.pyav_packets import Packets
from forensics.adapters.video.indexing.pyav_remux import redirect_to_working_copy
from forensics.adapters.video.packet_tags import number_tagged, tag_packet
from forensics.adapters.video.pyav_open import open_decoder, open_file
from forensics.errors import UnreadableFootage
from forensics.footage.clock_jumps import describe_sections, place_sections
from forensics.footage.evidence import Footage, Indexed, Medium, Reader, Timing
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex, Section
from forensics.place import Place

__all__ = ["ORDERED_BY_STORAGE", "index_by_decoding"]

ORDERED_BY_STORAGE = frozenset({"avi", "asf"})
"""These containers state when a picture is stored, not when it is shown: the n-th shown has the n-th of their times."""

_FALLBACK_RATE = Fraction(25)
_PLAUSIBLE_RATES = (Fraction(1, 86_400), Fraction(1000))
# These formats store no pts, or only some; in every other format a missing pts is a fault of the file.
_UNTIMED_FORMATS = frozenset({"avi", "h264", "hevc", "obu", "mjpeg", "mpjpeg", "jpeg_pipe", "m4v", "mpegvideo", "dv"})
# Pts of so large a share of the pictures give the times of the others.
_LEAST_TIMED = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class _Times:
    """Times of the frames in presentation order.

    Attributes:
        pts: (F,) int64 ticks.
        time_base: seconds of one tick.
        sections: of the recording; empty for one.
        timing: origin of the times.
        remarks: what is assumed, for people.
    """

    pts: Int64Array
    time_base: Fraction
    sections: tuple[Section, ...]
    timing: Timing
    remarks: tuple[str, ...]


def index_by_decoding(
    stream: DemuxedStream,
    working_copy: Path,
    *,
    given_rate: Fraction | None = None,
    rejection: str = "",
    misordered: Sequence[MisorderedGroup] = (),
) -> Indexed:
    """Return the packet index, read through a stream copy in which every picture has its pts.

    Args:
        stream: the stream.
        working_copy: path of the copy, without suffix.
        given_rate: frames per second, as stated by the user; None if not given.
        rejection: why the pts of the file are rejected; empty if they are not.
        misordered: groups of pictures that are not shown in the order of their pts.

    Raises:
        UnreadableFootage: no packet can be decoded, or the stream copy cannot be made.
    """
    packets, medium = stream.packets, stream.medium
    shown_at, is_failed, is_marked = _decode_presentation_order(stream.path, stream.stream_index, packets)
    is_key = packets.is_key & is_marked if stream.key_source is KeySource.DECODER else packets.is_key
    is_by_storage = bool(misordered) and rises_as_stored(packets)
    is_untimed = find_untimed(() if is_by_storage else misordered, packets, shown_at)
    packets = replace(packets, is_key=is_key, has_pts=packets.has_pts & ~is_untimed)
    shown = np.flatnonzero(shown_at >= 0)
    if not len(shown):
        raise UnreadableFootage(stream.path, "no_picture", "no packet of the stream gave a picture")
    order = shown[np.argsort(shown_at[shown])]
    if is_by_storage:
        times = _Times(np.sort(packets.pts[order]), stream.time_base, (), Timing.CONTAINER, ())
    else:
        times = _choose_times(replace(stream, packets=packets), order, given_rate, rejection)
    is_damaged = packets.is_damaged | find_dependent_packets(is_failed, packets.is_key, shown_at)
    index = PacketIndex(
        pts=times.pts,
        is_key=packets.is_key[order],
        size=packets.size[order],
        is_hidden=np.zeros(len(order), dtype=bool),
        time_base=times.time_base,
        damaged=frozenset(np.flatnonzero(is_damaged[order]).tolist()),
        sections=times.sections,
        is_numbered=bool(times.sections) or bool(np.any(np.diff(times.pts) == 0)),
    )
    index = replace(index, recovery_frames=packets.recovery_frames_of(order[index.keyframes]))
    complete = replace(packets, has_pts=np.ones(len(packets), dtype=bool), is_damaged=is_damaged)
    found = [*times.remarks, *list_shortfalls(stream, complete)]
    if len(shown) != len(packets):
        found.append(f"{len(packets) - len(shown)} of {len(packets)} pictures cannot be decoded")
    indexed = Indexed(
        index=index,
        medium=replace(medium, timing=times.timing, rate_counted=index.mean_rate),
        footage=Footage(stream.path, Reader.PYAV, stream.stream_index, 0),
        working_copy_sha256=None,
        reader_reason="the reference reader",
        shortfall="; ".join(found),
        remark="; ".join(_list_remarks(stream, index, times, given_rate)),
    )
    ticks = np.full(len(packets), -1, dtype=np.int64)
    ticks[order] = np.arange(len(order)) if index.is_numbered else index.pts
    return redirect_to_working_copy(indexed, packets, ticks, shown_at >= 0, working_copy)


def _list_remarks(
    stream: DemuxedStream, index: PacketIndex, times: _Times, given_rate: Fraction | None
) -> Iterator[str]:
    """Yield what people should know about a whole file."""
    yield from describe_sections(index)
    yield from _describe_rates(stream, times)
    yield from _describe_origin_of_rate(stream.medium, times, given_rate)
    yield from describe_other_streams(stream.medium)


def _describe_rates(stream: DemuxedStream, times: _Times) -> Iterator[str]:
    """Yield a remark if the frame rate of an AVI and that of the codec contradict each other; fields count twice."""
    rate = stream.medium.rate_stated
    if stream.medium.container != "avi" or times.timing is not Timing.CONTAINER or not _is_plausible(rate):
        return
    container_rate = 1 / times.time_base
    if not any(0.99 < rate * factor / container_rate < 1.01 for factor in (1, 2, Fraction(1, 2))):
        yield (
            f"the AVI states {container_rate} frames/s and its codec {rate}; the times are those of the AVI, "
            "give --fps to set another rate"
        )


def _choose_times(stream: DemuxedStream, order: Int64Array, given_rate: Fraction | None, rejection: str) -> _Times:
    """Return the times of the frames.

    Args:
        stream: the stream.
        order: (F,) int64, the picture shown at each place.
        given_rate: frames per second, as stated by the user; None if not given.
        rejection: why the pts of the file are rejected; empty if they are not.
    """
    packets = stream.packets
    if stream.medium.container in ORDERED_BY_STORAGE:
        if given_rate is None and packets.dts is not None and np.all(np.diff(packets.dts) > 0):
            return _Times(np.sort(packets.dts[order]), stream.time_base, (), Timing.CONTAINER, ())
    elif not rejection and packets.has_pts[order].mean() >= _LEAST_TIMED:
        return _fill_times(packets.pts[order], packets.has_pts[order], stream)
    rate = _choose_rate(given_rate or stream.medium.rate_stated)
    pts = np.arange(len(order), dtype=np.int64)
    return _Times(
        pts, 1 / rate, (), Timing.ASSUMED, tuple(_describe_assumed_times(stream, given_rate, rate, rejection))
    )


def _fill_times(pts: Int64Array, is_known: BoolArray, stream: DemuxedStream) -> _Times:
    """Return the stated times of some pictures, with the others placed evenly between their neighbours.

    Args:
        pts: (F,) int64 ticks in presentation order, valid where known.
        is_known: (F,) bool.
        stream: the stream, which may state its rate.
    """
    known = np.flatnonzero(is_known)
    steps, n_steps = np.diff(pts[known]), np.diff(known)
    is_forward = steps >= 0
    edges = [0, *known[1:][~is_forward].tolist(), len(pts)]
    measured = float(np.median(steps[is_forward] / n_steps[is_forward])) if is_forward.any() else 1.0
    step = float(1 / (stream.medium.rate_stated * stream.time_base)) if stream.medium.rate_stated else measured
    filled = np.empty(len(pts), dtype=np.int64)
    for start, stop in pairwise(edges):
        own = known[(known >= start) & (known < stop)]
        filled[start:stop] = _interpolate(np.arange(start, stop), own, pts[own], step)
    n_missing = len(pts) - len(known)
    remark = f"{n_missing} of {len(pts)} pictures have no usable pts and are placed between their neighbours"
    sections = place_sections(filled, edges[1:-1], stream.time_base)
    is_usual = not n_missing or stream.medium.container in ("mpeg", "mpegts")
    return _Times(filled, stream.time_base, sections, Timing.CONTAINER, () if is_usual else (remark,))


def _interpolate(places: Int64Array, known: Int64Array, pts: Int64Array, step: float) -> Int64Array:
    """Return the ticks of each place: between known ones evenly, before and after them by `step`."""
    inner = np.interp(places, known, pts)
    before, after = places < known[0], places > known[-1]
    inner[before] = pts[0] - (known[0] - places[before]) * step
    inner[after] = pts[-1] + (places[after] - known[-1]) * step
    return np.asarray(np.rint(inner), dtype=np.int64)


def _choose_rate(rate: Fraction | None) -> Fraction:
    """Return the stated rate if it is plausible for a camera, else 25 frames per second."""
    return rate if _is_plausible(rate) else _FALLBACK_RATE


def _is_plausible(rate: Fraction | None) -> TypeGuard[Fraction]:
    return rate is not None and _PLAUSIBLE_RATES[0] <= rate <= _PLAUSIBLE_RATES[1]


def _describe_assumed_times(
    stream: DemuxedStream, given_rate: Fraction | None, rate: Fraction, rejection: str
) -> Iterator[str]:
    """Yield why the times are assumed, if the format should store a pts, and if the stated rate is implausible."""
    states_times = not _UNTIMED_FORMATS & set(stream.medium.container.split(","))
    if rejection or states_times:
        reason = rejection or "most packets state no time"
        yield f"{reason}; frames are timed at {rate} frames/s instead"
    stated = given_rate or stream.medium.rate_stated
    if stated not in (None, rate):
        yield f"a rate of {stated} frames/s is not believed, {rate} is assumed"


def _describe_origin_of_rate(medium: Medium, times: _Times, given_rate: Fraction | None) -> Iterator[str]:
    """Yield at which rate the frames of a file without times are timed, and who states it."""
    if times.timing is Timing.ASSUMED and not times.remarks:
        origin = "given" if given_rate else "stated by the stream" if medium.rate_stated else "assumed"
        yield f"the file holds no times; frames are timed at {1 / times.time_base} frames/s ({origin}); see --fps"


def _decode_presentation_order(
    path: Place, stream_index: int, packets: Packets
) -> tuple[Int64Array, BoolArray, BoolArray]:
    """Decode the stream once and return the display position of each picture.

    Returns:
        (N,) int64, display position of each picture, -1 where the decoder returned none; (N,) bool, whether it failed;
        (N,) bool, whether the decoder marks it as a key picture.
    """
    shown_at = np.full(len(packets), -1, dtype=np.int64)
    is_failed, is_marked = np.zeros((2, len(packets)), dtype=bool)
    with open_file(path) as container:
        stream: Any = container.streams[stream_index]
        n_shown = 0
        for tag, frame in _decode_tagged(container, stream, packets):
            picture = int(packets.pictures_of(np.array([tag]))[0])
            if frame is None:
                is_failed[picture] = True
            elif shown_at[picture] < 0:
                shown_at[picture] = n_shown
                n_shown += 1
                is_marked[picture] = is_key_picture(frame, stream.codec_context.name)
    return shown_at, is_failed, is_marked


def _decode_tagged(
    container: InputContainer, stream: VideoStream, packets: Packets
) -> Iterator[tuple[int, VideoFrame | None]]:
    """Yield each picture in presentation order with the number of its packet; None for a packet that failed."""
    decoder = open_decoder(stream)
    for number, packet in demux_complete(container, stream, packets):
        tag_packet(packet, number)
        try:
            yield from _with_tags(decoder.decode(packet))
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            yield number, None
    try:
        yield from _with_tags(decoder.decode(None))
    except av.error.FFmpegError:
        return


def _with_tags(frames: Iterable[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
    """Return each frame that carries a tag, with its packet number."""
    tagged = ((number_tagged(frame), frame) for frame in frames)
    return ((number, frame) for number, frame in tagged if number is not None)
