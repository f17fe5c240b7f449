"""How good a face is for comparison, measured from the picture and five landmarks."""

from typing import Final

import numpy as np

from forensics.faces import Face, Quality, QualityLimits
from forensics.frames import RgbArray

__all__ = ["REFERENCE_LIMITS", "quality_of"]

# A reference picture is chosen by a person, so it may be asked to be good.
REFERENCE_LIMITS: Final = QualityLimits(eyes_px=40, sharpness=20, yaw_degrees=30, score=0.6)

_SIDE_PX: Final = 96
# From the middle of the eyes to that of the mouth, in eye distances of a frontal face.
_EYES_TO_MOUTH: Final = 1.1
# How far the tip of the nose stands out before the line of the eyes, in eye distances of a frontal face.
_NOSE_STANDS_OUT: Final = 0.6


def quality_of(rgb: RgbArray, face: Face, aligned: RgbArray) -> Quality:
    """What was measured.

    Args:
        rgb: (h, w, 3) uint8, the picture that the face was found in, at its own size.
        face: where.
        aligned: (s, s, 3) uint8, the face turned upright.
    """
    return Quality(_eyes_px(face), _sharpness(rgb, face), _yaw_degrees(face), face.score)


def _eyes_px(face: Face) -> float:
    """Between the eyes as they would be seen from the front: a turned head brings them together, not eyes and mouth."""
    eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
    return max(face.eye_distance_px, float(np.linalg.norm(mouth - eyes)) / _EYES_TO_MOUTH)


def _sharpness(rgb: RgbArray, face: Face) -> float:
    """Variance of the Laplacian of the luma of the face's box at 96 px; a small face that was scaled up is blurred."""
    import cv2

    height, width = rgb.shape[:2]
    x1, y1, x2, y2 = (int(value) for value in face.xyxy)
    left, top = max(0, min(width - 1, x1)), max(0, min(height - 1, y1))
    crop = rgb[top : max(top + 1, min(height, y2)), left : max(left + 1, min(width, x2))]
    luma = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)
    shrinks = max(luma.shape) > _SIDE_PX
    luma = cv2.resize(luma, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return float(cv2.Laplacian(luma, cv2.CV_64F).var())


def _yaw_degrees(face: Face) -> float:
    """Turning away, from where the tip of the nose falls between the eyes."""
    left_eye, right_eye, nose = face.landmarks[:3].astype(np.float64)
    across = right_eye - left_eye
    distance = float(np.linalg.norm(across))
    if distance == 0:
        return 90.0
    along = float((nose - (left_eye + right_eye) / 2) @ across) / distance
    # turned by a: the eyes appear cos(a) apart, the tip of the nose sin(a) * 0.6 off their middle
    return float(np.degrees(np.arctan2(abs(along), _NOSE_STANDS_OUT * distance)))
