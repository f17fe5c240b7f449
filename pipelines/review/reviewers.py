"""Reviewers of a case and their signing keys: public keys in the case, private keys outside it.

A private key is the file `$FORENSICS_REVIEWER_KEYS/<case id>-<key id>.key` (mode 600); the default folder is in the
user's settings. A signature proves which key was used, not which person used it: root on a machine can read several
keys.
"""

import stat
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.signing import key_id_of, new_private_key, public_key_of
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.faces.review_rules import is_same_name
from forensics.json_object import JsonObject, decode_json
from forensics.spelling import fault_in_name, fault_in_statement
from forensics.tables.files import atomic_file, encode_json
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import reviewer_keys_folder

__all__ = [
    "NOT_ON_RECORD",
    "Reviewer",
    "Training",
    "add_reviewer",
    "find_reviewer",
    "load_private_key",
    "load_reviewers",
    "replace_reviewer",
    "revoke_reviewer",
]

NOT_ON_RECORD: Final = "not on record"
"""What stands for the training of reviewers who were added by versions before 0.3."""

_FIRST_TO_SEE_A_DAY: Final = timedelta(hours=14)
"""How far local time may be ahead of UTC."""


@dataclass(frozen=True, slots=True)
class Training:
    """Training of a reviewer, as the person who adds the reviewer states it.

    Attributes:
        text: which training.
        day: when.
    """

    text: str
    day: date

    def check(self, now: datetime) -> None:
        """Check that a training is stated, and that its day has come.

        Raises:
            UsageError: it is not.
        """
        fault = fault_in_statement(self.text)
        if fault:
            raise UsageError(
                f"the training {self.text!r} {fault}", "name the training with --training, so that others can check it"
            )
        if self.day > (now + _FIRST_TO_SEE_A_DAY).date():
            raise UsageError(f"the day {self.day} is in the future", "give with --trained-on the day of the training")


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One key of one reviewer.

    Attributes:
        name: name of the person.
        key_id, public_hex: id of the key and the public key in hex.
        added_utc, added_by: time of adding, and the operating-system user who added it.
        revoked_utc, revoked_why: time and reason of the revocation; empty while the key is valid.
        training, trained_on: which training in the comparison of faces the person has, and the day of it (ISO); empty
            in records of versions before 0.3.
    """

    name: str
    key_id: str
    public_hex: str
    added_utc: str
    added_by: str
    revoked_utc: str = ""
    revoked_why: str = ""
    training: str = ""
    trained_on: str = ""


def load_reviewers(folder: CaseFolder) -> list[Reviewer]:
    """Return all keys, revoked ones too, in the order they were added.

    Raises:
        IntegrityBroken: the list cannot be read, or a key does not have its id.
    """
    if not folder.reviewers_file.exists():
        return []
    try:
        reviewers = [_decode(stored) for stored in decode_json(folder.reviewers_file.read_text())]
        strangers = [each for each in reviewers if key_id_of(bytes.fromhex(each.public_hex)) != each.key_id]
    except (ValueError, TypeError, AttributeError) as error:
        raise _broken(folder, f"cannot be read ({error})") from error
    for each in strangers:
        raise _broken(folder, f"the public key of {each.name} does not have the key id {each.key_id}")
    return reviewers


def _decode(stored: JsonObject) -> Reviewer:
    """Decode one entry of the list.

    Raises:
        ValueError: a field contains no text; `TypeError`: there are other fields than a reviewer has.
    """
    others = [name for name, value in stored.items() if not isinstance(value, str)]
    if others:
        raise ValueError(f"{', '.join(others)} of a reviewer is no text")
    return Reviewer(**stored)


def _broken(folder: CaseFolder, problem: str) -> IntegrityBroken:
    return IntegrityBroken(problem, "restore the file from a backup", folder.reviewers_file)


def find_reviewer(folder: CaseFolder, name: str) -> Reviewer:
    """Return the valid key of the reviewer of that name.

    Raises:
        NotAuthorised: there is no such reviewer, or the key was revoked.
    """
    known = load_reviewers(folder)
    for reviewer in known:
        if is_same_name(reviewer.name, name) and not reviewer.revoked_utc:
            return reviewer
    names = ", ".join(reviewer.name for reviewer in known if not reviewer.revoked_utc)
    raise NotAuthorised(
        f"{name} is not a reviewer of this case; reviewers: {names or 'none'}",
        "add a reviewer: forensics reviewer add CASE NAME --training TEXT --trained-on DAY",
    )


def add_reviewer(
    case: Case, files: DecidingFiles, name: str, training: Training, *, now: datetime, who: str
) -> tuple[Reviewer, Path]:
    """Add a reviewer with a new key; return it and the path of the private key. The caller holds the case's lock.

    Raises:
        UsageError: the name is empty, could be mistaken for another, or has a valid key already; or no training is
            stated.
        NotAuthorised: other users can write to the folder of the keys.
    """
    fault = fault_in_name(name)
    if fault:
        raise UsageError(f"the name {name!a} {fault}", "use visible letters of one alphabet only")
    name = " ".join(name.split())
    if not name:
        raise UsageError("the name of the reviewer is empty", "give a name")
    training.check(now)
    known = load_reviewers(case.folder)
    if any(is_same_name(reviewer.name, name) and not reviewer.revoked_utc for reviewer in known):
        raise UsageError(
            f"{name} has a key already",
            "replace a lost key with: forensics reviewer replace CASE NAME --reason TEXT",
        )
    stated = Reviewer(name, "", "", now.isoformat(), who, training=training.text, trained_on=training.day.isoformat())
    reviewer, path = _create_key(case, stated)
    files.write(case.folder.reviewers_file, encode_json([asdict(each) for each in (*known, reviewer)]))
    return reviewer, path


def replace_reviewer(
    case: Case, files: DecidingFiles, name: str, *, why: str, now: datetime, who: str
) -> tuple[Reviewer, Reviewer, Path]:
    """Revoke a lost key and add a new one, in one write; return both and the path of the new private key.

    The caller holds the case's lock.

    Raises:
        NotAuthorised: there is no such reviewer, or other users can write to the folder of the keys.
    """
    known, current = load_reviewers(case.folder), find_reviewer(case.folder, name)
    revoked = replace(current, revoked_utc=now.isoformat(), revoked_why=why)
    reviewer, path = _create_key(case, replace(current, added_utc=now.isoformat(), added_by=who))
    stored = [asdict(revoked if each == current else each) for each in known]
    files.write(case.folder.reviewers_file, encode_json([*stored, asdict(reviewer)]))
    _private_path(case, current).unlink(missing_ok=True)
    return revoked, reviewer, path


def _create_key(case: Case, stated: Reviewer) -> tuple[Reviewer, Path]:
    """Return a reviewer with a new key, and the path of its private half, which only this user can read."""
    private = new_private_key()
    public = public_key_of(private)
    reviewer = replace(stated, key_id=key_id_of(public), public_hex=public.hex())
    path = _private_path(case, reviewer)
    _create_private_folder(path.parent)
    with atomic_file(path) as file:
        file.write(private)
    return reviewer, path


def revoke_reviewer(case: Case, files: DecidingFiles, name: str, *, why: str, now: datetime) -> Reviewer:
    """Revoke a reviewer's key; verdicts that it signed before stay valid. The caller holds the case's lock.

    Raises:
        UsageError: the reason is empty.
        NotAuthorised: there is no such reviewer.
    """
    if not why.strip():
        raise UsageError("revoking a key needs a reason", "give a reason with --reason TEXT")
    known = load_reviewers(case.folder)
    current = find_reviewer(case.folder, name)
    revoked = replace(current, revoked_utc=now.isoformat(), revoked_why=why)
    stored = [asdict(revoked if each == current else each) for each in known]
    files.write(case.folder.reviewers_file, encode_json(stored))
    _private_path(case, current).unlink(missing_ok=True)
    return revoked


def load_private_key(case: Case, reviewer: Reviewer) -> bytes:
    """Read the private key of a reviewer.

    Raises:
        NotAuthorised: the key is missing, other users can read it, or it is not the registered key.
    """
    path = _private_path(case, reviewer)
    if not path.exists():
        raise NotAuthorised(
            f"the private key of {reviewer.name} was not found",
            "review as the user and on the machine that have the key, or replace a lost key: "
            "forensics reviewer replace CASE NAME --reason TEXT",
            path,
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise NotAuthorised("other users can read this key", f"make it private: chmod 600 {path}", path)
    private = path.read_bytes()
    if len(private) != 32 or public_key_of(private).hex() != reviewer.public_hex:
        raise NotAuthorised(
            f"is not the registered key of {reviewer.name}",
            "restore the key from a backup, or replace it: forensics reviewer replace CASE NAME --reason TEXT",
            path,
        )
    return private


def _private_path(case: Case, reviewer: Reviewer) -> Path:
    """Return the path of a private key.

    Raises:
        UsageError: the folder of the keys is inside the case.
    """
    base = reviewer_keys_folder()
    if base.resolve().is_relative_to(case.folder.root.resolve()):
        raise UsageError(
            "private keys must be kept outside the case", "set $FORENSICS_REVIEWER_KEYS to another folder", base
        )
    return base / f"{case.case_id}-{reviewer.key_id}.key"


def _create_private_folder(folder: Path) -> None:
    """Create the folder of the keys if it is missing.

    Raises:
        NotAuthorised: other users can write to it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if stat.S_IMODE(folder.stat().st_mode) & 0o022:
        raise NotAuthorised("other users can write to this folder", f"make it private: chmod 700 {folder}", folder)
