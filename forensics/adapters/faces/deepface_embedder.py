"""Face embeddings by deepface's `represent`; nothing else of deepface is used."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from forensics.adapters.faces.deepface_without_demography import load_deepface
from forensics.adapters.faces.dlib_network import DlibNetwork
from forensics.adapters.faces.dlib_weights import ALIGNMENT, dlib_weights
from forensics.detection.detections import FloatArray
from forensics.faces.face import Face, Measure
from forensics.footage.frames import RgbArray
from forensics.temporary import private_folder

__all__ = ["DeepFaceEmbedder"]

_DLIB: Final = "Dlib"
_DLIB_SIDE_PX: Final = 150
_DLIB_PADDING: Final = 0.25
# Positions of eyes, nose and mouth corners in the 112 px pictures that the other networks were trained on.
_TEMPLATE_112: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float32,
)
_SIDE_PX: Final = {"SFace": 112, "ArcFace": 112, "Facenet512": 160}
_NORMALIZATION: Final = {_DLIB: "base", "SFace": "base", "ArcFace": "ArcFace", "Facenet512": "Facenet2018"}


class DeepFaceEmbedder:
    """A face embedder of deepface; implements `FaceEmbedder`.

    Args:
        model: deepface's name of the model.
        weights: file of its weights.
        file_name: deepface's name of that file.
        model_id: name in tables.
    """

    def __init__(self, model: str, weights: Path, file_name: str, model_id: str) -> None:
        self._model = model
        self._model_id = model_id
        self._deepface = load_deepface(_link_weights(weights, file_name))
        self._predictor: Any = None
        if model == _DLIB:
            import dlib

            self._predictor = dlib.shape_predictor(str(dlib_weights(ALIGNMENT)))
            # replaces dlib inside deepface: the same weights, 20 times as fast
            self._deepface.build_model(model).model.model = DlibNetwork(weights)

    @property
    def model_id(self) -> str:
        """Name in tables; see `FaceEmbedder.model_id`."""
        return self._model_id

    @property
    def measure(self) -> Measure:
        """How embeddings are compared; see `FaceEmbedder.measure`."""
        return Measure.EUCLIDEAN if self._model == _DLIB else Measure.COSINE

    def align(self, rgb: RgbArray, face: Face) -> RgbArray:
        """Return the face upright and scaled for the network; see `FaceEmbedder.align`.

        Dlib's network gets the crop that it was trained on, made by dlib from 68 landmarks. Five landmarks are as good
        for frontal faces. For a head turned 60 degrees away, 68 lowered the distance to a picture of the same person
        from 0.61 to 0.53, and left the distance to other people unchanged (docs/recognition.md).
        """
        return (
            self._dlib_crop(rgb, face)
            if self._predictor is not None
            else _crop_to_template(rgb, face, _SIDE_PX[self._model])
        )

    def _dlib_crop(self, rgb: RgbArray, face: Face) -> RgbArray:
        """Return dlib's crop of the face."""
        import dlib

        left, top, right, bottom = _dlib_square(face)
        shape = self._predictor(rgb, dlib.rectangle(left, top, right, bottom))
        return np.asarray(dlib.get_face_chip(rgb, shape, _DLIB_SIDE_PX, _DLIB_PADDING), dtype=np.uint8)

    def embed(self, aligned: Sequence[RgbArray]) -> npt.NDArray[np.float32]:
        """Return one embedding for each aligned face; see `FaceEmbedder.embed`."""
        if not aligned:
            return np.zeros((0, 0), dtype=np.float32)
        pictures = [np.ascontiguousarray(picture[:, :, ::-1]) for picture in aligned]  # deepface reads arrays as BGR
        results = self._deepface.represent(
            pictures,
            model_name=self._model,
            detector_backend="skip",
            enforce_detection=False,
            align=False,
            normalization=_NORMALIZATION[self._model],
        )
        rows = [results] if len(pictures) == 1 else results
        return np.array([row[0]["embedding"] for row in rows], dtype=np.float32)


def _dlib_square(face: Face) -> tuple[int, int, int, int]:
    """Return the square that dlib's own detector would give for a face: (left, top, right, bottom).

    Measured on 17 faces that both detectors found. Its side is 2.65 eye distances, or 2.36 times the distance from
    eyes to mouth if the head is turned away. Its centre lies half-way between eyes and mouth.
    """
    left_eye, right_eye = face.landmarks[0], face.landmarks[1]
    middle, mouth = (left_eye + right_eye) / 2, (face.landmarks[3] + face.landmarks[4]) / 2
    size = max(2.65 * face.eye_distance_px, 2.36 * float(np.linalg.norm(mouth - middle)))
    across, down = (float(value) for value in middle + 0.5 * (mouth - middle))
    return round(across - size / 2), round(down - size / 2), round(across + size / 2), round(down + size / 2)


def _crop_to_template(rgb: RgbArray, face: Face, side_px: int) -> RgbArray:
    """Return the face moved, rotated and scaled so that its landmarks fit their template in least squares."""
    import cv2

    target = _TEMPLATE_112 * (side_px / 112)
    transform = _fit_similarity(face.landmarks, target)
    return np.asarray(cv2.warpAffine(rgb, transform, (side_px, side_px), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def _fit_similarity(source: FloatArray, target: FloatArray) -> npt.NDArray[np.float64]:
    """Return the least-squares similarity transform between five points and five others: (2, 3) float64.

    Source: Umeyama 1991.
    """
    one, other = source.astype(np.float64), target.astype(np.float64)
    one_mean, other_mean = one.mean(axis=0), other.mean(axis=0)
    one_centred, other_centred = one - one_mean, other - other_mean
    left, scales, right = np.linalg.svd(other_centred.T @ one_centred / len(one))
    signs = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = left @ np.diag(signs) @ right
    scale = float((scales * signs).sum() / (one_centred**2).sum() * len(one))
    return np.hstack([scale * rotation, (other_mean - scale * rotation @ one_mean)[:, np.newaxis]])


def _link_weights(weights: Path, file_name: str) -> Path:
    """Return a home folder for deepface, private to this user, in which it finds the weights; link them there."""
    home = private_folder("face-weights")
    folder = home / ".deepface" / "weights"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    link = folder / file_name
    if not link.is_symlink() or link.readlink() != weights:
        temporary = folder / f".{file_name}.{os.getpid()}"
        temporary.symlink_to(weights)
        temporary.replace(link)
    return home
