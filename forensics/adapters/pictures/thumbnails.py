"""Thumbnails of boxes: JPEG crops with a margin that shows the surroundings."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np

from forensics.detection.detections import FloatArray
from forensics.footage.frames import RgbArray

__all__ = ["box_in_thumbnail", "small_jpeg", "thumbnail_jpeg"]

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


def box_in_thumbnail(
    xyxy: Sequence[float], thumbnail: bytes, *, frame_px: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """Return the place of a box in its thumbnail: x1, y1, x2, y2 in pixels of the thumbnail.

    None if a thumbnail of this box has another size, as in a folder of stills of several sizes: no wrong place is
    shown.

    Args:
        xyxy: pixels of the frame.
        thumbnail: the picture file.
        frame_px: width and height of the frame.

    >>> picture = thumbnail_jpeg(np.zeros((480, 640, 3), np.uint8), np.array([100, 100, 200, 300], np.float32))
    >>> box_in_thumbnail((100, 100, 200, 300), picture, frame_px=(640, 480))
    (80.0, 80.0, 180.0, 280.0)
    >>> box_in_thumbnail((100, 100, 200, 300), picture, frame_px=(640, 320)) is None
    True
    """
    from PIL import Image

    left, top, right, bottom = _crop_with_margin(xyxy, *frame_px)
    size = _thumbnail_size(right - left, bottom - top, _LONGEST_SIDE_PX)
    with Image.open(BytesIO(thumbnail)) as stored:
        if stored.size != size:
            return None
    x_scale, y_scale = size[0] / (right - left), size[1] / (bottom - top)
    x1, y1, x2, y2 = xyxy
    return (x1 - left) * x_scale, (y1 - top) * y_scale, (x2 - left) * x_scale, (y2 - top) * y_scale


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
    size = _thumbnail_size(crop.shape[1], crop.shape[0], longest_side_px)
    if size != (crop.shape[1], crop.shape[0]):
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def _crop_with_margin(xyxy: FloatArray | Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the box and its margin, clipped to the frame, at least one pixel large."""
    x1, y1, x2, y2 = (float(value) for value in xyxy)
    margin = _MARGIN * max(x2 - x1, y2 - y1)
    left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
    return left, top, max(left + 1, min(width, int(x2 + margin))), max(top + 1, min(height, int(y2 + margin)))


def _thumbnail_size(width: int, height: int, longest_side_px: int) -> tuple[int, int]:
    """Return the width and height of a picture that is scaled down to a longest side, if it is longer."""
    scale = min(1.0, longest_side_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
