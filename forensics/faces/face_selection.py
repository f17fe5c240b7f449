"""Selection of the frames and the region to search for a person's face, and of the faces to compare.

Ties go to the earlier frame.
"""

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.footage.timeline import Int64Array

__all__ = ["head_region", "select_detections", "select_spaced"]

# A box that starts within this many pixels of the upper border is cut off at the head.
_UPPER_BORDER_PX = 2.0
_CUT_OFF_WEIGHT = 0.25
# A standing person is two to four times as tall as wide; wider boxes show head and shoulders.
_STANDING_MAX_WIDTH_TO_HEIGHT = 0.6
_HEAD_SHARE_OF_HEIGHT = 0.45
_MARGIN_SHARE_OF_WIDTH = 0.15


def select_detections(
    media_us: Int64Array, xyxy: FloatArray, score: FloatArray, *, spacing_us: int, at_most: int
) -> Int64Array:
    """Select the detections of one track in which to search for the face, spread over the time of the track.

    The track is divided into `at_most` intervals of equal time. Each gives its best detection, by score times area; a
    box cut off by the upper border of the picture, where the head would be, counts a quarter. `select_spaced` then
    thins them out to `spacing_us`.

    Args:
        media_us: (N,) int64, non-decreasing.
        xyxy: (N, 4) float32.
        score: (N,) float32.
        spacing_us: least distance between two, positive.
        at_most: largest M.

    Returns:
        (M,) int64 rows in time order.
    """
    if not len(media_us):
        return np.zeros(0, dtype=np.int64)
    x1, y1, x2, y2 = xyxy.astype(np.float64).T
    value = score.astype(np.float64) * (x2 - x1) * (y2 - y1) * np.where(y1 < _UPPER_BORDER_PX, _CUT_OFF_WEIGHT, 1.0)
    duration = int(media_us[-1] - media_us[0]) + 1
    interval = (media_us - media_us[0]) * at_most // duration
    best = [_best_of(np.flatnonzero(interval == number), value) for number in np.unique(interval).tolist()]
    rows = np.array(best, dtype=np.int64)
    return rows[select_spaced(media_us[rows], value[rows], spacing_us=spacing_us, at_most=at_most)]


def _best_of(rows: Int64Array, value: npt.NDArray[np.float64]) -> int:
    return int(rows[np.argmax(value[rows])])


def select_spaced(media_us: Int64Array, worth: npt.NDArray[np.float64], *, spacing_us: int, at_most: int) -> Int64Array:
    """Select the rows of largest total worth that lie at least `spacing_us` apart, by dynamic programming.

    Two fair faces can beat a single better one that lies too close to both.

    Args:
        media_us: (N,) int64, non-decreasing.
        worth: (N,) float64, positive.
        spacing_us: least distance between two, positive.
        at_most: largest M.

    Returns:
        (M,) int64 rows in time order.

    >>> select_spaced(np.array([0, 2, 4]), np.array([0.5, 0.6, 0.5]), spacing_us=4, at_most=5).tolist()
    [0, 2]
    """
    # best[count, row]: largest total worth of `count` rows that end with `row`; before[count, row]: the one before it
    n_rows = len(media_us)
    best = np.full((min(at_most, n_rows) + 1, n_rows), -np.inf)
    before = np.full(best.shape, -1, dtype=np.int64)
    fits = np.searchsorted(media_us, media_us - spacing_us, side="right")  # rows [0, fits) lie far enough before
    for count in range(1, len(best)):
        for row in range(n_rows):
            if count == 1:
                best[count, row] = worth[row]
            elif fits[row]:
                before[count, row] = int(np.argmax(best[count - 1, : fits[row]]))
                best[count, row] = best[count - 1, before[count, row]] + worth[row]
    return _trace_back(best, before)


def _trace_back(best: npt.NDArray[np.float64], before: Int64Array) -> Int64Array:
    """Follow the best selection from its last row to its first; return it in time order."""
    if best.shape[1] == 0:
        return np.zeros(0, dtype=np.int64)
    count, row = (int(index) for index in np.unravel_index(int(np.argmax(best)), best.shape))
    rows: list[int] = []
    while count:
        rows.append(row)
        count, row = count - 1, int(before[count, row])
    return np.array(rows[::-1], dtype=np.int64)


def head_region(xyxy: FloatArray, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the region that can hold the face of a person with this box: left, top, right, bottom in pixels.

    It lies inside the picture and is never empty.

    >>> head_region(np.array([100, 100, 200, 400], dtype=np.float32), 640, 480)
    (85, 85, 215, 250)
    """
    x1, y1, x2, y2 = (float(value) for value in xyxy)
    across, down = x2 - x1, y2 - y1
    margin = _MARGIN_SHARE_OF_WIDTH * across
    is_standing = across < _STANDING_MAX_WIDTH_TO_HEIGHT * down
    bottom = y1 + _HEAD_SHARE_OF_HEIGHT * down + margin if is_standing else y2
    left, top = max(0, min(width - 1, int(x1 - margin))), max(0, min(height - 1, int(y1 - margin)))
    return left, top, max(left + 1, min(width, int(x2 + margin))), max(top + 1, min(height, int(bottom)))
