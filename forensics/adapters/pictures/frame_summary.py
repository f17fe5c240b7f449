"""A picture at a glance, and its light alone: enough to tell one shot from another, and whether anything moved."""

import numpy as np

from forensics.footage.frames import Frame, Gap, Item, RgbArray, View
from forensics.footage.motion_gate import GATE_SIDE_PX, GateDecision, LumaArray, MotionGate
from forensics.footage.shot_cuts import GLANCE_SIDE, GlanceArray
from forensics.footage.timeline import PacketIndex

__all__ = ["GLIMPSE_VIEW", "gate_picture", "luma_grid", "luma_grid_of"]

GLIMPSE_VIEW = View(GATE_SIDE_PX, GATE_SIDE_PX)


def luma_grid(rgb: RgbArray) -> GlanceArray:
    """(64,) uint8, the mean luma of 8 by 8 cells, row by row.

    Args:
        rgb: (h, w, 3) uint8.
    """
    import cv2

    cells = cv2.resize(rgb, (GLANCE_SIDE, GLANCE_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(cells, cv2.COLOR_RGB2GRAY), dtype=np.uint8).ravel()


def luma_grid_of(luma: LumaArray) -> GlanceArray:
    """The same of a picture that is luma already, (h, w) uint8."""
    import cv2

    return np.asarray(
        cv2.resize(luma, (GLANCE_SIDE, GLANCE_SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8
    ).ravel()


def gate_picture(item: Frame | Gap, index: PacketIndex, watch: MotionGate | None) -> Item:
    """What a reader hands out that has the colours of every frame: a glimpse alone where the watch says it is still."""
    if watch is None or isinstance(item, Gap):
        return item
    luma = _luma(item.rgb)
    glimpse = watch.judge(item.number, int(index.media_us[item.number]), luma, luma_grid_of(luma))
    if glimpse.sight is GateDecision.STILL:
        return glimpse
    return Frame(item.number, item.pts, item.rgb, item.width_px, item.height_px, glimpse)


def _luma(rgb: RgbArray) -> LumaArray:
    """(h, w) uint8, its longer side as glimpses have it."""
    import cv2

    height, width = rgb.shape[:2]
    size = GLIMPSE_VIEW.size_of(width, height)
    return np.asarray(
        cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), dtype=np.uint8
    )
