"""What the dates of a mandate ask for: results withheld or handed out again, faces destroyed, entries ended."""

import contextlib
from dataclasses import replace

from forensics.custody.mandate import Standing, is_pending
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
from pipelines.custody.open_case import Work, is_on_record, standing_text

__all__ = ["enforce"]

_WHY_DUE = "the mandate expired, seven days of grace are over"


def enforce(work: Work) -> None:
    """What the dates ask for has been done: withheld, handed out again, destroyed, ended."""
    if not _is_due(work):
        return
    with contextlib.suppress(CannotStart), locked(work.folder):
        work.read_again()
        forget_half_added(work.folder)
        forget_reproduction(work.folder)
        finish_destructions(work.case, work.files)
        _end_entries(work)
        _record_denial(work)
        if _must_go(work):
            _erase(work)
        elif _must_be_withheld(work):
            n_files = quarantine(work.case, work.files)
            _note(work, "withheld", f"{standing_text(work)}: the key, and {n_files} files that could be read")
        elif _may_be_released(work):
            n_files = release(work.case, work.files)
            _note(work, "released", f"{n_files} files that were withheld can be read again")


def _is_due(work: Work) -> bool:
    """Whether anything must be done; asked without the lock, which a command that only looks must not take."""
    return (
        (work.standing is Standing.DENIED and is_on_record(work) and read_case(work.folder).mandate.denied_utc is None)
        or _must_go(work)
        or _must_be_withheld(work)
        or _may_be_released(work)
        or (not work.case.mandate.hold and bool(expired_entries(work.folder, work.now)))
        or (not work.case.mandate.hold and has_unfinished(work.folder))
        or bool(half_added(work.folder))
        or work.folder.reproduction.exists()  # whoever made it died, or holds the lock
    )


def _must_go(work: Work) -> bool:
    """Whether biometric data must be destroyed, and is there."""
    standing, is_held = work.standing, bool(work.case.mandate.hold)
    is_over = standing in {Standing.DUE, Standing.ERASED} or (standing is Standing.DENIED and not is_held)
    return is_over and (standing is Standing.DUE or holds_biometrics(work.case)) and is_on_record(work)


def _record_denial(work: Work) -> None:
    """Who denied the case died before `case.toml` could say so."""
    denied_utc = work.case.mandate.denied_utc
    if denied_utc is not None and is_on_record(work) and read_case(work.folder).mandate.denied_utc is None:
        work.change(lambda case: replace(case, mandate=replace(case.mandate, denied_utc=denied_utc)))


def _must_be_withheld(work: Work) -> bool:
    is_denied_on_hold = work.standing is Standing.DENIED and bool(work.case.mandate.hold)
    return (work.standing is Standing.LAPSED or is_denied_on_hold) and work.keyring.path.exists()


def _may_be_released(work: Work) -> bool:
    """An authority was entered, and the command that should have handed out the key died."""
    is_over = work.standing in {Standing.LAPSED, Standing.DENIED, Standing.ERASED}
    return not is_over and not is_pending(work.case.mandate.authority) and work.keyring.withheld.exists()


def _erase(work: Work) -> None:
    """Destroy, and say so in the case."""
    standing = work.standing
    why = denial_of(work.folder) if standing is Standing.DENIED else _WHY_DUE
    reason = "denied" if standing is Standing.DENIED else "expired"
    certificate = destroy(work.case, work.files, reason=reason, why=why, who=work.who, now=work.now)
    if standing is not Standing.DENIED:
        work.change(lambda case: replace(case, mandate=replace(case.mandate, erased_utc=work.now)))
    _note(work, "erased", f"biometric data destroyed, see {certificate.name}")


def _end_entries(work: Work) -> None:
    if work.case.mandate.hold or not work.case.mandate.mode.compares_faces:
        return
    for entry_id in expired_entries(work.folder, work.now):
        certificate = remove_entry(work.case, work.files, entry_id, why="expired", who=work.who, now=work.now)
        _note(work, "entry_ended", f"entry {entry_id} has ended, see {certificate.name}")


def _note(work: Work, name: str, text: str) -> None:
    work.recorded.note(name, {"text": text})
    work.done.append(text)
