"""Choice of the face detector and embedder: resolved once by the driver, checked again by every worker."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forensics.adapters.faces.dlib_weights import ALIGNMENT, EMBEDDING, LANDMARKS, dlib_weights, pinned_sha256
from forensics.digests import digest_of, sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken
from forensics.faces.face import FaceDetector, FaceEmbedder
from forensics.models.model_store import find_in_folders, model_folders, places_text, resolve
from forensics.models.withdrawn import refuse_withdrawn_digest

__all__ = ["YUNET", "FaceModels", "is_yunet_installed", "resolve_face_models"]

YUNET: Final = "face_detection_yunet_2026may"
"""Registered name of YuNet, the better face detector; `auto` takes it if it is installed."""

# deepface's names of the files. Users place these files themselves; nothing is downloaded.
_FILES: Final = {
    "SFace": "face_recognition_sface_2021dec.onnx",
    "Facenet512": "facenet512.onnx",
    "ArcFace": "arcface.onnx",
}


@dataclass(frozen=True, slots=True)
class FaceModels:
    """A face detector and an embedder, by name, file and digest.

    Attributes:
        detector: ``yunet`` or ``dlib``.
        detector_path, detector_sha256: its weights.
        embedder: deepface's name.
        embedder_path, embedder_sha256: its weights.
        choice: why they were taken.
    """

    detector: str
    detector_path: Path
    detector_sha256: str
    embedder: str
    embedder_path: Path
    embedder_sha256: str
    choice: str = ""

    @property
    def model_id(self) -> str:
        """Name in every table: both models, each with the first digits of its digest."""
        return f"{self.detector}-{self.detector_sha256[:8]}+{self.embedder}-{self.embedder_sha256[:8]}"

    @property
    def digest(self) -> str:
        """Digest of both models."""
        return digest_of([self.detector, self.detector_sha256, self.embedder, self.embedder_sha256])

    @property
    def described(self) -> dict[str, dict[str, str]]:
        """Name, file and full SHA-256 of all weights that are used, for records."""
        described = {
            "detector": _describe_weights(self.detector, self.detector_path, self.detector_sha256),
            "embedder": _describe_weights(self.embedder, self.embedder_path, self.embedder_sha256),
        }
        if self.embedder == "Dlib":
            described["landmarks"] = {"name": "dlib", "file": ALIGNMENT, "sha256": pinned_sha256(ALIGNMENT)}
        return described

    def load(self) -> tuple[FaceDetector, FaceEmbedder]:
        """Load both models.

        Raises:
            IntegrityBroken: a file has changed since the run was planned.
        """
        from forensics.adapters.faces.deepface_embedder import DeepFaceEmbedder
        from forensics.adapters.faces.dlib_detector import DlibFaceDetector
        from forensics.adapters.faces.yunet import YuNet

        _check_digest(self.detector_path, self.detector_sha256)
        _check_digest(self.embedder_path, self.embedder_sha256)
        detector_id = f"{self.detector}-{self.detector_sha256[:8]}"
        embedder_id = f"{self.embedder}-{self.embedder_sha256[:8]}"
        detector: FaceDetector = (
            YuNet(self.detector_path, detector_id) if self.detector == "yunet" else DlibFaceDetector(detector_id)
        )
        file_name = EMBEDDING if self.embedder == "Dlib" else _FILES[self.embedder]
        return detector, DeepFaceEmbedder(self.embedder, self.embedder_path, file_name, embedder_id)


def _describe_weights(name: str, path: Path, sha256: str) -> dict[str, str]:
    """Return the entry of one file of weights in records."""
    return {"name": name, "file": path.name, "sha256": sha256}


def resolve_face_models(detector: str, embedder: str) -> FaceModels:
    """Find both models and compute their digests; nothing is downloaded.

    Args:
        detector: ``yunet``, ``dlib``, or ``auto`` for YuNet if it is installed, else dlib.
        embedder: ``Dlib``, ``SFace``, ``Facenet512`` or ``ArcFace``.

    Raises:
        CannotStart: a model is missing; the error names the folder where to place it.
    """
    name, detector_path = _find_detector(detector)
    embedder_path = dlib_weights(EMBEDDING) if embedder == "Dlib" else _find_placed(embedder)
    embedder_sha256 = sha256_of_file(embedder_path)
    refuse_withdrawn_digest(embedder_path, embedder_sha256)
    return FaceModels(name, detector_path, sha256_of_file(detector_path), embedder, embedder_path, embedder_sha256)


def is_yunet_installed() -> bool:
    """Whether the file of YuNet is in a folder of models; its digest is not checked."""
    return find_in_folders(f"{YUNET}.onnx") is not None


def _find_detector(wanted: str) -> tuple[str, Path]:
    """Return name and weights of the detector."""
    if wanted == "dlib":
        return "dlib", dlib_weights(LANDMARKS)
    try:
        path = resolve(YUNET, trusted_sha256=frozenset()).path
    except CannotStart:
        if wanted == "yunet":
            raise
        return "dlib", dlib_weights(LANDMARKS)
    assert path is not None
    return "yunet", path


def _find_placed(embedder: str) -> Path:
    """Return the weights of an embedder, which a person placed in a folder of models."""
    name = _FILES[embedder]
    found = next((folder / name for folder in model_folders() if (folder / name).exists()), None)
    if found is None:
        raise CannotStart(
            f"the weights of {embedder} are not in {places_text()}",
            f"place deepface's file {name} there, or use --set recognise.model=Dlib, which needs no file",
        )
    return found.resolve()


def _check_digest(path: Path, expected: str) -> None:
    """Check that a file exists and has the expected digest."""
    actual = sha256_of_file(path) if path.exists() else "absent"
    if actual != expected:
        raise IntegrityBroken(
            f"SHA-256 is {actual[:12]}, the run was planned with {expected[:12]}",
            "install the same model on every machine",
            path,
        )
