"""One command at work on a case: what it asks of the case, what it may change, and what stands in its way.

What a command needs decides what stands in its way; each asks for what the one before asks:

    CHECK     nothing but a readable case: verify, which says itself what is wrong
    LOOK      a case that is as the log knows it: show, status, disclose
    HOLD      and the case's key folder; comes before what is due is destroyed: hold
    CHANGE    and what is due was done: deny, clock, relocate
    WORK      and an active mandate: ingest, run, watchlist add, reviewer add
    RESULTS   and faces that were compared, and a reason: candidates, pictures, review
"""

import contextlib
import os
import pwd
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, auto
from pathlib import Path

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.log_writer import CommandRecord
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.custody.registered_files import ABSENT, accepted_contents
from forensics.errors import NotAuthorised
from forensics.tables.files import remove_unfinished
from forensics.tables.result_access import refuse_stale_scope
from pipelines import clock
from pipelines.custody.case_document import Case, encoded_case, read_case
from pipelines.custody.case_integrity import is_guarded
from pipelines.custody.case_lock import locked
from pipelines.custody.case_store import load_case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import Keyring, keyring_for

__all__ = ["Need", "Session", "denial_is_on_record", "operator_facts", "os_user", "require_allowed", "status_text"]

_NEXT_STEP = {
    MandateStatus.LAPSED: (
        "enter the authority: forensics case authorise CASE --authority REFERENCE, or end it: case deny"
    ),
    MandateStatus.EXPIRED: "another search is another case, with a mandate of its own",
    MandateStatus.DUE: "put it on hold before it is swept, or let it be erased",
    MandateStatus.DENIED: "another search is another case, with a mandate of its own",
    MandateStatus.ERASED: "another search is another case, with a mandate of its own",
}
_SAID = {
    MandateStatus.LAPSED: "its authority is still pending 48 hours after the first run; results are withheld",
    MandateStatus.EXPIRED: "its mandate has expired",
    MandateStatus.DUE: "its mandate expired more than seven days ago",
    MandateStatus.DENIED: "its authority was refused; biometric data was destroyed",
    MandateStatus.ERASED: "its time is over; biometric data was destroyed",
}


class Need(IntEnum):
    """What a command asks of a case; see the module."""

    CHECK = auto()
    LOOK = auto()
    HOLD = auto()
    CHANGE = auto()
    WORK = auto()
    RESULTS = auto()


@dataclass(slots=True)
class Session:
    """One command on one case.

    Attributes:
        case: as it is now.
        now: when the command began.
        recorded: its lines in the audit log; outputs and exit code are set here.
        need: what it asks of the case.
        done: what enforcing the dates did, in words.
    """

    case: Case
    now: datetime
    recorded: CommandRecord
    need: Need
    done: list[str] = field(default_factory=list)

    @property
    def folder(self) -> CaseFolder:
        """Where the case lies."""
        return self.case.folder

    @property
    def files(self) -> DecidingFiles:
        """Writes what decides something, through the log."""
        return DecidingFiles(self.folder, self.recorded.note, is_guarded(self.case))

    @property
    def who(self) -> dict[str, str]:
        """Who does it."""
        return operator_facts(self.case)

    def change(self, change: Callable[[Case], Case]) -> None:
        """Change the case as it is now on disk, which may be more than this command has read; the lock is held."""
        case = change(load_case(self.folder.root))
        self.files.write(self.folder.case_file, encoded_case(case))
        self.case = case

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the case against every other command; what one of them changed before the lock was taken counts.

        What killed commands were writing, in the case and beside its key, is removed.

        Raises:
            CannotStart: another command holds it.
            NotAuthorised: the mandate does not allow it any more.
        """
        with locked(self.folder):
            self.read_again()
            require_allowed(self)
            for place in self.folder.written_to():
                remove_unfinished(place)
            remove_unfinished(self.keyring.path.parent, of=self.case.case_id)
            yield

    def read_again(self) -> None:
        """The case as it is now on disk: another command may have changed it before the lock was taken."""
        self.case = load_case(self.folder.root)

    @property
    def standing(self) -> MandateStatus:
        """What holds of the mandate now."""
        return mandate_status(self.case.mandate, clock.utc_now())

    @property
    def keyring(self) -> Keyring:
        """Of the case."""
        return keyring_for(self.folder, self.case.case_id)


def os_user() -> str:
    """Under which account this process runs; no variable of the environment decides that."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return user


def operator_facts(case: Case) -> dict[str, str]:
    """The user, the machine, and who answers for the case."""
    return {"user": os_user(), "host": socket.gethostname(), "operator": case.mandate.operator, **_became()}


def _became() -> dict[str, str]:
    """Who became this user, where `sudo` or the login says so."""
    try:
        login = int(Path("/proc/self/loginuid").read_text())
        name = pwd.getpwuid(login).pw_name
    except (OSError, ValueError, KeyError):
        name = os.environ.get("SUDO_USER", "")
    return {"login": name} if name and name != os_user() else {}


def require_allowed(session: Session) -> None:
    """Return only if the command may go on.

    Raises:
        NotAuthorised: the mandate does not allow what it needs.
    """
    need, reason = session.need, session.recorded.line.why
    if need < Need.WORK:
        return
    standing = session.standing
    if not denial_is_on_record(session):
        raise NotAuthorised(
            "is marked as denied, and its log does not know of it",
            "say it again, so that it is on record: forensics case deny CASE --reason TEXT",
            session.folder.root,
        )
    if standing is not MandateStatus.ACTIVE:
        raise NotAuthorised(f"{status_text(session)}", _NEXT_STEP[standing], session.folder.root)
    if need is Need.RESULTS and not session.case.mandate.mode.compares_faces:
        raise NotAuthorised(
            f"a case in mode {session.case.mandate.mode.value} compares no faces, so it has no candidates",
            "make a case with --mode search or --mode missing",
        )
    if need is Need.RESULTS and not reason.strip():
        raise NotAuthorised("results about people are read for a reason", "say it with --reason TEXT")
    if need is Need.RESULTS:
        refuse_stale_scope(session.folder)


def status_text(session: Session) -> str:
    """What holds of a case that may not work, and what became of its results: on hold nothing was destroyed."""
    if session.standing is MandateStatus.DENIED and session.case.mandate.hold:
        return "its authority was refused; it is on hold, so results are withheld"
    return _SAID[session.standing]


def denial_is_on_record(session: Session) -> bool:
    """A denial counts for destruction once its mark was written through the log; a mark alone only stops."""
    if session.standing is not MandateStatus.DENIED or read_case(session.folder).mandate.denied_utc is not None:
        return True
    return accepted_contents(read_chain(session.folder.audit_file).lines).get(
        session.folder.denied_file.name, (ABSENT,)
    ) != (ABSENT,)
