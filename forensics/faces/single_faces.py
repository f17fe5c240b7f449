"""Faces that are compared one by one, to tell whether two pictures are copies of one picture."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.faces.correlation import NO_PATTERNS, SAME_PICTURE, correlations, luma_pattern
from forensics.faces.face import FaceEmbedder, Measure
from forensics.faces.pooling import Pools, similarities, single_face_pools
from forensics.footage.frames import RgbArray

__all__ = ["Closeness", "SingleFaces", "closeness"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SingleFaces:
    """Faces as parallel columns, each as an embedding and as a pattern of luma.

    Attributes:
        pools: one pool of a single face each, all by one embedder.
        patterns: (N, 48, 48) float32, see `forensics.faces.correlation`.
    """

    pools: Pools
    patterns: FloatArray

    def __post_init__(self) -> None:
        if len(self.pools.vectors) != len(self.patterns):
            raise ValueError(f"single faces: {len(self.pools.vectors)} embeddings, {len(self.patterns)} patterns")

    @classmethod
    def embedded(cls, aligned: Sequence[RgbArray], embedder: FaceEmbedder) -> "SingleFaces":
        """Embed one or more aligned faces."""
        pools = single_face_pools(embedder.embed(aligned), embedder.measure)
        return cls(pools, np.stack([luma_pattern(each) for each in aligned]))

    @classmethod
    def stacked(cls, faces: "Sequence[SingleFaces]") -> "SingleFaces":
        """Concatenate any number."""
        return cls(
            Pools.stacked([each.pools for each in faces]),
            np.concatenate([NO_PATTERNS, *(each.patterns for each in faces)]),
        )

    def __len__(self) -> int:
        return len(self.patterns)

    def select(self, rows: Sequence[int]) -> "SingleFaces":
        """Return the faces of these rows."""
        return SingleFaces(self.pools.select(rows), self.patterns[list(rows)])

    def encoded(self) -> bytes:
        """Encode the columns; the caller encrypts them."""
        data = io.BytesIO()
        np.savez(data, vectors=self.pools.vectors, scatter=self.pools.scatter, patterns=self.patterns)
        return data.getvalue()

    @classmethod
    def decoded(cls, data: bytes) -> "SingleFaces":
        """Decode what `encoded` returned."""
        with np.load(io.BytesIO(data)) as stored:
            return cls(Pools(stored["vectors"], stored["scatter"]), stored["patterns"])


@dataclass(frozen=True, slots=True, eq=False)
class Closeness:
    """How near N faces are to M others, as people and as pictures.

    Attributes:
        similarity: (N, M) float64, of the embeddings; larger is more similar.
        correlation: (N, M) float64, of the patterns, -1 to 1.
    """

    similarity: npt.NDArray[np.float64]
    correlation: npt.NDArray[np.float64]

    def is_near_copy(self, least_similarity: float) -> npt.NDArray[np.bool_]:
        """Return (N, M), whether both may be edited copies of one picture: by their embeddings or their patterns."""
        return (self.similarity >= least_similarity) | (self.correlation >= SAME_PICTURE)


def closeness(faces: SingleFaces, others: SingleFaces, measure: Measure) -> Closeness:
    """Compare each face with each of the others."""
    similar = similarities(faces.pools, others.pools, measure)
    return Closeness(similar, correlations(faces.patterns, others.patterns))
