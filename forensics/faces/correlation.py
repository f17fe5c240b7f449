"""Correlation of aligned faces as pictures: whether two are one picture, of any person.

An embedding is made to forget light, colour and noise, so it moves when a picture is edited; the structure of the
picture does not. Two pictures are compared by normalised cross-correlation of their luma within a band of spatial
frequencies, at the best of all shifts by a few pixels. Contrast and brightness cancel out.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.footage.frames import RgbArray

__all__ = ["NO_PATTERNS", "SAME_PICTURE", "correlations", "luma_pattern"]

SAME_PICTURE: Final = 0.9
"""Correlation from which two aligned faces are taken for one picture; docs/recognition.md has the measurement."""

_SIDE_PX: Final = 48
_LUMA: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
NO_PATTERNS: Final = np.zeros((0, _SIDE_PX, _SIDE_PX), dtype=np.float32)
_FINEST_PX: Final = 1.0
_COARSEST_PX: Final = 8.0
_BORDER_PX: Final = 6
"""Left out on each side: background, and room for the shifts."""
_MOST_SHIFT_PX: Final = 4
_FLAT: Final = 1.0
"""Length of a window without structure: a thirtieth of a grey level in each pixel."""


def luma_pattern(aligned: RgbArray) -> FloatArray:
    """Return the luma of an aligned (s, s, 3) uint8 face between two scales: (48, 48) float32."""
    from scipy.ndimage import gaussian_filter, zoom  # type: ignore[import-untyped]

    scale = _SIDE_PX / len(aligned)
    luma = gaussian_filter(aligned.astype(np.float32) @ _LUMA, 0.5 / scale)
    small = zoom(luma, scale, order=1, mode="nearest", grid_mode=True)
    pattern: FloatArray = gaussian_filter(small, _FINEST_PX) - gaussian_filter(small, _COARSEST_PX)
    return pattern


def correlations(patterns: FloatArray, others: FloatArray) -> npt.NDArray[np.float64]:
    """Return the (N, M) correlations of (N, 48, 48) with (M, 48, 48) patterns, each at its best shift; at most 1."""
    still = _unit_windows(patterns, 0, 0)
    shifts = range(-_MOST_SHIFT_PX, _MOST_SHIFT_PX + 1)
    best = np.full((len(patterns), len(others)), -1.0)
    for down in shifts:
        for right in shifts:
            np.maximum(best, still @ _unit_windows(others, down, right).T, out=best)
    return best


def _unit_windows(patterns: FloatArray, down: int, right: int) -> npt.NDArray[np.float64]:
    """Return the shifted inner window of each pattern as a row with mean zero and length one; zeros if it is flat."""
    inner = _SIDE_PX - 2 * _BORDER_PX
    top, left = _BORDER_PX + down, _BORDER_PX + right
    rows = patterns[:, top : top + inner, left : left + inner].reshape(len(patterns), inner * inner).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows[lengths[:, 0] <= _FLAT] = 0
    unit: npt.NDArray[np.float64] = rows / np.maximum(lengths, _FLAT)
    return unit
