"""The key of a case in memory: authenticated encryption with AES-256-GCM, bound to a context.

A sealed value is ``FSEAL2``, a nonce of 12 bytes, and the ciphertext of the padded data with its tag. The nonce is
derived from key, context and content: sealing the same data again gives the same bytes, and no counter is needed. The
context (which entry, which track) is authenticated: a sealed value that is moved to another place cannot be opened.
Values sealed before version 0.3 begin with ``FSEAL1`` and are not padded.
"""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Any, Final, NoReturn

from forensics.adapters.crypto.locked_memory import LockedMemory, protect_process
from forensics.custody.sealer import PADDED_PREFIX, UNPADDED_PREFIX, is_sealed, pad, unpad
from forensics.errors import IntegrityBroken

__all__ = ["KEY_BYTES", "Key", "KeyReceiver"]

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_REFERENCE_DIGITS: Final = 16
_TRANSFER: Final = b"forensics: key of a case"


class Key:
    """The key of a case while it is in memory, implements `forensics.custody.sealer.Sealer`.

    Its bytes appear in no message and no log. It cannot be pickled, so it enters no argument of a remote call, no
    object store and no child process; `KeyReceiver` is the only way into another process. A process that makes one
    writes no core dumps.

    Args:
        secret: 32 bytes.

    Raises:
        IntegrityBroken: another number of bytes.
    """

    def __init__(self, secret: "bytes | memoryview") -> None:
        if len(secret) != KEY_BYTES:
            raise IntegrityBroken(
                f"the case key has {len(secret)} bytes, expected {KEY_BYTES}", "restore the key from a backup"
            )
        protect_process()
        self._memory = LockedMemory(secret)

    def __repr__(self) -> str:
        return "Key(...)"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("the key of a case does not leave its process; send it with `encrypted_for`")

    @classmethod
    def read(cls, path: Path) -> "Key":
        """Read the secret in a file.

        Raises:
            IntegrityBroken: the file does not have 32 bytes.
        """
        secret = bytearray(path.stat().st_size)
        try:
            with path.open("rb", buffering=0) as file:
                file.readinto(secret)
            return cls(memoryview(secret))
        finally:
            secret[:] = bytes(len(secret))

    @classmethod
    def fresh(cls) -> "Key":
        """Return a new random key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def expose(self) -> bytes:
        """Return a copy of the secret, to store it in its file or to encrypt it."""
        return bytes(self._memory.view())

    def encrypted_for(self, receiver: bytes) -> bytes:
        """Encrypt the key for the `KeyReceiver` of another process, given its public key of 32 bytes (HPKE)."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

        encrypted: bytes = _suite().encrypt(self.expose(), X25519PublicKey.from_public_bytes(receiver), _TRANSFER)
        return encrypted

    def seal(self, data: bytes, context: str, *, at_least: int = 0) -> bytes:
        """Encrypt the padded data; it opens with this key and this context only. See `Sealer.seal`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        padded, place = pad(data, at_least), PADDED_PREFIX + context.encode()
        message = hashlib.sha256(place).digest() + hashlib.sha256(padded).digest()
        nonce = hmac.digest(self._subkey(b"nonce"), message, "sha256")[:_NONCE_BYTES]
        return PADDED_PREFIX + nonce + AESGCM(self._subkey(b"seal")).encrypt(nonce, padded, place)

    def unseal(self, sealed: bytes, context: str) -> bytes:
        """Decrypt sealed data.

        Raises:
            IntegrityBroken: another key, another context, or changed bytes.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        start = len(PADDED_PREFIX) + _NONCE_BYTES
        try:
            if not is_sealed(sealed) or len(sealed) < start:
                raise InvalidTag
            nonce, ciphertext = sealed[len(PADDED_PREFIX) : start], memoryview(sealed)[start:]
            cipher = AESGCM(self._subkey(b"seal"))
            if sealed.startswith(UNPADDED_PREFIX):
                return cipher.decrypt(nonce, ciphertext, context.encode())
            return unpad(cipher.decrypt(nonce, ciphertext, PADDED_PREFIX + context.encode()))
        except InvalidTag as error:
            raise IntegrityBroken(
                "cannot be opened with this case's key", "restore the file and its key from one backup", context
            ) from error

    def reference(self, kind: str, value: str) -> str:
        """Return a keyed digest of a value, 16 hex digits; readers without the key cannot test a guess."""
        message = f"{kind}:{value}".encode()
        return hmac.digest(self._subkey(b"reference"), message, "sha256").hex()[:_REFERENCE_DIGITS]

    def _subkey(self, purpose: bytes) -> bytes:
        """Return the key for one purpose, 32 bytes, derived from the key of the case."""
        return hmac.digest(self._memory.view(), purpose, "sha256")


class KeyReceiver:
    """Receives the key of a case in this process, encrypted for a key pair that exists only in its memory."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        protect_process()
        self._private = X25519PrivateKey.generate()

    @property
    def public_key(self) -> bytes:
        """Public key, 32 bytes, for `Key.encrypted_for`."""
        return self._private.public_key().public_bytes_raw()

    def receive(self, encrypted: bytes) -> Key:
        """Return the key of the case."""
        return Key(_suite().decrypt(encrypted, self._private, _TRANSFER))


def _suite() -> Any:
    """Return the cipher suite of the transfer: X25519, HKDF-SHA256, AES-256-GCM (RFC 9180)."""
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
