"""Packet index of a video file: pts, keyframe flag and size of every frame, by demuxing.

Only the first frame is decoded, for the upright size and to check that a decoder exists. If the container has no usable
pts (raw H.264, some AVI), the whole file is decoded once; see `pyav_decoded_order`.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np

from forensics.adapters.video.bitstreams.key_pictures import KeySource
from forensics.adapters.video.containers.unread_bytes import may_mislead_seeks
from forensics.adapters.video.indexing.avi_index import list_chunks
from forensics.adapters.video.indexing.demuxed_stream import (
    DemuxedStream,
    demux_stream,
    describe_other_streams,
    list_shortfalls,
)
from forensics.adapters.video.indexing.first_frame import decode_first_frame
from forensics.adapters.video.indexing.misordered_groups import find_misordered
from forensics.adapters.video.indexing.pyav_decoded_order import index_by_decoding
from forensics.adapters.video.indexing.pyav_packets import Packets, demux_until_error
from forensics.adapters.video.indexing.pyav_remux import redirect_to_working_copy
from forensics.adapters.video.pyav_open import NOT_SEEKABLE, open_file
from forensics.errors import UnreadableFootage
from forensics.footage.clock_jumps import describe_sections, find_jumps, order_pictures, place_sections
from forensics.footage.evidence import Footage, Indexed, Reader
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.place import Place

# The pts of these formats are instants by the camera's clock, since 1970.
_FORMATS_WITH_CLOCK = ("dhav",)
_EPOCH = datetime(1970, 1, 1)
# 50 years: no recording is longer. Larger spans come from damaged times, and some overflow in microseconds.
_MAX_SPAN_S = 50 * 365 * 86_400

__all__ = ["index_file"]


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
        working_copy: path of the stream copy, written only if it is needed; its suffix is appended.
        stream_index: the stream to read; None for the default one, else the largest.
        assumed_rate: frames per second for streams without usable pts; None for the rate that the stream states.

    Raises:
        UnreadableFootage: no frame can be read; `reason` says why.
    """
    first = decode_first_frame(path, stream_index)
    found = demux_stream(path, stream_index, first)
    packets, medium = found.packets, found.medium
    if not packets.has_pts.all() or _must_be_decoded(found):
        return index_by_decoding(found, working_copy, given_rate=assumed_rate)
    index, order = _build_index(packets, found.time_base)
    if index.span_s > _MAX_SPAN_S:
        rejection = _describe_impossible_span(index)
        return index_by_decoding(found, working_copy, given_rate=assumed_rate, rejection=rejection)
    if found.may_reorder:
        misordered = find_misordered(path, found.stream_index, packets, order, found.time_base)
        if misordered:
            return index_by_decoding(found, working_copy, given_rate=assumed_rate, misordered=misordered)
    index, shift_ticks = _apply_edit_list(path, found.stream_index, index, packets, order)
    index = replace(index, recovery_frames=packets.recovery_frames_of(order[index.keyframes]))
    indexed = Indexed(
        index=index,
        medium=replace(medium, rate_counted=index.mean_rate),
        footage=Footage(path, Reader.PYAV, found.stream_index, shift_ticks),
        working_copy_sha256=None,
        reader_reason="the reference reader",
        shortfall="; ".join(list_shortfalls(found, packets)),
        remark="; ".join(
            [
                *describe_sections(index),
                *_describe_own_clock(medium.container, index),
                *describe_other_streams(medium),
            ]
        ),
    )
    if _seeks_exactly(found) and not index.is_numbered and not packets.must_be_copied:
        return indexed
    return _read_through_copy(indexed, packets, order, working_copy)


def _read_through_copy(indexed: Indexed, packets: Packets, order: Int64Array, working_copy: Path) -> Indexed:
    """Return the same index, read through a stream copy, or through the original if that is only slow.

    Args:
        indexed: the index of the original.
        packets: its pictures.
        order: (F,) int64, the picture number of each frame.
        working_copy: path of the copy, without suffix.
    """
    index = indexed.index
    ticks = np.empty(len(packets), dtype=np.int64)
    ticks[order] = np.arange(index.n_frames) if index.is_numbered else index.pts
    try:
        return redirect_to_working_copy(indexed, packets, ticks, packets.has_pts, working_copy)
    except UnreadableFootage as error:
        if index.is_numbered or packets.must_be_copied:
            raise
        # the reader stays exact: it detects every seek that misses and then reads from the start
        return replace(indexed, reader_reason=f"the reference reader, slowly: {error.detail}")


def _describe_own_clock(container: str, index: PacketIndex) -> Iterator[str]:
    """Yield when the recording begins by the camera's clock, if the container states it."""
    if container in _FORMATS_WITH_CLOCK:
        start = _EPOCH + timedelta(seconds=float(index.ticks[0] * index.time_base))
        yield f"its first frame states {start:%Y-%m-%d %H:%M:%S} by the camera's clock; give it with --start"


def _describe_impossible_span(index: PacketIndex) -> str:
    """Return the reason for rejecting times that span an impossibly long period."""
    return f"its times lie {index.span_s // (365 * 86_400)} years apart and are not believed"


def _must_be_decoded(found: DemuxedStream) -> bool:
    """Whether only decoding tells the order of the pictures, or which of them are key pictures.

    See `ORDERED_BY_STORAGE` for the order. Files that call every picture a keyframe are believed for some codecs only.
    """
    has_keyframes_only = bool(found.packets.is_key.all())
    if found.medium.container == "avi" or has_keyframes_only:
        return not has_keyframes_only or (found.key_source is KeySource.DECODER and len(found.packets) > 1)
    return found.medium.container == "asf" and found.may_reorder


def _seeks_exactly(found: DemuxedStream) -> bool:
    """Whether the demuxer of this file seeks exactly; behind bytes that were not read it may find other pictures."""
    container = found.medium.container
    if NOT_SEEKABLE & set(container.split(",")) or may_mislead_seeks(found.path, container, found.packets.unread):
        return False
    return found.listed is None or found.listed == list_chunks(found.packets)


def _build_index(packets: Packets, time_base: Fraction) -> tuple[PacketIndex, Int64Array]:
    """Return the index of all pictures, and (F,) int64, the picture number of each of its rows."""
    jumps = find_jumps(packets.pts, packets.dts, packets.is_key, time_base)
    order = order_pictures(packets.pts, jumps)
    pts = packets.pts[order]
    sections = place_sections(pts, jumps, time_base)
    return PacketIndex(
        pts,
        packets.is_key[order],
        packets.size[order],
        np.zeros(len(order), dtype=bool),
        time_base,
        frozenset(np.flatnonzero(packets.is_damaged[order]).tolist()),
        sections=sections,
        is_numbered=bool(sections) or bool(np.any(np.diff(pts) == 0)),
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
