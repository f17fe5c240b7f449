"""Files in which picture size, pixel format or codec changes in the middle."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from scripts.measure.bad_inputs.bad_file import BadFile, Expected, numbers_at_times
from scripts.measure.bad_inputs.originals import Workshop
from testing.painted.picture import paint

__all__ = ["changing_files"]

_N_FRAMES, _AT, _RATE = 48, 24, Fraction(25)
_TIMES = tuple(number / _RATE for number in range(_N_FRAMES))
_NO_B = {"preset": "ultrafast", "bf": "0"}
_HEVC = {"preset": "ultrafast", "x265-params": "bframes=0:keyint=12:pools=none:frame-threads=1:log-level=none"}
_VP = {"deadline": "realtime", "cpu-used": "8"}

_CODECS: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "h264": ("libx264", _NO_B, ("yuv420p", "yuv444p", "gray", "yuv420p10le")),
    "hevc": ("libx265", _HEVC, ("yuv420p", "yuv444p", "yuv420p10le")),
    "mjpeg": ("mjpeg", {}, ("yuvj420p", "yuvj444p", "yuvj422p")),
    "mpeg2": ("mpeg2video", {"bf": "0"}, ("yuv420p", "yuv422p")),
    "vp9": ("libvpx-vp9", _VP, ("yuv420p", "yuv444p")),
    "png": ("png", {}, ("rgb24", "gray", "rgba")),
}
_CONTAINERS = {
    "h264": ("ts", "mkv", "mp4", "avi", "264"),
    "hevc": ("ts", "mkv", "mp4", "265"),
    "mjpeg": ("mkv", "avi", "mov"),
    "mpeg2": ("ts", "mkv", "mpg"),
    "vp9": ("webm", "ivf", "mp4"),
    "png": ("mov",),
}
_SIZES = ((320, 192), (96, 160), (162, 98))
_PARAMETERS = {"264": "h264", "265": "hevc"}
# Containers without timestamps, or whose times shift when a picture is lost.
_UNTIMED = frozenset({"avi", "264", "265", "mpg"})


def changing_files() -> Iterator[BadFile]:
    """Yield, for each codec and container, changes to three other sizes and to each other pixel format."""
    for name, (_, _, formats) in _CODECS.items():
        for suffix in _CONTAINERS[name]:
            expected: Expected | None = None if suffix in _UNTIMED else numbers_at_times(_TIMES)
            for size in _SIZES:
                build = partial(_join_encoders, name, suffix, (size, formats[0]))
                yield BadFile("changes mid-stream", f"{name}-{suffix}-to_{size[0]}x{size[1]}", build, expected)
            for pixel_format in formats[1:]:
                build = partial(_join_encoders, name, suffix, ((160, 96), pixel_format))
                yield BadFile("changes mid-stream", f"{name}-{suffix}-to_{pixel_format}", build, expected)
    for second in ("hevc", "mpeg2"):
        yield BadFile("changes mid-stream", f"h264-ts-to_{second}", partial(_concatenate_ts, second))


def _join_encoders(name: str, suffix: str, then: tuple[tuple[int, int], str], shop: Workshop) -> Path:
    """Mux half of the pictures from one encoder and half from another one into one stream."""
    codec, _, formats = _CODECS[name]
    path = shop.folder / f"changing.{suffix}"
    first = _packets(name, (160, 96), formats[0], range(_AT))
    second = _packets(name, *then, range(_AT, _N_FRAMES))
    with av.open(str(path), "w", format=_PARAMETERS.get(suffix)) as container:
        stream = container.add_stream(codec, rate=_RATE)
        stream.width, stream.height, stream.pix_fmt = 160, 96, formats[0]
        for number, content in enumerate((*first, *second)):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, 1 / _RATE
            packet.pts = packet.dts = number
            packet.is_keyframe = number % 12 == 0 or name in {"mjpeg", "png"}
            container.mux(packet)
    return path


def _packets(name: str, size: tuple[int, int], pixel_format: str, numbers: range) -> list[bytes]:
    """Encode pictures of these numbers, one picture per packet, with codec parameters in the stream."""
    codec, options, _ = _CODECS[name]
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = *size, pixel_format
    context.time_base, context.framerate, context.gop_size = 1 / _RATE, _RATE, 12
    context.options, context.thread_count = dict(options), 1
    packets = []
    for number in numbers:
        rgb = np.ascontiguousarray(paint(number, *size))
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
        frame.pts, frame.time_base = number, 1 / _RATE
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets + [bytes(packet) for packet in context.encode(None)]


def _concatenate_ts(second: str, shop: Workshop) -> Path:
    """Concatenate two transport streams of different codecs."""
    first = shop.original("h264_no_b_ts")
    other = _join_encoders(second, "ts", ((160, 96), "yuv420p"), shop)
    content = other.read_bytes()
    other.unlink()
    return shop.write("glued.ts", first + content)
