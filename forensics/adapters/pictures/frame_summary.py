"""Small luma pictures of frames: the luma grid, from which cuts are found, and the input of the motion gate."""

import numpy as np

from forensics.footage.frames import Frame, Gap, Item, RgbArray, View
from forensics.footage.motion_gate import GATE_SIDE_PX, GateDecision, LumaArray, MotionGate
from forensics.footage.shot_cuts import LUMA_GRID_SIDE, LumaGridArray
from forensics.footage.timeline import PacketIndex

__all__ = ["GATE_VIEW", "apply_gate", "luma_grid", "luma_grid_from_luma"]

GATE_VIEW = View(GATE_SIDE_PX, GATE_SIDE_PX)


def luma_grid(rgb: RgbArray) -> LumaGridArray:
    """Return the luma grid of a frame: (64,) uint8, the mean luma of 8 by 8 cells, row by row.

    Args:
        rgb: (h, w, 3) uint8.
    """
    import cv2

    cells = cv2.resize(rgb, (LUMA_GRID_SIDE, LUMA_GRID_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(cells, cv2.COLOR_RGB2GRAY), dtype=np.uint8).ravel()


def luma_grid_from_luma(luma: LumaArray) -> LumaGridArray:
    """Return the luma grid of a luma picture: (64,) uint8, the mean of 8 by 8 cells, row by row.

    Args:
        luma: (h, w) uint8.
    """
    import cv2

    return np.asarray(
        cv2.resize(luma, (LUMA_GRID_SIDE, LUMA_GRID_SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8
    ).ravel()


def apply_gate(item: Frame | Gap, index: PacketIndex, gate: MotionGate | None) -> Item:
    """Ask the motion gate about a decoded frame, and return only the gate's result if the frame is still.

    Other frames are returned with the gate's result attached. Gaps, and frames without a gate, are returned unchanged.
    For readers that decode every frame to RGB.
    """
    if gate is None or isinstance(item, Gap):
        return item
    luma = _gate_luma(item.rgb)
    gate_result = gate.decide(item.number, int(index.media_us[item.number]), luma, luma_grid_from_luma(luma))
    if gate_result.decision is GateDecision.STILL:
        return gate_result
    return Frame(item.number, item.pts, item.rgb, item.width_px, item.height_px, gate_result)


def _gate_luma(rgb: RgbArray) -> LumaArray:
    """Return the luma that the motion gate compares: (h, w) uint8, its longer side `GATE_SIDE_PX`."""
    import cv2

    height, width = rgb.shape[:2]
    size = GATE_VIEW.size_of(width, height)
    return np.asarray(
        cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), dtype=np.uint8
    )
