"""Faces by dlib's own detector (histograms of gradients) with five landmarks: slower and blinder, no download."""

from typing import Any, Final

import numpy as np

from forensics.adapters.faces.dlib_weights import LANDMARKS, dlib_weights
from forensics.faces.face import Face
from forensics.footage.frames import RgbArray

__all__ = ["DlibFaces"]

# dlib finds faces from about 80 px on; smaller pictures are doubled first.
_DOUBLED_BELOW_PX: Final = 400
_LARGEST_SIDE_PX: Final = 1280
# Its scores start at 0 and seldom pass 3; this puts them on a scale on which 0.6 is a usual face.
_SCORE_AT_HALF: Final = 0.35


class DlibFaces:
    """Fills `FaceDetector`."""

    def __init__(self, model_id: str) -> None:
        import dlib

        self._detector: Any = dlib.get_frontal_face_detector()
        self._predictor: Any = dlib.shape_predictor(str(dlib_weights(LANDMARKS)))
        self._model_id = model_id

    @property
    def model_id(self) -> str:
        """See `FaceDetector`."""
        return self._model_id

    def faces(self, rgb: RgbArray) -> list[Face]:
        """See `FaceDetector`. The score is dlib's, pressed into [0, 1)."""
        scaled, ratio = _scaled(rgb)
        n_doublings = 1 if max(scaled.shape[:2]) < _DOUBLED_BELOW_PX else 0
        rects, scores, _ = self._detector.run(scaled, n_doublings, 0.0)
        found = [self._face(scaled, rect, score, ratio) for rect, score in zip(rects, scores, strict=True)]
        return sorted(found, key=lambda face: (-face.score, *face.xyxy.tolist()))

    def _face(self, picture: RgbArray, rect: Any, score: float, ratio: float) -> Face:
        points = [(point.x, point.y) for point in self._predictor(picture, rect).parts()]
        box = np.array([rect.left(), rect.top(), rect.right() + 1, rect.bottom() + 1], dtype=np.float32)
        return Face(
            box / ratio, _five(np.array(points, dtype=np.float32), box) / ratio, score / (score + _SCORE_AT_HALF)
        )


def _scaled(rgb: RgbArray) -> tuple[RgbArray, float]:
    import cv2

    ratio = min(1.0, _LARGEST_SIDE_PX / max(rgb.shape[:2]))
    if ratio == 1.0:
        return rgb, ratio
    size = (max(1, round(rgb.shape[1] * ratio)), max(1, round(rgb.shape[0] * ratio)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), ratio


def _five(points: "np.ndarray[Any, Any]", box: "np.ndarray[Any, Any]") -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Eyes, nose and mouth from dlib's five points: two corners of the picture's right eye, two of the left, the nose.

    dlib gives no mouth; its corners are put where they lie on a face of these proportions.
    """
    right_eye, left_eye, nose = points[:2].mean(axis=0), points[2:4].mean(axis=0), points[4]
    across, middle = right_eye - left_eye, (left_eye + right_eye) / 2
    down = np.array([-across[1], across[0]], dtype=np.float32)
    mouth = middle + 1.1 * down
    corners = (mouth - 0.35 * across, mouth + 0.35 * across)
    return np.stack([left_eye, right_eye, nose, *corners]).astype(np.float32)
