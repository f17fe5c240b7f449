"""Ends a case whose authority (legal permission) was refused: stops runs, destroys biometric data, keeps evidence."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from forensics.custody.case_document import read_case
from forensics.custody.case_folder import CaseFolder
from forensics.errors import ForensicsError, NotAuthorised
from forensics.tables.files import encode_json, write_bytes
from pipelines import clock
from pipelines.custody.accounts import os_user
from pipelines.custody.case_lock import take_over_lock
from pipelines.custody.denial_memory import is_remembered, remembered
from pipelines.custody.erasure import destroy, quarantine
from pipelines.custody.keys import destroy_reviewer_keys, keyring_for
from pipelines.custody.session import Session, operator_facts

__all__ = ["deny", "deny_damaged_case"]

# A run stops within a second or two. One that hangs is killed after this time, so a denial takes less than a minute.
_PATIENCE_S: Final = 20.0


def deny(session: Session, why: str) -> Path | None:
    """Deny a case for ever and destroy its biometric data; return the certificate.

    The mark and the key come first: from this instant nothing new starts and sealed data cannot be read, also while a
    running command still stops. On hold, results are withheld instead and None is returned; they are destroyed when the
    hold is lifted. This installation remembers what the case was about.

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
    session.files.write(session.folder.denied_file, _encode_mark(session.who, why))
    case = session.case
    with remembered(case.folder, case.case_id, reference=case.mandate.reference, at_utc=session.now):
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
    """Deny a case whose log or `case.toml` is damaged: destroy its key and stop its runs.

    If `case.toml` cannot be read, the case may be on hold, so its key is withheld instead. `case deny` on the restored
    case records the denial and destroys the rest.
    """
    folder = CaseFolder.at(root)
    try:
        case = read_case(folder)
    except ForensicsError:
        _withhold_key(folder)
        write_bytes(folder.denied_file, _encode_mark({"user": os_user()}, why))
        return
    if case.mandate.denied_utc is not None:
        return
    with remembered(folder, case.case_id, reference=case.mandate.reference, at_utc=clock.utc_now()):
        if not case.mandate.hold:
            keyring_for(folder, case.case_id).destroy()
            destroy_reviewer_keys(case.case_id)
    write_bytes(folder.denied_file, _encode_mark(operator_facts(case), why))


def _withhold_key(folder: CaseFolder) -> None:
    """Withhold the key of a case whose `case.toml` cannot be parsed but still contains the id; remember the denial."""
    found = re.search(rb'^case_id = "([0-9a-f]{16})"', folder.case_file.read_bytes(), re.MULTILINE)
    if found:
        case_id = found[1].decode()
        with remembered(folder, case_id, reference="", at_utc=clock.utc_now()):
            keyring_for(folder, case_id).withhold()


def _encode_mark(who: dict[str, str], why: str) -> bytes:
    return encode_json({"why": why, "who": who, "at_utc": clock.utc_now().isoformat()})
