"""Footage that is long enough: a clip in a loop, and one that is still for nine tenths of its time."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from scripts.measure.excerpt import excerpt

__all__ = ["excerpt", "looped", "mostly_still", "n_frames_in"]

_EMPTY_FRAME = 20
_NOISE = 2.0
_DRIFT = 4.0


def n_frames_in(clip: Path) -> int:
    """How many packets with a picture the first video stream holds."""
    with av.open(str(clip)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def looped(clip: Path, seconds: float, target: Path) -> Path:
    """The clip again and again by stream copy, for at least so long; every loop is the same to the byte."""
    shift = 0
    with av.open(str(target), "w") as writing:
        copied = None
        while copied is None or shift * copied.time_base < seconds:
            with av.open(str(clip)) as reading:
                stream = reading.streams.video[0]
                copied = copied or writing.add_stream_from_template(stream)
                shift = _appended(reading, stream, writing, copied, shift)
    return target


def _appended(
    reading: "av.container.InputContainer",
    stream: "av.VideoStream",
    writing: "av.container.OutputContainer",
    copied: "av.VideoStream",
    shift: int,
) -> int:
    """Write all packets `shift` ticks later; returns where the next loop begins."""
    end = shift
    for packet in reading.demux(stream):
        if packet.dts is None or packet.pts is None:
            continue
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        end = max(end, packet.pts + (packet.duration or 0))
        packet.stream = copied
        writing.mux(packet)
    return end


def mostly_still(clip: Path, seconds: float, target: Path, *, action: tuple[int, int], every_s: float) -> Path:
    """What a camera sees where little happens: an empty scene, and from time to time a stretch of the clip.

    The empty scene has noise of its own in every frame, and its light drifts.

    Args:
        clip: whose frame 20 is empty.
        seconds: how long it becomes.
        target: an .mp4 file.
        action: frames [start, stop) of the clip that are shown.
        every_s: from the begin of one such stretch to the next.
    """
    with av.open(str(clip)) as reading:
        stream = reading.streams.video[0]
        rate = Fraction(stream.average_rate or 25)
        frames = [
            frame.to_ndarray(format="rgb24") for frame, _ in zip(reading.decode(stream), range(action[1]), strict=False)
        ]
    rng, every = np.random.default_rng(0), round(every_s * rate)
    with av.open(str(target), "w") as writing:
        encoder = writing.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "23"})
        encoder.height, encoder.width, _ = frames[0].shape
        encoder.pix_fmt = "yuv420p"
        encoder.codec_context.gop_size = round(2 * rate)
        # noise is drawn once and shifted about: drawing it for every frame costs more than encoding
        noise = rng.normal(0, _NOISE, (2 * encoder.height, 2 * encoder.width, 1)).astype(np.float32)
        for number in range(round(seconds * rate)):
            place = number % every - (every - (action[1] - action[0]))
            if place >= 0:
                picture = frames[action[0] + place]
            else:
                picture = _at_rest(frames[_EMPTY_FRAME], noise, rng, _DRIFT * np.sin(number / 997))
            writing.mux(encoder.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        writing.mux(encoder.encode())
    return target


def _at_rest(empty: np.ndarray, noise: np.ndarray, rng: np.random.Generator, light: float) -> np.ndarray:
    height, width, _ = empty.shape
    top, left = rng.integers(0, height), rng.integers(0, width)
    seen = empty + noise[top : top + height, left : left + width] + np.float32(light)
    return seen.clip(0, 255).astype(np.uint8)
