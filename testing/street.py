"""Footage of a fixed camera with white walkers, and a detector that finds white patches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from forensics.detection.detections import Boxes
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["FPS", "StreetDetector", "Walker", "film", "street_walkers"]

FPS = 10
WIDTH_PX, HEIGHT_PX = 320, 192


@dataclass(frozen=True, slots=True)
class Walker:
    """A white rectangle of 16 by 40 pixels that walks.

    Attributes:
        first, last: frames in which it is visible.
        x: of the left side in the first frame.
        step: pixels per frame.
        y: of the top.
    """

    first: int
    last: int
    x: float = 20
    step: float = 4
    y: int = 100


def film(path: Path, n_frames: int, walkers: Sequence[Walker], noise: float = 1.0) -> Path:
    """Write footage with these walkers, with a keyframe every second."""
    rng = np.random.default_rng(0)
    ground = np.kron(rng.integers(30, 150, (12, 20)), np.ones((16, 16)))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.codec_context.gop_size = FPS
        for number in range(n_frames):
            picture = ground + rng.normal(0, noise, ground.shape)
            for walker in (each for each in walkers if each.first <= number <= each.last):
                left = round(walker.x + walker.step * (number - walker.first))
                picture[walker.y : walker.y + 40, left : left + 16] = 255
            rgb = np.repeat(picture.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return path


def street_walkers() -> list[Walker]:
    """Return the walkers of sixty seconds: one walks, two cross, one stops, and half of the time is empty."""
    return [
        Walker(53, 107),
        Walker(203, 251),
        Walker(203, 251, x=230, step=-4),
        Walker(377, 386),
        Walker(387, 560, x=60, step=0),
    ]


@dataclass(frozen=True, slots=True)
class StreetDetector:
    """Implements `Detector`: every white patch is a person.

    Attributes:
        ghosts: reported although no pixel shows them.
    """

    ghosts: tuple[Walker, ...] = ()
    class_names: tuple[str, ...] = ("person",)
    view: View = field(default=View(WIDTH_PX, WIDTH_PX))

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        return np.array([], dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        for frame in frames:
            found = _white_patches(frame.rgb)
            there = (ghost for ghost in self.ghosts if ghost.first <= frame.number <= ghost.last)
            found += [(ghost.x, ghost.y, ghost.x + 16, ghost.y + 40) for ghost in there]
            xyxy = np.array(found, dtype=np.float32).reshape(-1, 4)
            yield frame.number, Boxes(xyxy, np.full(len(xyxy), 0.9, np.float32), np.zeros(len(xyxy), dtype=np.int64))


def _white_patches(rgb: RgbArray) -> list[tuple[float, float, float, float]]:
    """Return boxes around runs of white columns, left to right."""
    is_white = rgb.min(axis=2) > 225
    columns = np.flatnonzero(is_white.sum(axis=0) > 20)
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1) if len(columns) else []
    found = []
    for run in runs:
        rows = np.flatnonzero(is_white[:, run].any(axis=1))
        found.append((float(run[0]), float(rows[0]), float(run[-1] + 1), float(rows[-1] + 1)))
    return found
