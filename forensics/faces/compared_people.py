"""People whom faces are compared with, in the form that travels to a worker: sealed, names included."""

import json
from dataclasses import dataclass
from typing import Final

from forensics.digests import canonical_json
from forensics.faces.pooling import Pools
from forensics.faces.reference_sources import Origin
from forensics.faces.templates import ReferenceFaces, Templates

__all__ = ["ComparedPeople"]

_SEPARATOR: Final = b"\n"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ComparedPeople:
    """The entries of a watch-list: templates, reference faces, and the sightings that pictures were taken from.

    Attributes:
        templates: one template per entry.
        references: the face of each reference picture.
        origins: origin of each entry whose pictures are from the footage.
    """

    templates: Templates
    references: ReferenceFaces
    origins: tuple[Origin, ...] = ()

    def encoded(self) -> bytes:
        """Encode all fields; the caller encrypts them."""
        named = {
            "entry_ids": self.templates.entry_ids,
            "people": self.templates.people,
            "references": self.references.entry_ids,
            "origins": [origin.to_json() for origin in self.origins],
        }
        rows = Pools.stacked([self.templates.pools, self.references.pools])
        return canonical_json(named).encode() + _SEPARATOR + rows.encoded()

    @classmethod
    def decoded(cls, data: bytes) -> "ComparedPeople":
        """Decode what `encoded` returned."""
        named, _, rows = data.partition(_SEPARATOR)
        stored = json.loads(named)
        entry_ids, pictures = tuple(stored["entry_ids"]), tuple(stored["references"])
        n_entries, n_rows = len(entry_ids), len(entry_ids) + len(pictures)
        pools = Pools.decoded(n_rows, rows)
        return cls(
            Templates(entry_ids, tuple(stored["people"]), pools.select(range(n_entries))),
            ReferenceFaces(pictures, pools.select(range(n_entries, n_rows))),
            tuple(Origin.from_json(origin) for origin in stored["origins"]),
        )
