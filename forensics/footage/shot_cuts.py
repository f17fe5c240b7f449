"""Where edited footage goes over from one shot to another, from a glance at every looked-at frame.

A glance is the picture's light in 8 by 8 cells. It belongs to its frame alone, so it can be stored by the worker
that decoded the frame and compared long after, across the borders of chunks. Glances are compared after their
mean and spread are taken out, so that a light that is switched on is no cut. Fades and wipes are not found.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["GLANCE_SIDE", "GlanceArray", "shot_numbers"]

GLANCE_SIDE: Final = 8

GlanceArray = npt.NDArray[np.uint8]

# Shots of one recording differ by less than 0.45, a man who jumps before the lens leaves 0.75 (docs/tracking.md).
_LEAST_ALIKE: Final = 0.5
# Pictures that a single broken frame parts are still compared with each other.
_LOOKS_ON_EACH_SIDE: Final = 3
# Looks further apart may differ because somebody walked up to the lens.
_NEAR_US: Final = 250_000
# A black picture is like no other and unlike none.
_LEAST_SPREAD: Final = 4.0


def shot_numbers(glances: GlanceArray, media_us: Int64Array) -> Int64Array:
    """(F,) int64 from 0, the shot that each looked-at frame belongs to.

    A cut lies between two looks if none of the last looks before it is like any of the first ones after it, and
    if no two of them in a row lie further apart than a quarter of a second. Pictures of one shade are passed over.

    Args:
        glances: (F, 64) uint8, of the frames that were looked at.
        media_us: (F,) int64, their media time, never decreasing.
    """
    spread = glances.std(axis=1)
    told = np.flatnonzero(spread >= _LEAST_SPREAD)
    is_cut = np.zeros(len(glances), dtype=np.bool_)
    if len(told) > 1:
        normal = (glances[told] - glances[told].mean(axis=1, keepdims=True)) / spread[told, np.newaxis]
        is_cut[told[1:]] = _is_unlike(normal) & ~_is_far(told, media_us)
    return np.cumsum(is_cut, dtype=np.int64)


def _is_unlike(normal: npt.NDArray[np.float64]) -> BoolArray:
    """(T - 1,) bool, the pictures before and after each step of (T, 64) have nothing in common."""
    n_steps = len(normal) - 1
    best = np.full(n_steps, -1.0)
    for before in range(_LOOKS_ON_EACH_SIDE):
        for after in range(_LOOKS_ON_EACH_SIDE):
            # step s lies between looks s and s + 1
            steps = np.arange(before, n_steps - after)
            alike = np.einsum("sc,sc->s", normal[steps - before], normal[steps + 1 + after]) / normal.shape[1]
            best[steps] = np.maximum(best[steps], alike)
    unlike: BoolArray = best < _LEAST_ALIKE
    return unlike


def _is_far(told: Int64Array, media_us: Int64Array) -> BoolArray:
    """(T - 1,) bool, somewhere between two looks that tell something nobody looked for too long."""
    n_pauses = np.concatenate([[0], np.cumsum(np.diff(media_us) > _NEAR_US)])
    far: BoolArray = np.diff(n_pauses[told]) > 0
    return far
