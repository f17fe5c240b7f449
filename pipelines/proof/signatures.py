"""Checks the signed checkpoints of a case's log, and lists their keys."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forensics.adapters.crypto.signing import key_id_of, public_key_from_pem, public_key_of
from forensics.custody.case_document import Case
from forensics.custody.checkpoints import Checkpoint, find_contradiction
from forensics.errors import UsageError
from forensics.faults import Fault, FaultKind
from pipelines.custody.checkpoints import Checkpoints, contradiction_fault, find_signature_fault
from pipelines.custody.installation import installation_key_file

__all__ = ["Signer", "TrustedKeys", "list_signers", "parse_public_key", "signature_faults"]

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Checkpoints and keys from outside the case that the log is checked against.

    Attributes:
        exported: checkpoints that were exported and kept elsewhere, by their file.
        trusted: trusted public keys in hexadecimal; if there are any, signatures with other keys are not accepted.
    """

    exported: dict[Path, Checkpoint] = field(default_factory=dict)
    trusted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signed checkpoints of the log.

    Attributes:
        key_id, public_hex: id of the key, and the public key in hexadecimal.
        whose: ``trusted``, ``this installation``, or ``another installation``.
        checkpoints: number of checkpoints in the case signed with it.
        lines: number of lines of the log that its newest checkpoint covers.
    """

    key_id: str
    public_hex: str
    whose: str
    checkpoints: int
    lines: int


def parse_public_key(text: str) -> str:
    """Return the public key, given as 64 hexadecimal digits or as the path of a PEM file, in hexadecimal.

    Raises:
        UsageError: the text is neither.
    """
    try:
        if len(bytes.fromhex(text)) == _KEY_BYTES:
            return bytes.fromhex(text).hex()
    except ValueError:
        pass
    try:
        return public_key_from_pem(Path(text).read_bytes()).hex()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{text!r} is no public key ({error})",
            "give the PEM file of `forensics installation -o FILE.pem`, or the 64 hexadecimal digits that it printed",
        ) from error


def signature_faults(case: Case, known: Checkpoints, digests: Sequence[str], asked: TrustedKeys) -> Iterator[Fault]:
    """Yield the faults of checkpoints, exported ones first.

    Args:
        case: the case.
        known: the checkpoints in the case, read before the log.
        digests: digests of the lines of the log.
        asked: exported checkpoints and trusted keys.
    """
    log = case.folder.audit_file
    for path, checkpoint in asked.exported.items():
        detail = find_contradiction(checkpoint, case.case_id, digests)
        if detail:
            yield Fault(FaultKind.LOG, log, f"{detail} ({path})")
        if asked.trusted and checkpoint.public_hex not in asked.trusted:
            yield Fault(FaultKind.SIGNATURE, path, f"is signed with key {checkpoint.key_id}, which is not trusted")
    for number, checkpoint in enumerate(known.all, start=1):
        detail = find_signature_fault(checkpoint) or find_contradiction(checkpoint, case.case_id, digests)
        if detail:
            yield contradiction_fault(case.folder, number, checkpoint, detail)
    if known.fault is not None:
        yield known.fault
    signed_by = {each.public_hex for each in (*known.all, *asked.exported.values())}
    if asked.trusted and not asked.trusted & signed_by:
        yield Fault(FaultKind.SIGNATURE, log, "no checkpoint is signed with a trusted key")


def list_signers(known: Checkpoints, asked: TrustedKeys) -> tuple[Signer, ...]:
    """Return the keys of all checkpoints, in the case and exported, sorted by key id."""
    checkpoints = [*known.all, *asked.exported.values()]
    own = _installation_public_key()
    return tuple(
        Signer(
            key_id_of(bytes.fromhex(public)),
            public,
            _whose(public, own, asked.trusted),
            sum(each.public_hex == public for each in known.all),
            max(each.lines for each in checkpoints if each.public_hex == public),
        )
        for public in sorted(
            {each.public_hex for each in checkpoints}, key=lambda public: key_id_of(bytes.fromhex(public))
        )
    )


def _installation_public_key() -> str:
    """Return the public key of this installation in hexadecimal; empty if there is none, and then none is made."""
    path = installation_key_file()
    try:
        return public_key_of(path.read_bytes()).hex() if path.exists() else ""
    except (OSError, ValueError):
        return ""


def _whose(public: str, own: str, trusted: Collection[str]) -> str:
    if public in trusted:
        return "trusted"
    return "this installation" if public == own else "another installation"
