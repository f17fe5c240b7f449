"""What the dates of a mandate ask for: results withheld or handed out again, faces destroyed, entries ended."""

import contextlib
from dataclasses import replace

from forensics.custody.mandate import MandateStatus, is_pending
from forensics.errors import CannotStart
from pipelines.custody.case_document import read_case
from pipelines.custody.case_lock import locked
from pipelines.custody.case_store import denial_of
from pipelines.custody.entries import expired_entries, forget_half_added, half_added
from pipelines.custody.entry_removal import remove_entry
from pipelines.custody.erasure import (
    destroy,
    finish_destructions,
    forget_reproduction,
    has_unfinished,
    holds_biometrics,
    quarantine,
    release,
)
from pipelines.custody.session import Session, denial_is_on_record, status_text

__all__ = ["enforce_retention"]

_WHY_DUE = "the mandate expired, seven days of grace are over"


def enforce_retention(session: Session) -> None:
    """What the dates ask for has been done: withheld, handed out again, destroyed, ended."""
    if not _is_due(session):
        return
    with contextlib.suppress(CannotStart), locked(session.folder):
        session.read_again()
        forget_half_added(session.folder)
        forget_reproduction(session.folder)
        finish_destructions(session.case, session.files)
        _end_entries(session)
        _record_denial(session)
        if _must_go(session):
            _erase(session)
        elif _must_be_withheld(session):
            n_files = quarantine(session.case, session.files)
            _note(session, "withheld", f"{status_text(session)}: the key, and {n_files} files that could be read")
        elif _may_be_released(session):
            n_files = release(session.case, session.files)
            _note(session, "released", f"{n_files} files that were withheld can be read again")


def _is_due(session: Session) -> bool:
    """Whether anything must be done; asked without the lock, which a command that only looks must not take."""
    return (
        (
            session.standing is MandateStatus.DENIED
            and denial_is_on_record(session)
            and read_case(session.folder).mandate.denied_utc is None
        )
        or _must_go(session)
        or _must_be_withheld(session)
        or _may_be_released(session)
        or (not session.case.mandate.hold and bool(expired_entries(session.folder, session.now)))
        or (not session.case.mandate.hold and has_unfinished(session.folder))
        or bool(half_added(session.folder))
        or session.folder.reproduction.exists()  # whoever made it died, or holds the lock
    )


def _must_go(session: Session) -> bool:
    """Whether biometric data must be destroyed, and is there."""
    standing, is_held = session.standing, bool(session.case.mandate.hold)
    is_over = standing in {MandateStatus.DUE, MandateStatus.ERASED} or (
        standing is MandateStatus.DENIED and not is_held
    )
    return (
        is_over and (standing is MandateStatus.DUE or holds_biometrics(session.case)) and denial_is_on_record(session)
    )


def _record_denial(session: Session) -> None:
    """Who denied the case died before `case.toml` could say so."""
    denied_utc = session.case.mandate.denied_utc
    if denied_utc is not None and denial_is_on_record(session) and read_case(session.folder).mandate.denied_utc is None:
        session.change(lambda case: replace(case, mandate=replace(case.mandate, denied_utc=denied_utc)))


def _must_be_withheld(session: Session) -> bool:
    is_denied_on_hold = session.standing is MandateStatus.DENIED and bool(session.case.mandate.hold)
    return (session.standing is MandateStatus.LAPSED or is_denied_on_hold) and session.keyring.path.exists()


def _may_be_released(session: Session) -> bool:
    """An authority was entered, and the command that should have handed out the key died."""
    is_over = session.standing in {MandateStatus.LAPSED, MandateStatus.DENIED, MandateStatus.ERASED}
    return not is_over and not is_pending(session.case.mandate.authority) and session.keyring.withheld.exists()


def _erase(session: Session) -> None:
    """Destroy, and say so in the case."""
    standing = session.standing
    why = denial_of(session.folder) if standing is MandateStatus.DENIED else _WHY_DUE
    reason = "denied" if standing is MandateStatus.DENIED else "expired"
    certificate = destroy(session.case, session.files, reason=reason, why=why, who=session.who, now=session.now)
    if standing is not MandateStatus.DENIED:
        session.change(lambda case: replace(case, mandate=replace(case.mandate, erased_utc=session.now)))
    _note(session, "erased", f"biometric data destroyed, see {certificate.name}")


def _end_entries(session: Session) -> None:
    if session.case.mandate.hold or not session.case.mandate.mode.compares_faces:
        return
    for entry_id in expired_entries(session.folder, session.now):
        certificate = remove_entry(
            session.case, session.files, entry_id, why="expired", who=session.who, now=session.now
        )
        _note(session, "entry_ended", f"entry {entry_id} has ended, see {certificate.name}")


def _note(session: Session, name: str, text: str) -> None:
    session.recorded.note(name, {"text": text})
    session.done.append(text)
