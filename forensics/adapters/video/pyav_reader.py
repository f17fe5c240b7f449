"""The reference reader: PyAV, each frame's pts checked against the packet index.

Frames are decoded group by group: a group is a keyframe and what follows it up to the next one, and
each is decoded by a decoder that knows nothing of the group before. So what is handed out of a
group depends on its own packets alone, whatever was read before it, whole files or single frames.
(Frames that are shown before the next keyframe but stored behind it belong to this group; they are
decoded here, with that keyframe.)

Where something in a group fails, every frame stored behind it in the group becomes a gap: it may
have been built on what is missing, and decoders do not say so. A gap counts only if the file, opened
anew, gives it again: damage stays, a disk or a network that failed for a moment does not.
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

from forensics.adapters.pictures.frame_summary import GLIMPSE_VIEW, luma_grid_of
from forensics.adapters.video.pyav_index import upright_size
from forensics.adapters.video.pyav_open import choose_stream, open_file, single_threaded
from forensics.errors import DecoderLost
from forensics.footage.evidence import Footage
from forensics.footage.frames import Frame, Gap, Item, RgbArray, View
from forensics.footage.motion_gate import GateDecision, GateResult, MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["PyavReader", "open_reader"]

VideoPacket: TypeAlias = "Packet[VideoStream]"

# The same pixels on every processor: swscale rounds by instruction set unless told otherwise.
_EXACT_SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_EXACT_DIMMING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
# No standard lets a decoder put off a frame for longer than this.
_REORDERED_FRAMES = 16


def open_reader(footage: Footage, index: PacketIndex, view: View) -> "PyavReader":
    """A reader of `footage`; raises `UnreadableFootage` if it cannot be opened any more."""
    return PyavReader(footage, index, view)


@dataclass(slots=True)
class _Group:
    """Frames [start, stop) while they are decoded.

    Attributes:
        start, stop: frame numbers; `start` is a keyframe, `stop` the next one.
        stored_at: at which place in the group each frame's packet is stored.
        failed: what the decoder said of a frame's packet.
        damaged_from: the first place from which nothing is trusted.
        seen_up_to: one past the last frame the decoder returned.
    """

    start: int
    stop: int
    stored_at: dict[int, int] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    damaged_from: float = math.inf
    seen_up_to: int = -1

    def takes(self, number: int) -> None:
        """The packet of this frame is the next one in the group."""
        self.stored_at[number] = len(self.stored_at)

    def distrust(self, number: int) -> None:
        """What is stored from this frame on may lack something."""
        self.damaged_from = min(self.damaged_from, self.stored_at.get(number, 0))

    def sees(self, number: int) -> None:
        """The decoder returned this frame; what it passed over is missing for those that need it."""
        for passed in range(max(self.start, self.seen_up_to), number):
            if passed in self.stored_at:
                self.distrust(passed)
        self.seen_up_to = number + 1

    def is_damaged(self, number: int) -> bool:
        """Whether something stored at or before this frame failed."""
        return self.stored_at.get(number, math.inf) >= self.damaged_from


class PyavReader:
    """Fills `FrameReader`; holds one open container."""

    def __init__(self, footage: Footage, index: PacketIndex, view: View) -> None:
        self._footage = footage
        self._index = index
        self._view = view
        self._scaler = VideoReformatter()
        self._dimmer = VideoReformatter()
        self._watch: MotionGate | None = None
        self._ahead: list[VideoPacket] = []
        self._lacked_memory = False
        self._container, self._stream = self._open()
        self._packets = self._demuxed()

    def _open(self) -> tuple[InputContainer, VideoStream]:
        container = open_file(self._footage.path)
        stream = choose_stream(container, self._footage.path, self._footage.stream_index)
        single_threaded(stream)
        return container, stream

    def read(self, wanted: Int64Array, watch: MotionGate | None = None) -> Iterator[Item]:
        """See `FrameReader.read`."""
        self._watch = watch
        places = np.searchsorted(self._index.keyframes, wanted, side="right") - 1
        edges = [*self._index.keyframes.tolist(), self._index.n_frames]
        for part in np.split(np.arange(len(wanted)), np.flatnonzero(np.diff(places)) + 1) if len(wanted) else ():
            place = int(places[part[0]])
            yield from self._read_surely(edges[place], edges[place + 1], wanted[part].tolist())

    def _read_surely(self, start: int, stop: int, wanted: list[int]) -> Iterator[Item]:
        """The wanted frames of one group; from its first gap on they are read once more, from a file opened anew."""
        n_sure = 0
        with contextlib.suppress(DecoderLost):  # a disk that failed is asked once more, too
            for item in self._read_group(_Group(start, stop), deque(wanted)):
                if isinstance(item, Gap) and not self._index.is_ambiguous[item.number]:
                    break
                n_sure += 1
                yield item
            else:
                return
        self._from_the_start()
        self._lacked_memory = False
        for item in self._read_group(_Group(start, stop), deque(wanted[n_sure:])):
            if isinstance(item, Gap) and self._lacked_memory:
                raise MemoryError(f"{self._footage.path}: no memory to decode frames {start}-{stop - 1}")
            yield item

    def _read_group(self, group: _Group, wanted: deque[int]) -> Iterator[Item]:
        """Hand out the wanted frames of one group, each once all that could spoil it was decoded."""
        held: deque[tuple[int, VideoFrame]] = deque()
        for number, frame in self._decoded(group):
            held.append((number, frame))
            if len(held) > _REORDERED_FRAMES:
                yield from self._settled(*held.popleft(), group, wanted)
            if not wanted:
                self._ahead = []  # the decoder stands inside the group: the next one is sought
                return
        for number, frame in held:
            yield from self._settled(number, frame, group, wanted)
        for number in wanted:
            yield self._gap(number, group)

    def _settled(self, number: int, frame: VideoFrame, group: _Group, wanted: deque[int]) -> Iterator[Item]:
        """This frame if it is wanted and sound; before it, gaps for those that were passed over."""
        while wanted and wanted[0] < number:
            yield self._gap(wanted.popleft(), group)
        if wanted and wanted[0] == number:
            wanted.popleft()
            yield self._gap(number, group) if group.is_damaged(number) else self._handed_out(frame, number)

    def _gap(self, number: int, group: _Group) -> Gap:
        if self._index.is_ambiguous[number]:
            return Gap(number, "duplicate_pts", f"another frame claims pts {int(self._index.pts[number])} too")
        if number in group.failed:
            return Gap(number, "decode_error", group.failed[number])
        if group.is_damaged(number) and number < group.seen_up_to:
            return Gap(number, "damaged_before", "an earlier frame that this one may be built on failed")
        return Gap(number, "decode_error", "the decoder returned no picture for this pts")

    def _decoded(self, group: _Group) -> Iterator[tuple[int, VideoFrame]]:
        """The group's frames in presentation order; what fails is noted in the group."""
        self._stream.codec_context.flush_buffers()
        for packet in self._packets_of(group):
            number = self._packet_number(packet)
            group.takes(number)
            if number in self._index.damaged:
                group.failed[number] = "the packet is damaged, or one that it is built on has no address"
                group.distrust(number)
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                self._note(error)
                group.failed[number] = str(error.strerror)
                group.distrust(number)
                continue
            yield from self._noted(frames, group)
        yield from self._noted(self._drained(), group)

    def _drained(self) -> list[VideoFrame]:
        try:
            return self._stream.codec_context.decode(None)
        except av.error.FFmpegError as error:
            self._note(error)
            return []

    def _note(self, error: av.error.FFmpegError) -> None:
        """A full memory says nothing about the footage."""
        self._lacked_memory |= isinstance(error, MemoryError)

    def _noted(self, frames: list[VideoFrame], group: _Group) -> Iterator[tuple[int, VideoFrame]]:
        for frame in frames:
            number = self._number_of(frame)
            if group.start <= number < group.stop:
                group.sees(number)
                if frame.is_corrupt:
                    group.failed[number] = "the decoder marks the picture as damaged"
                    group.distrust(number)
                yield number, frame

    def _packets_of(self, group: _Group) -> "Iterator[VideoPacket]":
        """The group's packets as they are stored, with the next keyframe only if frames before it need it."""
        packets = self._from_keyframe(group.start)
        for packet in packets:
            key = self._packet_number(packet)
            if not (packet.is_keyframe and key >= group.stop):
                yield packet
                continue
            self._ahead = [packet]
            for follower in packets:
                self._ahead.append(follower)
                if not 0 <= self._packet_number(follower) < key:
                    break
            leading = [p for p in self._ahead[1:] if 0 <= self._packet_number(p) < key]
            yield from [packet, *leading] if leading else ()
            return
        self._ahead = []

    def _from_keyframe(self, keyframe: int) -> "Iterator[VideoPacket]":
        """Packets from this keyframe on: where the last group ended, or sought, or from the start."""
        if self._ahead and self._packet_number(self._ahead[0]) == keyframe:
            return self._going_on()
        place = int(np.searchsorted(self._index.keyframes, keyframe))
        back = 0
        while place - back > 0:
            self._ahead = self._sought(int(self._index.keyframes[place - back]), keyframe)
            if self._ahead:
                return self._going_on()
            back = max(1, back * 2)
        self._from_the_start()
        self._ahead = self._skipped_to(keyframe) if keyframe > 0 else []
        return self._going_on()

    def _going_on(self) -> "Iterator[VideoPacket]":
        ahead, self._ahead = self._ahead, []
        yield from ahead
        # not `yield from`: whoever stops here must not close what the next group goes on with
        for packet in self._packets:  # noqa: UP028
            yield packet

    def _skipped_to(self, keyframe: int) -> "list[VideoPacket]":
        """The packet of this keyframe, if it comes before a later one."""
        for packet in self._packets:
            number = self._packet_number(packet) if packet.is_keyframe else -1
            if number == keyframe:
                return [packet]
            if number > keyframe:
                return []
        return []

    def _number_of(self, frame: VideoFrame) -> int:
        """The frame's number by its pts; -1 for a frame the index does not know."""
        if frame.pts is None:
            return -1
        return self._number_at(frame.pts, Fraction(frame.time_base or self._stream.time_base or 1))

    def _number_at(self, pts: int, time_base: Fraction) -> int:
        ticks = pts * time_base / self._index.time_base
        if ticks.denominator != 1:
            return -1
        return int(self._index.frames_of(np.array([int(ticks) + self._footage.shift_ticks]))[0])

    def _handed_out(self, frame: VideoFrame, number: int) -> Frame | GateResult:
        glimpse = self._glimpse(frame, number)
        if glimpse is not None and glimpse.sight is GateDecision.STILL:
            return glimpse
        width_px, height_px, _ = upright_size(frame)
        pts = int(self._index.pts[number])
        return Frame(number, pts, self._upright_rgb(frame), width_px, height_px, glimpse)

    def _glimpse(self, frame: VideoFrame, number: int) -> GateResult | None:
        """What the watch says of this frame, as it is stored: turning it upright changes nothing."""
        if self._watch is None:
            return None
        width, height = GLIMPSE_VIEW.size_of(frame.width, frame.height)
        dim = self._dimmer.reformat(
            frame, width=width, height=height, format="gray8", interpolation=_EXACT_DIMMING, threads=1
        )
        luma = np.asarray(dim.to_ndarray(), dtype=np.uint8)
        return self._watch.judge(number, int(self._index.media_us[number]), luma, luma_grid_of(luma))

    def _upright_rgb(self, frame: VideoFrame) -> RgbArray:
        """(h, w, 3) uint8, scaled to the view and turned as players show it."""
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
        if packet.pts is None:
            return -1
        return self._number_at(packet.pts, Fraction(packet.time_base))

    def _sought(self, target: int, keyframe: int) -> "list[VideoPacket]":
        """The packet of `keyframe` after a seek to `target`; nothing where the seek missed."""
        ticks = int(self._index.pts[target]) - self._footage.shift_ticks
        offset = ticks * self._index.time_base / Fraction(self._stream.time_base or 1)
        try:
            self._container.seek(int(offset), stream=self._stream, backward=True)
        except av.error.FFmpegError as error:
            self._note(error)
            return []
        self._packets = self._demuxed()
        return self._skipped_to(keyframe)

    def _from_the_start(self) -> None:
        self._container.close()
        self._container, self._stream = self._open()
        self._packets = self._demuxed()

    def _demuxed(self) -> "Iterator[VideoPacket]":
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    yield packet
        except av.error.FFmpegError as error:
            self._note(error)
            return  # frames behind the end of what can be read become gaps
