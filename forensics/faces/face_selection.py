"""Where to look for a person's face, and which of the faces found are compared. Ties go to the earlier one."""

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.footage.timeline import Int64Array

__all__ = ["best_apart", "head_region", "moments"]

_AT_THE_TOP_PX = 2.0
_CUT_WEIGHT = 0.25
# A standing person is two to four times as tall as wide; wider boxes show head and shoulders.
_STANDING = 0.6
_HEAD_SHARE = 0.45
_MARGIN = 0.15


def moments(media_us: Int64Array, xyxy: FloatArray, score: FloatArray, *, spacing_us: int, at_most: int) -> Int64Array:
    """(M,) int64 rows of one track's detections to look at, in time order, spread over its length.

    The track is cut into `at_most` stretches of equal time; each gives its best detection (score times area,
    a box cut by the picture's upper border, where the head would be, counts a quarter), and of those that lie
    closer than `spacing_us` the better stay.

    Args:
        media_us: (N,) int64, non-decreasing.
        xyxy: (N, 4) float32.
        score: (N,) float32.
        spacing_us: least distance between two, positive.
        at_most: largest M.
    """
    if not len(media_us):
        return np.zeros(0, dtype=np.int64)
    x1, y1, x2, y2 = xyxy.astype(np.float64).T
    value = score.astype(np.float64) * (x2 - x1) * (y2 - y1) * np.where(y1 < _AT_THE_TOP_PX, _CUT_WEIGHT, 1.0)
    length = int(media_us[-1] - media_us[0]) + 1
    stretch = (media_us - media_us[0]) * at_most // length
    best = [_best_of(np.flatnonzero(stretch == number), value) for number in np.unique(stretch).tolist()]
    rows = np.array(best, dtype=np.int64)
    return rows[best_apart(media_us[rows], value[rows], spacing_us=spacing_us, at_most=at_most)]


def _best_of(rows: Int64Array, value: npt.NDArray[np.float64]) -> int:
    return int(rows[np.argmax(value[rows])])


def best_apart(media_us: Int64Array, worth: npt.NDArray[np.float64], *, spacing_us: int, at_most: int) -> Int64Array:
    """(M,) int64 rows in time order that lie `spacing_us` apart and are worth most together, at most so many.

    Two fair faces are worth more than one that is a little better and leaves no room for another.

    Args:
        media_us: (N,) int64, non-decreasing.
        worth: (N,) float64, positive.
        spacing_us: least distance between two, positive.
        at_most: largest M.

    >>> best_apart(np.array([0, 2, 4]), np.array([0.5, 0.6, 0.5]), spacing_us=4, at_most=5).tolist()
    [0, 2]
    """
    # best[count][row]: the most that `count` rows are worth of which `row` is the last
    n_rows = len(media_us)
    best = np.full((min(at_most, n_rows) + 1, n_rows), -np.inf)
    before = np.full(best.shape, -1, dtype=np.int64)
    fits = np.searchsorted(media_us, media_us - spacing_us, side="right")  # rows [0, fits) may stand before
    for count in range(1, len(best)):
        for row in range(n_rows):
            if count == 1:
                best[count, row] = worth[row]
            elif fits[row]:
                before[count, row] = int(np.argmax(best[count - 1, : fits[row]]))
                best[count, row] = best[count - 1, before[count, row]] + worth[row]
    return _traced(best, before)


def _traced(best: npt.NDArray[np.float64], before: Int64Array) -> Int64Array:
    """The rows of the best choice, from its last to its first, in time order."""
    if best.shape[1] == 0:
        return np.zeros(0, dtype=np.int64)
    count, row = (int(place) for place in np.unravel_index(int(np.argmax(best)), best.shape))
    rows: list[int] = []
    while count:
        rows.append(row)
        count, row = count - 1, int(before[count, row])
    return np.array(rows[::-1], dtype=np.int64)


def head_region(xyxy: FloatArray, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of where the face of a person in this box can be, inside the picture, never empty.

    >>> head_region(np.array([100, 100, 200, 400], dtype=np.float32), 640, 480)
    (85, 85, 215, 250)
    """
    x1, y1, x2, y2 = (float(value) for value in xyxy)
    across, down = x2 - x1, y2 - y1
    margin = _MARGIN * across
    bottom = y1 + _HEAD_SHARE * down + margin if across < _STANDING * down else y2
    left, top = max(0, min(width - 1, int(x1 - margin))), max(0, min(height - 1, int(y1 - margin)))
    return left, top, max(left + 1, min(width, int(x2 + margin))), max(top + 1, min(height, int(bottom)))
