"""Facts from the first picture that the decoder returns."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av.error
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from forensics.adapters.video.orientation import Orientation, take_orientation
from forensics.adapters.video.pyav_open import (
    MAX_DELAYED_PIXELS,
    MAX_PIXELS,
    choose_stream,
    demux,
    open_decoder,
    open_file,
    rate_of,
)
from forensics.errors import UnreadableFootage
from forensics.place import Place

__all__ = ["FirstFrame", "decode_first_frame"]


@dataclass(frozen=True, slots=True)
class FirstFrame:
    """Facts from the first decoded frame and the open codec.

    Attributes:
        width_px, height_px: of the upright frame.
        orientation: what makes the stored picture upright.
        rate: frames per second stated by the stream; None if it states none.
    """

    width_px: int
    height_px: int
    orientation: Orientation
    rate: Fraction | None


def decode_first_frame(path: Place, stream_index: int | None) -> FirstFrame:
    """Decode up to the first frame and return its facts.

    Raises:
        UnreadableFootage: the pictures are too large, or the decoder returns none.
    """
    width_px = height_px = 0
    for is_strict in (True, False):  # a file that begins inside a group of pictures may hold no flawless start
        if width_px * height_px > MAX_DELAYED_PIXELS:
            break
        with open_file(path) as container:
            stream = choose_stream(container, path, stream_index)
            name, width_px, height_px = stream.codec_context.name, stream.width, stream.height
            decoder = open_decoder(stream, is_strict=is_strict)
            for frame in _decode_frames(container, stream, decoder):
                if isinstance(frame, VideoFrame):
                    orientation = take_orientation(frame)
                    width_px, height_px = orientation.size_of(frame.width, frame.height)
                    return FirstFrame(width_px, height_px, orientation, rate_of(stream))
    if width_px * height_px > MAX_PIXELS:
        raise UnreadableFootage(
            path, "too_large", f"its pictures are {width_px}x{height_px} pixels, at most {MAX_PIXELS} are decoded"
        )
    raise UnreadableFootage(path, "no_picture", f"the {name} decoder returned no picture from the whole stream")


def _decode_frames(
    container: InputContainer, stream: VideoStream, decoder: VideoCodecContext
) -> Iterator[VideoFrame | str]:
    """Yield every decoded frame in presentation order, and an error text for each failure."""
    packets = demux(container, stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:
            yield f"demuxing: {error.strerror}"
            return
        if packet is None:
            return
        try:
            yield from decoder.decode(packet)
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            yield f"decoding: {error.strerror}"
