"""Port of the encryption with the key of a case, so that tables and the log can be sealed without knowing how."""

from typing import Final, Protocol

__all__ = ["PADDED_PREFIX", "UNPADDED_PREFIX", "Sealer", "is_sealed", "pad", "unpad"]

PADDED_PREFIX: Final = b"FSEAL2"
"""Begin of sealed data."""
UNPADDED_PREFIX: Final = b"FSEAL1"
"""Begin of data sealed before version 0.3, whose size tells that of its content."""

_LEAST_BYTES: Final = 512
_END: Final = b"\x80"


def is_sealed(data: bytes) -> bool:
    """Whether the bytes begin like sealed data."""
    return data.startswith((PADDED_PREFIX, UNPADDED_PREFIX))


def pad(data: bytes, at_least: int = 0) -> bytes:
    """Return the data with an end mark and zeros, so that its size is a power of two (ISO/IEC 7816-4).

    Sizes of sealed data would tell a reader without the key which picture or verdict was sealed.

    Args:
        data: any bytes.
        at_least: smallest size in bytes; never less than 512.

    >>> len(pad(b"confirm")), len(pad(b"exclude", at_least=1025)), unpad(pad(b"confirm\\x80\\0"))
    (512, 2048, b'confirm\\x80\\x00')
    """
    needed = max(len(data) + len(_END), at_least, _LEAST_BYTES)
    return (data + _END).ljust(1 << (needed - 1).bit_length(), b"\0")


def unpad(padded: bytes) -> bytes:
    """Return the data that `pad` was given."""
    return padded.rstrip(b"\0")[: -len(_END)]


class Sealer(Protocol):
    """Encrypts and decrypts data of one case; implemented by `forensics.adapters.crypto.case_key.Key`."""

    def seal(self, data: bytes, context: str, *, at_least: int = 0) -> bytes:
        """Encrypt data; it opens with this key and this context only. Equal arguments give equal bytes.

        Args:
            data: any bytes; of their size nothing is visible but a power of two, see `pad`.
            context: place of the data.
            at_least: size in bytes up to which nothing of the size is visible.
        """
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
