"""Weights of dlib's face models, found in the package `face_recognition_models` without importing it."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from forensics.digests import sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken

__all__ = ["ALIGNMENT", "EMBEDDING", "LANDMARKS", "dlib_weights", "pinned_sha256"]

EMBEDDING: Final = "dlib_face_recognition_resnet_model_v1.dat"
LANDMARKS: Final = "shape_predictor_5_face_landmarks.dat"
ALIGNMENT: Final = "shape_predictor_68_face_landmarks.dat"

_SHA256: Final = {
    ALIGNMENT: "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    EMBEDDING: "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    LANDMARKS: "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
}


def pinned_sha256(name: str) -> str:
    """Return the SHA-256 that the file of that name must have."""
    return _SHA256[name]


@cache
def dlib_weights(name: str) -> Path:
    """Return the path of the file of that name; its digest is checked once in a process.

    Raises:
        CannotStart: the package is not installed.
        IntegrityBroken: the file has another digest.
    """
    spec = find_spec("face_recognition_models")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    path = next(
        (Path(folder) / "models" / name for folder in folders if (Path(folder) / "models" / name).exists()), None
    )
    if path is None:
        raise CannotStart(f"the weights {name} are not installed", "install the package face_recognition_models")
    actual = sha256_of_file(path)
    if actual != _SHA256[name]:
        raise IntegrityBroken(
            f"SHA-256 is {actual[:12]}, expected {_SHA256[name][:12]}",
            "reinstall the package face_recognition_models",
            path,
        )
    return path
