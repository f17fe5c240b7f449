"""The templates of a watch-list: one vector per entry. They are written only sealed."""

from dataclasses import dataclass

import numpy as np

from forensics.detections import FloatArray

__all__ = ["Templates"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Templates:
    """What the faces of sighted people are compared with, and nothing else.

    Attributes:
        entry_ids: sorted.
        vectors: (E, D) float32, one row per entry, by one embedder.
    """

    entry_ids: tuple[str, ...]
    vectors: FloatArray

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.entry_ids):
            raise ValueError(f"templates: {len(self.entry_ids)} entries, vectors of shape {self.vectors.shape}")
        if list(self.entry_ids) != sorted(set(self.entry_ids)):
            raise ValueError("templates: entries must be sorted and different")

    def __repr__(self) -> str:
        return f"Templates({', '.join(self.entry_ids)})"

    def encoded(self) -> bytes:
        """The vectors as little-endian float32, row by row; the ids stand elsewhere."""
        return self.vectors.astype("<f4").tobytes()

    @classmethod
    def decoded(cls, entry_ids: tuple[str, ...], data: bytes) -> "Templates":
        """What `encoded` wrote.

        >>> vectors = np.array([[1, 2], [3, 4]], dtype=np.float32)
        >>> Templates.decoded(("a", "b"), Templates(("a", "b"), vectors).encoded()).vectors.tolist()
        [[1.0, 2.0], [3.0, 4.0]]
        """
        return cls(entry_ids, np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(len(entry_ids), -1))
