"""The strongest reader that there can be of sealed data: has the key, and needs no context."""

from forensics.adapters.crypto.case_key import Key
from forensics.custody.sealer import UNPADDED_PREFIX, unpad

__all__ = ["decrypted"]

_MAGIC_BYTES = 6
_NONCE_BYTES = 12
_TAG_BYTES = 16


def decrypted(key: Key, sealed: bytes) -> bytes:
    """Decrypt sealed bytes in counter mode without checking the tag; with another key the result is noise."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    start = _MAGIC_BYTES + _NONCE_BYTES
    counter = sealed[_MAGIC_BYTES:start] + (2).to_bytes(4, "big")
    cipher = Cipher(algorithms.AES(key._subkey(b"seal")), modes.CTR(counter))
    clear = cipher.decryptor().update(sealed[start:-_TAG_BYTES])
    return clear if sealed.startswith(UNPADDED_PREFIX) else unpad(clear)
