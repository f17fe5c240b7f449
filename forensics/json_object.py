"""The type of a JSON object, and the decoder of JSON that somebody else may have written."""

import json
from typing import Any, Final, TypeAlias

__all__ = ["JsonObject", "decode_json", "refuse_deep_keys", "require_shallow"]

JsonObject: TypeAlias = dict[str, Any]
"""What a JSON object is in Python; its keys are part of a file format or of the output of `--json`."""

_DEEPEST: Final = 50
_TOO_DEEP: Final = f"values are nested more than {_DEEPEST} deep"


def decode_json(data: str | bytes) -> Any:
    """Decode JSON of a file that may have been changed; every fault is a `ValueError`.

    Raises:
        ValueError: not JSON, or nested deeper than any file of this program.
    """
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    require_shallow(value)
    return value


def refuse_deep_keys(toml: bytes) -> None:
    """Check that no key of a TOML document has so many parts that parsing takes long: the time grows as their square.

    Raises:
        ValueError: one has.
    """
    if any(line.partition(b"=")[0].count(b".") > _DEEPEST for line in toml.splitlines()):
        raise ValueError(_TOO_DEEP)


def require_shallow(value: Any) -> None:
    """Check that a decoded value is not nested so deep that code which walks through it would fail.

    >>> require_shallow({"a": [1, {"b": 2}]})

    Raises:
        ValueError: it is.
    """
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(_TOO_DEEP)
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
