"""Fits the likelihood-ratio model of face similarities with `lir`, a package of the Netherlands Forensic Institute."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from forensics.faces.likelihood_model import LikelihoodModel

__all__ = ["fit_likelihood"]

# Inverse strength of the penalty on the slope. Similarities span less than 1, so that slopes are steep: scikit-learn's
# default of 1 would flatten them.
_REGULARISATION: Final = 1000.0


def fit_likelihood(
    model_id: str, same: Sequence[float], different: Sequence[float], *, n_people: int
) -> LikelihoodModel:
    """Fit a logistic calibration to similarities, with bounds on its likelihood ratios.

    Both kinds of pairs have equal weight. The bounds are the empirical ones of Vergeer et al., Science & Justice 56
    (2016) 482-491: beyond them, a few more misleading pairs would reverse the expected benefit.

    Args:
        model_id: the face models that gave the similarities.
        same: similarities of pairs of one person.
        different: similarities of pairs of two people.
        n_people: number of people in these pairs.
    """
    from lir.algorithms.bayeserror import elub
    from lir.algorithms.logistic_regression import LogitCalibrator
    from lir.data.models import LLRData
    from lir.metrics import cllr

    similarity = np.array([*same, *different], dtype=np.float64)
    is_same = np.array([1] * len(same) + [0] * len(different))
    calibrator = LogitCalibrator(C=_REGULARISATION).fit(similarity.reshape(-1, 1), is_same)
    zero, one = np.ravel(calibrator.transform(np.array([[0.0], [1.0]])))
    ratios = zero + (one - zero) * similarity
    lowest, highest = elub(ratios.copy(), is_same)
    bounded = np.clip(ratios, lowest, highest)
    return LikelihoodModel(
        model_id=model_id,
        intercept=float(zero),
        slope=float(one - zero),
        lowest=float(lowest),
        highest=float(highest),
        n_same=len(same),
        n_different=len(different),
        n_people=n_people,
        cllr=float(cllr(LLRData(features=bounded, labels=is_same))),
    )
