"""Which models find and describe faces: looked up once by the driver, checked again by every worker."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forensics.adapters.faces.dlib_weights import ALIGNMENT, EMBEDDING, LANDMARKS, dlib_weights, pinned_sha256
from forensics.digests import digest_of, sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken
from forensics.faces.face import FaceDetector, FaceEmbedder
from forensics.models.model_store import model_folders, resolve
from forensics.models.withdrawn import refuse_withdrawn_digest

__all__ = ["FaceModels", "face_models", "open_faces"]

_YUNET: Final = "face_detection_yunet_2026may"
# deepface's names of the files; whoever wants one of these places it, nothing is fetched.
_FILES: Final = {
    "SFace": "face_recognition_sface_2021dec.onnx",
    "Facenet512": "facenet512.onnx",
    "ArcFace": "arcface.onnx",
}


@dataclass(frozen=True, slots=True)
class FaceModels:
    """A detector and an embedder, by name, file and digest.

    Attributes:
        detector: ``yunet`` or ``dlib``.
        detector_path, detector_sha256: its weights.
        embedder: deepface's name.
        embedder_path, embedder_sha256: its weights.
    """

    detector: str
    detector_path: Path
    detector_sha256: str
    embedder: str
    embedder_path: Path
    embedder_sha256: str

    @property
    def model_id(self) -> str:
        """As it stands in every table: both names, each with the first digits of its digest."""
        return f"{self.detector}-{self.detector_sha256[:8]}+{self.embedder}-{self.embedder_sha256[:8]}"

    @property
    def digest(self) -> str:
        """Of both models."""
        return digest_of([self.detector, self.detector_sha256, self.embedder, self.embedder_sha256])

    @property
    def described(self) -> dict[str, dict[str, str]]:
        """Name, file and whole SHA-256 of all weights that are used, for records."""
        described = {
            "detector": _described(self.detector, self.detector_path, self.detector_sha256),
            "embedder": _described(self.embedder, self.embedder_path, self.embedder_sha256),
        }
        if self.embedder == "Dlib":
            described["landmarks"] = {"name": "dlib", "file": ALIGNMENT, "sha256": pinned_sha256(ALIGNMENT)}
        return described


def _described(name: str, path: Path, sha256: str) -> dict[str, str]:
    return {"name": name, "file": path.name, "sha256": sha256}


def face_models(detector: str, embedder: str) -> FaceModels:
    """The models meant, found and digested; nothing is fetched.

    Args:
        detector: ``yunet``, ``dlib``, or ``auto`` for YuNet where it is at hand, else dlib.
        embedder: ``Dlib``, ``SFace``, ``Facenet512`` or ``ArcFace``.

    Raises:
        CannotStart: one is missing, and how to place it.
    """
    name, found_at = _detector(detector)
    embedder_path = dlib_weights(EMBEDDING) if embedder == "Dlib" else _placed(embedder)
    embedder_sha256 = sha256_of_file(embedder_path)
    refuse_withdrawn_digest(embedder_path, embedder_sha256)
    return FaceModels(name, found_at, sha256_of_file(found_at), embedder, embedder_path, embedder_sha256)


def _detector(wanted: str) -> tuple[str, Path]:
    if wanted == "dlib":
        return "dlib", dlib_weights(LANDMARKS)
    try:
        path = resolve(_YUNET, trusted_sha256=frozenset()).path
    except CannotStart:
        if wanted == "yunet":
            raise
        return "dlib", dlib_weights(LANDMARKS)
    assert path is not None
    return "yunet", path


def _placed(embedder: str) -> Path:
    name = _FILES[embedder]
    found = next((shelf / name for shelf in model_folders() if (shelf / name).exists()), None)
    if found is None:
        raise CannotStart(
            f"the weights of {embedder} are not in {', '.join(map(str, model_folders()))}",
            f"place deepface's file {name} there, or use --set recognise.model=Dlib, which needs no file",
        )
    return found.resolve()


def open_faces(models: FaceModels) -> tuple[FaceDetector, FaceEmbedder]:
    """Both models, loaded.

    Raises:
        IntegrityBroken: a file is not what the run was planned with.
    """
    from forensics.adapters.faces.deepface_embedder import DeepFaceEmbedder
    from forensics.adapters.faces.dlib_detector import DlibFaces
    from forensics.adapters.faces.yunet import YuNet

    for path, expected in (
        (models.detector_path, models.detector_sha256),
        (models.embedder_path, models.embedder_sha256),
    ):
        _check(path, expected)
    detector_id = f"{models.detector}-{models.detector_sha256[:8]}"
    embedder_id = f"{models.embedder}-{models.embedder_sha256[:8]}"
    detector: FaceDetector = (
        YuNet(models.detector_path, detector_id) if models.detector == "yunet" else DlibFaces(detector_id)
    )
    file_name = EMBEDDING if models.embedder == "Dlib" else _FILES[models.embedder]
    return detector, DeepFaceEmbedder(models.embedder, models.embedder_path, file_name, embedder_id)


def _check(path: Path, expected: str) -> None:
    actual = sha256_of_file(path) if path.exists() else "absent"
    if actual != expected:
        raise IntegrityBroken(
            f"SHA-256 is {actual[:12]}, the run was planned with {expected[:12]}",
            "put the same model on every machine",
            path,
        )
