"""Likelihood ratio of a similarity: how much more probable it is for two faces of one person than of two people."""

import json
from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["LikelihoodModel"]


@dataclass(frozen=True, slots=True)
class LikelihoodModel:
    """Logistic calibration of similarities, bounded so that few pairs never support a strong ratio.

    Attributes:
        model_id: face models that the similarities came from.
        intercept, slope: log10 of the ratio is ``intercept + slope * similarity``, before the bounds.
        lowest, highest: bounds of the log10 ratio that the number of pairs supports.
        n_same, n_different: number of pairs of one person, and of two people, that it was fitted to.
        n_people: number of people in those pairs; pairs that share a person are not independent.
        cllr: log-likelihood-ratio cost on those pairs; 0 is perfect, 1 is uninformative.
    """

    model_id: str
    intercept: float
    slope: float
    lowest: float
    highest: float
    n_same: int
    n_different: int
    n_people: int
    cllr: float

    def log10_ratio(self, similarity: float) -> float:
        """Return log10 of the likelihood ratio, within the bounds.

        >>> LikelihoodModel("m", -5.0, 10.0, -1.5, 2.0, 20, 100, 9, 0.2).log10_ratio(0.9)
        2.0
        """
        return float(np.clip(self.intercept + self.slope * similarity, self.lowest, self.highest))

    def encoded(self) -> str:
        """Encode as JSON."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def decoded(cls, text: str) -> "LikelihoodModel":
        """Decode what `encoded` returned."""
        return cls(**json.loads(text))
