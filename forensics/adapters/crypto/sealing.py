"""Bytes that nobody reads without the case's key: AES-256-GCM, bound to what they are.

A sealed value is ``FSEAL1`` + nonce (12 bytes) + ciphertext with tag. The nonce is made from the key, the
context and the content, so that sealing the same again gives the same bytes and no counter is needed.
The context (which entry, which track) is authenticated: a sealed value put in another's place does not open.
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
    """A case's key while it is in memory; it shows itself in no message and no log.

    Attributes:
        secret: 32 bytes.
    """

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise IntegrityBroken(f"a case key has {KEY_BYTES} bytes, this one has {len(self.secret)}", "restore it")

    def __repr__(self) -> str:
        return "Key(...)"

    @classmethod
    def fresh(cls) -> "Key":
        """A new random key."""
        return cls(secrets.token_bytes(KEY_BYTES))


def seal(key: Key, data: bytes, context: str) -> bytes:
    """The data, readable with this key and this context only."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = _nonce(key, data, context)
    return _MAGIC + nonce + AESGCM(_subkey(key, b"seal")).encrypt(nonce, data, context.encode())


def unseal(key: Key, sealed: bytes, context: str) -> bytes:
    """What was sealed.

    Raises:
        IntegrityBroken: another key, another context, or altered bytes.
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
            "cannot be opened with this case's key", "restore the file and the key that belong together", context
        ) from error


def is_sealed(data: bytes) -> bool:
    """Whether the bytes claim to be a sealed value."""
    return data.startswith(_MAGIC)


def _nonce(key: Key, data: bytes, context: str) -> bytes:
    message = hashlib.sha256(context.encode()).digest() + hashlib.sha256(data).digest()
    return hmac.digest(_subkey(key, b"nonce"), message, "sha256")[:_NONCE_BYTES]


def _subkey(key: Key, purpose: bytes) -> bytes:
    return hmac.digest(key.secret, purpose, "sha256")
