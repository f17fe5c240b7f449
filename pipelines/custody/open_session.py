"""Every command on a case goes through here: it is recorded, the dates are enforced, and only then it works.

What asks for more than a look ends with a signed checkpoint of the log (`pipelines/custody/checkpoints.py`).
"""

import contextlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from forensics.custody.log import INTERRUPTED, read_chain
from forensics.custody.log_writer import LogWriter
from forensics.custody.registered_files import accepted_contents
from forensics.custody.unanchored_lines import REFUSED
from forensics.errors import IntegrityBroken, NotAuthorised
from pipelines import clock
from pipelines.custody.case_integrity import find_alterations, is_guarded
from pipelines.custody.case_store import load_case
from pipelines.custody.checkpoints import signed_checkpoint, store_checkpoint
from pipelines.custody.installation import installation_key
from pipelines.custody.log_anchor import LogAnchor, anchor_for
from pipelines.custody.retention import enforce_retention
from pipelines.custody.session import Need, Session, operator_facts, require_allowed

__all__ = ["Need", "Session", "open_session"]


@contextlib.contextmanager
def open_session(
    root: Path, command: str, *, need: Need, reason: str = "", facts: dict[str, Any] | None = None
) -> Iterator[Session]:
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
    witness = anchor_for(case.folder, case.case_id)
    log = LogWriter(case.folder, clock.utc_now, witness if witness.exists else None)
    given = {**(facts or {}), "version": version("video-forensics")}
    if need > Need.LOOK and not witness.exists and is_guarded(case):
        command, given = REFUSED, {**given, "command": command}
    with (
        contextlib.ExitStack() as at_the_end,
        log.recorded(command, who=operator_facts(case), why=reason, facts=given) as recorded,
    ):
        work = Session(case, clock.utc_now(), recorded, need)
        if _is_new(work):
            work.files.know(work.folder.case_file)
        altered = find_alterations(case)
        if altered and need > Need.CHECK:
            raise IntegrityBroken(altered[0], "restore it from a copy; only `forensics` commands change a case")
        if need > Need.LOOK:
            _require_witness(work, witness)
            at_the_end.callback(_sign_end, work)
        if need > Need.HOLD:
            installation_key()  # what could not be signed is not begun; but a hold is taken first
        if need is not Need.HOLD and not altered and (witness.exists or not is_guarded(case)):
            enforce_retention(work)
        require_allowed(work)
        yield work


def _sign_end(session: Session) -> None:
    """The log up to this command's end is signed; where the end could not be recorded there is nothing to sign."""
    end = session.recorded.end
    if end is not None:
        store_checkpoint(
            session.folder, signed_checkpoint(session.case.case_id, end, installation_key(), now=clock.utc_now())
        )


def _is_new(session: Session) -> bool:
    """Whether no command has known the case yet: its first one, or the next after a first that died at once."""
    lines = read_chain(session.folder.audit_file).lines
    is_known = session.folder.case_file.name in accepted_contents(lines)
    return not is_known and all(line.kind == "begin" or line.facts.get("error") == INTERRUPTED for line in lines)


def _require_witness(session: Session, witness: LogAnchor) -> None:
    if not witness.exists and is_guarded(session.case):
        raise NotAuthorised(
            "what is known of this case's log is not there, so this is not the folder of its key",
            "set $FORENSICS_KEYS to the folder that holds the case's key, also if the key was destroyed",
            witness.path,
        )
