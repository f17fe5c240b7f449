"""People whom faces are compared with, in the form that travels to a worker: sealed, names included."""

import json
from dataclasses import dataclass
from typing import Final

from forensics.digests import canonical_json
from forensics.faces.reference_sources import Origin
from forensics.faces.templates import Templates

__all__ = ["ComparedPeople"]

_SEPARATOR: Final = b"\n"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ComparedPeople:
    """The entries of a watch-list: templates, and the sightings that reference pictures were taken from.

    Attributes:
        templates: one template per entry.
        origins: origin of each entry whose pictures are from the footage.
    """

    templates: Templates
    origins: tuple[Origin, ...] = ()

    def encoded(self) -> bytes:
        """Encode all fields; the caller encrypts them."""
        named = {
            "entry_ids": self.templates.entry_ids,
            "people": self.templates.people,
            "origins": [origin.to_json() for origin in self.origins],
        }
        return canonical_json(named).encode() + _SEPARATOR + self.templates.encoded()

    @classmethod
    def decoded(cls, data: bytes) -> "ComparedPeople":
        """Decode what `encoded` returned."""
        named, _, rows = data.partition(_SEPARATOR)
        stored = json.loads(named)
        templates = Templates.decoded(tuple(stored["entry_ids"]), tuple(stored["people"]), rows)
        return cls(templates, tuple(Origin.from_json(origin) for origin in stored["origins"]))
