"""Bounding boxes of frames, as parallel columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["NO_BOXES", "NO_DETECTIONS", "Boxes", "Detections", "FloatArray", "concatenate"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The boxes of one frame, highest score first; ties by class, then by coordinates.

    Attributes:
        xyxy: (N, 4) float32, pixels of the upright decoded frame, x to the right, y down.
        score: (N,) float32 in [0, 1], on the detector's own scale.
        class_index: (N,) int64 into the detector's `class_names`.
    """

    xyxy: FloatArray
    score: FloatArray
    class_index: Int64Array

    def __post_init__(self) -> None:
        n_boxes = len(self.score)
        if self.xyxy.shape != (n_boxes, 4) or self.class_index.shape != (n_boxes,):
            raise ValueError(f"boxes: shapes {self.xyxy.shape}, {self.score.shape}, {self.class_index.shape}")

    def __len__(self) -> int:
        return len(self.score)

    def is_at_least(self, score: float) -> BoolArray:
        """Whether each score reaches `score`, as (N,) bool; compared in double precision, as trackers do.

        >>> one = Boxes(np.zeros((1, 4), np.float32), np.array([0.7], np.float32), np.zeros(1, np.int64))
        >>> one.is_at_least(0.7).tolist(), one.score.tolist()
        ([False], [0.699999988079071])
        """
        is_at_least: BoolArray = self.score.astype(np.float64) >= score
        return is_at_least


NO_BOXES: Final = Boxes(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The boxes of one evidence, as parallel columns, ordered by frame and then as `Boxes`.

    Attributes:
        frame: (N,) int64, number in presentation order, non-decreasing.
        xyxy: (N, 4) float32, pixels of the upright decoded frame.
        score: (N,) float32 in [0, 1], on the detector's own scale.
        class_index: (N,) int64 into the detector's `class_names`.
    """

    frame: Int64Array
    xyxy: FloatArray
    score: FloatArray
    class_index: Int64Array

    def __post_init__(self) -> None:
        n_boxes = len(self.frame)
        if self.xyxy.shape != (n_boxes, 4) or not len(self.score) == len(self.class_index) == n_boxes:
            raise ValueError(f"detections: {n_boxes} frames, boxes {self.xyxy.shape}, scores {self.score.shape}")
        if n_boxes and np.any(np.diff(self.frame) < 0):
            raise ValueError("detections: frames must not decrease")

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, rows: Int64Array, class_numbers: Int64Array) -> "Detections":
        """Return the given rows, with renumbered classes.

        Args:
            rows: (K,) int64, increasing.
            class_numbers: (C,) int64, the new number of each class.
        """
        return Detections(self.frame[rows], self.xyxy[rows], self.score[rows], class_numbers[self.class_index[rows]])


NO_DETECTIONS: Final = Detections(np.empty(0, np.int64), NO_BOXES.xyxy, NO_BOXES.score, NO_BOXES.class_index)


def concatenate(parts: Sequence[Detections]) -> Detections:
    """Join one or more parts, in the given order."""
    names = ("frame", "xyxy", "score", "class_index")
    return Detections(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
