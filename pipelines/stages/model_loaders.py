"""The functions that load models; tests pass other ones."""

from collections.abc import Callable
from dataclasses import dataclass

from forensics.adapters.faces.face_models import FaceModels, resolve_face_models
from pipelines.stages.detection_context import DetectorLoader, load_configured_detector

__all__ = ["ModelLoaders"]


@dataclass(frozen=True, slots=True)
class ModelLoaders:
    """Functions that load models.

    Attributes:
        load_detector: loads the detector of a run; it is sent to the workers.
        find_face_models: finds face models by the names of detector and embedder.
    """

    load_detector: DetectorLoader = load_configured_detector
    find_face_models: Callable[[str, str], FaceModels] = resolve_face_models
