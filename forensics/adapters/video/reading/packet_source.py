"""Packets of one video stream by the number of their frame, from any keyframe on.

Seeks of containers may miss: after each seek the packets are compared with the packet index, and if the keyframe was
passed, reading starts further back, in the end from the start of the file.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import TypeAlias

import av.error
import numpy as np
from av.packet import Packet, PacketSideData
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from forensics.adapters.video.bitstreams.jpeg_syntax import lacks_scan
from forensics.adapters.video.bitstreams.key_pictures import KeySource, is_key_picture, key_source_of
from forensics.adapters.video.packet_tags import number_tagged
from forensics.adapters.video.pyav_open import MAX_DELAYED_PIXELS, choose_stream, demux, open_decoder, open_file
from forensics.footage.evidence import Footage
from forensics.footage.timeline import PacketIndex

__all__ = ["PacketSource", "VideoPacket"]

# No video standard lets a decoder delay a frame by more than this; of very large pictures fewer are held in memory.
_MAX_DELAY_FRAMES, _MAX_DELAY_OF_LARGE = 16, 1

VideoPacket: TypeAlias = "Packet[VideoStream]"


class PacketSource:
    """Holds one open container.

    Args:
        footage: what to open.
        index: its packet index.
        is_strict: whether an error of the decoder replaces a concealed picture.

    Attributes:
        path: of the file that is read.
        max_delay_frames: frames that are held until what is decoded behind them is known.
        ran_out_of_memory: whether memory ran out since this was reset: such a failure says nothing about the footage.
    """

    def __init__(self, footage: Footage, index: PacketIndex, *, is_strict: bool = True) -> None:
        self.path = footage.path
        self._footage = footage
        self._index = index
        self._is_strict = is_strict
        self._palette: PacketSideData | None = None
        self.ran_out_of_memory = False
        self._open()

    def _open(self) -> None:
        self._container = open_file(self._footage.path)
        self._stream = choose_stream(self._container, self._footage.path, self._footage.stream_index)
        self._codec = self._stream.codec_context.name
        is_intra_only = self._stream.codec_context.codec.intra_only
        is_large = self._stream.width * self._stream.height > MAX_DELAYED_PIXELS
        self.max_delay_frames = 0 if is_intra_only else _MAX_DELAY_OF_LARGE if is_large else _MAX_DELAY_FRAMES
        self._key_source = key_source_of(self._codec, is_intra_only=is_intra_only)
        self._packets = self._demux()
        self._pending: list[VideoPacket] = []
        if (
            self._stream.codec_context.pix_fmt == "pal8"
        ):  # the first packet alone has the palette, every decoder needs it
            self._pending = list(islice(self._packets, 1))
            self._palette = next((each.get_sidedata("palette") for each in self._pending if _has_palette(each)), None)

    def reopen(self, *, is_strict: bool = True) -> None:
        """Close the container and open it again, at its start.

        Args:
            is_strict: whether an error of the decoder replaces a concealed picture.
        """
        self.close()
        self._is_strict = is_strict
        self._open()

    def close(self) -> None:
        """Close the container."""
        self._container.close()

    def open_decoder(self) -> VideoCodecContext:
        """Return a new decoder of the stream."""
        return open_decoder(self._stream, is_strict=self._is_strict)

    def note_memory_error(self, error: av.error.FFmpegError) -> None:
        """Remember that memory ran out."""
        self.ran_out_of_memory |= isinstance(error, MemoryError)

    def is_false_keyframe(self, frame: VideoFrame) -> bool:
        """Whether the decoder denies that this picture, a keyframe by the file, is one."""
        return self._key_source is KeySource.DECODER and not is_key_picture(frame, self._codec)

    def lacks_pixels(self, packet: VideoPacket) -> bool:
        """Whether the decoder would return something else as the picture of this packet, without an error."""
        return self._codec == "mjpeg" and lacks_scan(bytes(packet))

    def number_of(self, packet: VideoPacket) -> int:
        """Return the packet's frame number by its pts; -1 if the index lacks it."""
        if packet.pts is None:
            return -1
        return self.number_at(packet.pts, Fraction(packet.time_base))

    def number_of_frame(self, frame: VideoFrame) -> int:
        """Return the number of a decoded frame by the tag of its packet, else by its pts; -1 if the index lacks it."""
        number = number_tagged(frame)
        if number is not None:
            return number
        if frame.pts is None:
            return -1
        return self.number_at(frame.pts, Fraction(frame.time_base or self._stream.time_base or 1))

    def number_at(self, pts: int, time_base: Fraction) -> int:
        """Return the number of the frame with this pts in the file; -1 if the index lacks it."""
        ticks = pts * time_base / self._index.time_base_read
        if ticks.denominator != 1:
            return -1
        return int(self._index.frames_read_at(np.array([int(ticks) + self._footage.shift_ticks]))[0])

    def packets_until(self, keyframe: int, stop: int) -> Iterator[VideoPacket]:
        """Yield the packets from a keyframe on, in file order, up to the keyframe `stop`.

        Where frames before `stop` are stored after it, it is yielded, too, with them.
        """
        packets = self._packets_from(keyframe)
        is_first = True
        for packet in packets:
            if is_first and self._palette is not None and not _has_palette(packet):
                packet.set_sidedata(self._palette)
            is_first = False
            key = self.number_of(packet)
            if not (packet.is_keyframe and key >= stop):
                yield packet
                continue
            self._pending = [packet]
            for follower in packets:
                self._pending.append(follower)
                if not 0 <= self.number_of(follower) < key:
                    break
            leading = [p for p in self._pending[1:] if 0 <= self.number_of(p) < key]
            yield from [packet, *leading] if leading else ()
            return
        self._pending = []

    def forget_position(self) -> None:
        """Make the next read seek, because the demuxer is inside a group of pictures."""
        self._pending = []

    def _packets_from(self, keyframe: int) -> Iterator[VideoPacket]:
        """Yield packets from this keyframe on: continue after the last group if possible, else seek or start over."""
        if self._pending and self.number_of(self._pending[0]) == keyframe:
            return self._remaining()
        place = int(np.searchsorted(self._index.keyframes, keyframe))
        back = 0
        while place - back > 0:
            self._pending = self._seek(int(self._index.keyframes[place - back]), keyframe)
            if self._pending:
                return self._remaining()
            back = max(1, back * 2)
        self.reopen(is_strict=self._is_strict)
        if keyframe > 0:
            self._pending = self._skip_to(keyframe)
        return self._remaining()

    def _remaining(self) -> Iterator[VideoPacket]:
        """Yield the pending packets, then those still in the file."""
        pending, self._pending = self._pending, []
        yield from pending
        # not `yield from`: closing this generator must not close the demuxer that the next group continues with
        for packet in self._packets:  # noqa: UP028
            yield packet

    def _skip_to(self, keyframe: int) -> list[VideoPacket]:
        """Return the packet of this keyframe; an empty list if a later keyframe or the end of the file comes first."""
        for packet in self._packets:
            number = self.number_of(packet) if packet.is_keyframe else -1
            if number == keyframe:
                return [packet]
            if number > keyframe:
                return []
        return []

    def _seek(self, target: int, keyframe: int) -> list[VideoPacket]:
        """Seek to frame `target` and return the packet of `keyframe`; an empty list if the seek went past it."""
        at = target if self._index.is_numbered else int(self._index.pts[target])
        ticks = at - self._footage.shift_ticks
        offset = ticks * self._index.time_base_read / Fraction(self._stream.time_base or 1)
        try:
            self._container.seek(int(offset), stream=self._stream, backward=True)
        except av.error.FFmpegError as error:
            self.note_memory_error(error)
            return []
        self._packets = self._demux()
        return self._skip_to(keyframe)

    def _demux(self) -> Iterator[VideoPacket]:
        """Yield the packets of the stream; end at the first error."""
        try:
            for packet in demux(self._container, self._stream):
                if packet.size:
                    yield packet
        except av.error.FFmpegError as error:
            self.note_memory_error(error)
            return  # frames that were not read become gaps


def _has_palette(packet: VideoPacket) -> bool:
    return packet.has_sidedata("palette")
