"""Thumbnails of boxes: JPEG crops with a margin that shows the surroundings."""

import numpy as np

from forensics.detection.detections import FloatArray
from forensics.footage.frames import RgbArray

__all__ = ["small_jpeg", "thumbnail_jpeg"]

_MARGIN = 0.4
_LONGEST_SIDE_PX = 360
_QUALITY = 88


def thumbnail_jpeg(rgb: RgbArray, xyxy: FloatArray) -> bytes:
    """Return the thumbnail of a box, with a margin of 40 % of its longer side, as JPEG.

    Equal input gives equal bytes.

    Args:
        rgb: (h, w, 3) uint8, the upright frame at its own size.
        xyxy: (4,) float32 pixels.
    """
    left, top, right, bottom = _crop_with_margin(xyxy, rgb.shape[1], rgb.shape[0])
    return small_jpeg(rgb[top:bottom, left:right], longest_side_px=_LONGEST_SIDE_PX, quality=_QUALITY)


def small_jpeg(rgb: RgbArray, *, longest_side_px: int, quality: int) -> bytes:
    """Encode a picture as JPEG, scaled down to a longest side; smaller pictures keep their size.

    Equal input gives equal bytes.

    Args:
        rgb: (h, w, 3) uint8.
        longest_side_px: greatest width or height.
        quality: of JPEG, 0 to 100.
    """
    import cv2

    crop = np.ascontiguousarray(rgb)
    scale = longest_side_px / max(crop.shape[:2])
    if scale < 1:
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def _crop_with_margin(xyxy: FloatArray, width: int, height: int) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the box and its margin, clipped to the frame, at least one pixel large."""
    x1, y1, x2, y2 = (float(value) for value in xyxy)
    margin = _MARGIN * max(x2 - x1, y2 - y1)
    left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
    return left, top, max(left + 1, min(width, int(x2 + margin))), max(top + 1, min(height, int(y2 + margin)))
