"""People whom faces are compared with, in the form that travels to a worker: sealed, names included."""

import json
from dataclasses import dataclass
from typing import Final

from forensics.digests import canonical_json
from forensics.faces.pooling import Pools
from forensics.faces.reference_sources import Origin
from forensics.faces.single_faces import SingleFaces
from forensics.faces.templates import ReferenceFaces, Templates

__all__ = ["ComparedPeople"]

_SEPARATOR: Final = b"\n"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ComparedPeople:
    """The entries of a watch-list: templates, reference faces, and the sightings that pictures were taken from.

    Attributes:
        templates: one template per entry.
        references: the faces of the reference pictures.
        origins: origin of each entry whose pictures are from the footage.
    """

    templates: Templates
    references: ReferenceFaces
    origins: tuple[Origin, ...] = ()

    def encoded(self) -> bytes:
        """Encode all fields; the caller encrypts them."""
        templates, references = self.templates.pools.encoded(), self.references.faces.encoded()
        named = {
            "entry_ids": self.templates.entry_ids,
            "people": self.templates.people,
            "references": self.references.entry_ids,
            "origins": [origin.to_json() for origin in self.origins],
            "template_bytes": len(templates),
        }
        return canonical_json(named).encode() + _SEPARATOR + templates + references

    @classmethod
    def decoded(cls, data: bytes) -> "ComparedPeople":
        """Decode what `encoded` returned."""
        named, _, rows = data.partition(_SEPARATOR)
        stored = json.loads(named)
        entry_ids, end = tuple(stored["entry_ids"]), stored["template_bytes"]
        return cls(
            Templates(entry_ids, tuple(stored["people"]), Pools.decoded(len(entry_ids), rows[:end])),
            ReferenceFaces(tuple(stored["references"]), SingleFaces.decoded(rows[end:])),
            tuple(Origin.from_json(origin) for origin in stored["origins"]),
        )
