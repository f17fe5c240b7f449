"""Encodes painted frames into files and makes stream copies, with PyAV."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from forensics.footage.frames import RgbArray
from testing.painted.picture import paint

__all__ = ["PAL", "REPEATABLE", "Recipe", "copy", "encode", "encode_pictures", "restored_priority", "skip_to_keyframe"]

PAL = Fraction(25)
# Without it, Matroska files hold random ids.
REPEATABLE = {"fflags": "+bitexact"}
_TICKS_PER_SECOND = 90_000
_COUNT_FRAMES = ("mpeg2video", "mpeg4", "mjpeg")
Packets = list["av.Packet"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Encoding and container of a clip.

    Attributes:
        codec: name of the encoder.
        options: of the encoder.
        container: name of the muxer; None chooses it by the file name.
        container_options: of the muxer.
        width_px, height_px: of the upright picture.
        pixel_format: of the encoded picture.
        rate: frames per second; the nominal rate if the intervals vary.
        gop: frames between keyframes.
        rotation_degrees: clockwise rotation that a player must apply, 0 or 90.
    """

    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    container: str | None = None
    container_options: dict[str, str] = field(default_factory=dict)
    width_px: int = 160
    height_px: int = 96
    pixel_format: str = "yuv420p"
    rate: Fraction = PAL
    gop: int = 12
    rotation_degrees: int = 0


def encode(path: Path, recipe: Recipe, times: Sequence[Fraction], first_number: int = 0) -> Path:
    """Write a clip that shows number n, counted from `first_number`, at `times[n]` seconds."""
    numbers = range(first_number, first_number + len(times))
    pictures = (paint(number, recipe.width_px, recipe.height_px) for number in numbers)
    return encode_pictures(path, recipe, pictures, times)


def encode_pictures(path: Path, recipe: Recipe, pictures: Iterable[RgbArray], times: Sequence[Fraction]) -> Path:
    """Write a clip that shows each picture, which has the size of the recipe, at its time in seconds."""
    with (
        restored_priority(),
        av.open(
            str(path), "w", format=recipe.container, options={**REPEATABLE, **recipe.container_options}
        ) as container,
    ):
        stream = _stream_of(container, recipe)
        if path.suffix == ".avi" or recipe.codec in _COUNT_FRAMES:
            stream.codec_context.time_base = 1 / recipe.rate
        for rgb, time in zip(pictures, times, strict=True):
            frame = _frame_of(rgb, recipe)
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(time / frame.time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def copy(
    source: Path,
    path: Path,
    *,
    choose: Callable[[Packets], Packets] = lambda packets: packets,
    options: dict[str, str] | None = None,
) -> Path:
    """Write the chosen packets of `source` to `path` by stream copy; return `path`."""
    with (
        av.open(str(source)) as origin,
        av.open(str(path), "w", options={**REPEATABLE, **(options or {})}) as container,
    ):
        stream = container.add_stream_from_template(origin.streams.video[0])
        packets = [packet for packet in origin.demux(video=0) if packet.size]
        for packet in choose(packets):
            packet.stream = stream
            container.mux(packet)
    return path


def skip_to_keyframe(nth: int) -> Callable[[Packets], Packets]:
    """Return a choice for `copy`: all packets from the nth keyframe on, counted from 0."""

    def choose(packets: Packets) -> Packets:
        starts = [place for place, packet in enumerate(packets) if packet.is_keyframe]
        return packets[starts[nth] :]

    return choose


@contextmanager
def restored_priority() -> Iterator[None]:
    """Restore the scheduling priority: SVT-AV1, run by root, leaves the process at the highest real-time priority."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def _stream_of(container: "av.container.OutputContainer", recipe: Recipe) -> "av.VideoStream":
    stream = container.add_stream(recipe.codec, rate=recipe.rate, options=recipe.options)
    is_rotated = recipe.rotation_degrees == 90
    stream.width, stream.height = (
        (recipe.height_px, recipe.width_px) if is_rotated else (recipe.width_px, recipe.height_px)
    )
    stream.pix_fmt = recipe.pixel_format
    stream.codec_context.gop_size = recipe.gop
    stream.codec_context.thread_count = 1
    stream.codec_context.time_base = Fraction(1, _TICKS_PER_SECOND)
    if is_rotated:
        stream.set_display_rotation(-recipe.rotation_degrees)
    return stream


def _frame_of(rgb: RgbArray, recipe: Recipe) -> "av.VideoFrame":
    stored = np.ascontiguousarray(np.rot90(rgb)) if recipe.rotation_degrees == 90 else rgb
    return av.VideoFrame.from_ndarray(stored, format="rgb24").reformat(format=recipe.pixel_format)
