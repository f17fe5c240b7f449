"""Reference reader of video files: PyAV, with each frame found by the pts of its packet in the packet index.

A gap is reported only if a second read from a reopened file gives it again: damage is permanent, an error of a disk or
network may be transient. A group of pictures that needs history is then read alone, with more and more history, and
the read with the fewest gaps counts: its frames never depend on how it was reached.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from forensics.adapters.pictures.frame_summary import GATE_VIEW, luma_grid_from_luma
from forensics.adapters.video.orientation import Orientation, take_orientation
from forensics.adapters.video.reading.damaged_pictures import DamagedPictures
from forensics.adapters.video.reading.group_decoder import (
    Decoded,
    Groups,
    decode_groups,
    split_into_groups,
    with_more_history,
)
from forensics.adapters.video.reading.packet_source import PacketSource
from forensics.adapters.video.reading.scaling import Scaler
from forensics.errors import DecoderLost
from forensics.footage.evidence import Footage
from forensics.footage.frames import Frame, Gap, Item, RgbArray, View
from forensics.footage.motion_gate import GateDecision, GateResult, MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["PyavReader", "open_reader"]

T = TypeVar("T")


def open_reader(footage: Footage, index: PacketIndex, view: View) -> "PyavReader":
    """Open a reader of `footage`.

    Raises:
        UnreadableFootage: the file can no longer be opened.
    """
    return PyavReader(footage, index, view)


class PyavReader:
    """Implements `FrameReader` with PyAV; holds one open container."""

    def __init__(self, footage: Footage, index: PacketIndex, view: View) -> None:
        self._footage = footage
        self._index = index
        self._view = view
        self._rgb_scaler = Scaler("rgb24", Interpolation.BILINEAR)
        self._luma_scaler = Scaler("gray8", Interpolation.AREA)
        self._gate: MotionGate | None = None
        self._convertible: set[tuple[object, ...]] = set()
        self._source = PacketSource(footage, index)

    def read(self, wanted: Int64Array, gate: MotionGate | None = None) -> Iterator[Item]:
        """Yield one item for every wanted frame, see `FrameReader.read`."""
        self._gate = gate
        for groups in split_into_groups(self._index, wanted):
            yield from self._read_with_retry(groups)

    def _read_with_retry(self, groups: Groups) -> Iterator[Item]:
        """Yield the wanted frames; reopen the file and read again from the first gap or disk error on."""
        n_yielded = 0
        with contextlib.suppress(DecoderLost):  # retry after a disk error, too
            for item in decode_groups(self._source, self._index, groups, self._to_item):
                if isinstance(item, Gap) and not self._index.is_unreadable[item.number]:
                    break
                n_yielded += 1
                yield item
            else:
                return
        missing = np.array(groups.wanted[n_yielded:], dtype=np.int64)
        for group in split_into_groups(self._index, missing, each_alone=True):
            yield from self._read_alone(group)

    def _read_alone(self, group: Groups) -> Iterator[Item]:
        """Yield the wanted frames of one group from a reopened file.

        Raises:
            MemoryError: there is no memory to decode them.
        """
        chosen = self._choose_history(group)
        if self._view.shows_damaged:
            yield from self._show_damaged(chosen)
        else:
            yield from self._decode_alone(chosen)

    def _decode_alone(self, group: Groups) -> Iterator[Item]:
        """Yield the wanted frames of one group.

        Raises:
            MemoryError: there is no memory to decode them.
        """
        for item in self._decode_reopened(group, self._to_item):
            if isinstance(item, Gap) and self._source.ran_out_of_memory:
                raise MemoryError(f"{self._footage.path}: no memory to decode frames {group.start}-{group.stop - 1}")
            yield item

    def _show_damaged(self, group: Groups) -> Iterator[Item]:
        """Yield the wanted frames of one group, and in place of a gap what the decoder makes of it, if anything."""
        with DamagedPictures(self._footage, self._index, group) as pictures:
            for item in self._decode_alone(group):
                yield self._to_doubtful(item, pictures) if isinstance(item, Gap) else item

    def _to_doubtful(self, gap: Gap, pictures: DamagedPictures) -> Frame | Gap:
        """Return what the decoder makes of a gap, if anything. No decoded frame may live longer than this call."""
        picture = pictures.find(gap.number)
        if picture is None:
            return gap
        with contextlib.suppress(av.error.FFmpegError):
            return replace(self._to_frame(picture), doubt=gap)
        return gap

    def _choose_history(self, group: Groups) -> Groups:
        """Return the group with the history that leaves the fewest gaps in the whole group, and the least of these."""
        attempts = list(with_more_history(self._index, group))
        best, fewest = attempts[0], group.stop - group.start + 1
        for attempt in attempts if len(attempts) > 1 else ():
            complete = replace(attempt, wanted=tuple(range(group.start, group.stop)))
            n_gaps = sum(isinstance(found, Gap) for found in self._decode_reopened(complete, _number_of))
            if n_gaps < fewest:
                best, fewest = attempt, n_gaps
            if n_gaps == 0:
                break
        return best

    def _decode_reopened(self, groups: Groups, convert: Callable[[Decoded], T]) -> Iterator[T | Gap]:
        """Decode the groups from a reopened file with a fresh decoder."""
        self._source.reopen(is_strict=groups.is_strict)
        self._source.ran_out_of_memory = False
        yield from decode_groups(self._source, self._index, groups, convert)
        if not groups.is_strict:
            self._source.reopen()

    def _to_item(self, found: Decoded) -> Item:
        """Return the frame as the view wants it, the gate's result alone if it is still, or a gap without colours."""
        try:
            self._check_colours(found.frame)
            gate_result = self._apply_gate(found.frame, found.number)
            if gate_result is not None and gate_result.decision is GateDecision.STILL:
                return gate_result
            return self._to_frame(found, gate_result)
        except av.error.FFmpegError as error:  # as damage states them, or in a system that swscale does not know
            self._source.note_memory_error(error)
            return Gap(found.number, "decode_error", f"its colours cannot be converted: {error.strerror}")

    def _check_colours(self, frame: VideoFrame) -> None:
        """Convert the first frame of each system of colours, before the gate sees it: the gate must see no gap."""
        system = (frame.format.name, frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc)
        if system not in self._convertible:
            self._upright_rgb(frame, Orientation())
            self._convertible.add(system)

    def _to_frame(self, found: Decoded, gate_result: GateResult | None = None) -> Frame:
        """Return the frame as the view wants it."""
        orientation = take_orientation(found.frame)
        width_px, height_px = orientation.size_of(found.frame.width, found.frame.height)
        rgb, pts = self._upright_rgb(found.frame, orientation), int(self._index.pts[found.number])
        return Frame(found.number, pts, rgb, width_px, height_px, gate_result)

    def _apply_gate(self, frame: VideoFrame, number: int) -> GateResult | None:
        """Return the motion gate's result for the stored frame, without rotation; None without a gate."""
        if self._gate is None:
            return None
        luma = self._luma_scaler.scale(frame, *GATE_VIEW.size_of(frame.width, frame.height))
        return self._gate.decide(number, int(self._index.media_us[number]), luma, luma_grid_from_luma(luma))

    def _upright_rgb(self, frame: VideoFrame, orientation: Orientation) -> RgbArray:
        """Return the frame as (h, w, 3) uint8, scaled to the view, turned and mirrored as a player shows it."""
        upright = self._view.size_of(*orientation.size_of(frame.width, frame.height))
        return orientation.apply(self._rgb_scaler.scale(frame, *orientation.size_of(*upright)))


def _number_of(found: Decoded) -> int:
    return found.number
