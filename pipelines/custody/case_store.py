"""Creation and loading of a case, and the changes of its mandate as values; `Session.change` writes them."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from forensics.custody.authority import PENDING, RECORD_OPTIONS, Authority, check_authority
from forensics.custody.case_document import Case, check_clock, encode_case, read_case
from forensics.custody.case_folder import CASE_FILE, CaseFolder
from forensics.custody.mandate import Mandate, MandateStatus, Mode, mandate_status
from forensics.custody.missing_report import check_report
from forensics.custody.result_retention import ResultRetention, results_due, results_since
from forensics.custody.stated_facts import day_or_time_text, is_day, latest_of
from forensics.errors import NotAuthorised, UsageError
from forensics.footage.cameras import Camera
from forensics.json_object import decode_json
from forensics.spelling import fault_in_camera, fault_in_name, fault_in_statement
from forensics.tables.files import encode_json, remove_unfinished, write_bytes
from pipelines import clock
from pipelines.custody.keys import keyring_for
from pipelines.custody.log_anchor import anchor_for, forget_folder
from pipelines.custody.mandate_text import last_day_text

__all__ = [
    "check_mandate",
    "denial_reason",
    "encode_denial",
    "find_cases",
    "load_case",
    "make_case",
    "refuse_records_of_other_modes",
    "with_authority",
    "with_clock",
    "with_first_run",
    "with_hold",
    "with_kept_results",
    "with_section_start",
    "without_clock",
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
    check_mandate(mandate, now)
    is_limited = keep_results_days is not None or mandate.mode.compares_faces
    retention = ResultRetention(keep_results_days) if is_limited else None
    case = Case(folder, secrets.token_hex(8), mandate, now, cameras={}, retention=retention)
    keyring = keyring_for(folder, case.case_id)
    forget_folder(root)
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


def check_mandate(mandate: Mandate, now: datetime) -> None:
    """Check that a case can have this mandate from now on.

    Raises:
        UsageError: a field is missing or invalid.
    """
    refuse_records_of_other_modes(mandate)
    if mandate.missing_at_creation:
        missing = ", ".join(_option_text(name) for name in mandate.missing_at_creation)
        raise UsageError(f"a case in mode {mandate.mode.value} also needs {missing}", "give these options, see --help")
    for name, text in mandate.statements.items():
        fault = fault_in_statement(text) if text else ""
        if fault:
            raise UsageError(f"--{name} {text!r} {fault}", "state it in words that somebody else can check")
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
    if mandate.authority is not None:
        check_authority(mandate.authority, now=now, ends_utc=mandate.expires_utc)
    if mandate.report is not None:
        check_report(mandate.report, now=now)
    faults = [(camera, fault) for camera in mandate.cameras if (fault := fault_in_camera(camera))]
    if faults:
        raise UsageError(
            f"the name --camera {faults[0][0]!a} {faults[0][1]}",
            "give the same camera names as with `forensics ingest --camera`",
        )


def refuse_records_of_other_modes(mandate: Mandate) -> None:
    """Check that only a search states an authority, and only a search for a missing person a report.

    Raises:
        UsageError: another mode states one.
    """
    if mandate.authority is not None and mandate.mode is not Mode.SEARCH:
        options = ", ".join(f"--{name}" for name in ("authority", *RECORD_OPTIONS))
        raise UsageError(f"mode {mandate.mode.value} has no authority", f"leave {options} out, or use --mode search")
    if mandate.report is not None and mandate.mode is not Mode.MISSING:
        raise UsageError(
            f"mode {mandate.mode.value} has no report of a missing person",
            "leave --report-body and --reported out, or use --mode missing",
        )


def _option_text(name: str) -> str:
    """Return a missing option as it is typed; an authority has two forms."""
    if name != "authority":
        return f"--{name}"
    record = ", ".join(f"--{each}" for each in RECORD_OPTIONS)
    return f"--authority {PENDING} or the record of the authority ({record})"


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


def encode_denial(who: dict[str, str], why: str) -> bytes:
    """Return the content of the mark of a denied case, now."""
    return encode_json({"why": why, "who": who, "at_utc": clock.utc_now().isoformat()})


def _read_denial(folder: CaseFolder) -> dict[str, str]:
    """Read time and reason from the mark of a denial. An unreadable mark still counts as a denial."""
    try:
        stored = decode_json(folder.denied_file.read_text())
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


def without_clock(case: Case, camera_id: str) -> Case:
    """Return the case without a correction of this camera's clock."""
    return replace(case, cameras={name: each for name, each in case.cameras.items() if name != camera_id})


def with_section_start(case: Case, evidence_id: str, section: int, start_us: int | None) -> Case:
    """Return the case with the instant at which a later section of a recording begins, by the camera's clock.

    None takes an earlier statement back.
    """
    starts = {number: at for number, at in case.section_starts.get(evidence_id, {}).items() if number != section}
    if start_us is not None:
        starts[section] = start_us
    others = {each: of for each, of in case.section_starts.items() if each != evidence_id}
    return replace(case, section_starts={**others, evidence_id: starts} if starts else others)


def with_authority(case: Case, granted: Authority, now: datetime) -> Case:
    """Return the case with the authority that was pending.

    What was recorded of the request when the case was created is kept where `granted` does not state it.

    Raises:
        UsageError: the record is not complete, or something in it is refused.
        NotAuthorised: the authority is not pending, or was refused.
    """
    mandate = case.mandate
    if mandate.denied_utc is not None:
        raise NotAuthorised("the authority of this case was refused", "none: this case is closed")
    if mandate.authority is None or not mandate.authority.is_pending:
        known = "none" if mandate.authority is None else repr(mandate.authority.reference)
        raise NotAuthorised(
            f"no authority is pending, the case has {known}",
            "an authority is entered once; start a new case for another search",
        )
    entered = replace(
        granted,
        body=granted.body.strip() or mandate.authority.body,
        requested_utc=granted.requested_utc or mandate.authority.requested_utc,
    )
    check_authority(entered, now=now, ends_utc=mandate.expires_utc)
    entered_case = replace(case, mandate=replace(mandate, authority=entered))
    _check_time_of_request(entered_case.mandate)
    return entered_case


def _check_time_of_request(mandate: Mandate) -> None:
    """Check that the request is known to be within 48 hours of the first run, or known to be later.

    Raises:
        UsageError: only its day is stated, and the 48 hours end on that day.
    """
    requested, limit = mandate.authority and mandate.authority.requested_utc, mandate.request_limit
    if requested and limit and is_day(requested) and requested <= limit < latest_of(requested):
        raise UsageError(
            f"the 48 hours after the first run ended on the day of the request, {day_or_time_text(limit)}",
            f"give the time of the request as well, such as --requested {limit:%Y-%m-%d}T09:30:00Z",
        )


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
