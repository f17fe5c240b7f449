"""Detection of shot cuts in edited footage, from the luma grid of every sampled frame.

A luma grid is the luma of a picture, averaged in 8 by 8 cells. It depends on its frame alone, so the worker that
decoded the frame stores it, and grids are compared later across chunk boundaries. The mean and the spread of each grid
are removed before the comparison, so that switching on a light is no cut. Fades and wipes are not found.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["LUMA_GRID_SIDE", "LumaGridArray", "scene_numbers", "shot_numbers"]

LUMA_GRID_SIDE: Final = 8

LumaGridArray = npt.NDArray[np.uint8]

# Measured: across a cut the correlation stays below 0.45, a person who jumps in front of the lens leaves 0.75
# (docs/tracking.md).
_MIN_CORRELATION: Final = 0.5
# More than one frame on each side, so that a single broken frame makes no cut.
_FRAMES_ON_EACH_SIDE: Final = 3
# Frames further apart may differ because a person walked up to the lens.
_MAX_STEP_US: Final = 250_000
# The grid of a black picture has no structure to compare.
_MIN_SPREAD: Final = 4.0


def shot_numbers(luma_grids: LumaGridArray, media_us: Int64Array) -> Int64Array:
    """Return the shot number of each sampled frame: (F,) int64 from 0.

    A cut lies between two frames if none of the last frames before it correlates with any of the first ones after it,
    and if no step between them is longer than a quarter of a second. Pictures of one shade are ignored.

    Args:
        luma_grids: (F, 64) uint8, of the sampled frames.
        media_us: (F,) int64, their media time, non-decreasing.
    """
    usable, normal = _normalise(luma_grids)
    is_cut = np.zeros(len(luma_grids), dtype=np.bool_)
    if len(usable) > 1:
        is_cut[usable[1:]] = _is_unlike(normal, _FRAMES_ON_EACH_SIDE) & ~_is_long_step(usable, media_us)
    return np.cumsum(is_cut, dtype=np.int64)


def scene_numbers(luma_grids: LumaGridArray) -> Int64Array:
    """Return the scene number of each still: (F,) int64 from 0.

    A new scene begins at a picture that does not correlate with the one before it, however far apart they are. Pictures
    of one shade are ignored.

    Args:
        luma_grids: (F, 64) uint8, of the stills in the order of capture.
    """
    usable, normal = _normalise(luma_grids)
    is_new = np.zeros(len(luma_grids), dtype=np.bool_)
    if len(usable) > 1:
        is_new[usable[1:]] = _is_unlike(normal, 1)
    return np.cumsum(is_new, dtype=np.int64)


def _normalise(luma_grids: LumaGridArray) -> tuple[Int64Array, npt.NDArray[np.float64]]:
    """Return (T,) the pictures that are not of one shade, and (T, 64) their grids without mean and spread."""
    spread = luma_grids.std(axis=1)
    usable = np.flatnonzero(spread >= _MIN_SPREAD)
    centred = luma_grids[usable] - luma_grids[usable].mean(axis=1, keepdims=True)
    return usable, centred / spread[usable, np.newaxis]


def _is_unlike(normal: npt.NDArray[np.float64], n_on_each_side: int) -> BoolArray:
    """Return (T - 1,) bool, whether the grids before and after each step of (T, 64) are uncorrelated."""
    n_steps = len(normal) - 1
    best = np.full(n_steps, -1.0)
    for before in range(n_on_each_side):
        for after in range(n_on_each_side):
            # step s lies between grids s and s + 1
            steps = np.arange(before, n_steps - after)
            correlation = np.einsum("sc,sc->s", normal[steps - before], normal[steps + 1 + after]) / normal.shape[1]
            best[steps] = np.maximum(best[steps], correlation)
    unlike: BoolArray = best < _MIN_CORRELATION
    return unlike


def _is_long_step(usable: Int64Array, media_us: Int64Array) -> BoolArray:
    """Return (T - 1,) bool, whether two sampled frames in a row between two usable ones lie too far apart."""
    n_long_steps = np.concatenate([[0], np.cumsum(np.diff(media_us) > _MAX_STEP_US)])
    is_long: BoolArray = np.diff(n_long_steps[usable]) > 0
    return is_long
