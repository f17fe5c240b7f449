"""Who may review a case: public keys in the case, private ones outside of it, one for each reviewer.

A private key lies at `$FORENSICS_REVIEWER_KEYS/<case id>-<key id>.key` (mode 600), by default in the user's settings.
Whoever is root on a machine can hold two keys: the signature says which key decided, not whose fingers did.
"""

import json
import stat
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from forensics.adapters.crypto.signing import key_id_of, new_private_key, public_of
from forensics.custody.case_folder import CaseFolder
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.faces.review_rules import same_name
from forensics.spelling import fault_in_name
from forensics.tables.files import encoded_json, whole_file
from pipelines.custody.case_document import Case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import reviewer_keys_folder

__all__ = [
    "Reviewer",
    "add_reviewer",
    "load_private",
    "replace_reviewer",
    "reviewer_named",
    "reviewers_of",
    "revoke_reviewer",
]


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One key of one reviewer.

    Attributes:
        name: of the person.
        key_id, public_hex: of the key.
        added_utc, added_by: when, and under which user name.
        revoked_utc, revoked_why: when and why it stopped counting; empty while it counts.
    """

    name: str
    key_id: str
    public_hex: str
    added_utc: str
    added_by: str
    revoked_utc: str = ""
    revoked_why: str = ""


def reviewers_of(folder: CaseFolder) -> list[Reviewer]:
    """All keys, revoked ones too, in the order they were added.

    Raises:
        IntegrityBroken: the list cannot be read.
    """
    if not folder.reviewers_file.exists():
        return []
    try:
        reviewers = [Reviewer(**stored) for stored in json.loads(folder.reviewers_file.read_text())]
    except (ValueError, TypeError) as error:
        raise IntegrityBroken(f"cannot be read ({error})", "restore it from a copy", folder.reviewers_file) from error
    for reviewer in reviewers:
        if key_id_of(bytes.fromhex(reviewer.public_hex)) != reviewer.key_id:
            raise IntegrityBroken(f"{reviewer.name} has another key", "restore it from a copy", folder.reviewers_file)
    return reviewers


def reviewer_named(folder: CaseFolder, name: str) -> Reviewer:
    """The key of that name that counts.

    Raises:
        NotAuthorised: there is none.
    """
    known = reviewers_of(folder)
    for reviewer in known:
        if same_name(reviewer.name, name) and not reviewer.revoked_utc:
            return reviewer
    names = ", ".join(reviewer.name for reviewer in known if not reviewer.revoked_utc)
    raise NotAuthorised(
        f"{name} is no reviewer of this case, it has {names or 'none'}",
        "add one: forensics reviewer add CASE NAME",
    )


def add_reviewer(case: Case, files: DecidingFiles, name: str, *, now: datetime, who: str) -> tuple[Reviewer, Path]:
    """A reviewer with a new key; returns where its private half lies. The caller holds the case's lock.

    Raises:
        UsageError: the name says nothing, could be taken for another, or is taken by a key that counts.
    """
    fault = fault_in_name(name)
    if fault:
        raise UsageError(f"the name {name!a} {fault}", "write it in letters of one script, and nothing else")
    name = " ".join(name.split())
    if not name:
        raise UsageError("the reviewer has no name", "say who reviews")
    known = reviewers_of(case.folder)
    if any(same_name(reviewer.name, name) and not reviewer.revoked_utc for reviewer in known):
        raise UsageError(f"{name} has a key already", "a lost key is replaced: forensics reviewer replace CASE NAME")
    reviewer, path = _with_new_key(case, name, now=now, who=who)
    files.write(case.folder.reviewers_file, encoded_json([asdict(each) for each in (*known, reviewer)]))
    return reviewer, path


def replace_reviewer(
    case: Case, files: DecidingFiles, name: str, *, why: str, now: datetime, who: str
) -> tuple[Reviewer, Reviewer, Path]:
    """The lost key counts no more and a new one does, in one write; returns both and where the new one lies.

    Raises:
        NotAuthorised: there is no such reviewer.
    """
    known, current = reviewers_of(case.folder), reviewer_named(case.folder, name)
    revoked = replace(current, revoked_utc=now.isoformat(), revoked_why=why)
    reviewer, path = _with_new_key(case, current.name, now=now, who=who)
    stored = [asdict(revoked if each == current else each) for each in known]
    files.write(case.folder.reviewers_file, encoded_json([*stored, asdict(reviewer)]))
    _private_path(case, current).unlink(missing_ok=True)
    return revoked, reviewer, path


def _with_new_key(case: Case, name: str, *, now: datetime, who: str) -> tuple[Reviewer, Path]:
    private = new_private_key()
    public = public_of(private)
    reviewer = Reviewer(name, key_id_of(public), public.hex(), now.isoformat(), who)
    path = _private_path(case, reviewer)
    _private_folder(path.parent)
    with whole_file(path) as file:
        file.write(private)
    return reviewer, path


def revoke_reviewer(case: Case, files: DecidingFiles, name: str, *, why: str, now: datetime) -> Reviewer:
    """The reviewer's key counts no more; verdicts that it signed stay. The caller holds the case's lock.

    Raises:
        UsageError: no reason.
        NotAuthorised: there is no such reviewer.
    """
    if not why.strip():
        raise UsageError("a key is revoked for a reason", "say it with --reason TEXT")
    known = reviewers_of(case.folder)
    current = reviewer_named(case.folder, name)
    revoked = replace(current, revoked_utc=now.isoformat(), revoked_why=why)
    stored = [asdict(revoked if each == current else each) for each in known]
    files.write(case.folder.reviewers_file, encoded_json(stored))
    _private_path(case, current).unlink(missing_ok=True)
    return revoked


def load_private(case: Case, reviewer: Reviewer) -> bytes:
    """The reviewer's private key.

    Raises:
        NotAuthorised: it is not there, others can read it, or it is another's.
    """
    path = _private_path(case, reviewer)
    if not path.exists():
        raise NotAuthorised(
            f"the key of {reviewer.name} is not on this machine, or not yours",
            "review where the key lies; a lost one is replaced: forensics reviewer replace CASE NAME",
            path,
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise NotAuthorised("others can read this key", f"make it private: chmod 600 {path}", path)
    private = path.read_bytes()
    if len(private) != 32 or public_of(private).hex() != reviewer.public_hex:
        raise NotAuthorised(f"is not the key that {reviewer.name} registered", "restore it, or replace it", path)
    return private


def _private_path(case: Case, reviewer: Reviewer) -> Path:
    base = reviewer_keys_folder()
    if base.resolve().is_relative_to(case.folder.root.resolve()):
        raise UsageError("keys may not lie inside the case", "set $FORENSICS_REVIEWER_KEYS to another folder", base)
    return base / f"{case.case_id}-{reviewer.key_id}.key"


def _private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if stat.S_IMODE(folder.stat().st_mode) & 0o022:
        raise NotAuthorised("others can write here", f"make it private: chmod 700 {folder}", folder)
