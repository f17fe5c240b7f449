"""Healthy files with random encoder settings, so that readers are not grown to fit hand-picked kinds.

A seed makes one file: codec, container, frame rate and the settings that decide which pictures are built on which. The
pictures carry their numbers and a texture that moves, so that prediction between them pays. The truth is the ffmpeg
command line where it is installed, and a formula: frame n shows number n at n divided by the frame rate.
"""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import numpy as np

from forensics.footage.frames import RgbArray
from testing.painted.encode import REPEATABLE, restored_priority
from testing.painted.picture import paint

__all__ = ["RandomFile", "decode_with_ffmpeg", "ffmpeg_output"]

WIDTH_PX, HEIGHT_PX = 160, 96
_TEXTURE = np.random.default_rng(7).integers(-24, 25, (2 * HEIGHT_PX, 2 * WIDTH_PX)).astype(np.int16)
_SHARES = {"h264": 48, "hevc": 14, "mpeg2": 10, "mpeg4": 10, "vp9": 6, "av1": 6, "vp8": 2, "wmv2": 2, "divx3": 2}
_ENCODERS = {
    "h264": "libx264",
    "hevc": "libx265",
    "mpeg2": "mpeg2video",
    "mpeg4": "mpeg4",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "vp8": "libvpx",
    "wmv2": "wmv2",
    "divx3": "msmpeg4",
}
_CONTAINERS = {
    "h264": ("mp4", "mov", "mkv", "avi", "ts", "flv", "264", "fragmented", "mpg", "nut", "asf"),
    "hevc": ("mp4", "mkv", "ts", "265", "mov"),
    "mpeg2": ("mpg", "ts", "mkv", "avi", "mp4", "m2v"),
    "mpeg4": ("avi", "mp4", "mkv", "m4v", "mov", "asf"),
    "vp9": ("webm", "mkv", "mp4", "ivf"),
    "av1": ("webm", "mkv", "mp4", "ivf", "avi"),
    "vp8": ("webm", "mkv", "ivf", "avi"),
    "wmv2": ("asf", "avi"),
    "divx3": ("avi", "mkv", "asf"),
}
_MUXERS = {"264": "h264", "265": "hevc", "m2v": "mpeg2video", "m4v": "m4v", "mpg": "vob", "fragmented": "mp4"}
_UNTIMED = ("264", "265", "m2v", "m4v")
_RATES = (Fraction(25), Fraction(30), Fraction(15), Fraction(50), Fraction(30_000, 1001), Fraction(12))
_MPEG2_RATES = (Fraction(25), Fraction(30), Fraction(50))


@dataclass(frozen=True, slots=True)
class RandomFile:
    """A healthy file whose settings follow from a seed.

    Attributes:
        seed: makes the same file again.
        codec, container: of the file, by the names in this module.
        options: of the encoder.
        rate: frames per second.
        n_frames: number of frames.
        gop: largest number of frames between keyframes.
    """

    seed: int
    codec: str
    container: str
    options: dict[str, str]
    rate: Fraction
    n_frames: int
    gop: int

    @classmethod
    def of(cls, seed: int) -> "RandomFile":
        """Return the file of a seed."""
        rng = Random(seed)
        codec = rng.choices(list(_SHARES), list(_SHARES.values()))[0]
        gop = rng.choice((5, 8, 12, 15, 25, 30, 50, 250))
        return cls(
            seed,
            codec,
            rng.choice(_CONTAINERS[codec]),
            _OPTIONS[codec](rng, gop),
            rng.choice(_MPEG2_RATES if codec == "mpeg2" else _RATES),
            rng.choice((60, 90, 120)),
            gop,
        )

    @property
    def assumed_rate(self) -> Fraction | None:
        """The frame rate that a user must give; None if the container has times."""
        return self.rate if self.container in _UNTIMED else None

    @property
    def times_us(self) -> list[int]:
        """Media time of every frame, in microseconds."""
        return [round(number / self.rate * 1_000_000) for number in range(self.n_frames)]

    def describe(self) -> str:
        """Return the settings as text, for a report."""
        options = " ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.codec} in {self.container}, {self.rate} frames/s, {self.n_frames} frames: {options}"

    def build(self, folder: Path) -> Path:
        """Write the file into a folder and return its path."""
        suffix = "mp4" if self.container == "fragmented" else self.container
        path = folder / f"random_{self.seed}.{suffix}"
        fragmented = {"movflags": "frag_keyframe+empty_moov"} if self.container == "fragmented" else {}
        options = {**REPEATABLE, **fragmented}
        with restored_priority(), av.open(str(path), "w", format=_MUXERS.get(self.container), options=options) as file:
            stream = file.add_stream(_ENCODERS[self.codec], rate=self.rate, options=self.options)
            stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
            stream.codec_context.gop_size, stream.codec_context.thread_count = self.gop, 1
            for number in range(self.n_frames):
                frame = av.VideoFrame.from_ndarray(textured(number), format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = number, 1 / self.rate
                file.mux(stream.encode(frame))
            file.mux(stream.encode())
        return path


def textured(number: int) -> RgbArray:
    """Return the picture of a number with a texture that moves, (HEIGHT_PX, WIDTH_PX, 3) uint8."""
    right, down = number * 3 % WIDTH_PX, number * 2 % HEIGHT_PX
    texture = _TEXTURE[down : down + HEIGHT_PX, right : right + WIDTH_PX, None]
    return np.clip(paint(number, WIDTH_PX, HEIGHT_PX).astype(np.int16) + texture, 0, 255).astype(np.uint8)


def _h264_options(rng: Random, gop: int) -> dict[str, str]:
    settings = {
        "keyint": gop,
        "min-keyint": max(1, min(rng.choice((1, gop // 2, gop)), gop // 2 + 1)),
        "ref": rng.randint(1, 8),
        "bframes": rng.choice((0, 0, 1, 2, 3, 4, 5)),
        "b-pyramid": rng.choice(("none", "strict", "normal")),
        "b-adapt": rng.choice((0, 1, 2)),
        "scenecut": rng.choice((0, 40)),
        "open-gop": rng.choice((0, 1)),
        "weightp": rng.choice((0, 1, 2)),
        "weightb": rng.choice((0, 1)),
        "direct": rng.choice(("spatial", "temporal", "auto")),
        "cabac": rng.choice((0, 1)),
        "slices": rng.choice((1, 1, 2, 4)),
        "aud": rng.choice((0, 1)),
        "mixed-refs": rng.choice((0, 1)),
        "constrained-intra": rng.choice((0, 0, 1)),
        "rc-lookahead": rng.choice((0, 10, 40)),
        "sync-lookahead": 0,
        "threads": 1,
    }
    special = rng.random()
    if special < 0.15:
        settings |= {"intra-refresh": 1, "open-gop": 0, "bframes": rng.choice((0, 2))}
    elif special < 0.3:
        settings |= {"tff": 1}
    return {
        "preset": rng.choice(("ultrafast", "veryfast", "medium")),
        "crf": rng.choice(("18", "26", "32")),
        "x264-params": _joined(settings),
    }


def _hevc_options(rng: Random, gop: int) -> dict[str, str]:
    n_b_frames = rng.choice((0, 1, 2, 3, 4))
    settings = {
        "keyint": gop,
        "min-keyint": max(1, gop // 2),
        "ref": rng.randint(1, 4),
        "bframes": n_b_frames,
        "open-gop": rng.choice((0, 1)),
        "b-adapt": rng.choice((0, 1, 2)),
        "b-pyramid": rng.choice((0, 1)),
        "scenecut": rng.choice((0, 40)),
        "radl": rng.choice((0, min(2, n_b_frames))),
        "repeat-headers": 1,
        "pools": "none",
        "frame-threads": 1,
        "log-level": "none",
    }
    return {"preset": "ultrafast", "x265-params": _joined(settings)}


def _mpeg2_options(rng: Random, gop: int) -> dict[str, str]:
    flags = rng.sample(("cgop", "ilme", "ildct"), rng.randint(0, 2))
    options = {"bf": rng.choice(("0", "1", "2")), "sc_threshold": "1000000000"}
    return {**options, "flags": "+" + "+".join(flags)} if flags else options


def _mpeg4_options(rng: Random, gop: int) -> dict[str, str]:
    return {"bf": rng.choice(("0", "0", "1", "2"))}


def _no_options(rng: Random, gop: int) -> dict[str, str]:
    return {}


def _vp9_options(rng: Random, gop: int) -> dict[str, str]:
    lag = {"auto-alt-ref": rng.choice(("0", "1")), "lag-in-frames": rng.choice(("0", "10", "20"))}
    return {"deadline": "realtime", "cpu-used": "8", **lag}


def _av1_options(rng: Random, gop: int) -> dict[str, str]:
    structure = {"keyint": gop, "irefresh-type": rng.choice((1, 2)), "pred-struct": rng.choice((1, 2))}
    return {"preset": "10", "svtav1-params": _joined(structure)}


_OPTIONS = {
    "h264": _h264_options,
    "hevc": _hevc_options,
    "mpeg2": _mpeg2_options,
    "mpeg4": _mpeg4_options,
    "vp9": _vp9_options,
    "av1": _av1_options,
    "vp8": _vp9_options,
    "wmv2": _no_options,
    "divx3": _no_options,
}


def _joined(settings: dict[str, int | str] | dict[str, int]) -> str:
    return ":".join(f"{name}={value}" for name, value in settings.items())


def decode_with_ffmpeg(path: Path) -> Iterator[RgbArray] | None:
    """Return what the ffmpeg command line decodes, picture by picture; None if it is not installed.

    Args:
        path: of a file with pictures of WIDTH_PX times HEIGHT_PX.
    """
    output = ffmpeg_output(path)
    return None if output is None else iter(np.frombuffer(output, np.uint8).reshape(-1, HEIGHT_PX, WIDTH_PX, 3))


def ffmpeg_output(path: Path) -> bytes | None:
    """Return the RGB bytes of all pictures that the ffmpeg command line decodes; None if it is not installed."""
    if shutil.which("ffmpeg") is None:
        return None
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v:0", "-vsync", "passthrough"]
    output = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    return output.stdout
