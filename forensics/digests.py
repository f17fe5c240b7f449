"""SHA-256 digests of files, bytes and canonical JSON."""

import hashlib
import json
from pathlib import Path
from typing import Any

__all__ = ["canonical_json", "digest_of", "sha256_of_bytes", "sha256_of_file"]


def sha256_of_file(path: Path) -> str:
    """Return the hex SHA-256 of a file, read block by block."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_bytes(data: bytes) -> str:
    """Return the hex SHA-256 of bytes in memory."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> str:
    """Encode a value as canonical JSON: sorted names, no spaces, ASCII only, no NaN.

    >>> canonical_json({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest_of(value: Any) -> str:
    """Return the first 16 hex digits of the SHA-256 of the canonical JSON of a value.

    >>> digest_of({"detect": {"min_score": 0.25}})
    'f4ca7ec496a5a876'
    """
    return sha256_of_bytes(canonical_json(value).encode())[:16]
