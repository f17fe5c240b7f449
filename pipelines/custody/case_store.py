"""Creation and loading of a case, and the changes of its mandate as values; `Session.change` writes them."""

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from forensics.custody.case_document import Case, check_clock, encode_case, read_case
from forensics.custody.case_folder import CASE_FILE, CaseFolder
from forensics.custody.mandate import PENDING, Mandate, MandateStatus, Mode, is_pending, mandate_status
from forensics.custody.result_retention import ResultRetention, results_due, results_since
from forensics.errors import NotAuthorised, UsageError
from forensics.footage.cameras import Camera
from forensics.spelling import fault_in_name, fault_in_statement
from forensics.tables.files import remove_unfinished, write_bytes
from pipelines.custody.keys import keyring_for
from pipelines.custody.log_anchor import anchor_for
from pipelines.custody.mandate_text import last_day_text

__all__ = [
    "denial_reason",
    "find_cases",
    "load_case",
    "make_case",
    "with_authority",
    "with_clock",
    "with_first_run",
    "with_hold",
    "with_kept_results",
    "with_section_start",
]

_LONGEST: Final = timedelta(days=36_525)


def make_case(root: Path, mandate: Mandate, *, now: datetime, keep_results_days: int | None = None) -> Case:
    """Create a case at `root`, a new or empty folder, readable by its owner only; with a key if it compares faces.

    Args:
        root: folder of the case.
        mandate: its mandate.
        now: time of the creation.
        keep_results_days: days for which results are kept; None for the default: in a case that compares faces until
            the mandate and its grace end, else without limit.

    Raises:
        UsageError: the folder holds a case or other files, the mandate is incomplete or contradicts itself, or the key
            cannot be stored. Nothing is created then.
    """
    folder = CaseFolder.for_path(root)
    if folder.case_file.exists():
        raise UsageError("this folder holds a case already", "use that case, or choose another folder", root)
    if root.is_dir():
        remove_unfinished(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError("this folder is not empty", "choose a new or empty folder for the case", root)
    _check(mandate, now)
    mandate = replace(mandate, authority=_normalise_authority(mandate.authority))
    is_limited = keep_results_days is not None or mandate.mode.compares_faces
    retention = ResultRetention(keep_results_days) if is_limited else None
    case = Case(folder, secrets.token_hex(8), mandate, now, cameras={}, retention=retention)
    keyring = keyring_for(folder, case.case_id)
    if mandate.mode.compares_faces:
        keyring.make()
        anchor_for(folder, case.case_id).create()
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_bytes(folder.case_file, encode_case(case))
    except OSError:
        keyring.destroy()  # otherwise a key without a case would stay for ever
        anchor_for(folder, case.case_id).delete()
        raise
    return case


def _normalise_authority(authority: str) -> str:
    """Return the reference of the authority, or `PENDING` in its one stored spelling."""
    return PENDING if is_pending(authority) else authority.strip()


def _check(mandate: Mandate, now: datetime) -> None:
    """Check that a case can be created with this mandate.

    Raises:
        UsageError: a field is missing or invalid.
    """
    if mandate.missing_fields:
        missing = ", ".join(f"--{name}" for name in mandate.missing_fields)
        raise UsageError(f"a case in mode {mandate.mode.value} also needs {missing}", "give these options, see --help")
    for name, text in mandate.statements.items():
        fault = fault_in_statement(text) if text else ""
        if fault:
            raise UsageError(f"--{name} {text!r} {fault}", "state it in words that somebody else can check")
    _check_authority(mandate.authority)
    fault = fault_in_name(mandate.operator)
    if fault:  # the operator may not give the second verdict, so the name must be comparable with reviewers' names
        raise UsageError(
            f"the name --operator {mandate.operator!a} {fault}", "use visible letters of one alphabet only"
        )
    if mandate.from_utc and mandate.to_utc and mandate.from_utc >= mandate.to_utc:
        raise UsageError(
            f"--from {mandate.from_utc} is not before --to {mandate.to_utc}", "give a --from that is before --to"
        )
    if mandate.expires_utc and mandate.expires_utc <= now:
        raise UsageError(f"--expires {last_day_text(mandate.expires_utc)} is in the past", "give a later --expires")
    if mandate.expires_utc and mandate.expires_utc > now + _LONGEST:
        raise UsageError(
            f"--expires {last_day_text(mandate.expires_utc)} is more than a hundred years away",
            "give an earlier --expires",
        )
    if mandate.authority and mandate.mode is not Mode.SEARCH:
        raise UsageError(f"mode {mandate.mode.value} has no authority", "leave --authority out, or use --mode search")
    if any(not camera.strip() for camera in mandate.cameras):
        raise UsageError(
            "a --camera has an empty name", "give the same camera names as with `forensics ingest --camera`"
        )


def _check_authority(authority: str) -> None:
    """Check that an authority is pending, or names a document.

    Raises:
        UsageError: it does neither.
    """
    if not authority or is_pending(authority):
        return
    if fault_in_statement(authority) or not any(character.isdigit() for character in authority):
        raise UsageError(
            f"{authority!r} is not the reference of a document",
            "give who decided and the number of the document, such as 'District court, 12 Gs 345/26', or pending",
        )


def load_case(root: Path) -> Case:
    """Read the case at `root`.

    Raises:
        UsageError: there is no case, or its case.toml is not readable.
        NotAuthorised: a required field is missing.
    """
    case = read_case(CaseFolder.at(root))
    if case.mandate.denied_utc is None and case.folder.denied_file.exists():
        # the command that denied the case was killed before it changed case.toml
        denied_utc = datetime.fromisoformat(_read_denial(case.folder)["at_utc"])
        return replace(case, mandate=replace(case.mandate, denied_utc=denied_utc))
    return case


def denial_reason(folder: CaseFolder) -> str:
    """Return the reason that was given for the denial of a case; "denied" if its mark is missing."""
    return _read_denial(folder)["why"] if folder.denied_file.exists() else "denied"


def _read_denial(folder: CaseFolder) -> dict[str, str]:
    """Read time and reason from the mark of a denial. An unreadable mark still counts as a denial."""
    try:
        stored = json.loads(folder.denied_file.read_text())
        datetime.fromisoformat(stored["at_utc"])
        return {"at_utc": stored["at_utc"], "why": str(stored["why"])}
    except (OSError, ValueError, TypeError, KeyError):
        at_utc = datetime.fromtimestamp(folder.denied_file.lstat().st_mtime, tz=UTC)
        return {"at_utc": at_utc.isoformat(), "why": "denied"}


def find_cases(root: Path) -> list[Path]:
    """Return the folders of all cases below a folder, by name.

    Raises:
        UsageError: it is not a folder. A sweep by cron would otherwise do nothing, without notice.
    """
    if not root.is_dir():
        problem = "not a folder" if root.exists() else "this folder does not exist"
        raise UsageError(problem, "give the folder that holds the cases", root)
    return sorted(file.parent for file in root.rglob(CASE_FILE))


def with_clock(case: Case, camera: Camera) -> Case:
    """Return the case with a corrected camera clock. The tables change when they are published next.

    Raises:
        UsageError: the correction is out of range.
    """
    return replace(case, cameras={**case.cameras, camera.camera_id: check_clock(camera)})


def with_section_start(case: Case, evidence_id: str, section: int, start_us: int) -> Case:
    """Return the case with the instant at which a later section of a recording begins, by the camera's clock."""
    starts = {**case.section_starts.get(evidence_id, {}), section: start_us}
    return replace(case, section_starts={**case.section_starts, evidence_id: starts})


def with_authority(case: Case, reference: str) -> Case:
    """Return the case with the reference of the authority that was pending.

    Raises:
        UsageError: the reference is empty or ``pending``.
        NotAuthorised: the authority is not pending, or was refused.
    """
    if not reference.strip() or is_pending(reference):
        raise UsageError(
            f"{reference!r} is not the reference of a document",
            "give the reference number of the document that grants the authority, such as '12 Gs 345/26'",
        )
    if case.mandate.denied_utc is not None:
        raise NotAuthorised("the authority of this case was refused", "this case is closed; start a new case")
    if not is_pending(case.mandate.authority):
        raise NotAuthorised(
            f"no authority is pending, the case has {case.mandate.authority or 'none'!r}",
            "an authority is entered once; start a new case for another search",
        )
    _check_authority(reference)
    return replace(case, mandate=replace(case.mandate, authority=reference.strip()))


def with_hold(case: Case, reason: str) -> Case:
    """Return the case on hold, or without hold for an empty reason. On hold nothing is deleted.

    Raises:
        UsageError: the case is on hold already; the reason of a hold is never overwritten.
    """
    if reason.strip() and case.mandate.hold:
        raise UsageError(f"the case is on hold already ({case.mandate.hold})", "lift that hold first")
    return replace(case, mandate=replace(case.mandate, hold=reason.strip()))


def with_kept_results(case: Case, days: int, now: datetime) -> Case:
    """Return the case with results kept for these days after their last publication.

    Raises:
        NotAuthorised: the mandate is over, and results would be kept longer than before.
    """
    since = results_since(case.folder)
    before = results_due(case.retention, case.mandate, since)
    after = results_due(ResultRetention(days), case.mandate, since)
    is_longer = before is not None and (after is None or after > before)
    if is_longer and mandate_status(case.mandate, now) is not MandateStatus.ACTIVE:
        raise NotAuthorised(
            "the mandate is over, so results may only be kept for a shorter time",
            "stop deletion with `forensics case hold CASE --reason TEXT` if the law requires it",
            case.folder.root,
        )
    return replace(case, retention=ResultRetention(days))


def with_first_run(case: Case, now: datetime) -> Case:
    """Return the case with the time of its first run that compared faces; a time already set stays."""
    return replace(case, mandate=replace(case.mandate, first_run_utc=case.mandate.first_run_utc or now))
