"""Long footage: a repeated clip, and a clip that is still for nine tenths of its time."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from scripts.measure.excerpt import excerpt

__all__ = ["count_frames", "excerpt", "write_loop", "write_mostly_still"]

_EMPTY_FRAME = 20
_NOISE = 2.0
_DRIFT = 4.0


def count_frames(clip: Path) -> int:
    """Return the number of packets with a picture in the first video stream."""
    with av.open(str(clip)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def write_loop(clip: Path, seconds: float, target: Path) -> Path:
    """Repeat the clip by stream copy for at least so many seconds; the packets of all loops are equal."""
    shift = 0
    with av.open(str(target), "w") as output:
        copied = None
        while copied is None or shift * copied.time_base < seconds:
            with av.open(str(clip)) as source:
                stream = source.streams.video[0]
                copied = copied or output.add_stream_from_template(stream)
                shift = _append_packets(source, stream, output, copied, shift)
    return target


def _append_packets(
    source: "av.container.InputContainer",
    stream: "av.VideoStream",
    output: "av.container.OutputContainer",
    copied: "av.VideoStream",
    shift: int,
) -> int:
    """Write all packets `shift` ticks later; return the shift of the next loop."""
    end = shift
    for packet in source.demux(stream):
        if packet.dts is None or packet.pts is None:
            continue
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        end = max(end, packet.pts + (packet.duration or 0))
        packet.stream = copied
        output.mux(packet)
    return end


def write_mostly_still(clip: Path, seconds: float, target: Path, *, action: tuple[int, int], every_s: float) -> Path:
    """Write footage of an empty scene, with a part of the clip from time to time.

    The empty scene has new noise in every frame, and its brightness drifts.

    Args:
        clip: its frame 20 must show the empty scene.
        seconds: duration of the footage.
        target: an .mp4 file.
        action: frames [start, stop) of the clip that are inserted.
        every_s: time between the starts of two insertions.
    """
    with av.open(str(clip)) as source:
        stream = source.streams.video[0]
        rate = Fraction(stream.average_rate or 25)
        frames = [
            frame.to_ndarray(format="rgb24") for frame, _ in zip(source.decode(stream), range(action[1]), strict=False)
        ]
    rng, every = np.random.default_rng(0), round(every_s * rate)
    with av.open(str(target), "w") as output:
        encoder = output.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "23"})
        encoder.height, encoder.width, _ = frames[0].shape
        encoder.pix_fmt = "yuv420p"
        encoder.codec_context.gop_size = round(2 * rate)
        # the noise is computed once and shifted; computing it for every frame costs more than encoding
        noise = rng.normal(0, _NOISE, (2 * encoder.height, 2 * encoder.width, 1)).astype(np.float32)
        for number in range(round(seconds * rate)):
            place = number % every - (every - (action[1] - action[0]))
            if place >= 0:
                picture = frames[action[0] + place]
            else:
                picture = _empty_picture(frames[_EMPTY_FRAME], noise, rng, _DRIFT * np.sin(number / 997))
            output.mux(encoder.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(encoder.encode())
    return target


def _empty_picture(empty: np.ndarray, noise: np.ndarray, rng: np.random.Generator, light: float) -> np.ndarray:
    height, width, _ = empty.shape
    top, left = rng.integers(0, height), rng.integers(0, width)
    picture = empty + noise[top : top + height, left : left + width] + np.float32(light)
    return picture.clip(0, 255).astype(np.uint8)
