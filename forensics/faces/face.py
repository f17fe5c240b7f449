"""A face in a picture, how good it is for comparison, and the ports that find and describe faces.

What a face *says about* a person (origin, sex, years, mood) has no word here and no code anywhere.
An embedding is a list of numbers that is compared with those of a watch-list, then forgotten.
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
    "shortcomings",
    "worth",
    "worth_in_words",
]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in one picture.

    Attributes:
        xyxy: (4,) float32 pixels of the picture it was found in, half-open.
        landmarks: (5, 2) float32 pixels: the eye on the picture's left, the eye on its right, the tip
            of the nose, the corner of the mouth on the picture's left, the one on its right.
        score: of the detector, on its own scale.
    """

    xyxy: FloatArray
    landmarks: FloatArray
    score: float

    def __post_init__(self) -> None:
        if self.xyxy.shape != (4,) or self.landmarks.shape != (5, 2):
            raise ValueError(f"face: box {self.xyxy.shape} and landmarks {self.landmarks.shape}, expected (4,), (5, 2)")

    @property
    def eye_distance_px(self) -> float:
        """Between the eyes, as the picture shows them."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0]))


class Measure(StrEnum):
    """How two embeddings of one model are compared; more similar is larger for each.

    `EUCLIDEAN` is one minus the distance; `COSINE` is the cosine of the angle.
    """

    EUCLIDEAN = "euclidean"
    COSINE = "cosine"


@dataclass(frozen=True, slots=True)
class Quality:
    """What decides whether a face can be compared.

    Attributes:
        eyes_px: distance between the eyes in pixels of the original picture, as if seen from the front.
        sharpness: variance of the Laplacian of the aligned face's luma at a fixed size.
        yaw_degrees: how far the head is turned away from the camera, from the landmarks; 0 is frontal.
        score: of the face detector.
    """

    eyes_px: float
    sharpness: float
    yaw_degrees: float
    score: float


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """From where on a face is good enough.

    Attributes:
        eyes_px: least distance between the eyes.
        sharpness: least variance of the Laplacian.
        yaw_degrees: most turning away.
        score: least detector score.
    """

    eyes_px: float
    sharpness: float
    yaw_degrees: float
    score: float


def shortcomings(quality: Quality, limits: QualityLimits) -> tuple[str, ...]:
    """What is wrong with a face, each one word for tables and messages; empty if nothing is.

    >>> limits = QualityLimits(eyes_px=20, sharpness=20, yaw_degrees=45, score=0.6)
    >>> shortcomings(Quality(eyes_px=12, sharpness=80, yaw_degrees=60, score=0.9), limits)
    ('small', 'turned_away')
    """
    found = (
        ("small", quality.eyes_px < limits.eyes_px),
        ("blurred", quality.sharpness < limits.sharpness),
        ("turned_away", quality.yaw_degrees > limits.yaw_degrees),
        ("doubtful", quality.score < limits.score),
    )
    return tuple(word for word, is_so in found if is_so)


def worth(quality: Quality, limits: QualityLimits) -> float:
    """One number in (0, 1] to weigh faces of one track against each other; larger, sharper, more frontal is more.

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
"""About that of a face twice as large and as sharp as it must be to be compared at all."""
GOOD_WORTH: Final = 0.4
"""About that of a face four times as large and as sharp."""


def worth_in_words(value: float) -> str:
    """What a worth means to a person.

    >>> worth_in_words(0.19), worth_in_words(0.2), worth_in_words(0.4)
    ('low', 'fair', 'good')
    """
    return "good" if value >= GOOD_WORTH else "fair" if value >= FAIR_WORTH else "low"


class FaceDetector(Protocol):
    """Finds faces in one picture, such as the box of a person."""

    @property
    def model_id(self) -> str:
        """Name and first digits of the digest of the weights, as it stands in every table."""
        ...

    def faces(self, rgb: RgbArray) -> list[Face]:
        """All faces in an (h, w, 3) uint8 picture, most certain first; pixels of that picture."""
        ...


class FaceEmbedder(Protocol):
    """Describes faces as vectors that can be compared with each other, and with nothing else."""

    @property
    def model_id(self) -> str:
        """Name and first digits of the digest of the weights, as it stands in every table."""
        ...

    @property
    def measure(self) -> Measure:
        """How two of its embeddings are compared."""
        ...

    def aligned(self, rgb: RgbArray, face: Face) -> RgbArray:
        """The face turned upright and scaled as the network wants it: (s, s, 3) uint8."""
        ...

    def embed(self, aligned: Sequence[RgbArray]) -> npt.NDArray[np.float32]:
        """(N, D) float32, one row for each aligned face, in order; one bad picture fails no other."""
        ...
