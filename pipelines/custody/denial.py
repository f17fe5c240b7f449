"""The end of a case whose authority was refused: workers stop, biometric data goes, evidence stays."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.errors import ForensicsError, NotAuthorised
from forensics.tables.files import encoded_json, write_bytes
from pipelines import clock
from pipelines.custody.case_document import read_case
from pipelines.custody.case_lock import take_over_lock
from pipelines.custody.erasure import destroy, quarantine
from pipelines.custody.keys import keyring_for
from pipelines.custody.session import Session, operator_facts, os_user

__all__ = ["deny", "stop_anyway"]

# Asked, a run stops within a second or two; one that hangs is ended, well within a minute.
_PATIENCE_S: Final = 20.0


def deny(session: Session, why: str) -> Path | None:
    """The case can never run again and its biometric data is destroyed; returns the certificate.

    The mark and the key come first, so that nothing new is begun and nothing sealed can be read from
    this instant, even if the process that works on the case takes its time. On hold everything is withheld
    instead, there is no certificate yet, and it is destroyed when the hold is lifted.

    Raises:
        NotAuthorised: it was denied before.
        CannotStart: a run on another machine does not stop; the key is gone all the same.
    """
    on_record = read_case(session.folder).mandate.denied_utc
    if on_record is not None:
        raise NotAuthorised(f"the case was denied on {on_record:%Y-%m-%d %H:%M}Z", "there is nothing to do")
    session.read_again()
    session.files.write(session.folder.denied_file, _mark(session.who, why))
    if not session.case.mandate.hold:
        session.keyring.destroy()
    with take_over_lock(session.folder, patience_s=_PATIENCE_S):
        session.change(lambda case: replace(case, mandate=replace(case.mandate, denied_utc=session.now)))
        if session.case.mandate.hold:
            quarantine(session.case, session.files)
            return None
        return destroy(session.case, session.files, reason="denied", why=why, who=session.who, now=session.now)


def stop_anyway(root: Path, why: str) -> None:
    """Nothing may stand in the way of a refusal: the key is gone and what runs stops, also if the log is damaged.

    Where `case.toml` cannot be read, nobody can tell whether the case is on hold: its key is withheld instead. The rest
    is destroyed once the denial can be recorded: `case deny` again, when the case is in order.
    """
    folder = CaseFolder.at(root)
    try:
        case = read_case(folder)
    except ForensicsError:
        _withhold_unread(folder)
        write_bytes(folder.denied_file, _mark({"user": os_user()}, why))
        return
    if case.mandate.denied_utc is not None:
        return
    if not case.mandate.hold:
        keyring_for(folder, case.case_id).destroy()
    write_bytes(folder.denied_file, _mark(operator_facts(case), why))


def _withhold_unread(folder: CaseFolder) -> None:
    named = re.search(rb'^case_id = "([0-9a-f]{16})"', folder.case_file.read_bytes(), re.MULTILINE)
    if named:
        keyring_for(folder, named[1].decode()).withhold()


def _mark(who: dict[str, str], why: str) -> bytes:
    return encoded_json({"why": why, "who": who, "at_utc": clock.utc_now().isoformat()})
