"""Published false alarm rates of face embedders, and the thresholds that follow. Nothing here is guessed.

The rate is that of one comparison of two different people (FMR in ISO/IEC 19795-1).

**Dlib.** J. Grimes, "Face recognition distances investigation" (https://jackgrimes.net/projects/face_recognition),
compared all 81,875,206 pairs of 12,797 pictures of 5,467 people and published precision and recall of the
Euclidean distance at several cutoffs. With G pairs of one person, false alarms are ``recall * G * (1 - precision) /
precision``. G is not stated. Labeled Faces in the Wild, the set of that kind and size, has 242,257 such pairs in all of
its 13,233 pictures, so G is taken as that, its largest possible value, and precision and recall at the bad end of
their rounding. Every rate below is therefore an upper end. At 0.60 it gives 0.59 %, where the network's maker reports
99.38 % accuracy on as many pairs of one as of two people: the two agree.

The rates hold for pictures like those: press photographs. For surveillance see docs/recognition.md.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from forensics.errors import UsageError
from forensics.faces.face import Measure

__all__ = ["Calibration", "calibration_for", "near_copy_threshold", "pairwise_threshold"]

_PAIRS: Final = 81_875_206
_PAIRS_OF_ONE_PERSON: Final = 242_257
_ROUNDING: Final = 0.005


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often two different people are this similar or more, as somebody published it.

    Attributes:
        name: what tables and reports call it.
        model: the embedder.
        measure: its similarity.
        points: (similarity, false alarm rate), the similarity rising, the rate falling.
    """

    name: str
    model: str
    measure: Measure
    points: tuple[tuple[float, float], ...]

    def threshold_for(self, fmr: float) -> float:
        """The least similarity with this false alarm rate or a smaller one, log-linear between published points.

        Raises:
            UsageError: nothing so small was published.
        """
        rates = np.array([rate for _, rate in self.points])
        if fmr < rates[-1]:
            raise UsageError(
                f"{self.name} was published down to a false alarm rate of {rates[-1]:.2g}, {fmr:.2g} was asked for",
                "shorten the watch-list, or allow more with --set recognise.false_candidate_rate=RATE",
            )
        places = np.array([place for place, _ in self.points])
        return float(np.interp(-np.log(fmr), -np.log(rates), places))

    def fmr_at(self, similarity: float) -> float:
        """The false alarm rate of a threshold; beyond the published range that of its end."""
        places = np.array([place for place, _ in self.points])
        rates = np.array([rate for _, rate in self.points])
        return float(np.exp(np.interp(similarity, places, np.log(rates))))


def _upper_rate(precision: float, recall: float) -> float:
    """The largest false alarm rate that rounds to this precision and recall."""
    least, most = precision - _ROUNDING, min(1.0, recall + _ROUNDING)
    return most * _PAIRS_OF_ONE_PERSON * (1 - least) / least / (_PAIRS - _PAIRS_OF_ONE_PERSON)


# distance, precision, recall, as published
_GRIMES: Final = (
    *((0.60, 0.34, 0.99), (0.55, 0.71, 0.96), (0.50, 0.91, 0.84)),
    *((0.45, 0.98, 0.59), (0.40, 1.00, 0.29), (0.30, 1.00, 0.02)),
)

_PUBLISHED: Final = (
    Calibration(
        name="Grimes, 81,875,206 pairs",
        model="Dlib",
        measure=Measure.EUCLIDEAN,
        points=tuple((round(1 - distance, 2), _upper_rate(*figures)) for distance, *figures in _GRIMES),
    ),
)

# deepface's own cutoffs for pairs, as similarities: whether two faces of a track are one person's, and, where no rate
# of false alarms is published, from where on a similarity makes a lead.
_PAIRWISE: Final = {"Dlib": 1 - 0.6, "SFace": 1 - 0.593, "Facenet512": 1 - 0.30, "ArcFace": 1 - 0.68}


# A near copy of a photograph is nearer than half the distance within which two faces are called alike. Of Dlib: 0.30.
# Brightened, darkened, turned, mirrored, grey, cropped, halved and strongly compressed copies of five portraits lay
# 0.02 to 0.27 from the original (70 copies), the two photographs of one man among them 0.37, frames of one man half a
# second apart 0.33 to 0.64 (112 pairs), and of all pairs of one person Grimes found 2 % within 0.30.
_NEAR_COPY: Final = 0.5


def calibration_for(model: str) -> Calibration | None:
    """The published calibration of an embedder; None where nobody published one.

    >>> calibration = calibration_for("Dlib")
    >>> round(1 - calibration.threshold_for(0.001), 3), round(1 - calibration.threshold_for(0.0002), 3)
    (0.544, 0.492)
    """
    return next((known for known in _PUBLISHED if known.model == model), None)


def pairwise_threshold(model: str) -> float:
    """The similarity from where on its makers call two faces alike, by deepface's cutoff for pairs."""
    return _PAIRWISE[model]


def near_copy_threshold(model: str, measure: Measure) -> float:
    """The similarity from where on two pictures of one person are the same picture, edited; measured for Dlib only.

    >>> near_copy_threshold("Dlib", Measure.EUCLIDEAN)
    0.7
    """
    # of vectors of length one, one minus the cosine goes with the square of their distance
    share = _NEAR_COPY if measure is Measure.EUCLIDEAN else _NEAR_COPY**2
    return 1 - share * (1 - _PAIRWISE[model])
