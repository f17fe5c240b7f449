"""The picture of a face that a reviewer compares: the face with enough around it, never scaled up."""

import numpy as np

from forensics.faces import Face
from forensics.frames import RgbArray

__all__ = ["face_jpeg"]

_MARGIN = 0.6
_LONGEST_SIDE_PX = 480
_QUALITY = 95


def face_jpeg(rgb: RgbArray, face: Face) -> bytes:
    """The face and a margin of 60 % of its longer side around it, as JPEG; equal input gives equal bytes.

    Args:
        rgb: (h, w, 3) uint8, the picture that the face was found in.
        face: where.
    """
    import cv2

    x1, y1, x2, y2 = (float(value) for value in face.xyxy)
    margin = _MARGIN * max(x2 - x1, y2 - y1)
    height, width = rgb.shape[:2]
    left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
    right, bottom = min(width, int(x2 + margin) + 1), min(height, int(y2 + margin) + 1)
    crop = np.ascontiguousarray(rgb[top : max(top + 1, bottom), left : max(left + 1, right)])
    scale = _LONGEST_SIDE_PX / max(crop.shape[:2])
    if scale < 1:
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()
