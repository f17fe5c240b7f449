"""Session: one command on a case, with what it needs, what it may change, and the check that it is permitted.

The need of a command decides what is required. Each level includes the ones before:

    CHECK     a readable case: verify, which reports faults itself
    READ      a case that agrees with its log: show, status, disclose
    HOLD      the key folder of the case; retention is not enforced first: hold
    CHANGE    retention enforced: deny, clock, relocate
    WORK      an active mandate: ingest, reviewer add, policy
    COMPARE   every denial of a case about the same is acknowledged: run, watchlist add, calibrate, reproduce
    RESULTS   a mode that compares faces, and a reason: candidates, pictures, review
"""

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, auto

from forensics.adapters.crypto.case_key import Key
from forensics.custody.case_document import Case, encode_case, read_case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.log_writer import CommandRecord
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.custody.registered_files import ABSENT, accepted_contents
from forensics.errors import NotAuthorised
from forensics.tables.files import remove_unfinished
from forensics.tables.result_access import refuse_stale_scope
from pipelines import clock
from pipelines.custody import accounts
from pipelines.custody.case_integrity import is_guarded
from pipelines.custody.case_lock import lock_case
from pipelines.custody.case_store import load_case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import Keyring, keyring_for

__all__ = ["Need", "Session", "denial_is_on_record", "operator_facts", "require_allowed", "status_text"]

_NEW_CASE = "this case cannot run again; another search needs a case and a mandate of its own"
_NEXT_STEP = {
    MandateStatus.LAPSED: (
        "enter the authority with `forensics case authorise CASE`, or end the case with `forensics case deny`"
    ),
    MandateStatus.EXPIRED: _NEW_CASE,
    MandateStatus.DUE: "stop the erasure with `forensics case hold CASE --reason TEXT`, or let the case be erased",
    MandateStatus.DENIED: "none: this case is closed; a new case about the same must acknowledge the denial",
    MandateStatus.ERASED: _NEW_CASE,
}
_STATUS_TEXT = {
    MandateStatus.LAPSED: "its authority is still pending 48 hours after the first run; results are withheld",
    MandateStatus.EXPIRED: "its mandate has expired",
    MandateStatus.DUE: "its mandate expired more than seven days ago",
    MandateStatus.DENIED: "its authority was refused; biometric data was destroyed",
    MandateStatus.ERASED: "its mandate has expired; biometric data was destroyed",
}


class Need(IntEnum):
    """What a command needs of a case; see the module."""

    CHECK = auto()
    READ = auto()
    HOLD = auto()
    CHANGE = auto()
    WORK = auto()
    COMPARE = auto()
    RESULTS = auto()


@dataclass(slots=True)
class Session:
    """One command on one case.

    Attributes:
        case: the case, as it was read or changed last.
        now: start of the command.
        record: log record of the command; set outputs and exit code here.
        need: what the command needs of the case.
        retention_actions: what retention did at the start, in words.
    """

    case: Case
    now: datetime
    record: CommandRecord
    need: Need
    retention_actions: list[str] = field(default_factory=list)

    @property
    def folder(self) -> CaseFolder:
        """Folder of the case."""
        return self.case.folder

    @property
    def files(self) -> DecidingFiles:
        """Writer of the files of the case, with notes in the log."""
        return DecidingFiles(self.folder, self.record.note, is_guarded(self.case))

    @property
    def who(self) -> dict[str, str]:
        """User, machine and operator, for the log."""
        return operator_facts(self.case)

    def change(self, change: Callable[[Case], Case], before_writing: Callable[[], None] | None = None) -> None:
        """Change the case as it is on disk now, and write it. The caller holds the lock.

        Args:
            change: returns the changed case.
            before_writing: called once the changed case is known to be valid.
        """
        case = change(load_case(self.folder.root))
        data = encode_case(case)
        if before_writing is not None:
            before_writing()
        self.files.write(self.folder.case_file, data)
        self.case = case

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the case within the block, and read the case again after the lock is taken.

        Remove files that killed commands left half-written, in the case and beside its key.

        Raises:
            CannotStart: another command holds the lock.
            NotAuthorised: the mandate does not allow the command any more.
        """
        with lock_case(self.folder):
            self.reload()
            require_allowed(self)
            for place in self.folder.writable_folders():
                remove_unfinished(place)
            remove_unfinished(self.keyring.path.parent, prefix=self.case.case_id)
            yield

    def reload(self) -> None:
        """Read the case again, because another command may have changed it before the lock was taken."""
        self.case = load_case(self.folder.root)

    @property
    def mandate_status(self) -> MandateStatus:
        """Status of the mandate now."""
        return mandate_status(self.case.mandate, clock.utc_now())

    @property
    def key(self) -> Key:
        """The key of the case.

        Raises:
            NotAuthorised: it is withheld, destroyed or absent, or other users can read it.
        """
        return self.keyring.load()

    @property
    def keyring(self) -> Keyring:
        """Keyring of the case."""
        return keyring_for(self.folder, self.case.case_id)


def operator_facts(case: Case) -> dict[str, str]:
    """Return user, machine, operator of the case and, if different, the login user."""
    user, login = accounts.os_user(), accounts.login_user()
    facts = {"user": user, "host": socket.gethostname(), "operator": case.mandate.operator}
    return facts if login == user else {**facts, "login": login}


def require_allowed(session: Session) -> None:
    """Check that the mandate permits the command.

    Raises:
        NotAuthorised: the mandate does not permit it.
    """
    need, reason = session.need, session.record.line.why
    if need < Need.WORK:
        return
    status = session.mandate_status
    if not denial_is_on_record(session):
        raise NotAuthorised(
            "the case is marked as denied, but its log does not record a denial",
            "deny it again, so that the log records it: `forensics case deny CASE --reason TEXT`",
            session.folder.root,
        )
    if status is not MandateStatus.ACTIVE:
        raise NotAuthorised(status_text(session), _NEXT_STEP[status], session.folder.root)
    _require_no_denial(session)
    if need is Need.RESULTS and not session.case.mandate.mode.compares_faces:
        raise NotAuthorised(
            f"a case in mode {session.case.mandate.mode.value} compares no faces, so it has no candidates",
            "start a new case with --mode search or --mode missing",
        )
    if need is Need.RESULTS and not reason.strip():
        raise NotAuthorised("reading results about people requires a reason", "give a reason with --reason TEXT")
    if need is Need.RESULTS:
        refuse_stale_scope(session.folder)


def _require_no_denial(session: Session) -> None:
    """Check what this installation remembers of denied cases.

    Raises:
        NotAuthorised: the case itself was denied, or a denial of a case about the same is not acknowledged.
    """
    if not session.case.mandate.mode.compares_faces:
        return
    from pipelines.custody import earlier_denials  # of no use to commands that read

    if session.need < Need.COMPARE:
        earlier_denials.refuse_denied_case(session.case)
    else:
        earlier_denials.refuse_earlier_denials(session.case)


def status_text(session: Session) -> str:
    """Return why the case may not run and what happened to its results. On hold nothing was destroyed."""
    if session.mandate_status is MandateStatus.DENIED and session.case.mandate.hold:
        return "its authority was refused; it is on hold, so results are withheld"
    return _STATUS_TEXT[session.mandate_status]


def denial_is_on_record(session: Session) -> bool:
    """Whether the log records the denial, if there is one. An unrecorded mark stops runs but destroys nothing."""
    if session.mandate_status is not MandateStatus.DENIED or read_case(session.folder).mandate.denied_utc is not None:
        return True
    return accepted_contents(read_chain(session.folder.audit_file).lines).get(
        session.folder.denied_file.name, (ABSENT,)
    ) != (ABSENT,)
