"""Make a case, load it, and say what would change in it; `casework` records a change and writes it."""

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import PENDING, Mandate, Mode, is_pending
from forensics.errors import NotAuthorised, UsageError
from forensics.footage.cameras import Camera
from forensics.spelling import fault_in_name
from forensics.tables.files import remove_unfinished, write_bytes
from pipelines.custody.case_document import Case, checked_clock, encoded_case, read_case
from pipelines.custody.keys import keyring_for
from pipelines.custody.log_anchor import anchor_for
from pipelines.custody.mandate_text import last_day_text

__all__ = [
    "authorised",
    "cases_below",
    "denial_of",
    "load_case",
    "make_case",
    "with_clock",
    "with_first_run",
    "with_hold",
]

_LONGEST: Final = timedelta(days=36_525)


def make_case(root: Path, mandate: Mandate, *, now: datetime) -> Case:
    """A new case at `root`, a folder that is new or empty, readable by its owner only; with a key if it needs one.

    Raises:
        UsageError: there is a case already, or other files, the mandate lacks or contradicts something, or its key
            cannot be kept where keys are to lie; then nothing was made.
    """
    folder = CaseFolder.to_be_at(root)
    if folder.case_file.exists():
        raise UsageError("there is a case already", "use it, or choose another folder", root)
    if root.is_dir():
        remove_unfinished(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError("not an empty folder", "choose a new or empty folder for the case", root)
    _check(mandate, now)
    mandate = replace(mandate, authority=_stored_authority(mandate.authority))
    case = Case(folder, secrets.token_hex(8), mandate, now, cameras={})
    keyring = keyring_for(folder, case.case_id)
    if mandate.mode.compares_faces:
        keyring.make()
        anchor_for(folder, case.case_id).begin()
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_bytes(folder.case_file, encoded_case(case))
    except OSError:
        keyring.destroy()  # a key without a case would lie there for ever
        anchor_for(folder, case.case_id).forget()
        raise
    return case


def _stored_authority(given: str) -> str:
    """The reference, or the plain word for one that is pending."""
    return PENDING if is_pending(given) else given.strip()


def _check(mandate: Mandate, now: datetime) -> None:
    """Return only if a case may be made of this.

    Raises:
        UsageError: something is missing, or cannot be meant.
    """
    if mandate.missing_fields:
        missing = ", ".join(f"--{name}" for name in mandate.missing_fields)
        raise UsageError(f"a case in mode {mandate.mode.value} also needs {missing}", "say them, see --help")
    fault = fault_in_name(mandate.operator)
    if fault:  # who answers for a case gives no second verdict, so the name must be one that others compare with
        raise UsageError(f"the name --operator {mandate.operator!a} {fault}", "write it in letters of one script")
    if mandate.from_utc and mandate.to_utc and mandate.from_utc >= mandate.to_utc:
        raise UsageError(f"--from {mandate.from_utc} is not before --to {mandate.to_utc}", "state the time to look at")
    if mandate.expires_utc and mandate.expires_utc <= now:
        raise UsageError(f"--expires {last_day_text(mandate.expires_utc)} is over", "state when the mandate ends")
    if mandate.expires_utc and mandate.expires_utc > now + _LONGEST:
        raise UsageError(
            f"--expires {last_day_text(mandate.expires_utc)} is more than a hundred years away",
            "state when the mandate ends",
        )
    if mandate.authority and mandate.mode is not Mode.SEARCH:
        raise UsageError(f"mode {mandate.mode.value} has no authority", "leave --authority out, or use --mode search")
    if any(not camera.strip() for camera in mandate.cameras):
        raise UsageError("a --camera without a name", "name each camera as `ingest --camera` will")


def load_case(root: Path) -> Case:
    """The case at `root`.

    Raises:
        UsageError: there is none, or its case.toml is not readable.
        NotAuthorised: a field is missing without which nothing may run.
    """
    case = read_case(CaseFolder.at(root))
    if case.mandate.denied_utc is None and case.folder.denied_file.exists():
        # whoever denied it died before the case could say so
        denied_utc = datetime.fromisoformat(_mark(case.folder)["at_utc"])
        return replace(case, mandate=replace(case.mandate, denied_utc=denied_utc))
    return case


def denial_of(folder: CaseFolder) -> str:
    """By whom and why a case was denied, in the words that were given; "denied" if the mark is gone."""
    return _mark(folder)["why"] if folder.denied_file.exists() else "denied"


def _mark(folder: CaseFolder) -> dict[str, str]:
    """What the mark says; one that cannot be read stops the case all the same."""
    try:
        stored = json.loads(folder.denied_file.read_text())
        datetime.fromisoformat(stored["at_utc"])
        return {"at_utc": stored["at_utc"], "why": str(stored["why"])}
    except (OSError, ValueError, TypeError, KeyError):
        at_utc = datetime.fromtimestamp(folder.denied_file.lstat().st_mtime, tz=UTC)
        return {"at_utc": at_utc.isoformat(), "why": "denied"}


def cases_below(root: Path) -> list[Path]:
    """The folders of all cases in a folder, however deep, by name.

    Raises:
        UsageError: it is no folder: cron would enforce nothing for ever, and nobody would know.
    """
    if not root.is_dir():
        problem = "not a folder" if root.exists() else "no such folder"
        raise UsageError(f"{problem}", "name the folder that holds the cases", root)
    return sorted(file.parent for file in root.rglob("case.toml"))


def with_clock(case: Case, camera: Camera) -> Case:
    """The case with this camera's clock corrected; tables follow at the next publishing.

    Raises:
        UsageError: the correction is out of any clock's range.
    """
    return replace(case, cameras={**case.cameras, camera.camera_id: checked_clock(camera)})


def authorised(case: Case, reference: str) -> Case:
    """The case with the authority that was pending.

    Raises:
        UsageError: the reference says nothing.
        NotAuthorised: nothing is pending.
    """
    if not reference.strip() or is_pending(reference):
        raise UsageError(f"{reference!r} is no reference of an authority", "state the reference of the document")
    if case.mandate.denied_utc is not None:
        raise NotAuthorised("the authority was refused", "another search is another case")
    if not is_pending(case.mandate.authority):
        raise NotAuthorised(
            f"no authority is pending, the case has {case.mandate.authority or 'none'!r}",
            "an authority is entered once; another search is another case",
        )
    return replace(case, mandate=replace(case.mandate, authority=reference.strip()))


def with_hold(case: Case, reason: str) -> Case:
    """The case with a hold, or without one for an empty reason; on hold nothing is deleted on time.

    Raises:
        UsageError: it has one already; its reason is never overwritten.
    """
    if reason.strip() and case.mandate.hold:
        raise UsageError(f"the case is on hold already ({case.mandate.hold})", "lift that hold first, with its reason")
    return replace(case, mandate=replace(case.mandate, hold=reason.strip()))


def with_first_run(case: Case, now: datetime) -> Case:
    """The case that has begun to compare faces; the first time counts."""
    return replace(case, mandate=replace(case.mandate, first_run_utc=case.mandate.first_run_utc or now))
