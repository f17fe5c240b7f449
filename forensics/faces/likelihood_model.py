"""How much more likely a similarity is for one person than for two: plain numbers, made once from pairs."""

import json
from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["LikelihoodModel"]


@dataclass(frozen=True, slots=True)
class LikelihoodModel:
    """A logistic calibration with bounds, so that few pairs never claim much.

    Attributes:
        model_id: the face models whose similarities it was made from.
        intercept, slope: log10 of the ratio is ``intercept + slope * similarity``, before the bounds.
        lowest, highest: bounds of the log10 ratio that the number of pairs supports.
        n_same, n_different: pairs of one person, and of two, that it was made from.
        n_people: that those pairs come from; pairs that share a person say less than as many others.
        cllr: log-likelihood-ratio cost on those pairs; 0 is perfect, 1 says nothing.
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
        """Log10 of the likelihood ratio, within the bounds.

        >>> LikelihoodModel("m", -5.0, 10.0, -1.5, 2.0, 20, 100, 9, 0.2).log10_ratio(0.9)
        2.0
        """
        return float(np.clip(self.intercept + self.slope * similarity, self.lowest, self.highest))

    def encoded(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def decoded(cls, text: str) -> "LikelihoodModel":
        """What `encoded` wrote."""
        return cls(**json.loads(text))
