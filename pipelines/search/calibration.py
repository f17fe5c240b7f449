"""Fits likelihood ratios to similarities of known people, from a folder with one folder of pictures per person.

Every pair of pictures is compared once, in memory. Stored are only the fitted line and its bounds, not the pictures or
their embeddings. The case does not search for these people.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np

from forensics.adapters.crypto.case_key import Key
from forensics.adapters.faces.face_models import FaceModels
from forensics.adapters.statistics.likelihood_fit import fit_likelihood
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.detection.detections import FloatArray
from forensics.errors import NotAuthorised, Unfit, UsageError
from forensics.faces.face import FaceDetector, FaceEmbedder, Measure, QualityLimits
from forensics.faces.likelihood_model import LikelihoodModel
from forensics.faces.pooling import similarities, single_face_pools
from forensics.faces.published_rates import near_copy_threshold
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.search.reference_pictures import Picture, measure_picture, read_pictures

__all__ = ["NEAR_COPY", "CalibrationResult", "calibrate", "load_likelihood"]

NEAR_COPY: Final = "near_copy"
"""Reason for leaving out an edited copy of another picture of the same person: its pairs would count twice."""

_CONTEXT: Final = "calibration"
_MIN_PAIRS: Final = 10
_MIN_PEOPLE: Final = 3
_NEXT_STEP: Final = "give a folder with one folder per person, several pictures in each"


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """Result of a calibration.

    Attributes:
        likelihood: the fitted model, which is stored.
        n_pictures: number of compared pictures.
        left_out: number of pictures left out, by reason: a problem of the picture, or ``near_copy``.
        files_left_out: names of these pictures relative to the folder, by reason.
        warnings: reasons why the numbers are less general than they seem.
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
        people: (N,) names of the people.
        names: (N,) names of the pictures.
        vectors: (N, D) float32, embeddings.
    """

    people: tuple[str, ...]
    names: tuple[str, ...]
    vectors: FloatArray

    def select(self, rows: Sequence[int]) -> "_Faces":
        """Return the faces of these rows."""
        return _Faces(
            tuple(self.people[row] for row in rows), tuple(self.names[row] for row in rows), self.vectors[list(rows)]
        )


def calibrate(
    case: Case, pictures: Path, files: DecidingFiles, *, limits: QualityLimits, models: FaceModels, key: Key
) -> CalibrationResult:
    """Compare all pairs of pictures, fit likelihood ratios and store them; the caller holds the case's lock.

    Args:
        case: the case, in a mode that compares faces.
        pictures: a folder with one folder per person.
        files: writes the calibration.
        limits: limits of quality for faces in footage; worse pictures are left out, as they are in a run.
        models: face detector and embedder.
        key: the case's key.

    Raises:
        NotAuthorised: the case does not compare faces, or a picture was taken from its footage.
        UsageError: there are too few pictures.
    """
    if not case.mandate.mode.compares_faces:
        raise NotAuthorised(
            f"a case in mode {case.mandate.mode.value} does not compare faces",
            "create a case with --mode search or --mode missing",
        )
    given = read_pictures(case.folder, key, _list_pictures(pictures))
    detector, embedder = models.load()
    found, left_out = _embed_faces(given, pictures, detector, embedder, limits)
    kept = _without_near_copies(found, embedder.measure, near_copy_threshold(models.embedder), left_out)
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
    files.write(case.folder.calibration_file, key.seal(likelihood.encoded().encode(), _CONTEXT))
    counts = {reason: len(files) for reason, files in left_out.items()}
    names = {reason: tuple(names) for reason, names in left_out.items()}
    return CalibrationResult(likelihood, len(people), counts, names, _warnings(people))


def _embed_faces(
    given: Sequence[Picture], folder: Path, detector: FaceDetector, embedder: FaceEmbedder, limits: QualityLimits
) -> tuple[_Faces, dict[str, list[str]]]:
    """Return the embedded faces that are good enough, and the names of the other pictures by their first problem."""
    people, names, aligned, left_out = [], [], [], defaultdict[str, list[str]](list)
    for picture in given:
        name = Path(picture.name).relative_to(folder)
        try:
            reference = measure_picture(picture, detector, limits)
        except Unfit as unfit:
            left_out[unfit.problems[0]].append(name.as_posix())
        else:
            people.append(name.parts[0])
            names.append(name.as_posix())
            aligned.append(embedder.align(reference.rgb, reference.face))
    vectors = embedder.embed(aligned) if aligned else np.zeros((0, 1), dtype=np.float32)
    return _Faces(tuple(people), tuple(names), vectors), left_out


def _without_near_copies(faces: _Faces, measure: Measure, near_copy: float, left_out: dict[str, list[str]]) -> _Faces:
    """Return the faces without near copies of another picture of the same person, and add those to `left_out`.

    Of near copies, the first picture by name is kept.

    Args:
        faces: the faces.
        measure: measure of similarity.
        near_copy: least similarity of near copies.
        left_out: names of pictures left out, by reason; this function adds to it.
    """
    each = single_face_pools(faces.vectors, measure)
    similar = similarities(each, each, measure)
    kept: list[int] = []
    for row, person in enumerate(faces.people):
        if any(faces.people[other] == person and similar[row, other] >= near_copy for other in kept):
            left_out.setdefault(NEAR_COPY, []).append(faces.names[row])
        else:
            kept.append(row)
    return faces.select(kept)


def _warnings(people: Sequence[str]) -> tuple[str, ...]:
    """Return a warning for each person in more than half of the pairs of one kind: they dominate the fitted numbers.

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


def _list_pictures(folder: Path) -> list[Path]:
    """Return the files in the folders of the people, sorted by path, without hidden files.

    Raises:
        UsageError: the folder does not exist.
    """
    if not folder.is_dir():
        raise UsageError("no such folder", _NEXT_STEP, folder)
    return sorted(path for path in folder.glob("*/*") if path.is_file() and not path.name.startswith("."))


def _refuse_too_few(people: Sequence[str], folder: Path, left_out: Mapping[str, Sequence[str]]) -> None:
    """Check that there are enough people and pairs.

    Raises:
        UsageError: there are too few; the message names the pictures that were left out.
    """
    counts = Counter(people)
    n_same = sum(n * (n - 1) // 2 for n in counts.values())
    n_different = len(people) * (len(people) - 1) // 2 - n_same
    if len(counts) < _MIN_PEOPLE or min(n_same, n_different) < _MIN_PAIRS:
        raise UsageError(
            f"{len(people)} good pictures of {len(counts)} people make {n_same} pairs of one person and "
            f"{n_different} of two; expected at least {_MIN_PEOPLE} people and {_MIN_PAIRS} pairs of each kind"
            + "".join(f"; {reason}: {', '.join(files)}" for reason, files in sorted(left_out.items())),
            _NEXT_STEP,
            folder,
        )


def load_likelihood(folder: CaseFolder, key: Key, models: FaceModels) -> LikelihoodModel | None:
    """Return the case's calibration; None if there is none or it was made with other models.

    Raises:
        IntegrityBroken: the stored calibration has changed since it was written.
    """
    if not folder.calibration_file.exists():
        return None
    stored = LikelihoodModel.decoded(key.unseal(folder.calibration_file.read_bytes(), _CONTEXT).decode())
    return stored if stored.model_id == models.model_id else None
