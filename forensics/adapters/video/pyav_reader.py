"""Reference reader of video files: PyAV, with the pts of each frame checked against the packet index.

Frames are decoded by group: a keyframe and all frames up to the next keyframe. The decoder is flushed before each
group, so the frames of a group depend on its own packets only, never on what was read before. Frames that are shown
before the next keyframe but stored after it belong to this group; they are decoded here, together with that keyframe.

Where a packet of a group fails, every frame stored after it in the group becomes a gap: it may depend on the missing
frame, and decoders do not report that. A gap is reported only if a second read from a reopened file gives it again:
damage is permanent, an error of a disk or network may be transient.
"""

import contextlib
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from forensics.adapters.pictures.frame_summary import GATE_VIEW, luma_grid_from_luma
from forensics.adapters.video.pyav_index import upright_size
from forensics.adapters.video.pyav_open import choose_stream, make_decoding_repeatable, open_file
from forensics.errors import DecoderLost
from forensics.footage.evidence import Footage
from forensics.footage.frames import Frame, Gap, Item, RgbArray, View
from forensics.footage.motion_gate import GateDecision, GateResult, MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["PyavReader", "open_reader"]

VideoPacket: TypeAlias = "Packet[VideoStream]"

# Without these flags swscale rounds differently with each instruction set, so pixels depend on the processor.
_EXACT_SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_EXACT_LUMA = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
# No video standard lets a decoder delay a frame by more than this.
_MAX_REORDERED_FRAMES = 16


def open_reader(footage: Footage, index: PacketIndex, view: View) -> "PyavReader":
    """Open a reader of `footage`.

    Raises:
        UnreadableFootage: the file can no longer be opened.
    """
    return PyavReader(footage, index, view)


@dataclass(slots=True)
class _Group:
    """Decoding state of one group, frames [start, stop).

    Attributes:
        start, stop: frame numbers; `start` is a keyframe, `stop` the next one.
        position_of: position in the group at which each frame's packet is stored.
        failed: the decoder's error text, by frame number.
        damaged_from: position of the first packet that failed; infinity if none did.
        returned_up_to: one past the last frame that the decoder returned.
    """

    start: int
    stop: int
    position_of: dict[int, int] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    damaged_from: float = math.inf
    returned_up_to: int = -1

    def add_packet(self, number: int) -> None:
        """Record that the next packet of the group holds this frame."""
        self.position_of[number] = len(self.position_of)

    def mark_damaged_from(self, number: int) -> None:
        """Mark all packets from this frame's on as damaged."""
        self.damaged_from = min(self.damaged_from, self.position_of.get(number, 0))

    def add_returned(self, number: int) -> None:
        """Record a frame that the decoder returned, and mark damage from each frame that it skipped."""
        for passed in range(max(self.start, self.returned_up_to), number):
            if passed in self.position_of:
                self.mark_damaged_from(passed)
        self.returned_up_to = number + 1

    def is_damaged(self, number: int) -> bool:
        """Whether a packet stored at or before this frame failed."""
        return self.position_of.get(number, math.inf) >= self.damaged_from


class PyavReader:
    """Implements `FrameReader` with PyAV; holds one open container."""

    def __init__(self, footage: Footage, index: PacketIndex, view: View) -> None:
        self._footage = footage
        self._index = index
        self._view = view
        self._scaler = VideoReformatter()
        self._luma_scaler = VideoReformatter()
        self._gate: MotionGate | None = None
        self._pending: list[VideoPacket] = []
        self._ran_out_of_memory = False
        self._container, self._stream = self._open()
        self._packets = self._demux()

    def _open(self) -> tuple[InputContainer, VideoStream]:
        container = open_file(self._footage.path)
        stream = choose_stream(container, self._footage.path, self._footage.stream_index)
        make_decoding_repeatable(stream)
        return container, stream

    def read(self, wanted: Int64Array, gate: MotionGate | None = None) -> Iterator[Item]:
        """Yield one item for every wanted frame, see `FrameReader.read`."""
        self._gate = gate
        places = np.searchsorted(self._index.keyframes, wanted, side="right") - 1
        edges = [*self._index.keyframes.tolist(), self._index.n_frames]
        for part in np.split(np.arange(len(wanted)), np.flatnonzero(np.diff(places)) + 1) if len(wanted) else ():
            place = int(places[part[0]])
            yield from self._read_with_retry(edges[place], edges[place + 1], wanted[part].tolist())

    def _read_with_retry(self, start: int, stop: int, wanted: list[int]) -> Iterator[Item]:
        """Yield the wanted frames of one group; reopen the file and read again from the first gap or disk error on."""
        n_yielded = 0
        with contextlib.suppress(DecoderLost):  # retry after a disk error, too
            for item in self._read_group(_Group(start, stop), deque(wanted)):
                if isinstance(item, Gap) and not self._index.is_ambiguous[item.number]:
                    break
                n_yielded += 1
                yield item
            else:
                return
        self._reopen()
        self._ran_out_of_memory = False
        for item in self._read_group(_Group(start, stop), deque(wanted[n_yielded:])):
            if isinstance(item, Gap) and self._ran_out_of_memory:
                raise MemoryError(f"{self._footage.path}: no memory to decode frames {start}-{stop - 1}")
            yield item

    def _read_group(self, group: _Group, wanted: deque[int]) -> Iterator[Item]:
        """Yield the wanted frames of one group, each once every packet that could damage it was decoded."""
        held: deque[tuple[int, VideoFrame]] = deque()
        for number, frame in self._decode_group(group):
            held.append((number, frame))
            if len(held) > _MAX_REORDERED_FRAMES:
                yield from self._release(*held.popleft(), group, wanted)
            if not wanted:
                self._pending = []  # the demuxer is inside the group, so the next read must seek
                return
        for number, frame in held:
            yield from self._release(number, frame, group, wanted)
        for number in wanted:
            yield self._make_gap(number, group)

    def _release(self, number: int, frame: VideoFrame, group: _Group, wanted: deque[int]) -> Iterator[Item]:
        """Yield the gaps before this frame, then the frame if it is wanted, or a gap if it is damaged."""
        while wanted and wanted[0] < number:
            yield self._make_gap(wanted.popleft(), group)
        if wanted and wanted[0] == number:
            wanted.popleft()
            yield self._make_gap(number, group) if group.is_damaged(number) else self._to_item(frame, number)

    def _make_gap(self, number: int, group: _Group) -> Gap:
        """Return the gap of a frame, with its reason."""
        if self._index.is_ambiguous[number]:
            return Gap(number, "duplicate_pts", f"another frame claims pts {int(self._index.pts[number])} too")
        if number in group.failed:
            return Gap(number, "decode_error", group.failed[number])
        if group.is_damaged(number) and number < group.returned_up_to:
            return Gap(number, "damaged_before", "an earlier frame that this one may be built on failed")
        return Gap(number, "decode_error", "the decoder returned no picture for this pts")

    def _decode_group(self, group: _Group) -> Iterator[tuple[int, VideoFrame]]:
        """Yield the group's frames in presentation order; record what fails in `group`."""
        self._stream.codec_context.flush_buffers()
        for packet in self._group_packets(group):
            number = self._packet_number(packet)
            group.add_packet(number)
            if number in self._index.damaged:
                group.failed[number] = "the packet is damaged, or one that it is built on has no address"
                group.mark_damaged_from(number)
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                self._note_memory_error(error)
                group.failed[number] = str(error.strerror)
                group.mark_damaged_from(number)
                continue
            yield from self._track_frames(frames, group)
        yield from self._track_frames(self._drain_decoder(), group)

    def _drain_decoder(self) -> list[VideoFrame]:
        """Return the frames that the decoder still holds; none if it fails."""
        try:
            return self._stream.codec_context.decode(None)
        except av.error.FFmpegError as error:
            self._note_memory_error(error)
            return []

    def _note_memory_error(self, error: av.error.FFmpegError) -> None:
        """Remember that memory ran out: such a failure says nothing about the footage."""
        self._ran_out_of_memory |= isinstance(error, MemoryError)

    def _track_frames(self, frames: list[VideoFrame], group: _Group) -> Iterator[tuple[int, VideoFrame]]:
        """Yield the frames that belong to the group, with their numbers; record those that are corrupt."""
        for frame in frames:
            number = self._frame_number(frame)
            if group.start <= number < group.stop:
                group.add_returned(number)
                if frame.is_corrupt:
                    group.failed[number] = "the decoder marks the picture as damaged"
                    group.mark_damaged_from(number)
                yield number, frame

    def _group_packets(self, group: _Group) -> "Iterator[VideoPacket]":
        """Yield the group's packets in file order, and the next keyframe where leading frames depend on it."""
        packets = self._packets_from_keyframe(group.start)
        for packet in packets:
            key = self._packet_number(packet)
            if not (packet.is_keyframe and key >= group.stop):
                yield packet
                continue
            self._pending = [packet]
            for follower in packets:
                self._pending.append(follower)
                if not 0 <= self._packet_number(follower) < key:
                    break
            leading = [p for p in self._pending[1:] if 0 <= self._packet_number(p) < key]
            yield from [packet, *leading] if leading else ()
            return
        self._pending = []

    def _packets_from_keyframe(self, keyframe: int) -> "Iterator[VideoPacket]":
        """Yield packets from this keyframe on: continue after the last group if possible, else seek or start over."""
        if self._pending and self._packet_number(self._pending[0]) == keyframe:
            return self._remaining_packets()
        place = int(np.searchsorted(self._index.keyframes, keyframe))
        back = 0
        while place - back > 0:
            self._pending = self._seek(int(self._index.keyframes[place - back]), keyframe)
            if self._pending:
                return self._remaining_packets()
            back = max(1, back * 2)
        self._reopen()
        self._pending = self._skip_to_keyframe(keyframe) if keyframe > 0 else []
        return self._remaining_packets()

    def _remaining_packets(self) -> "Iterator[VideoPacket]":
        """Yield the pending packets, then those still in the file."""
        pending, self._pending = self._pending, []
        yield from pending
        # not `yield from`: closing this generator must not close the demuxer that the next group continues with
        for packet in self._packets:  # noqa: UP028
            yield packet

    def _skip_to_keyframe(self, keyframe: int) -> "list[VideoPacket]":
        """Return the packet of this keyframe; an empty list if a later keyframe or the end of the file comes first."""
        for packet in self._packets:
            number = self._packet_number(packet) if packet.is_keyframe else -1
            if number == keyframe:
                return [packet]
            if number > keyframe:
                return []
        return []

    def _frame_number(self, frame: VideoFrame) -> int:
        """Return the frame's number by its pts; -1 if the index lacks it."""
        if frame.pts is None:
            return -1
        return self._number_at_pts(frame.pts, Fraction(frame.time_base or self._stream.time_base or 1))

    def _number_at_pts(self, pts: int, time_base: Fraction) -> int:
        """Return the number of the frame with this pts; -1 if the index lacks it."""
        ticks = pts * time_base / self._index.time_base
        if ticks.denominator != 1:
            return -1
        return int(self._index.frames_of(np.array([int(ticks) + self._footage.shift_ticks]))[0])

    def _to_item(self, frame: VideoFrame, number: int) -> Frame | GateResult:
        """Return the frame as the view wants it; the gate's result alone if the frame is still."""
        gate_result = self._apply_gate(frame, number)
        if gate_result is not None and gate_result.decision is GateDecision.STILL:
            return gate_result
        width_px, height_px, _ = upright_size(frame)
        pts = int(self._index.pts[number])
        return Frame(number, pts, self._upright_rgb(frame), width_px, height_px, gate_result)

    def _apply_gate(self, frame: VideoFrame, number: int) -> GateResult | None:
        """Return the motion gate's result for the stored frame, without rotation; None without a gate."""
        if self._gate is None:
            return None
        width, height = GATE_VIEW.size_of(frame.width, frame.height)
        scaled = self._luma_scaler.reformat(
            frame, width=width, height=height, format="gray8", interpolation=_EXACT_LUMA, threads=1
        )
        luma = np.asarray(scaled.to_ndarray(), dtype=np.uint8)
        return self._gate.decide(number, int(self._index.media_us[number]), luma, luma_grid_from_luma(luma))

    def _upright_rgb(self, frame: VideoFrame) -> RgbArray:
        """Return the frame as (h, w, 3) uint8, scaled to the view and rotated as a player shows it."""
        width_px, height_px, turn = upright_size(frame)
        width, height = self._view.size_of(width_px, height_px)
        if turn in (90, 270):
            width, height = height, width
        scaled = self._scaler.reformat(
            frame, width=width, height=height, format="rgb24", interpolation=_EXACT_SCALING, threads=1
        )
        rgb = np.asarray(scaled.to_ndarray(), dtype=np.uint8)
        return np.rot90(rgb, k=-turn // 90) if turn else rgb

    def _packet_number(self, packet: "VideoPacket") -> int:
        """Return the packet's frame number by its pts; -1 if the index lacks it."""
        if packet.pts is None:
            return -1
        return self._number_at_pts(packet.pts, Fraction(packet.time_base))

    def _seek(self, target: int, keyframe: int) -> "list[VideoPacket]":
        """Seek to frame `target` and return the packet of `keyframe`; an empty list if the seek went past it."""
        ticks = int(self._index.pts[target]) - self._footage.shift_ticks
        offset = ticks * self._index.time_base / Fraction(self._stream.time_base or 1)
        try:
            self._container.seek(int(offset), stream=self._stream, backward=True)
        except av.error.FFmpegError as error:
            self._note_memory_error(error)
            return []
        self._packets = self._demux()
        return self._skip_to_keyframe(keyframe)

    def _reopen(self) -> None:
        """Close the container and open it again, at its start."""
        self._container.close()
        self._container, self._stream = self._open()
        self._packets = self._demux()

    def _demux(self) -> "Iterator[VideoPacket]":
        """Yield the packets of the stream; end at the first error."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    yield packet
        except av.error.FFmpegError as error:
            self._note_memory_error(error)
            return  # frames that were not read become gaps
