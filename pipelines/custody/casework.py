"""Every command on a case goes through here: it is recorded, the dates are enforced, and only then it works.

What a command needs decides what stands in its way:

    CHECK     nothing but a readable case: verify, which says itself what is wrong
    LOOK      a case that is as the log knows it: show, status, disclose
    HOLD      and the case's key folder; comes before what is due is destroyed: hold
    CHANGE    and what is due was done: deny, clock, relocate
    WORK      and an active mandate: ingest, run, watchlist add, reviewer add
    RESULTS   and faces that were compared, and a reason: candidates, pictures, review

The log decides what a case is (`forensics/registered.py`), and its length and head lie beside the key, outside the
case (`pipelines/custody/log_witness.py`). Modes that compare no faces have no key, and their `case.toml` may be edited.
What asks for more than a look ends with a signed checkpoint of the log (`pipelines/custody/checkpoints.py`).
"""

import contextlib
import os
import pwd
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, auto
from importlib.metadata import version
from pathlib import Path
from typing import Any

from forensics.audit import INTERRUPTED, read_chain
from forensics.audit_log import AuditLog, Recorded
from forensics.case import CaseFolder
from forensics.errors import CannotStart, IntegrityBroken, NotAuthorised
from forensics.foreign_lines import REFUSED
from forensics.mandate import Mode, Standing, is_pending, standing_of
from forensics.registered import ABSENT, accepted
from forensics.tables.files import remove_unfinished
from forensics.tables.standing import refuse_stale_scope
from pipelines import clock
from pipelines.custody.case_file import Case, encoded_case, read_case
from pipelines.custody.case_lock import locked
from pipelines.custody.cases import denial_of, load_case
from pipelines.custody.checkpoints import keep, kept_checkpoints, last_contradiction, signed_checkpoint
from pipelines.custody.deciding_files import EVERYTHING, LISTS, DecidingFiles, alterations
from pipelines.custody.erasure import (
    destroy,
    finish_destructions,
    forget_reproduction,
    has_unfinished,
    holds_biometrics,
    quarantine,
    release,
)
from pipelines.custody.installation import installation_key
from pipelines.custody.keys import Keyring, keyring_for
from pipelines.custody.log_witness import LogWitness, witness_for
from pipelines.search.entries import expired_entries, forget_half_added, half_added
from pipelines.search.watchlist import remove_entry

__all__ = ["Need", "Work", "altered_in", "casework", "enforce", "os_user", "who_works"]

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


class Need(IntEnum):
    """What a command asks of a case; see the module. Each asks for what the one before asks."""

    CHECK = auto()
    LOOK = auto()
    HOLD = auto()
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
        need: what it asks of the case.
        done: what enforcing the dates did, in words.
    """

    case: Case
    now: datetime
    recorded: Recorded
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
        return who_works(self.case)

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
            _refuse(self)
            for place in self.folder.written_to():
                remove_unfinished(place)
            remove_unfinished(self.keyring.path.parent, of=self.case.case_id)
            yield

    def read_again(self) -> None:
        """The case as it is now on disk: another command may have changed it before the lock was taken."""
        self.case = load_case(self.folder.root)

    @property
    def standing(self) -> Standing:
        """What holds of the mandate now."""
        return standing_of(self.case.mandate, clock.utc_now())

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


def who_works(case: Case) -> dict[str, str]:
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
        IntegrityBroken: the log is not whole, or what decides something was changed by other means.
    """
    case = load_case(root)
    witness = witness_for(case.folder, case.case_id)
    log = AuditLog(case.folder, clock.utc_now, witness if witness.exists else None)
    given = {**(facts or {}), "version": version("video-forensics")}
    if need > Need.LOOK and not witness.exists and is_guarded(case):
        command, given = REFUSED, {**given, "command": command}
    with (
        contextlib.ExitStack() as at_the_end,
        log.recorded(command, who=who_works(case), why=reason, facts=given) as recorded,
    ):
        work = Work(case, clock.utc_now(), recorded, need)
        if _is_new(work):
            work.files.know(work.folder.case_file)
        altered = altered_in(case)
        if altered and need > Need.CHECK:
            raise IntegrityBroken(altered[0], "restore it from a copy; only `forensics` commands change a case")
        if need > Need.LOOK:
            _require_witness(work, witness)
            at_the_end.callback(_sign_end, work)
        if need > Need.HOLD:
            installation_key()  # what could not be signed is not begun; but a hold is taken first
        if need is not Need.HOLD and not altered and (witness.exists or not is_guarded(case)):
            enforce(work)
        _refuse(work)
        yield work


def _sign_end(work: Work) -> None:
    """The log up to this command's end is signed; where the end could not be recorded there is nothing to sign."""
    end = work.recorded.end
    if end is not None:
        keep(work.folder, signed_checkpoint(work.case.case_id, end, installation_key(), now=clock.utc_now()))


def _is_new(work: Work) -> bool:
    """Whether no command has known the case yet: its first one, or the next after a first that died at once."""
    lines = read_chain(work.folder.audit_file).lines
    is_known = work.folder.case_file.name in accepted(lines)
    return not is_known and all(line.kind == "begin" or line.facts.get("error") == INTERRUPTED for line in lines)


def is_guarded(case: Case) -> bool:
    """Whether what decides in this case is held against its log: it compares faces, or did when it was made."""
    first = next(iter(read_chain(case.folder.audit_file).lines), None)
    was = first is not None and first.facts.get("mode") in {mode.value for mode in Mode if mode.compares_faces}
    return case.mandate.mode.compares_faces or was or witness_for(case.folder, case.case_id).exists


def altered_in(case: Case) -> list[str]:
    """What is not as the log, the log's witness and its newest checkpoint know it, in words."""
    witness, signed = witness_for(case.folder, case.case_id), kept_checkpoints(case.folder)
    chain, problem = AuditLog(case.folder, clock.utc_now, witness if witness.exists else None).checked()
    if problem:
        return [f"{case.folder.audit_file}: {problem}"]
    contradicted = last_contradiction(case.folder, case.case_id, chain.digests, signed)
    if contradicted:
        return [contradicted]
    linked = case.folder.links_out()
    if linked:
        return linked
    patterns = EVERYTHING if is_guarded(case) else LISTS
    return alterations(case.folder, lambda: read_chain(case.folder.audit_file).lines, patterns)


def _require_witness(work: Work, witness: LogWitness) -> None:
    if not witness.exists and is_guarded(work.case):
        raise NotAuthorised(
            f"{witness.path}: what is known of this case's log is not there, so this is not the folder of its key",
            "set $FORENSICS_KEYS to the folder that holds the case's key, also if the key was destroyed",
        )


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
            _note(work, "withheld", f"{_said(work)}: the key, and {n_files} files that could be read")
        elif _may_be_released(work):
            n_files = release(work.case, work.files)
            _note(work, "released", f"{n_files} files that were withheld can be read again")


def _is_due(work: Work) -> bool:
    """Whether anything must be done; asked without the lock, which a command that only looks must not take."""
    return (
        (work.standing is Standing.DENIED and _is_on_record(work) and read_case(work.folder).mandate.denied_utc is None)
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
    return is_over and (standing is Standing.DUE or holds_biometrics(work.case)) and _is_on_record(work)


def _is_on_record(work: Work) -> bool:
    """A denial counts for destruction once its mark was written through the log; a mark alone only stops."""
    if work.standing is not Standing.DENIED or read_case(work.folder).mandate.denied_utc is not None:
        return True
    return accepted(read_chain(work.folder.audit_file).lines).get(work.folder.denied_file.name, (ABSENT,)) != (ABSENT,)


def _record_denial(work: Work) -> None:
    """Who denied the case died before `case.toml` could say so."""
    denied_utc = work.case.mandate.denied_utc
    if denied_utc is not None and _is_on_record(work) and read_case(work.folder).mandate.denied_utc is None:
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


def _said(work: Work) -> str:
    """What holds of a case that may not work, and what became of its results: on hold nothing was destroyed."""
    if work.standing is Standing.DENIED and work.case.mandate.hold:
        return "its authority was refused; it is on hold, so results are withheld"
    return _SAID[work.standing]


def _note(work: Work, name: str, text: str) -> None:
    work.recorded.note(name, {"text": text})
    work.done.append(text)


def _refuse(work: Work) -> None:
    need, reason = work.need, work.recorded.line.why
    if need < Need.WORK:
        return
    standing = work.standing
    if not _is_on_record(work):
        raise NotAuthorised(
            f"{work.folder.root}: is marked as denied, and its log does not know of it",
            "say it again, so that it is on record: forensics case deny CASE --reason TEXT",
        )
    if standing is not Standing.ACTIVE:
        raise NotAuthorised(f"{work.folder.root}: {_said(work)}", _NEXT_STEP[standing])
    if need is Need.RESULTS and not work.case.mandate.mode.compares_faces:
        raise NotAuthorised(
            f"a case in mode {work.case.mandate.mode.value} compares no faces, so it has no candidates",
            "make a case with --mode search or --mode missing",
        )
    if need is Need.RESULTS and not reason.strip():
        raise NotAuthorised("results about people are read for a reason", "say it with --reason TEXT")
    if need is Need.RESULTS:
        refuse_stale_scope(work.folder)
