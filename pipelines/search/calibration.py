"""What pairs of known people say about similarities: made from a folder of pictures, kept as a few numbers.

The folder holds one folder per person. Nobody in it is looked for, and nothing of the pictures is kept: every pair is
compared once, in memory, and what remains is a line through the similarities, with its bounds.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np

from forensics.adapters.crypto.sealing import Key, seal, unseal
from forensics.adapters.faces.face_models import FaceModels, open_faces
from forensics.adapters.statistics.likelihood_fit import fit_likelihood
from forensics.custody.case_folder import CaseFolder
from forensics.detection.detections import FloatArray
from forensics.errors import NotAuthorised, UnfitPicture, UsageError
from forensics.faces.face import FaceDetector, FaceEmbedder, Measure, QualityLimits
from forensics.faces.likelihood_model import LikelihoodModel
from forensics.faces.pooling import similarities, single_face_pools
from forensics.faces.published_rates import near_copy_threshold
from forensics.tables.files import write_bytes
from pipelines.custody.case_document import Case
from pipelines.search.reference_pictures import Picture, measure_picture, read_pictures

__all__ = ["NEAR_COPY", "CalibrationResult", "calibrate", "stored_likelihood"]

NEAR_COPY: Final = "near_copy"
"""Why a picture is left out that is another one of the same person, edited: it would be counted as evidence twice."""

_CONTEXT: Final = "calibration"
_LEAST_PAIRS: Final = 10
_LEAST_PEOPLE: Final = 3
_NEXT_STEP: Final = "give a folder with one folder per person, several pictures in each"


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """What came of a folder of pictures.

    Attributes:
        likelihood: the numbers that are kept.
        n_pictures: that were compared.
        left_out: how many were not, by reason: a fault of the picture, or ``near_copy``.
        files_left_out: which, relative to the folder, by reason.
        warnings: what makes the numbers worth less than they look.
    """

    likelihood: LikelihoodModel
    n_pictures: int
    left_out: dict[str, int]
    files_left_out: dict[str, tuple[str, ...]]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """Faces of known people, as parallel columns.

    Attributes:
        people: (N,) whose.
        names: (N,) of their pictures.
        vectors: (N, D) float32.
    """

    people: tuple[str, ...]
    names: tuple[str, ...]
    vectors: FloatArray

    def only(self, rows: Sequence[int]) -> "_Faces":
        """Some of them."""
        return _Faces(
            tuple(self.people[row] for row in rows), tuple(self.names[row] for row in rows), self.vectors[list(rows)]
        )


def calibrate(case: Case, pictures: Path, *, limits: QualityLimits, models: FaceModels, key: Key) -> CalibrationResult:
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
    given = read_pictures(case.folder, _pictures_in(pictures))
    detector, embedder = open_faces(models)
    found, left_out = _found(given, pictures, detector, embedder, limits)
    kept = _without_near_copies(
        found, embedder.measure, near_copy_threshold(models.embedder, embedder.measure), left_out
    )
    _refuse_too_few(kept.people, pictures, left_out)
    each = single_face_pools(kept.vectors, embedder.measure)
    similar = similarities(each, each, embedder.measure)
    people = kept.people
    pairs = [(people[a] == people[b], float(similar[a, b])) for a, b in combinations(range(len(people)), 2)]
    likelihood = fit_likelihood(
        models.model_id,
        same=[value for is_same, value in pairs if is_same],
        different=[value for is_same, value in pairs if not is_same],
        n_people=len(set(people)),
    )
    write_bytes(case.folder.calibration_file, seal(key, likelihood.encoded().encode(), _CONTEXT))
    counts = {reason: len(files) for reason, files in left_out.items()}
    files = {reason: tuple(files) for reason, files in left_out.items()}
    return CalibrationResult(likelihood, len(people), counts, files, _warnings(people))


def _found(
    given: Sequence[Picture], folder: Path, detector: FaceDetector, embedder: FaceEmbedder, limits: QualityLimits
) -> tuple[_Faces, dict[str, list[str]]]:
    """The faces that are good enough, and the pictures without one by what is wrong with them."""
    people, names, aligned, left_out = [], [], [], defaultdict[str, list[str]](list)
    for picture in given:
        name = Path(picture.name).relative_to(folder)
        try:
            portrait = measure_picture(picture, detector, embedder, limits)
        except UnfitPicture as unfit:
            left_out[unfit.problems[0]].append(name.as_posix())
        else:
            people.append(name.parts[0])
            names.append(name.as_posix())
            aligned.append(embedder.aligned(portrait.rgb, portrait.face))
    vectors = embedder.embed(aligned) if aligned else np.zeros((0, 1), dtype=np.float32)
    return _Faces(tuple(people), tuple(names), vectors), left_out


def _without_near_copies(faces: _Faces, measure: Measure, near_copy: float, left_out: dict[str, list[str]]) -> _Faces:
    """No two pictures of one person are so alike; the first by name stays, the others join those left out."""
    each = single_face_pools(faces.vectors, measure)
    similar = similarities(each, each, measure)
    kept: list[int] = []
    for row, person in enumerate(faces.people):
        if any(faces.people[other] == person and similar[row, other] >= near_copy for other in kept):
            left_out.setdefault(NEAR_COPY, []).append(faces.names[row])
        else:
            kept.append(row)
    return faces.only(kept)


def _warnings(people: Sequence[str]) -> tuple[str, ...]:
    """Who is in more than half of the pairs of one kind: the numbers say more of that person than of people.

    >>> _warnings(["a"] * 4 + ["b"] * 2 + ["c"] * 2 + ["d"] * 2)
    ('a is in 6 of the 9 pairs of one person', 'a is in 24 of the 36 pairs of two')
    """
    counts = Counter(people)
    same = {person: n * (n - 1) // 2 for person, n in counts.items()}
    different = {person: n * (len(people) - n) for person, n in counts.items()}
    kinds = (("of one person", same, sum(same.values())), ("of two", different, sum(different.values()) // 2))
    return tuple(
        f"{person} is in {n} of the {n_pairs} pairs {kind}"
        for kind, by_person, n_pairs in kinds
        for person, n in sorted(by_person.items())
        if 2 * n > n_pairs
    )


def _pictures_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError("no such folder", _NEXT_STEP, folder)
    return sorted(path for path in folder.glob("*/*") if path.is_file() and not path.name.startswith("."))


def _refuse_too_few(people: Sequence[str], folder: Path, left_out: Mapping[str, Sequence[str]]) -> None:
    counts = Counter(people)
    n_same = sum(n * (n - 1) // 2 for n in counts.values())
    n_different = len(people) * (len(people) - 1) // 2 - n_same
    if len(counts) < _LEAST_PEOPLE or min(n_same, n_different) < _LEAST_PAIRS:
        raise UsageError(
            f"{folder}: {len(people)} good pictures of {len(counts)} people make {n_same} pairs of one person and "
            f"{n_different} of two; needed are {_LEAST_PEOPLE} people and {_LEAST_PAIRS} pairs of each kind"
            + "".join(f"; {reason}: {', '.join(files)}" for reason, files in sorted(left_out.items())),
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
