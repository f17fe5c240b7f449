"""The end of a case whose authority was refused: workers stop, biometric data goes, evidence stays."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from forensics.errors import NotAuthorised
from forensics.tables.files import write_json
from pipelines.case_lock import taken_over
from pipelines.casework import Work
from pipelines.erasure import destroy, quarantine
from pipelines.keys import keyring_for

__all__ = ["deny"]

# Asked, a run stops within a second or two; one that hangs is ended, well within a minute.
_PATIENCE_S: Final = 20.0


def deny(work: Work, why: str) -> Path | None:
    """The case can never run again and its biometric data is destroyed; returns the certificate.

    The mark and the key come first, so that nothing new is begun and nothing sealed can be read from
    this instant, even if the process that works on the case takes its time. On hold everything is withheld
    instead, there is no certificate yet, and it is destroyed when the hold is lifted.

    Raises:
        NotAuthorised: it was denied before.
        CannotStart: a run on another machine does not stop; the key is gone all the same.
    """
    folder, mandate = work.folder, work.case.mandate
    if mandate.denied_utc is not None:
        raise NotAuthorised(f"the case was denied on {mandate.denied_utc:%Y-%m-%d %H:%M}Z", "there is nothing to do")
    write_json(folder.denied_file, {"why": why, "who": work.who, "at_utc": work.now.isoformat()})
    keyring = keyring_for(folder, work.case.case_id)
    had_key = False if mandate.hold else keyring.destroy()
    with taken_over(folder, patience_s=_PATIENCE_S):
        work.save(replace(work.case, mandate=replace(mandate, denied_utc=work.now)))
        if mandate.hold:
            quarantine(work.case)
            return None
        return destroy(work.case, reason="denied", why=why, who=work.who, now=work.now, key_destroyed=had_key)
