"""Face detector YuNet, a small network run by OpenCV: a box, five landmarks and a score for each face, at any size."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from forensics.adapters.libraries.opencv import load_opencv
from forensics.faces.face import Face
from forensics.footage.frames import RgbArray

__all__ = ["YuNet"]

_SCORE_THRESHOLD: Final = 0.5
_NMS_IOU: Final = 0.3
_LARGEST_SIDE_PX: Final = 1280
_SMALLEST_SIDE_PX: Final = 160


class YuNet:
    """The face detector YuNet; implements `FaceDetector`.

    Args:
        path: file of the weights.
        model_id: name in tables.
    """

    def __init__(self, path: Path, model_id: str) -> None:
        cv2 = load_opencv()
        self._network: Any = cv2.FaceDetectorYN.create(str(path), "", (320, 320), _SCORE_THRESHOLD, _NMS_IOU)
        self._model_id = model_id

    @property
    def model_id(self) -> str:
        """Name in tables; see `FaceDetector.model_id`."""
        return self._model_id

    def faces(self, rgb: RgbArray) -> list[Face]:
        """Find faces; see `FaceDetector.faces`.

        Large pictures are scaled down and tiny ones up. Boxes are in pixels of the original picture.
        """
        import cv2

        height, width = rgb.shape[:2]
        scale = _scale_for(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        if size != (width, height):
            bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        self._network.setInputSize(size)
        _, rows = self._network.detect(bgr)
        found = [] if rows is None else [_to_face(row, size, (width, height)) for row in np.asarray(rows)]
        return sorted(found, key=lambda face: (-face.score, *face.xyxy.tolist()))


def _scale_for(width: int, height: int) -> float:
    """Return the scale at which the network sees a picture.

    Its longer side becomes at most 1280 px; its shorter side becomes at least 160 px if that limit allows.
    """
    if max(width, height) > _LARGEST_SIDE_PX:
        return _LARGEST_SIDE_PX / max(width, height)
    return max(1.0, min(_SMALLEST_SIDE_PX / min(width, height), _LARGEST_SIDE_PX / max(width, height)))


def _to_face(row: "np.ndarray[Any, Any]", scaled: tuple[int, int], size: tuple[int, int]) -> Face:
    """Return the face of one row of YuNet's output, in pixels of the original picture.

    A row holds x, y, w, h, then eyes, nose and mouth corners, those on the left of the picture first, then the score.
    """
    values = row.astype(np.float32)
    ratio = np.array([size[0] / scaled[0], size[1] / scaled[1]], dtype=np.float32)
    corner, extent = values[:2] * ratio, values[2:4] * ratio
    landmarks = values[4:14].reshape(5, 2) * ratio
    return Face(np.concatenate([corner, corner + extent]), landmarks, float(values[14]))
