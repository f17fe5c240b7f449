"""A signed statement of how far a log went: whoever keeps one finds a log that was cut off or chained anew.

It names the case, how many lines its log had, and the digest of the last of them, which holds that of every line
before. What is signed is the canonical JSON of all but the signature, so that any Ed25519 tool can check it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from forensics.digests import canonical_json

__all__ = ["Checkpoint", "contradiction", "decoded_checkpoint"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one installation says of one log.

    Attributes:
        case_id: of the case.
        lines: how many lines the log had, at least one.
        head: the digest of the last of them.
        at_utc: when it was signed, by the clock of the machine that signed.
        key_id: of the installation's key.
        public_hex: the public key, 32 bytes.
        signature: 64 bytes as hex, of `signed_bytes`.
    """

    case_id: str
    lines: int
    head: str
    at_utc: str
    key_id: str
    public_hex: str
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """What the signature is of: all else, as canonical JSON."""
        return canonical_json({name: value for name, value in asdict(self).items() if name != "signature"}).encode()

    def encoded(self) -> bytes:
        """One line, without its newline."""
        return canonical_json(asdict(self)).encode()


_NAMES: Final = frozenset(Checkpoint.__dataclass_fields__)
_HEX_DIGITS: Final = {"head": 64, "key_id": 16, "public_hex": 64, "signature": 128}


def decoded_checkpoint(data: bytes) -> Checkpoint:
    """The checkpoint that this JSON is, however it is spaced; whether its signature is right is not asked.

    Raises:
        ValueError: it is none.
    """
    stored: Any = json.loads(data)
    if not isinstance(stored, dict) or stored.keys() != _NAMES:
        raise ValueError("not the names of a checkpoint")
    n_lines = stored.pop("lines")
    if type(n_lines) is not int or n_lines < 1 or not all(type(value) is str for value in stored.values()):
        raise ValueError("a value of another kind")
    for name, n_digits in _HEX_DIGITS.items():
        if len(stored[name]) != n_digits or set(stored[name]) - set("0123456789abcdef"):
            raise ValueError(f"{name} is not {n_digits} hex digits")
    return Checkpoint(lines=n_lines, **stored)


def contradiction(checkpoint: Checkpoint, case_id: str, digests: Sequence[str]) -> str:
    """Why the log with these digests, line by line, cannot be the one that was signed; empty if it can.

    >>> signed = Checkpoint("c", 2, "b", "2026-05-01", "", "")
    >>> contradiction(signed, "c", ["a", "b", "x"])
    ''
    >>> contradiction(signed, "c", ["a"])
    'has 1 lines, 2 were signed on 2026-05-01: it was cut, or the case is an older copy'
    """
    if checkpoint.case_id != case_id:
        return f"belongs to case {case_id}, the checkpoint of {checkpoint.at_utc} to {checkpoint.case_id}"
    if len(digests) < checkpoint.lines:
        return (
            f"has {len(digests)} lines, {checkpoint.lines} were signed on {checkpoint.at_utc}: "
            "it was cut, or the case is an older copy"
        )
    if digests[checkpoint.lines - 1] != checkpoint.head:
        return (
            f"line {checkpoint.lines} is not what was signed on {checkpoint.at_utc}: "
            "the log was made anew, or the case is another copy"
        )
    return ""
