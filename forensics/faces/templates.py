"""Faces of a watch-list: one template per entry, and each reference picture alone. They are stored encrypted only."""

from collections.abc import Collection
from dataclasses import dataclass

from forensics.faces.pooling import Pools
from forensics.faces.single_faces import SingleFaces

__all__ = ["ReferenceFaces", "Templates"]


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
        return Templates(ids, people, self.pools.select(rows))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ReferenceFaces:
    """Faces of the reference pictures, each alone, to tell whether one was taken from the footage.

    Each picture has two faces, its own and that of its mirror image: a mirrored crop is aligned like its frame again.

    Attributes:
        entry_ids: id of the entry of each face.
        faces: the faces, all by one embedder.
    """

    entry_ids: tuple[str, ...]
    faces: SingleFaces

    def __post_init__(self) -> None:
        if len(self.faces) != len(self.entry_ids):
            raise ValueError(f"reference faces: {len(self.entry_ids)} entries, {len(self.faces)} faces")

    def of(self, entry_ids: Collection[str]) -> "ReferenceFaces":
        """Return the faces of these entries."""
        rows = [row for row, entry_id in enumerate(self.entry_ids) if entry_id in entry_ids]
        return ReferenceFaces(tuple(self.entry_ids[row] for row in rows), self.faces.select(rows))
