"""Quality of a face for comparison, measured from the picture and five landmarks."""

from typing import Final

import numpy as np

from forensics.faces.face import Face, Quality, QualityLimits
from forensics.footage.frames import RgbArray

__all__ = ["REFERENCE_LIMITS", "quality_of"]

# Strict, because a person chooses the reference picture and can choose a better one.
REFERENCE_LIMITS: Final = QualityLimits(eyes_px=40, sharpness=20, yaw_degrees=30, score=0.6)

_SIDE_PX: Final = 96
# Distance from the centre of the eyes to that of the mouth on a frontal face, in eye distances.
_EYES_TO_MOUTH: Final = 1.1
# Eyes, tip of the nose and mouth corners of an average adult head, from the front: right, down, away.
_HEAD_MM: Final = np.array([[-31, -35, 25], [31, -35, 25], [0, 0, 0], [-26, 35, 22], [26, 35, 22]], dtype=np.float64)
_SPREAD_PX: Final = 40.0
_LEAST_SPREAD_PX: Final = 0.5
# Focal length at which a head of that size shows almost no perspective.
_CAMERA: Final = np.diag([2000.0, 2000.0, 1.0])


def quality_of(rgb: RgbArray, face: Face) -> Quality:
    """Measure the quality of a face.

    Args:
        rgb: (h, w, 3) uint8, the picture in which the face was found, at its own size.
        face: the face in that picture.
    """
    return Quality(_eyes_px(face), _sharpness(rgb, face), _yaw_degrees(face), face.score)


def _eyes_px(face: Face) -> float:
    """Return the distance between the eyes as it would be seen from the front.

    Turning the head shortens the distance between the eyes, but not that from eyes to mouth.
    """
    eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
    return max(face.eye_distance_px, float(np.linalg.norm(mouth - eyes)) / _EYES_TO_MOUTH)


def _sharpness(rgb: RgbArray, face: Face) -> float:
    """Return the variance of the Laplacian of the luma in the box, scaled to 96 px.

    A small face is scaled up and therefore counts as blurred.
    """
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
    """Return how far the head is turned away, 0 to 90.

    That is the yaw of the pose in which five points of an average head project onto the landmarks.
    """
    import cv2

    points = face.landmarks.astype(np.float64)
    points -= points.mean(axis=0)
    spread = float(np.sqrt((points**2).mean()))
    if spread < _LEAST_SPREAD_PX:
        return 90.0
    # scaled to one size, so that near and far faces are measured alike
    solved, turn, _ = cv2.solvePnP(_HEAD_MM, points * (_SPREAD_PX / spread), _CAMERA, None, flags=cv2.SOLVEPNP_SQPNP)
    if not solved:
        return 90.0
    axes, _ = cv2.Rodrigues(turn)
    return float(np.degrees(np.arcsin(min(1.0, abs(float(axes[0, 2]))))))
