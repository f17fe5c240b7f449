"""A loader that answers every request with one given detector, so that tests need no model."""

from dataclasses import dataclass

from forensics.detection.detector import Detector
from forensics.models.model_store import Model
from pipelines.settings import DetectSettings

__all__ = ["GivenDetector"]


@dataclass(frozen=True, slots=True)
class GivenDetector:
    """Fills `DetectorLoader`; it can be pickled, because a stage travels to its workers with its loader.

    Attributes:
        detector: the one that is returned.
    """

    detector: Detector

    def __call__(self, settings: DetectSettings, model: Model) -> Detector:
        return self.detector
