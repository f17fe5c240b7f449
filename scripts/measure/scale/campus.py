"""Footage of many cameras for hours at 60 frames/s: small pictures, but as many packets as real footage."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np

__all__ = ["FPS", "make_campus", "visits_in"]

FPS: Final = 60
_GOP: Final = 24
_SIZE_PX: Final = (64, 48)
# The instant detector reports a person while the picture is bright.
_BRIGHT_S, _DARK_S = 30, 10
# One lap is encoded and then repeated by stream copy.
_LAP_S: Final = 5 * (_BRIGHT_S + _DARK_S)


def visits_in(seconds: int) -> int:
    """Return how many times a person enters the picture of one camera."""
    return -(-seconds // (_BRIGHT_S + _DARK_S))


def make_campus(folder: Path, n_cameras: int, seconds: int) -> list[Path]:
    """Write one file of so many seconds for each camera; all files differ."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_file(folder / f"camera-{number}.mp4", number, seconds) for number in range(n_cameras)]


def _write_file(path: Path, camera: int, seconds: int) -> Path:
    """Encode one lap and repeat its packets."""
    width, height = _SIZE_PX
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=Fraction(FPS), options={"preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = _GOP
        lap = [packet for frame in _lap(camera) for packet in stream.encode(frame)] + list(stream.encode())
        packets = [
            (bytes(packet), packet.pts, packet.dts, packet.duration, packet.is_keyframe, packet.time_base)
            for packet in lap
        ]
        ticks = max(pts + (duration or 1) for _, pts, _, duration, _, _ in packets)
        n_frames = seconds * FPS
        for number in range(n_frames):
            data, pts, dts, duration, is_key, time_base = packets[number % len(packets)]
            shift = number // len(packets) * ticks
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, time_base
            packet.pts, packet.dts, packet.duration, packet.is_keyframe = pts + shift, dts + shift, duration, is_key
            output.mux(packet)
    return path


def _lap(camera: int) -> Iterator["av.VideoFrame"]:
    width, height = _SIZE_PX
    rng = np.random.default_rng(camera)
    for number in range(_LAP_S * FPS):
        is_bright = number / FPS % (_BRIGHT_S + _DARK_S) < _BRIGHT_S
        level = 220 if is_bright else 20
        picture = np.full((height, width, 3), level, dtype=np.uint8)
        picture[number % height, rng.integers(0, width)] ^= 31
        yield av.VideoFrame.from_ndarray(picture, format="rgb24")
