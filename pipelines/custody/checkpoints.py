"""Checkpoints of a case: signed when a command that needs the key folder ends, stored, exported and checked.

They are in the case, `checkpoints.jsonl`, where they can be cut together with the log. Only an exported checkpoint that
is kept elsewhere always reveals a cut or rewritten log. A case that two installations use has checkpoints of both keys.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.signing import is_signed_by, key_id_of, public_key_of, sign
from forensics.custody.case_folder import CaseFolder
from forensics.custody.checkpoints import Checkpoint, find_contradiction, parse_checkpoint
from forensics.custody.line_file import open_line_file
from forensics.custody.log import LogLine
from forensics.errors import IntegrityBroken
from forensics.faults import Fault, FaultKind
from forensics.json_object import JsonObject

__all__ = [
    "Checkpoints",
    "checkpoint_facts",
    "contradiction_fault",
    "find_newest_contradiction",
    "find_signature_fault",
    "load_checkpoints",
    "read_checkpoint",
    "sign_checkpoint",
    "store_checkpoint",
]


_START: Final = b'{"at_utc":"'
"""First bytes of every checkpoint in the file."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints that are stored in a case.

    Attributes:
        all: checkpoints in the order of signing, up to the first unreadable one.
        fault: fault of the first unreadable one; None if there is none.
    """

    all: tuple[Checkpoint, ...]
    fault: Fault | None


def sign_checkpoint(case_id: str, line: LogLine, private: bytes, *, now: datetime) -> Checkpoint:
    """Return a signed checkpoint of the log up to and including `line`."""
    public = public_key_of(private)
    unsigned = Checkpoint(
        case_id, line.number + 1, line.sha256, now.isoformat(timespec="seconds"), key_id_of(public), public.hex()
    )
    return replace(unsigned, signature=sign(private, unsigned.signed_bytes()).hex())


def checkpoint_facts(checkpoint: Checkpoint) -> JsonObject:
    """Return the checkpoint as it is exported: all fields as JSON."""
    return asdict(checkpoint)


def store_checkpoint(folder: CaseFolder, checkpoint: Checkpoint) -> None:
    """Append a checkpoint to those of the case. Remove an incomplete one that a killed command left."""
    with open_line_file(folder.checkpoints_file) as file:
        torn = file.read_torn_end()
        if _is_torn(torn):
            file.remove_torn_end(torn)
        file.append(checkpoint.encoded())


def _is_torn(data: bytes) -> bool:
    """Whether these bytes are the start of a checkpoint, and neither a whole one nor anything else."""
    n_compared = min(len(data), len(_START))
    return n_compared > 0 and data[:n_compared] == _START[:n_compared] and data.isascii() and b"}" not in data


def load_checkpoints(folder: CaseFolder) -> Checkpoints:
    """Read the checkpoints of a case, up to the first unreadable one. An incomplete last one is ignored."""
    path = folder.checkpoints_file
    *whole, last = path.read_bytes().split(b"\n") if path.exists() else [b""]
    found: list[Checkpoint] = []
    for raw in whole:
        try:
            found.append(_parse_strictly(raw))
        except ValueError as error:
            detail = f"checkpoint {len(found) + 1} cannot be read ({error})"
            return Checkpoints(tuple(found), Fault(FaultKind.SIGNATURE, path, detail))
    if last and not _is_torn(last):
        detail = f"{len(last)} bytes after the last checkpoint"
        return Checkpoints(tuple(found), Fault(FaultKind.SIGNATURE, path, detail))
    return Checkpoints(tuple(found), None)


def _parse_strictly(raw: bytes) -> Checkpoint:
    checkpoint = parse_checkpoint(raw)
    if checkpoint.encoded() != raw:
        raise ValueError("changed since it was written")
    return checkpoint


def find_newest_contradiction(
    folder: CaseFolder, case_id: str, digests: Sequence[str], known: Checkpoints
) -> Fault | None:
    """Return how the newest checkpoint of the case contradicts its log; None if it does not.

    Args:
        folder: folder of the case.
        case_id: id of the case.
        digests: SHA-256 of each line of the log, read after the checkpoints, because a log only grows.
        known: checkpoints of the case.
    """
    detail = find_contradiction(known.all[-1], case_id, digests) if known.all else ""
    return contradiction_fault(folder, len(known.all), known.all[-1], detail) if detail else None


def contradiction_fault(folder: CaseFolder, number: int, checkpoint: Checkpoint, detail: str) -> Fault:
    """Return the fault if a checkpoint contradicts the log: of the checkpoint if its signature is invalid."""
    fault = find_signature_fault(checkpoint)
    if fault:
        return Fault(FaultKind.SIGNATURE, folder.checkpoints_file, f"checkpoint {number} {fault}")
    return Fault(FaultKind.LOG, folder.audit_file, detail)


def find_signature_fault(checkpoint: Checkpoint) -> str:
    """Return why the signature of a checkpoint is invalid; empty if it is valid."""
    public = bytes.fromhex(checkpoint.public_hex)
    if key_id_of(public) != checkpoint.key_id:
        return f"names key {checkpoint.key_id}, but contains key {key_id_of(public)}"
    if not is_signed_by(public, checkpoint.signed_bytes(), bytes.fromhex(checkpoint.signature)):
        return f"is not signed with key {checkpoint.key_id}"
    return ""


def read_checkpoint(path: Path) -> Checkpoint:
    """Read an exported checkpoint.

    Raises:
        IntegrityBroken: the file is not a checkpoint, or its signature is invalid.
    """
    next_step = "use another copy of this checkpoint, or another checkpoint"
    try:
        checkpoint = parse_checkpoint(path.read_bytes())
    except ValueError as error:
        raise IntegrityBroken(f"not a checkpoint ({error})", next_step, path) from error
    fault = find_signature_fault(checkpoint)
    if fault:
        raise IntegrityBroken(f"the checkpoint {fault}", next_step, path)
    return checkpoint
