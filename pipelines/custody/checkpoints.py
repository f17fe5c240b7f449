"""The checkpoints of a case: what installations have signed of its log, each when a command that changes it ended.

They lie in the case, `checkpoints.jsonl`, where whoever can write may cut them too: one that was exported and is kept
elsewhere is what a cut or rewritten log cannot get past. A case that two installations work on has both their keys.
"""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from forensics.adapters.crypto.signing import is_signed_by, key_id_of, public_of, signed
from forensics.custody.case_folder import CaseFolder
from forensics.custody.checkpoints import Checkpoint, contradiction, decoded_checkpoint
from forensics.custody.log import LogLine
from forensics.errors import IntegrityBroken

__all__ = [
    "Checkpoints",
    "described_checkpoint",
    "fault_in",
    "last_contradiction",
    "read_checkpoint",
    "signed_checkpoint",
    "store_checkpoint",
    "stored_checkpoints",
    "told_against",
]

_BLOCK_BYTES: Final = 1 << 12


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What lies in a case.

    Attributes:
        all: every checkpoint, in the order they were signed.
        problem: what is wrong with the first that cannot be read; empty if all can.
    """

    all: tuple[Checkpoint, ...]
    problem: str


def signed_checkpoint(case_id: str, line: LogLine, private: bytes, *, now: datetime) -> Checkpoint:
    """A checkpoint of the log up to and including `line`."""
    public = public_of(private)
    unsigned = Checkpoint(
        case_id, line.number + 1, line.sha256, now.isoformat(timespec="seconds"), key_id_of(public), public.hex()
    )
    return replace(unsigned, signature=signed(private, unsigned.signed_bytes()).hex())


def described_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """As it is exported: all its names and values."""
    return asdict(checkpoint)


def store_checkpoint(folder: CaseFolder, checkpoint: Checkpoint) -> None:
    """One more lies in the case; what a dying command left of one is no checkpoint and goes."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    descriptor = os.open(folder.checkpoints_file, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, _BLOCK_BYTES, max(0, size - _BLOCK_BYTES))
        torn = tail.rpartition(b"\n")[2]
        if _is_torn(torn):
            os.ftruncate(descriptor, size - len(torn))
        os.write(descriptor, checkpoint.encoded() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_torn(data: bytes) -> bool:
    """Whether these bytes are the begin of a checkpoint that was cut short, and not one with something behind it."""
    return data.startswith(b"{") and b"}" not in data


def stored_checkpoints(folder: CaseFolder) -> Checkpoints:
    """All that lie in the case, up to the first that cannot be read; the last may be cut short."""
    path = folder.checkpoints_file
    *whole, last = path.read_bytes().split(b"\n") if path.exists() else [b""]
    found: list[Checkpoint] = []
    for raw in whole:
        try:
            found.append(_strictly(raw))
        except ValueError as error:
            return Checkpoints(tuple(found), f"{path}: checkpoint {len(found) + 1} cannot be read ({error})")
    has_more = bool(last) and not _is_torn(last)
    return Checkpoints(tuple(found), f"{path}: {len(last)} bytes after the last checkpoint" if has_more else "")


def _strictly(raw: bytes) -> Checkpoint:
    checkpoint = decoded_checkpoint(raw)
    if checkpoint.encoded() != raw:
        raise ValueError("not what was written")
    return checkpoint


def last_contradiction(folder: CaseFolder, case_id: str, digests: Sequence[str], known: Checkpoints) -> str:
    """What the newest checkpoint of the case says against its log; empty if nothing.

    Args:
        folder: of the case.
        case_id: its id.
        digests: of the lines of its log, read after the checkpoints, for a log only grows.
        known: the checkpoints.
    """
    said = contradiction(known.all[-1], case_id, digests) if known.all else ""
    return told_against(folder, len(known.all), known.all[-1], said) if said else ""


def told_against(folder: CaseFolder, number: int, checkpoint: Checkpoint, said: str) -> str:
    """Which file is wrong where a checkpoint contradicts the log: a checkpoint that nobody signed is itself."""
    fault = fault_in(checkpoint)
    return f"{folder.checkpoints_file}: checkpoint {number} {fault}" if fault else f"{folder.audit_file}: {said}"


def fault_in(checkpoint: Checkpoint) -> str:
    """Why its signature proves nothing; empty if it is that of the key it names."""
    public = bytes.fromhex(checkpoint.public_hex)
    if key_id_of(public) != checkpoint.key_id:
        return f"names key {checkpoint.key_id} and holds {key_id_of(public)}"
    if not is_signed_by(public, checkpoint.signed_bytes(), bytes.fromhex(checkpoint.signature)):
        return f"does not bear the signature of key {checkpoint.key_id}"
    return ""


def read_checkpoint(path: Path) -> Checkpoint:
    """A checkpoint that was exported.

    Raises:
        IntegrityBroken: the file is none any more, or its signature is not that of its key.
    """
    next_step = "take another copy of it, or another checkpoint"
    try:
        checkpoint = decoded_checkpoint(path.read_bytes())
    except ValueError as error:
        raise IntegrityBroken(f"is no checkpoint ({error})", next_step, path) from error
    fault = fault_in(checkpoint)
    if fault:
        raise IntegrityBroken(f"the checkpoint {fault}", next_step, path)
    return checkpoint
