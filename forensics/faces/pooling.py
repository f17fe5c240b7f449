"""Pools: several faces of one person as one mean vector with its scatter.

The mean of several vectors is nearer to any other face than the vectors themselves, strangers included: for five faces
by 0.07 on average, which would multiply the published false alarm rate by more than four. So the squared distance
between two pools adds the scatter of both. It then equals the weighted mean of the squared distances of all pairs of
their faces, and rates published for pairs hold for pools.
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
    """Pools as parallel columns, each of one person's faces.

    Attributes:
        vectors: (P, D) float32, weighted mean of the pool's faces.
        scatter: (P,) float32, weighted mean of the squared distances of the pool's faces from that mean.
    """

    vectors: FloatArray
    scatter: FloatArray

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.scatter.shape != (len(self.vectors),):
            raise ValueError(f"pools: vectors of shape {self.vectors.shape}, scatter of shape {self.scatter.shape}")

    @classmethod
    def stacked(cls, pools: Sequence["Pools"]) -> "Pools":
        """Concatenate any number."""
        if not pools:
            return cls(np.zeros((0, 1), dtype=np.float32), np.zeros(0, dtype=np.float32))
        return cls(np.concatenate([each.vectors for each in pools]), np.concatenate([each.scatter for each in pools]))

    def select(self, rows: Sequence[int]) -> "Pools":
        """Return the pools of these rows."""
        return Pools(self.vectors[list(rows)], self.scatter[list(rows)])

    def encoded(self) -> bytes:
        """Encode the vector, then the scatter, of each pool as little-endian float32."""
        return np.column_stack([self.vectors, self.scatter]).astype("<f4").tobytes()

    @classmethod
    def decoded(cls, n_pools: int, data: bytes) -> "Pools":
        """Decode what `encoded` returned.

        >>> pools = Pools(np.array([[1, 2], [3, 4]], dtype=np.float32), np.array([0, 5], dtype=np.float32))
        >>> again = Pools.decoded(2, pools.encoded())
        >>> again.vectors.tolist(), again.scatter.tolist()
        ([[1.0, 2.0], [3.0, 4.0]], [0.0, 5.0])
        """
        rows = np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(n_pools, -1 if n_pools else 2)
        return cls(rows[:, :-1], rows[:, -1])


def single_face_pools(vectors: FloatArray, measure: Measure) -> Pools:
    """Make a pool of each of (N, D) vectors."""
    return Pools(_normalise(vectors, measure).astype(np.float32), np.zeros(len(vectors), dtype=np.float32))


def pool(vectors: FloatArray, worth: Float64Array, measure: Measure) -> Pools:
    """Pool (K, D) vectors of one person, weighted by (K,) worth; summed as float64 in row order."""
    rows, weights = _normalise(vectors, measure), np.asarray(worth, dtype=np.float64)
    weights = weights / weights.sum()
    mean = _weighted_sum(rows, weights)
    scatter = _weighted_sum(((rows - mean) ** 2).sum(axis=1, keepdims=True), weights)
    return Pools(mean[np.newaxis].astype(np.float32), scatter.astype(np.float32))


def similarities(pools: Pools, others: Pools, measure: Measure) -> Float64Array:
    """Return the (P, O) float64 similarities between P and O pools; larger is more similar, see `Measure`.

    >>> apart = np.array([[0, 3], [0, -3]], dtype=np.float32)
    >>> middle = single_face_pools(np.array([[0, 0]], dtype=np.float32), Measure.EUCLIDEAN)
    >>> similarities(pool(apart, np.ones(2), Measure.EUCLIDEAN), middle, Measure.EUCLIDEAN).tolist()
    [[-2.0]]
    >>> one, two = (
    ...     single_face_pools(np.array(rows, dtype=np.float32), Measure.COSINE) for rows in ([[0, 3]], [[0, 1], [1, 0]])
    ... )
    >>> similarities(one, two, Measure.COSINE).tolist()
    [[1.0, 0.0]]
    """
    # (P, 1, D) - (1, O, D)
    difference = pools.vectors.astype(np.float64)[:, np.newaxis] - others.vectors.astype(np.float64)[np.newaxis]
    within = pools.scatter.astype(np.float64)[:, np.newaxis] + others.scatter.astype(np.float64)[np.newaxis]
    squared: Float64Array = (difference**2).sum(axis=2) + within
    # unit vectors: |a - b|^2 = 2 - 2 cos(a, b)
    return 1.0 - squared / 2 if measure is Measure.COSINE else 1.0 - np.sqrt(squared)


def _normalise(vectors: FloatArray, measure: Measure) -> Float64Array:
    """Return the vectors as float64, scaled to length one for the cosine."""
    rows = vectors.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True) if measure is Measure.COSINE else rows


def _weighted_sum(rows: Float64Array, weights: Float64Array) -> Float64Array:
    """Return the (D,) weighted sum of (K, D) rows, added in row order so that rounding is reproducible."""
    total = np.zeros(rows.shape[1], dtype=np.float64)
    for row, weight in zip(rows, weights, strict=True):
        total += weight * row
    return total
