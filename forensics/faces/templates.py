"""Templates of a watch-list: one pool of faces per entry. They are stored encrypted only."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from forensics.faces.pooling import Pools

__all__ = ["Templates"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Templates:
    """Pools of the entries of a watch-list, the only faces that sightings are compared with.

    Attributes:
        entry_ids: ids of the entries, sorted, unique.
        people: the person of each entry, as the id of that person's first entry.
        pools: one pool per entry, all by one embedder.
    """

    entry_ids: tuple[str, ...]
    people: tuple[str, ...]
    pools: Pools

    def __post_init__(self) -> None:
        if not len(self.pools.vectors) == len(self.people) == len(self.entry_ids):
            counts = len(self.entry_ids), len(self.people), len(self.pools.vectors)
            raise ValueError(f"templates: numbers of entries, their people and pools are {counts}")
        if list(self.entry_ids) != sorted(set(self.entry_ids)):
            raise ValueError("templates: entries must be sorted and different")

    def __repr__(self) -> str:
        return f"Templates({', '.join(self.entry_ids)})"

    def without(self, entry_ids: Collection[str]) -> "Templates":
        """Return the templates of all other entries."""
        rows = [row for row, entry_id in enumerate(self.entry_ids) if entry_id not in entry_ids]
        ids, people = (tuple(each[row] for row in rows) for each in (self.entry_ids, self.people))
        return Templates(ids, people, Pools(self.pools.vectors[rows], self.pools.scatter[rows]))

    def encoded(self) -> bytes:
        """Encode the vector, then the scatter, of each entry as little-endian float32; without ids and people."""
        return np.column_stack([self.pools.vectors, self.pools.scatter]).astype("<f4").tobytes()

    @classmethod
    def decoded(cls, entry_ids: tuple[str, ...], people: tuple[str, ...], data: bytes) -> "Templates":
        """Decode what `encoded` returned.

        >>> pools = Pools(np.array([[1, 2], [3, 4]], dtype=np.float32), np.array([0, 5], dtype=np.float32))
        >>> ids = ("a", "b")
        >>> again = Templates.decoded(ids, ids, Templates(ids, ids, pools).encoded()).pools
        >>> again.vectors.tolist(), again.scatter.tolist()
        ([[1.0, 2.0], [3.0, 4.0]], [0.0, 5.0])
        """
        rows = np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(len(entry_ids), -1)
        return cls(entry_ids, people, Pools(rows[:, :-1], rows[:, -1]))
