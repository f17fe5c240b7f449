"""Ed25519 signatures: a private key of 32 bytes that stays with its owner, and a public key for verification."""

from typing import Final

from forensics.digests import sha256_of_bytes

__all__ = [
    "PRIVATE_BYTES",
    "is_signed_by",
    "key_id_of",
    "new_private_key",
    "public_key_from_pem",
    "public_key_of",
    "public_key_to_pem",
    "sign",
]

PRIVATE_BYTES: Final = 32


def new_private_key() -> bytes:
    """Return a new random private key, 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key_of(private: bytes) -> bytes:
    """Return the public key of a private key, 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def sign(private: bytes, data: bytes) -> bytes:
    """Return the signature of the data, 64 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).sign(data)


def is_signed_by(public: bytes, data: bytes, signature: bytes) -> bool:
    """Whether the signature was made over this data with the private key of this public key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id_of(public: bytes) -> str:
    """Return the short name of a public key: the first 16 hex digits of its SHA-256."""
    return sha256_of_bytes(public)[:16]


def public_key_to_pem(public: bytes) -> bytes:
    """Return the public key as PEM (SubjectPublicKeyInfo), which other tools read."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return Ed25519PublicKey.from_public_bytes(public).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_key_from_pem(data: bytes) -> bytes:
    """Return the public key in a PEM file, 32 bytes.

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
        raise ValueError("the key is not an Ed25519 key")
    return key.public_bytes_raw()
