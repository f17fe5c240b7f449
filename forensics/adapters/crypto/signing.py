"""Signatures by Ed25519: a private key of 32 bytes that its owner keeps, a public one that everybody may have."""

from typing import Final

from forensics.digests import sha256_of_bytes

__all__ = [
    "PRIVATE_BYTES",
    "is_signed_by",
    "key_id_of",
    "new_private_key",
    "pem_of",
    "public_in_pem",
    "public_of",
    "signed",
]

PRIVATE_BYTES: Final = 32


def new_private_key() -> bytes:
    """32 fresh bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_of(private: bytes) -> bytes:
    """The 32 bytes that check what the private key signs."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def signed(private: bytes, data: bytes) -> bytes:
    """The signature of the data, 64 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).sign(data)


def is_signed_by(public: bytes, data: bytes, signature: bytes) -> bool:
    """Whether the signature is that of the data by this key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id_of(public: bytes) -> str:
    """What a public key is called: the first 16 hex digits of its SHA-256."""
    return sha256_of_bytes(public)[:16]


def pem_of(public: bytes) -> bytes:
    """The public key as every other tool reads it: PEM, SubjectPublicKeyInfo."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return Ed25519PublicKey.from_public_bytes(public).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_in_pem(data: bytes) -> bytes:
    """The 32 bytes of the public key in a PEM file.

    Raises:
        ValueError: it holds no Ed25519 public key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(data)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is a key of another kind")
    return key.public_bytes_raw()
