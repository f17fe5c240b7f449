"""What pairs of known people say about similarities: made from a folder of pictures, kept as a few numbers.

The folder holds one folder per person. Nobody in it is looked for, and nothing of the pictures is kept: every pair is
compared once, in memory, and what remains is a line through the similarities, with its bounds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from forensics.adapters.face_models import FaceModels, open_faces
from forensics.adapters.likelihood_fit import fitted
from forensics.adapters.sealing import Key, seal, unseal
from forensics.case import CaseFolder
from forensics.errors import NotAuthorised, UsageError
from forensics.faces import QualityLimits
from forensics.likelihood_model import LikelihoodModel
from forensics.pooling import similarities, singles
from forensics.tables.files import write_bytes
from pipelines.case_file import Case
from pipelines.portraits import Unfit, given_pictures, portrait_of

__all__ = ["Calibrated", "calibrate", "stored_likelihood"]

_CONTEXT: Final = "calibration"
_LEAST_PAIRS: Final = 10
_LEAST_PEOPLE: Final = 3
_NEXT_STEP: Final = "give a folder with one folder per person, several pictures in each"


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of a folder of pictures.

    Attributes:
        likelihood: the numbers that are kept.
        n_pictures: whose face was good enough.
        left_out: how many were not, by reason.
    """

    likelihood: LikelihoodModel
    n_pictures: int
    left_out: dict[str, int]


def calibrate(case: Case, pictures: Path, *, limits: QualityLimits, models: FaceModels, key: Key) -> Calibrated:
    """Compare all pairs of the pictures and keep what they say; the caller holds the case's lock.

    Args:
        case: of a mode that compares faces.
        pictures: a folder with one folder per person.
        limits: what is good enough in footage; pictures that are worse would not be compared there either.
        models: what finds and describes faces.
        key: of the case.

    Raises:
        NotAuthorised: the case compares no faces, or a picture was taken from its footage.
        UsageError: the pictures are too few, and how many are needed.
    """
    if not case.mandate.mode.compares_faces:
        raise NotAuthorised(
            f"a case in mode {case.mandate.mode.value} compares no faces",
            "make a case with --mode search or --mode missing",
        )
    given = given_pictures(case.folder, _pictures_in(pictures))
    detector, embedder = open_faces(models)
    people, aligned, left_out = [], [], Counter[str]()
    for picture in given:
        try:
            portrait = portrait_of(picture, detector, embedder, limits)
        except Unfit as unfit:
            left_out.update(unfit.problems[:1])
        else:
            people.append(Path(picture.name).relative_to(pictures).parts[0])
            aligned.append(embedder.aligned(portrait.rgb, portrait.face))
    _refuse_too_few(people, pictures)
    each = singles(embedder.embed(aligned), embedder.measure)
    similar = similarities(each, each, embedder.measure)
    pairs = [(people[a] == people[b], float(similar[a, b])) for a, b in combinations(range(len(people)), 2)]
    likelihood = fitted(
        models.model_id,
        same=[value for is_same, value in pairs if is_same],
        different=[value for is_same, value in pairs if not is_same],
        n_people=len(set(people)),
    )
    write_bytes(case.folder.calibration_file, seal(key, likelihood.encoded().encode(), _CONTEXT))
    return Calibrated(likelihood, len(people), dict(left_out))


def _pictures_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder", _NEXT_STEP)
    return sorted(path for path in folder.glob("*/*") if path.is_file() and not path.name.startswith("."))


def _refuse_too_few(people: Sequence[str], folder: Path) -> None:
    counts = Counter(people)
    n_same = sum(n * (n - 1) // 2 for n in counts.values())
    n_different = len(people) * (len(people) - 1) // 2 - n_same
    if len(counts) < _LEAST_PEOPLE or min(n_same, n_different) < _LEAST_PAIRS:
        raise UsageError(
            f"{folder}: {len(people)} good pictures of {len(counts)} people make {n_same} pairs of one person and "
            f"{n_different} of two; needed are {_LEAST_PEOPLE} people and {_LEAST_PAIRS} pairs of each kind",
            _NEXT_STEP,
        )


def stored_likelihood(folder: CaseFolder, key: Key, models: FaceModels) -> LikelihoodModel | None:
    """The case's calibration if it was made with these models, else None.

    Raises:
        IntegrityBroken: it is not what was written.
    """
    if not folder.calibration_file.exists():
        return None
    stored = LikelihoodModel.decoded(unseal(key, folder.calibration_file.read_bytes(), _CONTEXT).decode())
    return stored if stored.model_id == models.model_id else None
