"""Lossless PNG pictures of one frame, with or without boxes."""

import numpy as np

from forensics.detection.detections import FloatArray
from forensics.footage.frames import RgbArray

__all__ = ["draw_boxes", "frame_png"]

_INK = (255, 64, 0)


def frame_png(rgb: RgbArray) -> bytes:
    """Encode a frame as PNG, without loss: decoding gives the same pixels.

    Args:
        rgb: (h, w, 3) uint8.
    """
    import cv2

    _, encoded = cv2.imencode(".png", cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def draw_boxes(rgb: RgbArray, xyxy: FloatArray) -> RgbArray:
    """Return a copy of the frame with a line around each box.

    Args:
        rgb: (h, w, 3) uint8, the upright frame at its own size.
        xyxy: (N, 4) float32 pixels.
    """
    import cv2

    picture: RgbArray = np.ascontiguousarray(rgb).copy()
    width = max(1, round(min(picture.shape[:2]) / 240))
    for left, top, right, bottom in np.rint(xyxy).astype(int).tolist():
        cv2.rectangle(picture, (left, top), (right, bottom), _INK, width)
    return picture
