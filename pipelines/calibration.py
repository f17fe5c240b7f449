"""What pairs of one's own say about similarities: made once from a folder of pictures, kept as plain numbers."""

from forensics.adapters.face_models import FaceModels
from forensics.case import CaseFolder
from forensics.likelihood_model import LikelihoodModel

__all__ = ["stored_likelihood"]


def stored_likelihood(folder: CaseFolder, models: FaceModels) -> LikelihoodModel | None:
    """The case's calibration if it was made with these models, else None."""
    if not folder.calibration_file.exists():
        return None
    stored = LikelihoodModel.decoded(folder.calibration_file.read_text())
    return stored if stored.model_id == models.model_id else None
