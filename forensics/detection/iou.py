"""Intersection over union of boxes, also of bodies that moved between two sampled frames."""

from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["expand_boxes", "iou_matrix", "paired_iou", "reach_after"]

FloatT = TypeVar("FloatT", np.float32, np.float64)

# A person who walks across the picture moves 0.8 body heights per second; each of the two boxes grows by half of it.
_REACH_PER_SECOND: Final = 0.4
_LARGEST_REACH: Final = 0.4


def reach_after(seconds: float) -> float:
    """Return by how much to expand each of two boxes that are `seconds` apart, as a fraction of its longer side.

    >>> reach_after(0.5), reach_after(60)
    (0.2, 0.4)
    """
    return min(_REACH_PER_SECOND * seconds, _LARGEST_REACH)


def expand_boxes(boxes: npt.NDArray[Any], reach: float) -> npt.NDArray[np.float64]:
    """Expand (N, 4) boxes on every side by `reach` times their longer side."""
    start, stop = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    margin = (stop - start).max(axis=1, keepdims=True) * reach
    return np.concatenate([start - margin, stop + margin], axis=1)


def iou_matrix(boxes: npt.NDArray[FloatT], others: npt.NDArray[FloatT]) -> npt.NDArray[FloatT]:
    """Return the (N, M) IoU of (N, 4) boxes with (M, 4) others; 0 for boxes without area."""
    return paired_iou(boxes[:, None], others[None, :])


def paired_iou(boxes: npt.NDArray[FloatT], others: npt.NDArray[FloatT]) -> npt.NDArray[FloatT]:
    """Return the (...) IoU of each of (..., 4) boxes with its counterpart in others; 0 for boxes without area."""
    start = np.maximum(boxes[..., :2], others[..., :2])
    stop = np.minimum(boxes[..., 2:], others[..., 2:])
    shared = _area(start, stop)
    union = _area(boxes[..., :2], boxes[..., 2:]) + _area(others[..., :2], others[..., 2:]) - shared
    iou: npt.NDArray[FloatT] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return iou


def _area(start: npt.NDArray[FloatT], stop: npt.NDArray[FloatT]) -> npt.NDArray[FloatT]:
    """Return the (...) areas of boxes between two corners (..., 2), at least zero."""
    sides = np.maximum(stop - start, 0)
    area: npt.NDArray[FloatT] = sides[..., 0] * sides[..., 1]
    return area
