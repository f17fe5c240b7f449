"""Face detector of dlib (histograms of gradients) with five landmarks.

It needs no download, but is slower than YuNet and finds fewer faces.
"""

from typing import Any, Final

import numpy as np

from forensics.adapters.faces.dlib_weights import LANDMARKS, dlib_weights
from forensics.detection.detections import FloatArray
from forensics.faces.face import Face
from forensics.footage.frames import RgbArray

__all__ = ["DlibFaceDetector"]

# dlib finds faces from about 80 px on. Pictures with a smaller longest side than this are doubled first.
_DOUBLED_BELOW_PX: Final = 400
_LARGEST_SIDE_PX: Final = 1280
# dlib's scores start at 0 and rarely exceed 3. Mapped by this, an ordinary face has 0.6.
_SCORE_AT_HALF: Final = 0.35


class DlibFaceDetector:
    """The face detector of dlib; implements `FaceDetector`.

    Args:
        model_id: name in tables.
    """

    def __init__(self, model_id: str) -> None:
        import dlib

        self._detector: Any = dlib.get_frontal_face_detector()
        self._predictor: Any = dlib.shape_predictor(str(dlib_weights(LANDMARKS)))
        self._model_id = model_id

    @property
    def model_id(self) -> str:
        """Name in tables; see `FaceDetector.model_id`."""
        return self._model_id

    def faces(self, rgb: RgbArray) -> list[Face]:
        """Find faces; see `FaceDetector.faces`. The score is dlib's, mapped to [0, 1)."""
        scaled, ratio = _scale_down(rgb)
        n_doublings = 1 if max(scaled.shape[:2]) < _DOUBLED_BELOW_PX else 0
        rects, scores, _ = self._detector.run(scaled, n_doublings, 0.0)
        found = [self._to_face(scaled, rect, score, ratio) for rect, score in zip(rects, scores, strict=True)]
        return sorted(found, key=lambda face: (-face.score, *face.xyxy.tolist()))

    def _to_face(self, picture: RgbArray, rect: Any, score: float, ratio: float) -> Face:
        """Return a face, with landmarks, in pixels of the original picture."""
        points = [(point.x, point.y) for point in self._predictor(picture, rect).parts()]
        box = np.array([rect.left(), rect.top(), rect.right() + 1, rect.bottom() + 1], dtype=np.float32)
        return Face(
            box / ratio,
            _five_landmarks(np.array(points, dtype=np.float32)) / ratio,
            score / (score + _SCORE_AT_HALF),
        )


def _scale_down(rgb: RgbArray) -> tuple[RgbArray, float]:
    """Return the picture, scaled down if it is large, and the scale."""
    import cv2

    ratio = min(1.0, _LARGEST_SIDE_PX / max(rgb.shape[:2]))
    if ratio == 1.0:
        return rgb, ratio
    size = (max(1, round(rgb.shape[1] * ratio)), max(1, round(rgb.shape[0] * ratio)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), ratio


def _five_landmarks(points: FloatArray) -> FloatArray:
    """Return eyes, nose and mouth corners, (5, 2) float32, from dlib's five points.

    Those are two corners of the eye on the picture's right, two of the eye on its left, and the nose. dlib gives no
    mouth: its corners are placed by the proportions of an average face.
    """
    right_eye, left_eye, nose = points[:2].mean(axis=0), points[2:4].mean(axis=0), points[4]
    across, middle = right_eye - left_eye, (left_eye + right_eye) / 2
    down = np.array([-across[1], across[0]], dtype=np.float32)
    mouth = middle + 1.1 * down
    corners = (mouth - 0.35 * across, mouth + 0.35 * across)
    return np.stack([left_eye, right_eye, nose, *corners]).astype(np.float32)
