"""Tries to find bystanders again by the rows that a case publishes about them.

The attacker has a gallery with another picture of each bystander, and chooses the entries that bystanders are compared
with, over several cases. From the published rows he computes how likely each person of the gallery is, and names the
most likely one. Guessing finds one in as many as the gallery has.

Vectors are drawn so that their distances follow the published calibration of Dlib: strangers are nearer than 0.60 in
0.59 % of pairs and nearer than 0.50 in 0.026 %; pictures of one person are nearer than 0.45 in 59 %.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from forensics.detection.detections import FloatArray
from forensics.faces.comparison import Rules, fmr_per_comparison
from forensics.faces.face import Measure, QualityLimits
from forensics.faces.face_search import Comparison, Examination, FaceCrop, Person, compare_faces
from forensics.faces.pooling import Pools, pool, similarities, single_face_pools
from forensics.faces.published_rates import calibration_for, pairwise_threshold
from forensics.faces.templates import Templates

__all__ = ["ATTACKS", "Attack", "Named", "name_bystanders"]

Float64Array = npt.NDArray[np.float64]

_DIMENSIONS: Final = 128
# The distances of strangers have a mean of 0.862 and a standard deviation of 0.104, like those of Gaussian vectors in
# 34 dimensions. So faces lie near 34 of the 128.
_EFFECTIVE: Final = 34
_BETWEEN: Final = 0.862 / np.sqrt(2 * _EFFECTIVE)
_WITHIN: Final = 0.435 / np.sqrt(2 * _EFFECTIVE)
_N_FACES: Final = 5
_RATE: Final = 0.01
_NO_FRAMES: Final = np.zeros(0, dtype=np.int64)
_NO_BOXES: Final = np.zeros((0, 4), dtype=np.float32)
_UNLIKELY: Final = 1e-12
_NEAR: Final = 0.05


@dataclass(frozen=True, slots=True)
class Attack:
    """What the attacker did.

    Attributes:
        name: for people.
        n_cases: number of cases about the same footage.
        n_entries: number of entries of each case.
        choose: makes the vectors of entries, (n, 128).
        reads: what he reads beside decisions: ``nothing``; ``near``, whether a similarity is at most 0.05 below the
            threshold; ``everything``, every similarity, as versions before 0.3 published it.
    """

    name: str
    n_cases: int
    n_entries: int
    choose: Callable[[int, np.random.Generator], FloatArray]
    reads: str = "nothing"


@dataclass(frozen=True, slots=True)
class Named:
    """Result of an attack.

    Attributes:
        n_bystanders: people without a candidate or lead. Reviewers see the others, with pictures.
        n_right: bystanders that the attacker named correctly.
        by_chance: number that guessing is expected to name.
    """

    n_bystanders: int
    n_right: int
    by_chance: float


@dataclass(frozen=True, slots=True, eq=False)
class _People:
    """Bystanders.

    Attributes:
        pools: their faces in the footage, pooled as the program does it.
        faces: (N, 5, 128) float32, these faces.
        gallery: (N, 128) float32, another picture of each, which the attacker has.
    """

    pools: Pools
    faces: FloatArray
    gallery: FloatArray

    @classmethod
    def drawn(cls, n: int, rng: np.random.Generator) -> "_People":
        people = rng.normal(0, _BETWEEN, (n, _EFFECTIVE))
        faces = _in_space(people[:, None] + rng.normal(0, _WITHIN, (n, _N_FACES, _EFFECTIVE)))
        gallery = _in_space(people + rng.normal(0, _WITHIN, people.shape))
        pools = Pools.stacked([pool(each, np.ones(_N_FACES), Measure.EUCLIDEAN) for each in faces])
        return cls(pools, faces, gallery)


def _in_space(vectors: Float64Array) -> FloatArray:
    """Place vectors of the effective dimensions into the space of the embedder."""
    basis = np.linalg.qr(np.random.default_rng(7).normal(size=(_DIMENSIONS, _EFFECTIVE)))[0]
    return (vectors @ basis.T).astype(np.float32)


def _pictures_of_people(n: int, rng: np.random.Generator) -> FloatArray:
    return _in_space(rng.normal(0, np.hypot(_BETWEEN, _WITHIN), (n, _EFFECTIVE)))


def _averages_of_people(n: int, rng: np.random.Generator) -> FloatArray:
    """Return synthetic faces, each the average of eight: they resemble more people than a real face does."""
    return np.stack([_pictures_of_people(8, rng).mean(axis=0) for _ in range(n)])


ATTACKS: Final = (
    Attack("4 cases with 50 people each", 4, 50, _pictures_of_people),
    Attack("40 cases with 5 people each", 40, 5, _pictures_of_people),
    Attack("4 cases with 50 averaged faces each", 4, 50, _averages_of_people),
    Attack("40 cases with 5 people each, and whether a pair is near the threshold", 40, 5, _pictures_of_people, "near"),
    Attack("4 cases with 50 people each, and every similarity", 4, 50, _pictures_of_people, "everything"),
)
"""The attacks that are tried. The last two show what the method finds if more were published than is."""


def name_bystanders(attack: Attack, *, n_people: int, rng: np.random.Generator) -> Named:
    """Let the attacker name every bystander."""
    people = _People.drawn(n_people, rng)
    likelihood, has_number = np.zeros((n_people, n_people)), np.zeros(n_people, dtype=bool)
    for entries, rows in _published_rows(people, attack, rng):
        model = _Model.fitted(entries)
        exact = similarities(people.pools, single_face_pools(entries, Measure.EUCLIDEAN), Measure.EUCLIDEAN)
        for row in rows:
            number, entry = int(row.sighting_id[1:]), int(row.entry_id[1:])
            seen = _Seen.of(row, float(exact[number, entry]), attack)
            likelihood[number] += model.likelihood(people.gallery, entry, seen)
            has_number[number] |= row.similarity is not None
    named = np.array([rng.choice(np.flatnonzero(each == each.max())) for each in likelihood])
    is_right = (named == np.arange(n_people))[~has_number]
    return Named(len(is_right), int(is_right.sum()), len(is_right) / n_people)


def _published_rows(
    people: _People, attack: Attack, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, list[Comparison]]]:
    """Yield for each case the vectors of its entries, and the rows of the program by person."""
    examination: Any = Examination(
        detector=_Unused(),
        embedder=_Known(people.faces.reshape(-1, _DIMENSIONS)),
        quality_of=_Unused(),
        picture_of=_Unused(),
        limits=QualityLimits(eyes_px=0, sharpness=0, yaw_degrees=90, score=0),
        spacing_us=0,
        at_most=_N_FACES,
    )
    n_people = len(people.faces)
    tracks = [Person(f"S{n:05}", _NO_FRAMES, _NO_FRAMES, _NO_BOXES, _NO_FRAMES.astype(bool)) for n in range(n_people)]
    crops = [[_crop(person, number) for number in range(_N_FACES)] for person in range(n_people)]
    for _ in range(attack.n_cases):
        entries = attack.choose(attack.n_entries, rng)
        ids = tuple(f"E{number:03}" for number in range(len(entries)))
        templates = Templates(ids, ids, single_face_pools(entries, Measure.EUCLIDEAN))
        rows = list(compare_faces(tracks, crops, templates, _rules(attack), examination, lambda person, entry_ids: {}))
        yield entries, rows


def _rules(attack: Attack) -> Rules:
    calibration = calibration_for("Dlib")
    assert calibration is not None
    threshold = calibration.threshold_for(fmr_per_comparison(_RATE, attack.n_entries))
    return Rules(threshold, one_person=pairwise_threshold("Dlib"))


def _crop(person: int, number: int) -> FaceCrop:
    row = np.array([person * _N_FACES + number], dtype=np.int64)
    return FaceCrop(number, number * 1_000_000, (), 1.0, row.view(np.uint8), b"")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the attacker reads of one pair: that its similarity lies between two values, which may be equal."""

    least: float
    largest: float

    @classmethod
    def of(cls, row: Comparison, exact: float, attack: Attack) -> "_Seen":
        if row.similarity is not None or attack.reads == "everything":
            return cls(exact, exact)
        threshold = _rules(attack).threshold
        if attack.reads == "near":
            edge = threshold - _NEAR
            return cls(edge, threshold) if exact >= edge else cls(-np.inf, edge)
        return cls(-np.inf, threshold)


class _Unused:
    """Stands for what the comparison of known vectors does not need."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Fills the embedder of `compare_faces`: an aligned face is the number of its vector."""

    vectors: FloatArray
    model_id: str = "known"
    measure: Measure = Measure.EUCLIDEAN

    def embed(self, aligned: Sequence[npt.NDArray[np.uint8]]) -> FloatArray:
        return self.vectors[[int(each.view(np.int64)[0]) for each in aligned]]


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """What the attacker knows of the program: how far a similarity is from that of another picture of the person.

    Attributes:
        entries: (E, 128) float32.
        shift: mean of that difference.
        spread: its standard deviation.
    """

    entries: FloatArray
    shift: float
    spread: float

    @classmethod
    def fitted(cls, entries: FloatArray) -> "_Model":
        """Learn it from people of his own."""
        own = _People.drawn(400, np.random.default_rng(11))
        truth = similarities(own.pools, single_face_pools(entries, Measure.EUCLIDEAN), Measure.EUCLIDEAN)
        difference = truth - (1 - np.linalg.norm(own.gallery[:, None] - entries[None], axis=2))
        return cls(entries, float(difference.mean()), float(difference.std()))

    def likelihood(self, gallery: FloatArray, entry: int, seen: _Seen) -> Float64Array:
        """Return how likely a pair with this entry is for each person of the gallery, as logarithm: (N,)."""
        expected = 1 - np.linalg.norm(gallery - self.entries[entry], axis=1) + self.shift
        if seen.least == seen.largest:
            return np.asarray(norm.logpdf(seen.least, expected, self.spread))
        share = norm.cdf(seen.largest, expected, self.spread) - norm.cdf(seen.least, expected, self.spread)
        return np.asarray(np.log(np.maximum(share, _UNLIKELY)))
