"""Facts in the log that say who somebody may be, such as names of entries: sealed with the key of the case.

Without the key a line still says which command ran, who ran it and when. After an erasure nobody can read the rest.
"""

import json
from typing import Final

from forensics.custody.log import LogLine
from forensics.custody.sealer import Sealer
from forensics.digests import canonical_json
from forensics.json_object import JsonObject

__all__ = ["read_facts", "seal_facts"]

_NAME: Final = "sealed"
_CONTEXT: Final = "facts in the log"


def seal_facts(private: JsonObject, sealer: Sealer) -> JsonObject:
    """Return the facts as one sealed fact for a line of the log."""
    return {_NAME: sealer.seal(canonical_json(private).encode(), _CONTEXT).hex()}


def read_facts(line: LogLine, sealer: Sealer) -> JsonObject:
    """Return the facts of a line, sealed ones included. Lines of versions before 0.3 have them in clear.

    Raises:
        IntegrityBroken: the sealed facts cannot be opened with this key.
    """
    sealed = line.facts.get(_NAME)
    if not isinstance(sealed, str):
        return line.facts
    private: JsonObject = json.loads(sealer.unseal(bytes.fromhex(sealed), _CONTEXT))
    return {**line.facts, **private}
