"""Port of the encryption with the key of a case, so that tables and the log can be sealed without knowing how."""

from typing import Protocol

__all__ = ["Sealer"]


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
