"""Picture of a face for reviewers: the face with a wide margin, never scaled up."""

from forensics.adapters.pictures.thumbnails import small_jpeg
from forensics.faces.face import Face
from forensics.footage.frames import RgbArray

__all__ = ["face_jpeg"]

_MARGIN = 0.6
_LONGEST_SIDE_PX = 480
_QUALITY = 95


def face_jpeg(rgb: RgbArray, face: Face) -> bytes:
    """Return the face with a margin of 60 % of its longer side, as JPEG; equal input gives equal bytes.

    Args:
        rgb: (h, w, 3) uint8, the picture in which the face was found.
        face: the face in that picture.
    """
    x1, y1, x2, y2 = (float(value) for value in face.xyxy)
    margin = _MARGIN * max(x2 - x1, y2 - y1)
    height, width = rgb.shape[:2]
    left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
    right, bottom = min(width, int(x2 + margin) + 1), min(height, int(y2 + margin) + 1)
    crop = rgb[top : max(top + 1, bottom), left : max(left + 1, right)]
    return small_jpeg(crop, longest_side_px=_LONGEST_SIDE_PX, quality=_QUALITY)
