"""Decoding of YOLO outputs to boxes: threshold, class, order, non-maximum suppression. Pure and deterministic."""

from typing import Final

import numpy as np

from forensics.detection.detections import Boxes, FloatArray
from forensics.errors import UsageError
from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["class_indices", "decode_dense", "decode_final", "sort_boxes", "suppress"]

_MAX_BOXES: Final = 300
# Number of boxes compared with all others at once, which bounds memory.
_BLOCK: Final = 64


def class_indices(class_names: tuple[str, ...], classes: tuple[str, ...]) -> Int64Array:
    """Return the ascending indices of the wanted classes; of all classes if none is given.

    >>> class_indices(("person", "bicycle", "car"), ("car", "person")).tolist()
    [0, 2]
    """
    unknown = [name for name in classes if name not in class_names]
    if unknown:
        raise UsageError(f"the model does not know {', '.join(unknown)}", f"it knows: {', '.join(class_names)}")
    wanted = [index for index, name in enumerate(class_names) if not classes or name in classes]
    return np.array(wanted, dtype=np.int64)


def decode_dense(output: FloatArray, wanted: Int64Array, min_score: float) -> Boxes:
    """Decode a head that returns a box and one score per class for every anchor.

    The class of an anchor is the best of all classes, wanted or not, so that fewer wanted classes never add a box.

    Args:
        output: (4 + C, A) float32: centre x, centre y, width, height, then the scores.
        wanted: ascending indices of the wanted classes.
        min_score: threshold of the score.
    """
    n_classes = len(output) - 4
    every = len(wanted) == n_classes
    # (A,): reads only the rows of wanted classes; most anchors are dropped here
    best_wanted = output[4:].max(axis=0) if every else output[4 + wanted].max(axis=0)
    near = output[:, best_wanted >= min_score]  # (4 + C, N)
    class_index = near[4:].argmax(axis=0)
    kept = np.isin(class_index, wanted)
    near, class_index = near[:, kept], class_index[kept]
    centre, half = near[:2], near[2:4] / 2
    xyxy = np.concatenate([centre - half, centre + half]).T
    return Boxes(xyxy, near[4:].max(axis=0), class_index)


def decode_final(output: FloatArray, wanted: Int64Array, min_score: float) -> Boxes:
    """Decode a head that has suppressed duplicates itself.

    Args:
        output: (N, 6) float32: x1, y1, x2, y2, score, class.
        wanted: ascending indices of the wanted classes.
        min_score: threshold of the score.
    """
    class_index = output[:, 5].astype(np.int64)
    kept = (output[:, 4] >= min_score) & np.isin(class_index, wanted)
    return Boxes(output[kept, :4], output[kept, 4], class_index[kept])


def sort_boxes(boxes: Boxes) -> Boxes:
    """Sort boxes by descending score; ties by class, then by x1, y1, x2, y2."""
    x1, y1, x2, y2 = boxes.xyxy.T
    return _take(boxes, np.lexsort((y2, x2, y1, x1, boxes.class_index, -boxes.score)))


def suppress(boxes: Boxes, iou: float) -> Boxes:
    """Apply non-maximum suppression per class; return at most 300 boxes.

    Args:
        boxes: sorted by `sort_boxes`.
        iou: IoU above which the weaker of two boxes of one class is dropped.
    """
    kept: list[int] = []
    alive = np.ones(len(boxes), dtype=np.bool_)
    for start in range(0, len(boxes), _BLOCK):
        block = slice(start, start + _BLOCK)
        for row, is_duplicate in enumerate(_duplicates(boxes, block, iou), start):
            if not alive[row]:
                continue
            kept.append(row)
            if len(kept) == _MAX_BOXES:
                return _take(boxes, np.array(kept, dtype=np.int64))
            alive[row + 1 :] &= ~is_duplicate[row + 1 :]
    return _take(boxes, np.array(kept, dtype=np.int64))


def _duplicates(boxes: Boxes, block: slice, iou: float) -> BoolArray:
    """Return (n, N) bool, whether each box of a block and each of all boxes share a class and overlap above `iou`."""
    one, others = boxes.xyxy[block][:, np.newaxis], boxes.xyxy[np.newaxis]
    shared = np.minimum(one[..., 2:], others[..., 2:]) - np.maximum(one[..., :2], others[..., :2])  # (n, N, 2)
    shared_area = np.maximum(shared, 0).prod(axis=2)
    area = (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]).prod(axis=1)
    union = area[block][:, np.newaxis] + area[np.newaxis] - shared_area
    overlap = shared_area / np.maximum(union, np.float32(1e-9))
    same = boxes.class_index[block][:, np.newaxis] == boxes.class_index[np.newaxis]
    duplicates: BoolArray = same & (overlap > iou)
    return duplicates


def _take(boxes: Boxes, rows: Int64Array) -> Boxes:
    return Boxes(boxes.xyxy[rows], boxes.score[rows], boxes.class_index[rows])
