"""A detector that reports the number painted in a frame, so that tables show which frame was read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from forensics.detection.detections import Boxes
from forensics.footage.frames import Frame, View
from forensics.footage.timeline import Int64Array, PacketIndex
from testing.painted import number_in

__all__ = ["NumberReader", "number_from_row"]

_NUMBERS_IN_A_SCORE = 512
NUMBER, NONE = "number", "none"


@dataclass(frozen=True, slots=True)
class NumberReader:
    """Implements `Detector`: one box in every frame, whose score encodes the number."""

    class_names: tuple[str, ...] = (NUMBER, NONE)
    view: View = field(default=View(320, 192))

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        return np.array([], dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        for frame in frames:
            number = number_in(frame.rgb) if min(frame.rgb.shape[:2]) >= 24 else None
            box = np.array([[0, 0, frame.width_px, frame.height_px]], dtype=np.float32)
            score = np.array([0.5 + (number or 0) / _NUMBERS_IN_A_SCORE], dtype=np.float32)
            yield frame.number, Boxes(box, score, np.array([int(number is None)], dtype=np.int64))


def number_from_row(class_name: str, score: float) -> int | None:
    """Return the painted number that a row of `detections` encodes; None if the frame showed none."""
    return None if class_name == NONE else round((score - 0.5) * _NUMBERS_IN_A_SCORE)
