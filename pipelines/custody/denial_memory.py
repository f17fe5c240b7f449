"""Memory of this installation of denied cases, so that a later case about the same footage or person is noticed.

`$FORENSICS_KEYS/installation/denials.jsonl` (mode 600) has one line for each denial: id of the case, time, and keyed
references of its footage, its reference pictures and its reference. They are keyed with a secret that is derived from
the installation's key: without that key no guess can be tested, and no name or reason is stored. A memory without its
key cannot be used, so both must be kept when keys are moved.

A search without an authority is remembered from its first run on, with the end of its 48 hours. From then on it counts
like a denial, until its authority is entered.
"""

import contextlib
import fcntl
import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.case_key import Key
from forensics.adapters.crypto.signing import key_id_of, public_key_of
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.corrections import MANDATE, recorded_corrections
from forensics.custody.line_file import open_line_file
from forensics.custody.log import read_chain
from forensics.custody.sealer import Sealer
from forensics.digests import canonical_json
from forensics.errors import ForensicsError, IntegrityBroken
from forensics.json_object import JsonObject, decode_json
from forensics.spelling import letters_and_digits
from forensics.tables.files import read_any_table, sync_folder
from pipelines import clock
from pipelines.custody.entries import stored_pictures
from pipelines.custody.installation import installation_key, installation_key_file
from pipelines.custody.keys import keyring_for, make_private_folder

__all__ = [
    "Denial",
    "Event",
    "denials_file",
    "earlier_references",
    "forget_lapse",
    "is_remembered",
    "load_denials",
    "remember_lapse",
    "remembered",
    "subjects_of",
]

Subjects = dict[str, frozenset[str]]
"""Keyed references of what a case is about, by kind: `KINDS`."""

KINDS: Final = ("footage", "pictures", "reference")
_PURPOSE: Final = b"forensics: memory of denials"
_DO_NOT_WAIT: Final = fcntl.LOCK_EX | fcntl.LOCK_NB
# What a damaged case, a missing key or a full disk raises. None of it may keep a denial from destroying the key.
_FAULTS: Final = (ForensicsError, OSError, ValueError, KeyError, TypeError, AttributeError, MemoryError)
_LARGEST_ENTRY_BYTES: Final = 1 << 20


class Event(StrEnum):
    """Why a case is remembered: denied, its 48 hours without an authority over, or the authority entered after all."""

    DENIED = "denied"
    LAPSED = "lapsed"
    ENTERED = "entered"


@dataclass(frozen=True, slots=True)
class Denial:
    """A denied case as this installation remembers it, or one whose 48 hours without an authority are over.

    Attributes:
        case_id: id of the denied case.
        at_utc: time of the denial, or end of the 48 hours.
        key_id: id of the installation's key with which the references are keyed.
        subjects: keyed references by kind: ``footage``, ``pictures``, ``reference``.
        mac: keyed digest of the other fields, which shows a damaged or edited line.
    """

    case_id: str
    at_utc: datetime
    key_id: str
    subjects: Mapping[str, frozenset[str]]
    mac: str = ""
    event: Event = Event.DENIED

    def fields(self) -> JsonObject:
        """Return all fields but the last as JSON."""
        stored = {"case_id": self.case_id, "at_utc": self.at_utc.isoformat(), "key_id": self.key_id}
        stored |= {} if self.event is Event.DENIED else {"event": self.event.value}
        return {**stored, **{kind: sorted(self.subjects[kind]) for kind in KINDS}}

    def encoded(self) -> bytes:
        """Return the denial as its line in the file, without newline."""
        return canonical_json({**self.fields(), "mac": self.mac}).encode()


def denials_file() -> Path:
    """Return the path of the memory, which need not exist."""
    return installation_key_file().with_name("denials.jsonl")


def load_denials() -> list[Denial]:
    """Read all denials, one for each case, by time; with them the cases whose 48 hours without an authority are over.

    Raises:
        IntegrityBroken: a line is damaged, or was written with another key than this installation's.
    """
    denials = [_parse(line) for line in _whole_lines()]
    if not denials:
        return []
    private = _present_key({denial.key_id for denial in denials})
    denied: dict[str, Denial] = {}
    pending: dict[str, Denial] = {}
    for denial in denials:
        if denial.mac != _mac(private, denial):
            raise _unreadable("changed since it was written")
        if denial.event is Event.ENTERED:
            pending.pop(denial.case_id, None)
            continue
        by_case = denied if denial.event is Event.DENIED else pending
        known = by_case.get(denial.case_id)
        by_case[denial.case_id] = denial if known is None else _joined(known, denial)
    lapsed = {name: each for name, each in pending.items() if each.at_utc <= clock.utc_now()}
    return sorted({**lapsed, **denied}.values(), key=lambda each: (each.at_utc, each.case_id))


def _whole_lines() -> list[bytes]:
    """Return the lines of the memory without the torn end that a killed command left."""
    path = denials_file()
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


def _parse(line: bytes) -> Denial:
    try:
        stored: JsonObject = decode_json(line)
        denial = Denial(
            case_id=str(stored["case_id"]),
            at_utc=datetime.fromisoformat(stored["at_utc"]),
            key_id=str(stored["key_id"]),
            subjects={kind: frozenset(map(str, stored[kind])) for kind in KINDS},
            mac=str(stored["mac"]),
            event=Event(stored.get("event", Event.DENIED)),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(str(error)) from error
    if denial.encoded() != line:
        raise _unreadable("changed since it was written")
    return denial


def _unreadable(detail: str) -> IntegrityBroken:
    return IntegrityBroken(
        f"a denial cannot be read ({detail})", "restore the file from a backup of the key folder", denials_file()
    )


def _joined(one: Denial, other: Denial) -> Denial:
    """Return two records of one denial as one: a damaged case may be denied again after it was restored."""
    subjects = {kind: one.subjects[kind] | other.subjects[kind] for kind in KINDS}
    return Denial(one.case_id, min(one.at_utc, other.at_utc), other.key_id, subjects, event=one.event)


def _present_key(key_ids: set[str]) -> bytes:
    """Return the installation's key if all denials were recorded with it; reading must not create one.

    Raises:
        IntegrityBroken: the key is missing, or is another one.
    """
    private = installation_key() if installation_key_file().exists() else b""
    foreign = key_ids - ({key_id_of(public_key_of(private))} if private else set())
    if foreign:
        raise IntegrityBroken(
            f"denials were recorded with key {', '.join(sorted(foreign))}, which is not this installation's",
            f"restore {installation_key_file()} from the same backup of the key folder",
            denials_file(),
        )
    return private


def _mac(private: bytes, denial: Denial) -> str:
    return _secret(private).reference("denial", canonical_json(denial.fields()))


def _secret(private: bytes) -> Key:
    """Return the secret of the memory, derived from the private key of the installation."""
    return Key(hmac.digest(private, _PURPOSE, "sha256"))


def is_remembered(case_id: str) -> bool:
    """Whether the memory has a whole line of this case's denial. Damaged lines of other cases are ignored."""
    return any((each.case_id, each.event) == (case_id, Event.DENIED) for each in _readable_denials())


def remember_lapse(case: Case) -> None:
    """Remember a case whose authority is pending, with the end of its 48 hours; no fault ends the command."""
    ends = case.mandate.authority_ends
    if ends is not None:
        _try_to_keep(_describe(case.folder, case.case_id, case.mandate.reference, ends, Event.LAPSED), fcntl.LOCK_EX)


def forget_lapse(case: Case, at_utc: datetime) -> None:
    """Forget that the authority of a case was pending, because it was entered."""
    if any((each.case_id, each.event) == (case.case_id, Event.LAPSED) for each in _readable_denials()):
        entered = _describe(case.folder, case.case_id, case.mandate.reference, at_utc, Event.ENTERED)
        _try_to_keep(entered, fcntl.LOCK_EX)


def _readable_denials() -> Iterator[Denial]:
    with contextlib.suppress(OSError):
        for line in _whole_lines():
            with contextlib.suppress(IntegrityBroken):
                yield _parse(line)


def subjects_of(
    private: bytes, *, evidence_ids: Iterable[str], pictures: Iterable[str], references: Iterable[str]
) -> Subjects:
    """Return the keyed references of what a case is about.

    Args:
        private: private key of the installation.
        evidence_ids: the first 16 hex digits of the SHA-256 of each evidence, as in the tables.
        pictures: SHA-256 of each reference picture.
        references: reference of the mandate, and those that it had before; their spelling does not matter.
    """
    secret = _secret(private)
    folded = {letters_and_digits(reference) for reference in references} - {""}
    values = {"footage": evidence_ids, "pictures": pictures, "reference": folded}
    return {kind: frozenset(secret.reference(kind, value) for value in values[kind]) for kind in KINDS}


@contextlib.contextmanager
def remembered(folder: CaseFolder, case_id: str, *, reference: str, at_utc: datetime) -> Iterator[None]:
    """Remember a denial around the block that destroys the key of the case.

    The memory is written before the block, because without the key nothing says which pictures the case had. If another
    command is writing to it, it is written after the block, so that the block need not wait. What cannot be read is
    left out, and no fault keeps the block from running.

    Args:
        folder: folder of the denied case.
        case_id: id of the denied case.
        reference: reference of its mandate; empty if unknown.
        at_utc: time of the denial.
    """
    denial = _describe(folder, case_id, reference, at_utc)
    is_kept = _try_to_keep(denial, _DO_NOT_WAIT)
    try:
        yield
    finally:
        if not is_kept:
            _try_to_keep(denial, fcntl.LOCK_EX)


def _describe(
    folder: CaseFolder, case_id: str, reference: str, at_utc: datetime, event: Event = Event.DENIED
) -> Denial | None:
    """Return what is to be remembered of a case; None if not even the installation's key can be used."""
    with contextlib.suppress(*_FAULTS):
        private = installation_key()
        pictures = _pictures(folder, case_id)
        evidence_ids = _evidence_ids(folder)
        references = [reference, *earlier_references(folder)]
        subjects = subjects_of(private, evidence_ids=evidence_ids, pictures=pictures, references=references)
        denial = Denial(case_id, at_utc, key_id_of(public_key_of(private)), subjects, event=event)
        return replace(denial, mac=_mac(private, denial))
    return None


def earlier_references(folder: CaseFolder) -> set[str]:
    """Return the references that the mandate had before it was amended, from the log as far as it is whole."""
    found: set[str] = set()
    with contextlib.suppress(*_FAULTS):
        lines = read_chain(folder.audit_file).lines if folder.audit_file.is_file() else ()
        corrections = [each.correction for each in recorded_corrections(lines)]
        found |= {each.before for each in corrections if (each.of, each.name) == (MANDATE, "reference") and each.before}
    return found


def _evidence_ids(folder: CaseFolder) -> set[str]:
    """Return the ids of all evidence that the case has or had, from its table and its log, as far as they are whole."""
    found: set[str] = set()
    with contextlib.suppress(*_FAULTS):
        if folder.evidence_file.is_file():  # reading a pipe would never end
            found |= set(read_any_table(folder.evidence_file)["evidence_id"].to_pylist())
    with contextlib.suppress(*_FAULTS):
        lines = read_chain(folder.audit_file).lines if folder.audit_file.is_file() else ()
        ends = [line for line in lines if line.kind == "end"]
        logged = [line.facts.get("outputs", {}).get("evidence") for line in ends]
        found |= {name for each in logged if isinstance(each, dict) for name in each.values() if isinstance(name, str)}
    return found


def _pictures(folder: CaseFolder, case_id: str) -> set[str]:
    """Return the SHA-256 of the reference pictures of all entries that can be read, withheld or not."""
    key: Sealer | None = None
    with contextlib.suppress(*_FAULTS):
        key = keyring_for(folder, case_id).load_withheld()
    found: set[str] = set()
    for path in folder.entry_files():
        with contextlib.suppress(*_FAULTS):
            if path.is_file() and path.stat().st_size <= _LARGEST_ENTRY_BYTES:
                found |= stored_pictures(path.parent, key)
    return found


def _try_to_keep(denial: Denial | None, lock: int) -> bool:
    """Append a denial unless the memory has all of it; return whether it has it now."""
    with contextlib.suppress(*_FAULTS):
        if denial is not None:
            _keep(denial, lock)
            return True
    return False


def _is_same(one: Denial, other: Denial) -> bool:
    return (one.case_id, one.key_id, one.event) == (other.case_id, other.key_id, other.event)


def _keep(denial: Denial, lock: int) -> None:
    path = denials_file()
    make_private_folder(path.parent)
    with open_line_file(path, lock) as file:
        sync_folder(path.parent)
        known = [each for each in _readable_denials() if _is_same(each, denial)]
        if known and all(any(denial.subjects[kind] <= each.subjects[kind] for each in known) for kind in KINDS):
            return
        torn = file.read_torn_end()
        if torn:
            file.remove_torn_end(torn)
        file.append(denial.encoded())
