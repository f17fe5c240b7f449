"""The reference reader: PyAV, each frame's pts checked against the packet index.

Wanted frames are reached from the keyframe before them. A seek is believed only if the first packet
behind it is a keyframe at or before the one asked for; else the reader starts from an earlier one.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import TypeAlias

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from forensics.adapters.pyav_index import upright_size
from forensics.adapters.pyav_open import choose_stream, open_file, single_threaded
from forensics.evidence import Footage
from forensics.frames import Frame, Gap, RgbArray, View
from forensics.timeline import Int64Array, PacketIndex

__all__ = ["PyavReader", "open_reader"]

VideoPacket: TypeAlias = "Packet[VideoStream]"

# The same pixels on every processor: swscale rounds by instruction set unless told otherwise.
_EXACT_SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
# Frames that are decoded and dropped cost less than a seek up to about this many.
_WORTH_A_SEEK_FRAMES = 16


def open_reader(footage: Footage, index: PacketIndex, view: View) -> "PyavReader":
    """A reader of `footage`; raises `UnreadableFootage` if it cannot be opened any more."""
    return PyavReader(footage, index, view)


class PyavReader:
    """Fills `FrameReader`; holds one open container."""

    def __init__(self, footage: Footage, index: PacketIndex, view: View) -> None:
        self._footage = footage
        self._index = index
        self._view = view
        self._scaler = VideoReformatter()
        self._container, self._stream = self._open()

    def _open(self) -> tuple[InputContainer, VideoStream]:
        container = open_file(self._footage.path)
        stream = choose_stream(container, self._footage.path, self._footage.stream_index)
        single_threaded(stream)
        return container, stream

    def read(self, wanted: Int64Array) -> Iterator[Frame | Gap]:
        """See `FrameReader.read`."""
        for stretch in self._stretches(wanted):
            yield from self._read_stretch(stretch.tolist())

    def _stretches(self, wanted: Int64Array) -> list[Int64Array]:
        """Split where seeking to the next wanted frame's keyframe saves more than it costs."""
        if len(wanted) < 2:
            return [wanted] if len(wanted) else []
        keyframes = self._index.keyframes
        starts = keyframes[np.searchsorted(keyframes, wanted[1:], side="right") - 1]
        return np.split(wanted, np.flatnonzero(starts - wanted[:-1] > _WORTH_A_SEEK_FRAMES) + 1)

    def _read_stretch(self, wanted: list[int]) -> Iterator[Frame | Gap]:
        failed: dict[int, str] = {}
        remaining = deque(wanted)
        for frame in self._decoded_from(wanted[0], failed):
            number = self._number_of(frame)
            while remaining and remaining[0] < number:
                yield self._gap(remaining.popleft(), failed)
            if remaining and remaining[0] == number:
                yield self._handed_out(frame, remaining.popleft())
            if not remaining:
                return
        for number in remaining:
            yield self._gap(number, failed)

    def _gap(self, number: int, failed: dict[int, str]) -> Gap:
        """Why the decoder passed a frame: told by its own packet, so that it does not depend on the neighbours."""
        if self._index.is_ambiguous[number]:
            return Gap(number, "duplicate_pts", f"another frame claims pts {int(self._index.pts[number])} too")
        return Gap(number, "decode_error", failed.get(number, "the decoder returned no picture for this pts"))

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

    def _handed_out(self, frame: VideoFrame, number: int) -> Frame | Gap:
        if frame.is_corrupt:
            return Gap(number, "corrupt", "the decoder marks the picture as damaged")
        width_px, height_px, _ = upright_size(frame)
        pts = int(self._index.pts[number])
        return Frame(number, pts, self._upright_rgb(frame), width_px=width_px, height_px=height_px)

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

    def _decoded_from(self, first: int, failed: dict[int, str]) -> Iterator[VideoFrame]:
        """Frames in presentation order from the keyframe before `first`; what fails is noted in `failed`."""
        for packet in self._packets_from(first):
            try:
                yield from packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                failed[self._packet_number(packet)] = str(error.strerror)

    def _packets_from(self, first: int) -> "Iterator[VideoPacket]":
        """Packets from a keyframe at or before `first`, however far back the seek must reach."""
        keyframes = self._index.keyframes
        place = int(np.searchsorted(keyframes, first, side="right")) - 1
        back = 0
        while place - back > 0:
            packets = self._sought(int(keyframes[place - back]))
            opening = next(packets, None)
            if opening is not None and opening.is_keyframe and 0 <= self._packet_number(opening) <= keyframes[place]:
                yield opening
                yield from packets
                return
            back = max(1, back * 2)
        yield from self._from_the_start()

    def _packet_number(self, packet: "VideoPacket") -> int:
        if packet.pts is None:
            return -1
        return self._number_at(packet.pts, Fraction(packet.time_base))

    def _sought(self, keyframe: int) -> "Iterator[VideoPacket]":
        ticks = int(self._index.pts[keyframe]) - self._footage.shift_ticks
        offset = ticks * self._index.time_base / Fraction(self._stream.time_base or 1)
        try:
            self._container.seek(int(offset), stream=self._stream, backward=True)
        except av.error.FFmpegError:
            return iter(())
        return self._demuxed()

    def _from_the_start(self) -> "Iterator[VideoPacket]":
        self._container.close()
        self._container, self._stream = self._open()
        return self._demuxed()

    def _demuxed(self) -> "Iterator[VideoPacket]":
        try:
            yield from self._container.demux(self._stream)
        except av.error.FFmpegError:
            return  # frames behind the end of what can be read become gaps
