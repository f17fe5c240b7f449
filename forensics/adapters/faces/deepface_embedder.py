"""Faces as vectors, by deepface's `represent` and nothing else of it."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from forensics.adapters.faces.deepface_without_demography import deepface
from forensics.adapters.faces.dlib_network import DlibNetwork
from forensics.adapters.faces.dlib_weights import ALIGNMENT, dlib_weights
from forensics.detection.detections import FloatArray
from forensics.faces.face import Face, Measure
from forensics.footage.frames import RgbArray

__all__ = ["DeepFaceEmbedder"]

_DLIB: Final = "Dlib"
_DLIB_SIDE_PX: Final = 150
_DLIB_PADDING: Final = 0.25
# Where eyes, nose and mouth lie in the 112 px pictures that the other networks were trained on.
_TEMPLATE_112: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float32,
)
_SIDE_PX: Final = {"SFace": 112, "ArcFace": 112, "Facenet512": 160}
_NORMALIZATION: Final = {_DLIB: "base", "SFace": "base", "ArcFace": "ArcFace", "Facenet512": "Facenet2018"}


class DeepFaceEmbedder:
    """Fills `FaceEmbedder`.

    Args:
        model: deepface's name of it.
        weights: its file.
        file_name: what deepface calls that file.
        model_id: for tables.
    """

    def __init__(self, model: str, weights: Path, file_name: str, model_id: str) -> None:
        self._model = model
        self._model_id = model_id
        self._deepface = deepface(_home_with(weights, file_name))
        self._predictor: Any = None
        if model == _DLIB:
            import dlib

            self._predictor = dlib.shape_predictor(str(dlib_weights(ALIGNMENT)))
            # deepface asks dlib for the vectors; the same weights answer 20 times as fast here
            self._deepface.build_model(model).model.model = DlibNetwork(weights)

    @property
    def model_id(self) -> str:
        """See `FaceEmbedder`."""
        return self._model_id

    @property
    def measure(self) -> Measure:
        """See `FaceEmbedder`."""
        return Measure.EUCLIDEAN if self._model == _DLIB else Measure.COSINE

    def aligned(self, rgb: RgbArray, face: Face) -> RgbArray:
        """See `FaceEmbedder`. Dlib's network gets the cut that it was trained on, made by dlib from 68 landmarks.

        Five landmarks do as well from the front; of a head turned 60 degrees away, 68 brought the distance to the same
        person's picture from 0.61 to 0.53 and left strangers where they were (docs/recognition.md).
        """
        return self._dlib_cut(rgb, face) if self._predictor is not None else _cut(rgb, face, _SIDE_PX[self._model])

    def _dlib_cut(self, rgb: RgbArray, face: Face) -> RgbArray:
        import dlib

        left, top, right, bottom = _as_dlib_would(face)
        shape = self._predictor(rgb, dlib.rectangle(left, top, right, bottom))
        return np.asarray(dlib.get_face_chip(rgb, shape, _DLIB_SIDE_PX, _DLIB_PADDING), dtype=np.uint8)

    def embed(self, aligned: Sequence[RgbArray]) -> npt.NDArray[np.float32]:
        """See `FaceEmbedder`."""
        if not aligned:
            return np.zeros((0, 0), dtype=np.float32)
        pictures = [np.ascontiguousarray(picture[:, :, ::-1]) for picture in aligned]  # deepface reads arrays as BGR
        answers = self._deepface.represent(
            pictures,
            model_name=self._model,
            detector_backend="skip",
            enforce_detection=False,
            align=False,
            normalization=_NORMALIZATION[self._model],
        )
        rows = [answers] if len(pictures) == 1 else answers
        return np.array([row[0]["embedding"] for row in rows], dtype=np.float32)


def _as_dlib_would(face: Face) -> tuple[int, int, int, int]:
    """The square that dlib's own detector would draw around a face.

    Measured on 17 faces that both found: 2.65 eye distances wide, or 2.36 times from the eyes to the mouth where the
    head is turned away, centred half-way between the two.
    """
    left_eye, right_eye = face.landmarks[0], face.landmarks[1]
    middle, mouth = (left_eye + right_eye) / 2, (face.landmarks[3] + face.landmarks[4]) / 2
    size = max(2.65 * face.eye_distance_px, 2.36 * float(np.linalg.norm(mouth - middle)))
    across, down = (float(value) for value in middle + 0.5 * (mouth - middle))
    return round(across - size / 2), round(down - size / 2), round(across + size / 2), round(down + size / 2)


def _cut(rgb: RgbArray, face: Face, side_px: int) -> RgbArray:
    """The face moved, turned and scaled so that its landmarks lie as near as can be to where they are expected."""
    import cv2

    target = _TEMPLATE_112 * (side_px / 112)
    transform = _similarity(face.landmarks, target)
    return np.asarray(cv2.warpAffine(rgb, transform, (side_px, side_px), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def _similarity(source: FloatArray, target: FloatArray) -> npt.NDArray[np.float64]:
    """(2, 3) float64, the turning, scaling and moving of least squares from five points to five (Umeyama 1991)."""
    one, other = source.astype(np.float64), target.astype(np.float64)
    one_mean, other_mean = one.mean(axis=0), other.mean(axis=0)
    one_centred, other_centred = one - one_mean, other - other_mean
    left, scales, right = np.linalg.svd(other_centred.T @ one_centred / len(one))
    signs = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    turn = left @ np.diag(signs) @ right
    scale = float((scales * signs).sum() / (one_centred**2).sum() * len(one))
    return np.hstack([scale * turn, (other_mean - scale * turn @ one_mean)[:, np.newaxis]])


def _home_with(weights: Path, file_name: str) -> Path:
    """A folder of this user and process family in which deepface finds the file, and nothing else."""
    home = Path(tempfile.gettempdir()) / f"forensics-face-weights-{os.getuid()}"
    folder = home / ".deepface" / "weights"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    link = folder / file_name
    if not link.is_symlink() or link.readlink() != weights:
        fresh = folder / f".{file_name}.{os.getpid()}"
        fresh.symlink_to(weights)
        fresh.replace(link)
    return home
