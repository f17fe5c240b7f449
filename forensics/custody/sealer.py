"""Port of the encryption with the key of a case, so that tables and the log can be sealed without knowing how."""

from typing import Final, Protocol

__all__ = ["SEALED_PREFIX", "Sealer", "is_sealed"]

SEALED_PREFIX: Final = b"FSEAL1"
"""Begin of all sealed data."""


def is_sealed(data: bytes) -> bool:
    """Whether the bytes begin like sealed data."""
    return data.startswith(SEALED_PREFIX)


class Sealer(Protocol):
    """Encrypts and decrypts data of one case; implemented by `forensics.adapters.crypto.case_key.Key`."""

    def seal(self, data: bytes, context: str) -> bytes:
        """Encrypt data; it opens with this key and this context only. Equal arguments give equal bytes."""
        ...

    def unseal(self, sealed: bytes, context: str) -> bytes:
        """Decrypt what `seal` returned.

        Raises:
            IntegrityBroken: another key, another context, or changed bytes.
        """
        ...

    def reference(self, kind: str, value: str) -> str:
        """Return a keyed digest, 16 hex digits: it names a value without telling it to readers without the key."""
        ...
