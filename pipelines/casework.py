"""Every command on a case goes through here: it is recorded, the dates are enforced, and only then it works.

What a command needs decides what stands in its way:

    LOOK      nothing but a readable case: show, status, verify, disclose
    CHANGE    somebody who answers for it: hold, deny, clock, relocate
    WORK      an active mandate: ingest, run, watchlist add, reviewer add
    RESULTS   an active mandate that compares faces, and a reason: candidates, pictures, review
"""

import contextlib
import getpass
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any

from forensics.audit import AuditLine, read_chain
from forensics.audit_log import AuditLog, Recorded
from forensics.case import CaseFolder
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken, NotAuthorised
from forensics.mandate import Standing, standing_of
from forensics.tables.files import write_bytes
from pipelines import clock
from pipelines.case_file import Case, encoded_case
from pipelines.case_lock import is_held, locked
from pipelines.cases import load_case
from pipelines.erasure import destroy, finish_destructions, has_unfinished, holds_biometrics, quarantine
from pipelines.keys import Keyring, keyring_for
from pipelines.watchlist import expired_entries, remove_entry

__all__ = ["Need", "Work", "casework", "enforce", "os_user"]

_NEXT_STEP = {
    Standing.LAPSED: "enter the authority: forensics case authorise CASE --authority REFERENCE, or end it: case deny",
    Standing.EXPIRED: "another search is another case, with a mandate of its own",
    Standing.DUE: "put it on hold before it is swept, or let it be erased",
    Standing.DENIED: "another search is another case, with a mandate of its own",
    Standing.ERASED: "another search is another case, with a mandate of its own",
}
_SAID = {
    Standing.LAPSED: "its authority is still pending 48 hours after the first run; results are withheld",
    Standing.EXPIRED: "its mandate has expired",
    Standing.DUE: "its mandate expired more than seven days ago",
    Standing.DENIED: "its authority was refused; biometric data was destroyed",
    Standing.ERASED: "its time is over; biometric data was destroyed",
}
_WHY_DUE = "the mandate expired, seven days of grace are over"


class Need(Enum):
    """What a command asks of a case; see the module."""

    LOOK = auto()
    CHANGE = auto()
    WORK = auto()
    RESULTS = auto()


@dataclass(slots=True)
class Work:
    """One command on one case.

    Attributes:
        case: as it is now.
        now: when the command began.
        recorded: its lines in the audit log; outputs and exit code are set here.
        done: what enforcing the dates did, in words.
    """

    case: Case
    now: datetime
    recorded: Recorded
    done: list[str] = field(default_factory=list)

    @property
    def folder(self) -> CaseFolder:
        """Where the case lies."""
        return self.case.folder

    @property
    def who(self) -> dict[str, str]:
        """Who does it."""
        return who_works(self.case)

    def save(self, case: Case) -> None:
        """Change the case: the log knows the new `case.toml` before it is written, so that no kill parts them."""
        data = encoded_case(case)
        self.recorded.note("case", {"case_sha256": sha256_of_bytes(data)})
        write_bytes(self.folder.case_file, data)
        self.case = case

    @property
    def standing(self) -> Standing:
        """What holds of the mandate now."""
        return standing_of(self.case.mandate, clock.utc_now())


def os_user() -> str:
    """The name under which this process runs."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def who_works(case: Case) -> dict[str, str]:
    """The user, the machine, and who answers for the case."""
    return {"user": os_user(), "host": socket.gethostname(), "operator": case.mandate.operator}


@contextlib.contextmanager
def casework(
    root: Path, command: str, *, need: Need, reason: str = "", facts: dict[str, Any] | None = None
) -> Iterator[Work]:
    """One command on the case at `root`, recorded from begin to end.

    Args:
        root: the case.
        command: one word or two, as the log names it.
        need: what the command asks of the case.
        reason: why it is done; needed where results are read.
        facts: what goes in, for the log.

    Raises:
        NotAuthorised: the mandate does not allow it, the clock runs backwards, or it cannot be recorded.
        IntegrityBroken: `case.toml` or the log was changed by other means.
    """
    case = load_case(root)
    log = AuditLog(case.folder, clock.utc_now)
    with log.recorded(command, who=who_works(case), why=reason, facts={**(facts or {}), **_state(case)}) as recorded:
        work = Work(case, clock.utc_now(), recorded)
        _refuse_changed(work)
        enforce(work)
        _refuse(work, need, reason)
        try:
            yield work
        finally:
            recorded.outputs |= _state(work.case)


def _state(case: Case) -> dict[str, str]:
    return {"case_sha256": sha256_of_file(case.folder.case_file)}


def _refuse_changed(work: Work) -> None:
    """In modes that compare faces the mandate is what the log saw last; nobody edits it by hand."""
    if not work.case.mandate.mode.compares_faces:
        return
    own = work.recorded.line
    lines = read_chain(work.folder.audit_file).lines[: own.number]
    known = [sha256 for line in lines if (sha256 := _known_in(line)) is not None]
    if own.number == 0 and own.command == "case init":
        return
    if not known:
        raise IntegrityBroken(f"{work.folder.audit_file}: does not know this case", "restore it from a copy")
    # two, because a command may have died between saying what it would write and writing it
    if sha256_of_file(work.folder.case_file) not in known[-2:] and not is_held(work.folder):
        raise IntegrityBroken(
            f"{work.folder.case_file}: was changed by other means than these commands",
            "restore it from a copy; a mandate is changed with `forensics case`",
        )


def _known_in(line: AuditLine) -> str | None:
    """The digest of `case.toml` that a line holds; ends hold it with what came out."""
    facts = line.facts.get("outputs", {}) if line.kind == "end" else line.facts
    sha256: str | None = facts.get("case_sha256")
    return sha256


def enforce(work: Work) -> None:
    """What the dates ask for has been done: withheld, destroyed, ended."""
    if not _is_due(work):
        return
    with contextlib.suppress(CannotStart), locked(work.folder):
        finish_destructions(work.case)
        _end_entries(work)
        standing = work.standing
        if standing is Standing.DENIED and not work.case.mandate.hold and holds_biometrics(work.case):
            certificate = destroy(work.case, reason="denied", why="denied", who=work.who, now=work.now)
            _note(work, "erased", f"biometric data destroyed, see {certificate.name}")
        elif standing is Standing.DUE:
            certificate = destroy(work.case, reason="expired", why=_WHY_DUE, who=work.who, now=work.now)
            work.save(replace(work.case, mandate=replace(work.case.mandate, erased_utc=work.now)))
            _note(work, "erased", f"biometric data destroyed, see {certificate.name}")
        elif standing is Standing.LAPSED and _keyring(work).path.exists():
            n_files = quarantine(work.case)
            _note(work, "authority_lapsed", f"48 hours are over: key and {n_files} files of results are withheld")


def _is_due(work: Work) -> bool:
    """Whether anything must be done; asked without the lock, which a command that only looks must not take."""
    standing, ends_entries = work.standing, not work.case.mandate.hold
    return (
        standing is Standing.DUE
        or (standing is Standing.DENIED and not work.case.mandate.hold and holds_biometrics(work.case))
        or (standing is Standing.LAPSED and _keyring(work).path.exists())
        or (ends_entries and bool(expired_entries(work.folder, work.now)))
        or has_unfinished(work.folder)
    )


def _keyring(work: Work) -> Keyring:
    return keyring_for(work.folder, work.case.case_id)


def _end_entries(work: Work) -> None:
    if work.case.mandate.hold or not work.case.mandate.mode.compares_faces:
        return
    for entry_id in expired_entries(work.folder, work.now):
        certificate = remove_entry(work.case, entry_id, why="expired", who=work.who, now=work.now)
        _note(work, "entry_ended", f"entry {entry_id} has ended, see {certificate.name}")


def _note(work: Work, name: str, text: str) -> None:
    work.recorded.note(name, {"text": text})
    work.done.append(text)


def _refuse(work: Work, need: Need, reason: str) -> None:
    if need in {Need.LOOK, Need.CHANGE}:
        return
    standing = work.standing
    if standing is not Standing.ACTIVE:
        raise NotAuthorised(f"{work.folder.root}: {_SAID[standing]}", _NEXT_STEP[standing])
    if need is Need.RESULTS and not work.case.mandate.mode.compares_faces:
        raise NotAuthorised(
            f"a case in mode {work.case.mandate.mode.value} compares no faces, so it has no candidates",
            "make a case with --mode search or --mode missing",
        )
    if need is Need.RESULTS and not reason.strip():
        raise NotAuthorised("results about people are read for a reason", "say it with --reason TEXT")
