"""Retention: withhold or release results, destroy biometric data and results, end entries, as the dates require."""

import contextlib
import logging
from dataclasses import replace

from forensics.custody.case_document import read_case
from forensics.custody.mandate import MandateStatus
from forensics.custody.result_retention import REMOVAL, results_due, results_since
from forensics.errors import CannotStart
from forensics.wording import counted
from pipelines import clock
from pipelines.custody.case_lock import lock_case
from pipelines.custody.case_store import denial_reason, encode_denial
from pipelines.custody.denial_memory import forget_lapse, is_remembered, remember_lapse, remembered
from pipelines.custody.entries import expired_entries, find_incomplete_entries, remove_incomplete_entries
from pipelines.custody.entry_removal import remove_entry
from pipelines.custody.erasure import (
    destroy,
    destroy_files,
    finish_destructions,
    has_unfinished_destruction,
    holds_biometrics,
    quarantine,
    release,
    remove_reproduction,
)
from pipelines.custody.session import Session, denial_is_on_record, status_text

__all__ = ["enforce_retention", "is_due"]

_LOGGER = logging.getLogger(__name__)
_WHY_REMEMBERED = "denied before, as this installation remembers"
_WHY_DUE = "the mandate expired, seven days of grace are over"


def enforce_retention(session: Session) -> None:
    """Do everything that is due, unless another command holds the lock."""
    if not is_due(session):
        return
    with contextlib.suppress(CannotStart), lock_case(session.folder):
        session.reload()
        remove_incomplete_entries(session.folder)
        remove_reproduction(session.folder)
        _mark_remembered_denial(session)
        with _remembered(session) if _must_be_remembered(session) else contextlib.nullcontext():
            _enforce(session)


def _enforce(session: Session) -> None:
    """Destroy, withhold or release what is due. The caller holds the lock."""
    finish_destructions(session.case, session.files)
    _end_entries(session)
    _record_denial(session)
    if _must_be_erased(session):
        _erase(session)
    elif _must_be_withheld(session):
        if session.mandate_status is MandateStatus.LAPSED:
            remember_lapse(session.case)
        quarantine(session.case)
        _note(session, "withheld", status_text(session))
    elif _may_be_released(session):
        forget_lapse(session.case, session.now)
        release(session.case)
        _note(session, "released", "withheld results can be read again")
    if _are_results_due(session):
        _remove_results(session)


def _is_mark_missing(session: Session) -> bool:
    """Whether this installation remembers a denial of the case, and the case does not say so."""
    return session.mandate_status is not MandateStatus.DENIED and is_remembered(session.case.case_id)


def _mark_remembered_denial(session: Session) -> None:
    """Mark the case as denied if the command that denied it was killed before it could, or this is an older copy."""
    if _is_mark_missing(session):
        session.files.write(session.folder.denied_file, encode_denial(session.who, _WHY_REMEMBERED))
        session.reload()


def _must_be_remembered(session: Session) -> bool:
    """Whether the case was denied and this installation does not remember it, because that command was killed."""
    is_denied = session.mandate_status is MandateStatus.DENIED and denial_is_on_record(session)
    return is_denied and not is_remembered(session.case.case_id)


def _remembered(session: Session) -> contextlib.AbstractContextManager[None]:
    """Return the block in which the key may be destroyed and around which the denial is remembered."""
    case = session.case
    at_utc = case.mandate.denied_utc or session.now
    return remembered(case.folder, case.case_id, reference=case.mandate.reference, at_utc=at_utc)


def is_due(session: Session) -> bool:
    """Whether anything must be done. Does not take the lock, because commands that read must not take it."""
    return (
        (
            session.mandate_status is MandateStatus.DENIED
            and denial_is_on_record(session)
            and read_case(session.folder).mandate.denied_utc is None
        )
        or _is_mark_missing(session)
        or _must_be_remembered(session)
        or _must_be_erased(session)
        or _must_be_withheld(session)
        or _may_be_released(session)
        or _are_results_due(session)
        or (not session.case.mandate.hold and bool(expired_entries(session.folder, session.now)))
        or (not session.case.mandate.hold and has_unfinished_destruction(session.folder))
        or bool(find_incomplete_entries(session.folder))
        or session.folder.reproduction.exists()  # its command was killed, or holds the lock
    )


def _must_be_erased(session: Session) -> bool:
    """Whether biometric data must be destroyed, or an erasure that is due must be recorded."""
    status, is_held = session.mandate_status, bool(session.case.mandate.hold)
    is_over = status in {MandateStatus.DUE, MandateStatus.ERASED} or (status is MandateStatus.DENIED and not is_held)
    return is_over and (status is MandateStatus.DUE or holds_biometrics(session.case)) and denial_is_on_record(session)


def _record_denial(session: Session) -> None:
    """Set the denial in `case.toml` if the command that denied the case was killed before it could."""
    denied_utc = session.case.mandate.denied_utc
    if denied_utc is not None and denial_is_on_record(session) and read_case(session.folder).mandate.denied_utc is None:
        session.change(lambda case: replace(case, mandate=replace(case.mandate, denied_utc=denied_utc)))


def _must_be_withheld(session: Session) -> bool:
    """Whether results must be withheld and the key is not withheld yet."""
    is_denied_on_hold = session.mandate_status is MandateStatus.DENIED and bool(session.case.mandate.hold)
    return (session.mandate_status is MandateStatus.LAPSED or is_denied_on_hold) and session.keyring.path.exists()


def _may_be_released(session: Session) -> bool:
    """Whether an authority was entered and the key is still withheld, because that command was killed."""
    is_over = session.mandate_status in {MandateStatus.LAPSED, MandateStatus.DENIED, MandateStatus.ERASED}
    return not is_over and not session.case.mandate.is_authority_pending and session.keyring.withheld.exists()


def _erase(session: Session) -> None:
    """Destroy the biometric data, and set the erasure in `case.toml`."""
    status = session.mandate_status
    why = denial_reason(session.folder) if status is MandateStatus.DENIED else _WHY_DUE
    reason = "denied" if status is MandateStatus.DENIED else "expired"
    certificate = destroy(session.case, session.files, reason=reason, why=why, who=session.who, now=session.now)
    if status is not MandateStatus.DENIED:
        session.change(lambda case: replace(case, mandate=replace(case.mandate, erased_utc=session.now)))
    _note(session, "erased", f"biometric data destroyed, see {certificate.name}")


def _are_results_due(session: Session) -> bool:
    """Whether results must be removed and any are left."""
    case = session.case
    if case.retention is None or case.mandate.hold:
        return False
    due = results_due(case.retention, case.mandate, results_since(session.folder))
    return due is not None and clock.utc_now() >= due and bool(session.folder.result_files())


def _remove_results(session: Session) -> None:
    """Remove everything that was computed from the footage."""
    days = session.case.retention.days if session.case.retention else None
    why = _WHY_DUE if days is None else f"results are kept for {counted(days, 'day', 'days')} after their publication"
    paths = session.folder.result_files()
    certificate = destroy_files(
        session.case, session.files, paths, reason=REMOVAL, why=why, who=session.who, now=clock.utc_now()
    )
    _note(session, "results_removed", f"results removed, because {why}, see {certificate.name}")


def _end_entries(session: Session) -> None:
    """Remove the entries that have ended."""
    if session.case.mandate.hold or not session.case.mandate.mode.compares_faces:
        return
    for entry in expired_entries(session.folder, session.now):
        certificate = remove_entry(session.case, session.files, entry, why="expired", who=session.who, now=session.now)
        _note(session, "entry_ended", f"an entry has ended, see {certificate.name}")


def _note(session: Session, name: str, text: str) -> None:
    """Record an action in the log and for the user."""
    session.record.note(name, {"text": text})
    session.retention_actions.append(text)
    _LOGGER.warning("%s: %s", session.folder.root, text)
