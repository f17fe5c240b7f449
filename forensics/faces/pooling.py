"""Several faces of one person as one vector that keeps how far they lie apart.

The mean of some vectors lies nearer to everybody than the vectors themselves do, strangers included: of five faces
on average 0.07 nearer, which would multiply the published rate of false alarms by more than four. So the squared
distance between two pools counts what lies within each of them too. It is then exactly the weighted mean of the
squared distances of all pairs of their faces, and what was published for pairs holds for pools.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.faces.face import Measure

__all__ = ["Pools", "pool", "similarities", "single_face_pools"]

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pools:
    """Some pools, each of one person's faces.

    Attributes:
        vectors: (P, D) float32, the weighted mean of the faces of each.
        scatter: (P,) float32, the weighted mean of the squared distances of its faces from that mean.
    """

    vectors: FloatArray
    scatter: FloatArray

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.scatter.shape != (len(self.vectors),):
            raise ValueError(f"pools: vectors of shape {self.vectors.shape}, scatter of shape {self.scatter.shape}")

    @classmethod
    def stacked(cls, pools: Sequence["Pools"]) -> "Pools":
        """All rows of one or more."""
        return cls(np.concatenate([each.vectors for each in pools]), np.concatenate([each.scatter for each in pools]))


def single_face_pools(vectors: FloatArray, measure: Measure) -> Pools:
    """Each of (N, D) vectors as a pool of its own."""
    return Pools(_ready(vectors, measure).astype(np.float32), np.zeros(len(vectors), dtype=np.float32))


def pool(vectors: FloatArray, worth: Float64Array, measure: Measure) -> Pools:
    """(K, D) vectors of one person, weighted by (K,) worth, as one pool; summed as float64 in row order."""
    ready, weights = _ready(vectors, measure), np.asarray(worth, dtype=np.float64)
    weights = weights / weights.sum()
    mean = _weighted_sum(ready, weights)
    scatter = _weighted_sum(((ready - mean) ** 2).sum(axis=1, keepdims=True), weights)
    return Pools(mean[np.newaxis].astype(np.float32), scatter.astype(np.float32))


def similarities(pools: Pools, others: Pools, measure: Measure) -> Float64Array:
    """(P, O) float64 between P and O pools; more similar is larger, see `Measure`.

    >>> apart = np.array([[0, 3], [0, -3]], dtype=np.float32)
    >>> middle = singles(np.array([[0, 0]], dtype=np.float32), Measure.EUCLIDEAN)
    >>> similarities(pooled(apart, np.ones(2), Measure.EUCLIDEAN), middle, Measure.EUCLIDEAN).tolist()
    [[-2.0]]
    >>> one, two = np.array([[0, 3]], dtype=np.float32), np.array([[0, 1], [1, 0]], dtype=np.float32)
    >>> similarities(singles(one, Measure.COSINE), singles(two, Measure.COSINE), Measure.COSINE).tolist()
    [[1.0, 0.0]]
    """
    # (P, 1, D) - (1, O, D)
    difference = pools.vectors.astype(np.float64)[:, np.newaxis] - others.vectors.astype(np.float64)[np.newaxis]
    within = pools.scatter.astype(np.float64)[:, np.newaxis] + others.scatter.astype(np.float64)[np.newaxis]
    squared: Float64Array = (difference**2).sum(axis=2) + within
    # of vectors of length one: |a - b|^2 = 2 - 2 cos
    return 1.0 - squared / 2 if measure is Measure.COSINE else 1.0 - np.sqrt(squared)


def _ready(vectors: FloatArray, measure: Measure) -> Float64Array:
    """As float64, of length one where only the direction counts."""
    ready = vectors.astype(np.float64)
    return ready / np.linalg.norm(ready, axis=1, keepdims=True) if measure is Measure.COSINE else ready


def _weighted_sum(rows: Float64Array, weights: Float64Array) -> Float64Array:
    """(D,) of (K, D), row by row, so that the order of addition is known."""
    total = np.zeros(rows.shape[1], dtype=np.float64)
    for row, weight in zip(rows, weights, strict=True):
        total += weight * row
    return total
