"""Authenticated encryption with the key of a case: AES-256-GCM, bound to a context.

A sealed value is ``FSEAL1``, a nonce of 12 bytes, and the ciphertext with its tag. The nonce is derived from key,
context and content: sealing the same data again gives the same bytes, and no counter is needed. The context (which
entry, which track) is authenticated: a sealed value that is moved to another place cannot be opened.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from forensics.errors import IntegrityBroken

__all__ = ["KEY_BYTES", "Key", "is_sealed", "seal", "unseal"]

KEY_BYTES: Final = 32
_MAGIC: Final = b"FSEAL1"
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """The key of a case while it is in memory; its bytes appear in no message and no log.

    Attributes:
        secret: 32 bytes.
    """

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise IntegrityBroken(
                f"the case key has {len(self.secret)} bytes, expected {KEY_BYTES}", "restore the key from a backup"
            )

    def __repr__(self) -> str:
        return "Key(...)"

    @classmethod
    def fresh(cls) -> "Key":
        """Return a new random key."""
        return cls(secrets.token_bytes(KEY_BYTES))


def seal(key: Key, data: bytes, context: str) -> bytes:
    """Encrypt the data; it opens with this key and this context only."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = _derive_nonce(key, data, context)
    return _MAGIC + nonce + AESGCM(_subkey(key, b"seal")).encrypt(nonce, data, context.encode())


def unseal(key: Key, sealed: bytes, context: str) -> bytes:
    """Decrypt sealed data.

    Raises:
        IntegrityBroken: another key, another context, or changed bytes.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    start = len(_MAGIC) + _NONCE_BYTES
    try:
        if not is_sealed(sealed) or len(sealed) < start:
            raise InvalidTag
        return AESGCM(_subkey(key, b"seal")).decrypt(sealed[len(_MAGIC) : start], sealed[start:], context.encode())
    except InvalidTag as error:
        raise IntegrityBroken(
            "cannot be opened with this case's key", "restore the file and its key from one backup", context
        ) from error


def is_sealed(data: bytes) -> bool:
    """Whether the bytes begin like a sealed value."""
    return data.startswith(_MAGIC)


def _derive_nonce(key: Key, data: bytes, context: str) -> bytes:
    """Return the nonce of this content in this context, 12 bytes."""
    message = hashlib.sha256(context.encode()).digest() + hashlib.sha256(data).digest()
    return hmac.digest(_subkey(key, b"nonce"), message, "sha256")[:_NONCE_BYTES]


def _subkey(key: Key, purpose: bytes) -> bytes:
    """Return the key for one purpose, 32 bytes, derived from the key of the case."""
    return hmac.digest(key.secret, purpose, "sha256")
