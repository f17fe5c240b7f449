"""Whose signatures the log of a case bears, how far each reaches, and whether one contradicts it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forensics.adapters.crypto.signing import key_id_of, public_in_pem, public_of
from forensics.custody.checkpoints import Checkpoint, contradiction
from forensics.errors import UsageError
from pipelines.custody.case_document import Case
from pipelines.custody.checkpoints import Checkpoints, fault_in, told_against
from pipelines.custody.installation import installation_key_file

__all__ = ["Signer", "TrustedKeys", "public_key", "signature_faults", "signers_of"]

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """What the log is held against beside the checkpoints that lie in the case.

    Attributes:
        kept: checkpoints that were kept elsewhere, by the file they are in.
        trusted: public keys as hex; if there are any, others prove nothing.
    """

    kept: dict[Path, Checkpoint] = field(default_factory=dict)
    trusted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Signer:
    """One key that signed the log.

    Attributes:
        key_id, public_hex: of the key.
        whose: ``trusted``, ``this installation``, or ``another installation``.
        checkpoints: how many lie in the case.
        lines: how many lines of the log the furthest of them covers.
    """

    key_id: str
    public_hex: str
    whose: str
    checkpoints: int
    lines: int


def public_key(text: str) -> str:
    """The hex of a public key that was named by its 64 hex digits or by its PEM file.

    Raises:
        UsageError: it is neither.
    """
    try:
        if len(bytes.fromhex(text)) == _KEY_BYTES:
            return bytes.fromhex(text).hex()
    except ValueError:
        pass
    try:
        return public_in_pem(Path(text).read_bytes()).hex()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{text!r} is no public key ({error})",
            "name the PEM file that `forensics installation -o FILE.pem` wrote, or the 64 digits that it showed",
        ) from error


def signature_faults(case: Case, known: Checkpoints, digests: Sequence[str], asked: TrustedKeys) -> Iterator[str]:
    """What is wrong with checkpoints, in words: those that were kept elsewhere first.

    Args:
        case: whose log.
        known: the checkpoints that lie in it, read before the log.
        digests: of the lines of the log.
        asked: what else it is held against.
    """
    log = case.folder.audit_file
    for path, checkpoint in asked.kept.items():
        said = contradiction(checkpoint, case.case_id, digests)
        if said:
            yield f"{log}: {said} ({path})"
        if asked.trusted and checkpoint.public_hex not in asked.trusted:
            yield f"{path}: is signed with key {checkpoint.key_id}, which is not one that is to be trusted"
    for number, checkpoint in enumerate(known.all, start=1):
        said = fault_in(checkpoint) or contradiction(checkpoint, case.case_id, digests)
        if said:
            yield told_against(case.folder, number, checkpoint, said)
    if known.problem:
        yield known.problem
    signed_by = {each.public_hex for each in (*known.all, *asked.kept.values())}
    if asked.trusted and not asked.trusted & signed_by:
        yield f"{log}: no checkpoint is signed with a key that is to be trusted"


def signers_of(known: Checkpoints, asked: TrustedKeys) -> tuple[Signer, ...]:
    """Every key that signed, by id, among the checkpoints in the case and those kept elsewhere."""
    everything = [*known.all, *asked.kept.values()]
    own = _own_public()
    return tuple(
        Signer(
            key_id_of(bytes.fromhex(public)),
            public,
            _whose(public, own, asked.trusted),
            sum(each.public_hex == public for each in known.all),
            max(each.lines for each in everything if each.public_hex == public),
        )
        for public in sorted(
            {each.public_hex for each in everything}, key=lambda public: key_id_of(bytes.fromhex(public))
        )
    )


def _own_public() -> str:
    """This installation's; empty where it has no key yet, which only looking does not make."""
    path = installation_key_file()
    try:
        return public_of(path.read_bytes()).hex() if path.exists() else ""
    except (OSError, ValueError):
        return ""


def _whose(public: str, own: str, trusted: Collection[str]) -> str:
    if public in trusted:
        return "trusted"
    return "this installation" if public == own else "another installation"
