"""A face in a picture, its quality, and the ports that detect and embed faces.

Nothing here or anywhere else infers attributes of a person from a face. An embedding is a vector that is compared
with those of a watch-list and then discarded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.footage.frames import RgbArray

__all__ = [
    "FAIR_WORTH",
    "GOOD_WORTH",
    "Face",
    "FaceDetector",
    "FaceEmbedder",
    "Measure",
    "Quality",
    "QualityLimits",
    "quality_problems",
    "worth",
    "worth_in_words",
]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face in one picture.

    Attributes:
        xyxy: (4,) float32, pixels of the picture, half-open.
        landmarks: (5, 2) float32, pixels of the picture: left eye, right eye, tip of the nose, left and right corner
            of the mouth. Left and right are those of the picture.
        score: detector score, on the detector's own scale.
    """

    xyxy: FloatArray
    landmarks: FloatArray
    score: float

    def __post_init__(self) -> None:
        if self.xyxy.shape != (4,) or self.landmarks.shape != (5, 2):
            raise ValueError(f"face: box {self.xyxy.shape} and landmarks {self.landmarks.shape}, expected (4,), (5, 2)")

    @property
    def eye_distance_px(self) -> float:
        """Distance between the eyes in pixels, not corrected for the turn of the head."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0]))


class Measure(StrEnum):
    """Similarity measure of two embeddings of one model; larger is more similar.

    `EUCLIDEAN` is one minus the distance, `COSINE` is the cosine of the angle.
    """

    EUCLIDEAN = "euclidean"
    COSINE = "cosine"


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of one face, which decides whether it can be compared.

    Attributes:
        eyes_px: distance between the eyes in pixels of the original picture, as if seen from the front.
        sharpness: variance of the Laplacian of the luma in the face's box, scaled to a fixed size.
        yaw_degrees: turn of the head away from the camera, estimated from the landmarks; 0 is frontal.
        score: score of the face detector.
    """

    eyes_px: float
    sharpness: float
    yaw_degrees: float
    score: float


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """Limits within which a face is good enough to be compared.

    Attributes:
        eyes_px: least distance between the eyes.
        sharpness: least variance of the Laplacian.
        yaw_degrees: largest turn of the head.
        score: least detector score.
    """

    eyes_px: float
    sharpness: float
    yaw_degrees: float
    score: float


def quality_problems(quality: Quality, limits: QualityLimits) -> tuple[str, ...]:
    """Return each problem of a face as one word for tables and messages; empty if it is good enough.

    >>> limits = QualityLimits(eyes_px=20, sharpness=20, yaw_degrees=45, score=0.6)
    >>> quality_problems(Quality(eyes_px=12, sharpness=80, yaw_degrees=60, score=0.9), limits)
    ('small', 'turned_away')
    """
    found = (
        ("small", quality.eyes_px < limits.eyes_px),
        ("blurred", quality.sharpness < limits.sharpness),
        ("turned_away", quality.yaw_degrees > limits.yaw_degrees),
        ("doubtful", quality.score < limits.score),
    )
    return tuple(word for word, is_present in found if is_present)


def worth(quality: Quality, limits: QualityLimits) -> float:
    """Return the weight of a face among the faces of its track, in (0, 1]; larger, sharper, more frontal is more.

    >>> limits = QualityLimits(eyes_px=20, sharpness=20, yaw_degrees=45, score=0.6)
    >>> near, far = Quality(80, 200, 5, 0.95), Quality(20, 200, 5, 0.95)
    >>> worth(near, limits) > worth(far, limits) > 0
    True
    """
    size = quality.eyes_px / (quality.eyes_px + 2 * limits.eyes_px + 1)
    sharp = quality.sharpness / (quality.sharpness + 2 * limits.sharpness + 1)
    frontal = float(np.cos(np.radians(min(abs(quality.yaw_degrees), 80.0))))
    return max(1e-6, size * sharp * frontal * min(1.0, max(0.0, quality.score)))


FAIR_WORTH: Final = 0.2
"""Least worth that is called fair: about that of a face twice as large and sharp as the limits ask."""
GOOD_WORTH: Final = 0.4
"""Least worth that is called good: about that of a face four times as large and sharp as the limits ask."""


def worth_in_words(value: float) -> str:
    """Return the word that reviewers read for a worth: low, fair or good.

    >>> worth_in_words(0.19), worth_in_words(0.2), worth_in_words(0.4)
    ('low', 'fair', 'good')
    """
    return "good" if value >= GOOD_WORTH else "fair" if value >= FAIR_WORTH else "low"


class FaceDetector(Protocol):
    """Port that detects faces in one picture, such as the cropped box of a person."""

    @property
    def model_id(self) -> str:
        """Name of the model and first digits of the digest of its weights, as written to every table."""
        ...

    def faces(self, rgb: RgbArray) -> list[Face]:
        """Detect all faces in an (h, w, 3) uint8 picture, highest score first, in pixels of that picture."""
        ...


class FaceEmbedder(Protocol):
    """Port that turns faces into embeddings; only embeddings of the same model can be compared."""

    @property
    def model_id(self) -> str:
        """Name of the model and first digits of the digest of its weights, as written to every table."""
        ...

    @property
    def measure(self) -> Measure:
        """Measure by which two of its embeddings are compared."""
        ...

    def align(self, rgb: RgbArray, face: Face) -> RgbArray:
        """Cut out a face, turned upright and scaled to the input of the network: (s, s, 3) uint8."""
        ...

    def embed(self, aligned: Sequence[RgbArray]) -> npt.NDArray[np.float32]:
        """Embed aligned faces: (N, D) float32, one row each, in order; no picture affects the row of another."""
        ...
