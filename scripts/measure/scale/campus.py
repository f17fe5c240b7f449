"""A campus of eight cameras, for hours, at 60 frames a second: small pictures, as many packets as the real ones."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np

__all__ = ["FPS", "campus", "dimmed_s"]

FPS: Final = 60
_GOP: Final = 24
_SIZE_PX: Final = (64, 48)
# Somebody is there while it is bright.
_BRIGHT_S, _DARK_S = 30, 10
# One lap is encoded, and repeated by stream copy.
_LAP_S: Final = 5 * (_BRIGHT_S + _DARK_S)


def dimmed_s(seconds: int) -> int:
    """How many times somebody comes into the picture of one camera."""
    return -(-seconds // (_BRIGHT_S + _DARK_S))


def campus(folder: Path, n_cameras: int, seconds: int) -> list[Path]:
    """One file for each camera, of so many seconds, each with its own bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_filmed(folder / f"camera-{number}.mp4", number, seconds) for number in range(n_cameras)]


def _filmed(path: Path, camera: int, seconds: int) -> Path:
    """Encode one lap, then repeat its packets."""
    width, height = _SIZE_PX
    with av.open(str(path), "w") as writing:
        stream = writing.add_stream("libx264", rate=Fraction(FPS), options={"preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = _GOP
        lap = [packet for frame in _lap(camera) for packet in stream.encode(frame)] + list(stream.encode())
        kept = [
            (bytes(packet), packet.pts, packet.dts, packet.duration, packet.is_keyframe, packet.time_base)
            for packet in lap
        ]
        ticks = max(pts + (duration or 1) for _, pts, _, duration, _, _ in kept)
        n_frames = seconds * FPS
        for number in range(n_frames):
            data, pts, dts, duration, is_key, time_base = kept[number % len(kept)]
            shift = number // len(kept) * ticks
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, time_base
            packet.pts, packet.dts, packet.duration, packet.is_keyframe = pts + shift, dts + shift, duration, is_key
            writing.mux(packet)
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
