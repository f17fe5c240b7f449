"""How far boxes lie on each other, also of bodies that moved on between two looks."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["expand_boxes", "iou_matrix", "paired_iou", "reach_after"]

_Floats = npt.NDArray[np.float64]

# A person who walks across the picture goes 0.8 body heights a second; both boxes grow by half of that.
_REACH_PER_SECOND: Final = 0.4
_LARGEST_REACH: Final = 0.4


def reach_after(seconds: float) -> float:
    """How far a body may have gone between two looks, for each of the two boxes, in lengths of its longer side.

    >>> reach_after(0.5), reach_after(60)
    (0.2, 0.4)
    """
    return min(_REACH_PER_SECOND * seconds, _LARGEST_REACH)


def expand_boxes(boxes: npt.NDArray[Any], reach: float) -> _Floats:
    """(N, 4) boxes moved out on every side by `reach` of their longer sides."""
    start, stop = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    margin = (stop - start).max(axis=1, keepdims=True) * reach
    return np.concatenate([start - margin, stop + margin], axis=1)


def iou_matrix(boxes: _Floats, others: _Floats) -> _Floats:
    """(N, M) intersection over union of (N, 4) with (M, 4); boxes without area overlap nothing."""
    return paired_iou(boxes[:, None], others[None, :])


def paired_iou(boxes: _Floats, others: _Floats) -> _Floats:
    """(...) the same of each of (..., 4) with its counterpart among the others."""
    start = np.maximum(boxes[..., :2], others[..., :2])
    stop = np.minimum(boxes[..., 2:], others[..., 2:])
    shared = _area(start, stop)
    union = _area(boxes[..., :2], boxes[..., 2:]) + _area(others[..., :2], others[..., 2:]) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _area(start: _Floats, stop: _Floats) -> _Floats:
    """(...) float64 of boxes between two corners (..., 2), none below zero."""
    sides = np.maximum(stop - start, 0)
    area: _Floats = sides[..., 0] * sides[..., 1]
    return area
