"""Ends a case whose authority (legal permission) was refused: stops runs, destroys biometric data, keeps evidence."""

import contextlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from forensics.custody.case_document import Case, read_case
from forensics.custody.case_folder import CaseFolder
from forensics.errors import ForensicsError, IntegrityBroken, NotAuthorised
from forensics.tables.files import write_bytes
from pipelines import clock
from pipelines.custody.accounts import os_user
from pipelines.custody.case_lock import take_over_lock
from pipelines.custody.case_store import encode_denial
from pipelines.custody.damaged_case import held_case_id, may_be_on_hold
from pipelines.custody.denial_memory import is_remembered, remembered
from pipelines.custody.erasure import destroy, quarantine
from pipelines.custody.keys import destroy_reviewer_keys, keyring_for
from pipelines.custody.log_anchor import find_anchor
from pipelines.custody.session import Session, operator_facts

__all__ = ["deny", "deny_damaged_case"]

# A run stops within a second or two. One that hangs is killed after this time, so a denial takes less than a minute.
_PATIENCE_S: Final = 20.0


def deny(session: Session, why: str) -> Path | None:
    """Deny a case for ever and destroy its biometric data; return the certificate.

    This installation remembers the denial first, outside the case, so that nobody undoes one that was killed. Then come
    mark and key: from this instant nothing new starts and sealed data cannot be read, also while a running command
    still stops. On hold, results are withheld instead and None is returned; they are destroyed when it is lifted.

    Raises:
        NotAuthorised: the case was denied before.
        CannotStart: a run on another machine does not stop; the key is destroyed nevertheless.
    """
    on_record = read_case(session.folder).mandate.denied_utc
    if on_record is not None:
        raise NotAuthorised(
            f"the case was denied before, on {on_record:%Y-%m-%d %H:%M}Z", "there is nothing left to do"
        )
    session.reload()
    case = session.case
    with remembered(case.folder, case.case_id, reference=case.mandate.reference, at_utc=session.now):
        session.files.write(session.folder.denied_file, encode_denial(session.who, why))
        if not case.mandate.hold:
            session.keyring.destroy()
    session.record.outputs["remembered"] = is_remembered(case.case_id)
    with take_over_lock(session.folder, patience_s=_PATIENCE_S):
        session.change(lambda case: replace(case, mandate=replace(case.mandate, denied_utc=session.now)))
        if session.case.mandate.hold:
            quarantine(session.case)
            return None
        return destroy(session.case, session.files, reason="denied", why=why, who=session.who, now=session.now)


def deny_damaged_case(root: Path, why: str) -> None:
    """Deny a case whose log or `case.toml` is damaged: mark it, so that its runs stop, and destroy its key.

    Neither file is trusted: the key is that of the case that this folder is known to hold. It is withheld instead if
    the case is on hold, or may be. `case deny` on the restored case records the denial and destroys the rest.

    Raises:
        IntegrityBroken: nothing outside the folder says that it holds the case it names, whose key is not touched then.
    """
    folder, case = CaseFolder.for_path(root), None
    with contextlib.suppress(ForensicsError, OSError):
        case = read_case(folder) if folder.case_file.is_file() else None
    try:
        _end_key(folder, case)
    finally:
        if folder.case_file.exists() and not folder.denied_file.exists():
            who = {"user": os_user()} if case is None else operator_facts(case)
            write_bytes(folder.denied_file, encode_denial(who, why))


def _end_key(folder: CaseFolder, case: Case | None) -> None:
    """Destroy or withhold the key of the case that a folder holds; `case` is None if `case.toml` cannot be read."""
    named_id = case.case_id if case is not None else _named_id(folder)
    case_id = held_case_id(folder, named_id)
    if case_id is None:
        if named_id and keyring_for(folder, named_id).exists:
            raise _unknown_folder(folder, named_id)
    elif case is None or case.case_id != case_id:
        with remembered(folder, case_id, reference="", at_utc=clock.utc_now()):
            keyring_for(folder, case_id).withhold()
    else:
        with remembered(folder, case_id, reference=case.mandate.reference, at_utc=clock.utc_now()):
            if may_be_on_hold(folder, case):
                keyring_for(folder, case_id).withhold()
            else:
                keyring_for(folder, case_id).destroy()
                destroy_reviewer_keys(case_id)


def _named_id(folder: CaseFolder) -> str:
    """Return the id in a `case.toml` that cannot be parsed; empty if there is none."""
    data = folder.case_file.read_bytes() if folder.case_file.is_file() else b""
    found = re.search(rb'^case_id = "([0-9a-f]{16})"', data, re.MULTILINE)
    return found[1].decode() if found else ""


def _unknown_folder(folder: CaseFolder, case_id: str) -> IntegrityBroken:
    anchor = find_anchor(folder, case_id)
    place = anchor.named_folder if anchor is not None else None
    known = f"case {case_id} was last written in {place}" if place else f"no log anchor says where case {case_id} is"
    return IntegrityBroken(
        f"case.toml names case {case_id}, but this folder is not known to hold that case, so its key was not touched; "
        f"{known}",
        "deny that case in its own folder, or restore this folder from a backup and deny it again",
        folder.root,
    )
