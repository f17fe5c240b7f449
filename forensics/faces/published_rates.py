"""Published false alarm rates of face embedders, and the thresholds computed from them.

The rate is that of one comparison of two different people (FMR in ISO/IEC 19795-1).

**Dlib.** J. Grimes, "Face recognition distances investigation" (https://jackgrimes.net/projects/face_recognition),
compared all 81,875,206 pairs of 12,797 pictures of 5,467 people. He published precision and recall of the Euclidean
distance at several cutoffs. With G pairs of one person, the number of false alarms is ``recall * G * (1 - precision) /
precision``. G is not stated. Labeled Faces in the Wild, the set of that kind and size, has 242,257 such pairs in all of
its 13,233 pictures. G is set to that, its largest possible value; precision and recall are set to the worse end of
their rounding. Every rate below is therefore an upper bound. At 0.60 it is 0.59 %. The author of the network reports
99.38 % accuracy on equally many pairs of one person and of two people: the two agree.

The rates hold for similar pictures, press photographs. For surveillance footage see docs/recognition.md.
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
    """Published false alarm rate as a function of the similarity threshold.

    Attributes:
        name: name of the publication in tables and reports.
        model: name of the embedder.
        measure: measure of the similarities.
        points: pairs of similarity and false alarm rate, similarity increasing, rate decreasing.
    """

    name: str
    model: str
    measure: Measure
    points: tuple[tuple[float, float], ...]

    def threshold_for(self, fmr: float) -> float:
        """Return the least threshold with at most this false alarm rate, log-linear between published points.

        Raises:
            UsageError: the rate is smaller than any that was published.
        """
        rates = np.array([rate for _, rate in self.points])
        if fmr < rates[-1]:
            raise UsageError(
                f"the smallest published false alarm rate of {self.name} is {rates[-1]:.2g}; this watch-list needs "
                f"{fmr:.2g} for each comparison",
                "shorten the watch-list, or allow a larger rate with --set recognise.false_candidate_rate=RATE",
            )
        thresholds = np.array([similarity for similarity, _ in self.points])
        return float(np.interp(-np.log(fmr), -np.log(rates), thresholds))

    def fmr_at(self, threshold: float) -> float:
        """Return the false alarm rate of a threshold; outside of the published range that of the nearest end."""
        thresholds = np.array([similarity for similarity, _ in self.points])
        rates = np.array([rate for _, rate in self.points])
        return float(np.exp(np.interp(threshold, thresholds, np.log(rates))))


def _upper_rate(precision: float, recall: float) -> float:
    """Return the largest false alarm rate for a precision and recall that round to these."""
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

# deepface's own cutoffs for pairs, as similarities. They decide whether two faces of a track are one person's, and are
# the threshold of a lead where no false alarm rate is published.
_PAIRWISE: Final = {"Dlib": 1 - 0.6, "SFace": 1 - 0.593, "Facenet512": 1 - 0.30, "ArcFace": 1 - 0.68}

_BY_DISTANCE: Final = frozenset({"Dlib"})  # the others are compared by the cosine


# A near copy of a photograph is closer than half of deepface's cutoff distance; for Dlib, closer than 0.30. Measured:
# brightened, darkened, turned, mirrored, grey, cropped, halved and strongly compressed copies of five portraits lay
# 0.02 to 0.27 from the original (70 copies); the two photographs of one man among them 0.37; frames of one man half a
# second apart 0.33 to 0.64 (112 pairs). Of all pairs of one person, Grimes found 2 % within 0.30.
_NEAR_COPY_SHARE: Final = 0.5


def calibration_for(model: str) -> Calibration | None:
    """Return the published calibration of an embedder; None if there is none.

    >>> calibration = calibration_for("Dlib")
    >>> round(1 - calibration.threshold_for(0.001), 3), round(1 - calibration.threshold_for(0.0002), 3)
    (0.544, 0.492)
    """
    return next((known for known in _PUBLISHED if known.model == model), None)


def pairwise_threshold(model: str) -> float:
    """Return deepface's threshold for two faces of one person, as a similarity."""
    return _PAIRWISE[model]


def near_copy_threshold(model: str) -> float:
    """Return the similarity above which two pictures are edited copies of one picture; measured for Dlib only.

    >>> near_copy_threshold("Dlib")
    0.7
    """
    # for unit vectors, one minus the cosine is proportional to the square of the distance
    share = _NEAR_COPY_SHARE if model in _BY_DISTANCE else _NEAR_COPY_SHARE**2
    return 1 - share * (1 - _PAIRWISE[model])
