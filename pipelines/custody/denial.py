"""The end of a case whose authority was refused: workers stop, biometric data goes, evidence stays."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from forensics.errors import NotAuthorised
from forensics.tables.files import write_json
from pipelines import clock
from pipelines.custody.case_file import Case
from pipelines.custody.case_lock import taken_over
from pipelines.custody.cases import load_case
from pipelines.custody.casework import Work, who_works
from pipelines.custody.erasure import destroy, quarantine
from pipelines.custody.keys import keyring_for

__all__ = ["deny", "stop_anyway"]

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
    denied_utc = work.case.mandate.denied_utc
    if denied_utc is not None:
        raise NotAuthorised(f"the case was denied on {denied_utc:%Y-%m-%d %H:%M}Z", "there is nothing to do")
    had_key = _stopped(work.case, why)
    with taken_over(work.folder, patience_s=_PATIENCE_S):
        work.read_again()
        work.change(lambda case: replace(case, mandate=replace(case.mandate, denied_utc=work.now)))
        if work.case.mandate.hold:
            quarantine(work.case, work.files)
            return None
        return destroy(
            work.case, work.files, reason="denied", why=why, who=work.who, now=work.now, key_destroyed=had_key
        )


def stop_anyway(case: Case, why: str) -> None:
    """Nothing may stand in the way of a refusal: what runs stops and the key is gone, also if the log is damaged.

    The rest is destroyed by the first command that finds the case in order, once the log knows of the denial.
    """
    denied_utc = load_case(case.folder.root).mandate.denied_utc
    if denied_utc is None:
        _stopped(case, why)


def _stopped(case: Case, why: str) -> bool:
    """The mark stands and, unless the case is on hold, its key is gone; returns whether there was one."""
    at_utc = clock.utc_now().isoformat()
    write_json(case.folder.denied_file, {"why": why, "who": who_works(case), "at_utc": at_utc})
    return False if case.mandate.hold else keyring_for(case.folder, case.case_id).destroy()
