"""A picture at a glance: its light in a few cells, enough to tell one shot from another."""

import numpy as np

from forensics.frames import RgbArray
from forensics.shots import GLANCE_SIDE, GlanceArray

__all__ = ["glance"]


def glance(rgb: RgbArray) -> GlanceArray:
    """(64,) uint8, the mean luma of 8 by 8 cells, row by row.

    Args:
        rgb: (h, w, 3) uint8.
    """
    import cv2

    cells = cv2.resize(rgb, (GLANCE_SIDE, GLANCE_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(cells, cv2.COLOR_RGB2GRAY), dtype=np.uint8).ravel()
