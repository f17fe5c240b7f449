"""The picture of a face that a reviewer compares: the face with enough around it, never scaled up."""

from forensics.adapters.pictures.thumbnails import small_jpeg
from forensics.faces.face import Face
from forensics.footage.frames import RgbArray

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
    x1, y1, x2, y2 = (float(value) for value in face.xyxy)
    margin = _MARGIN * max(x2 - x1, y2 - y1)
    height, width = rgb.shape[:2]
    left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
    right, bottom = min(width, int(x2 + margin) + 1), min(height, int(y2 + margin) + 1)
    crop = rgb[top : max(top + 1, bottom), left : max(left + 1, right)]
    return small_jpeg(crop, longest_side_px=_LONGEST_SIDE_PX, quality=_QUALITY)
