"""Opens a session, the start of every command on a case: log it, check the case, enforce retention, check permission.

A session that needs more than to read ends with a signed checkpoint of the log (`pipelines/custody/checkpoints.py`).
"""

import contextlib
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

from forensics.custody.case_document import Case
from forensics.custody.log import INTERRUPTED, read_chain
from forensics.custody.log_writer import LogWriter
from forensics.custody.private_facts import seal_facts
from forensics.custody.registered_files import accepted_contents
from forensics.custody.unanchored_lines import REFUSED
from forensics.errors import NotAuthorised
from forensics.json_object import JsonObject
from pipelines import clock
from pipelines.custody.case_integrity import find_alterations, is_guarded
from pipelines.custody.case_store import load_case
from pipelines.custody.checkpoints import sign_checkpoint, store_checkpoint
from pipelines.custody.clear_files import has_clear_files
from pipelines.custody.installation import installation_key
from pipelines.custody.keys import find_key
from pipelines.custody.log_anchor import LogAnchor, all_anchors, anchor_for
from pipelines.custody.retention import enforce_retention
from pipelines.custody.session import Need, Session, operator_facts, require_allowed

__all__ = ["Need", "Session", "open_session"]


@contextlib.contextmanager
def open_session(
    root: Path,
    command: str,
    *,
    need: Need,
    reason: str = "",
    facts: JsonObject | None = None,
    private: JsonObject | None = None,
) -> Iterator[Session]:
    """Open a session for one command on the case at `root`. The log records its begin and end.

    Args:
        root: folder of the case.
        command: name of the command in the log, one or two words.
        need: what the command needs of the case.
        reason: reason given by the user; required to read results about people.
        facts: inputs of the command, for the log.
        private: inputs that say who somebody may be; the log of a case with a key holds them sealed.

    Raises:
        NotAuthorised: the mandate does not allow the command, the clock runs backwards, was changed for this process or
            is behind what was written in any case of this user, or the log cannot be written.
        IntegrityBroken: the log is damaged, a registered file was changed by other means, or a pipe is in its place.
    """
    clock.refuse_false_clock()
    case = load_case(root)
    case.folder.refuse_special_files()
    anchor = anchor_for(case.folder, case.case_id)
    clock.refuse_clock_behind([case.folder.audit_file, *all_anchors()])
    log = LogWriter(case.folder, clock.utc_now, anchor if anchor.exists else None, partial(_protected, case))
    inputs = {**(facts or {}), **_protected(case, private or {}), "version": version("video-forensics")}
    if need > Need.READ and not anchor.exists and is_guarded(case):
        command, inputs = REFUSED, {**inputs, "command": command}
    with (
        contextlib.ExitStack() as after_the_end,
        log.record_command(command, who=operator_facts(case), why=reason, facts=inputs) as record,
    ):
        session = Session(case, clock.utc_now(), record, need)
        if _is_unregistered(session):
            session.files.register(session.folder.case_file)
        altered = find_alterations(case)
        if altered and need > Need.CHECK:
            raise altered[0].to_error("restore the file from a backup; only `forensics` commands may change a case")
        may_note = anchor.exists or not is_guarded(case)
        if not altered and may_note:
            session.files.settle()
        if need > Need.READ:
            _require_anchor(session, anchor)
            after_the_end.callback(_store_final_checkpoint, session)
        if need > Need.HOLD:
            installation_key()  # a command that could not be signed must not start, except a hold
        if need is not Need.HOLD and not altered and may_note:
            enforce_retention(session)
        if need is not Need.HOLD and not altered:
            _seal_old_files(session)
        require_allowed(session)
        yield session


def _protected(case: Case, private: JsonObject) -> JsonObject:
    """Return private facts as the log may hold them: sealed, or not at all if the key of the case cannot be used."""
    if not is_guarded(case) or not private:
        return private
    key = find_key(case)
    return {"left_out": sorted(private)} if key is None else seal_facts(private, key)


def _seal_old_files(session: Session) -> None:
    """Encrypt what an older version stored in clear."""
    if session.keyring.exists and has_clear_files(session.folder):
        from pipelines.custody.old_case import seal_old_case  # loads the schemas of all tables

        seal_old_case(session)


def _store_final_checkpoint(session: Session) -> None:
    """Sign the log up to the end of this command, unless the end could not be recorded."""
    end = session.record.end
    if end is not None:
        store_checkpoint(
            session.folder, sign_checkpoint(session.case.case_id, end, installation_key(), now=clock.utc_now())
        )


def _is_unregistered(session: Session) -> bool:
    """Whether no command has registered `case.toml` yet: this is the first, or all before were killed at once."""
    lines = read_chain(session.folder.audit_file).lines
    is_known = session.folder.case_file.name in accepted_contents(lines)
    return not is_known and all(line.kind == "begin" or line.facts.get("error") == INTERRUPTED for line in lines)


def _require_anchor(session: Session, anchor: LogAnchor) -> None:
    if not anchor.exists and is_guarded(session.case):
        raise NotAuthorised(
            "the log anchor of this case is missing, so this is not its key folder",
            "set $FORENSICS_KEYS to the folder that holds the key of the case, also if the key was destroyed",
            anchor.path,
        )
