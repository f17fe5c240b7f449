"""Signed checkpoints of the log of a case, which reveal a log that was cut or rewritten later.

A checkpoint names the case, the number of lines of its log and the digest of the last line, which depends on every
line before. The signature covers the canonical JSON of all other fields, so that any Ed25519 tool can check it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from forensics.digests import canonical_json
from forensics.json_object import decode_json

__all__ = ["Checkpoint", "find_contradiction", "parse_checkpoint"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint: length and head of the log of one case, signed by one installation.

    Attributes:
        case_id: id of the case.
        lines: number of lines of the log, at least one.
        head: SHA-256 of the last of them.
        at_utc: time of signing, by the clock of the machine that signed.
        key_id: id of the installation's key.
        public_hex: public key, 32 bytes as hex.
        signature: signature of `signed_bytes`, 64 bytes as hex.
    """

    case_id: str
    lines: int
    head: str
    at_utc: str
    key_id: str
    public_hex: str
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """Return the bytes that are signed: all fields but the signature, as canonical JSON."""
        return canonical_json({name: value for name, value in asdict(self).items() if name != "signature"}).encode()

    def encoded(self) -> bytes:
        """Return the checkpoint as one line, without newline."""
        return canonical_json(asdict(self)).encode()


_FIELDS: Final = frozenset(Checkpoint.__dataclass_fields__)
_HEX_DIGITS: Final = {"head": 64, "key_id": 16, "public_hex": 64, "signature": 128}


def parse_checkpoint(data: bytes) -> Checkpoint:
    """Parse a checkpoint from JSON with any whitespace. Its signature is not checked.

    Raises:
        ValueError: the data is not a checkpoint.
    """
    stored: Any = decode_json(data)
    if not isinstance(stored, dict) or stored.keys() != _FIELDS:
        raise ValueError("not the fields of a checkpoint")
    n_lines = stored.pop("lines")
    if type(n_lines) is not int or n_lines < 1 or not all(type(value) is str for value in stored.values()):
        raise ValueError("a field has the wrong type or value")
    for name, n_digits in _HEX_DIGITS.items():
        if len(stored[name]) != n_digits or set(stored[name]) - set("0123456789abcdef"):
            raise ValueError(f"{name} is not {n_digits} hex digits")
    return Checkpoint(lines=n_lines, **stored)


def find_contradiction(checkpoint: Checkpoint, case_id: str, digests: Sequence[str]) -> str:
    """Return how a log contradicts a checkpoint; empty if it does not.

    Args:
        checkpoint: the signed length and head.
        case_id: id of the case that the log belongs to.
        digests: SHA-256 of each line of the log, in order.

    >>> signed = Checkpoint("c", 2, "b", "2026-05-01", "", "")
    >>> find_contradiction(signed, "c", ["a", "b", "x"])
    ''
    >>> find_contradiction(signed, "c", ["a"])
    'has 1 lines, 2 were signed on 2026-05-01: the log was cut, or the case is an older copy'
    """
    if checkpoint.case_id != case_id:
        return f"belongs to case {case_id}, but the checkpoint of {checkpoint.at_utc} to case {checkpoint.case_id}"
    if len(digests) < checkpoint.lines:
        return (
            f"has {len(digests)} lines, {checkpoint.lines} were signed on {checkpoint.at_utc}: "
            "the log was cut, or the case is an older copy"
        )
    if digests[checkpoint.lines - 1] != checkpoint.head:
        return (
            f"line {checkpoint.lines} has changed since it was signed on {checkpoint.at_utc}: "
            "the log was rewritten, or the case is another copy"
        )
    return ""
