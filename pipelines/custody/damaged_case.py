"""What is known of a case whose `case.toml` or log is damaged: which case its folder holds, whether it is on hold."""

from forensics.adapters.crypto.signing import key_id_of, public_key_of
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import INTERRUPTED, find_chain_break, read_chain
from pipelines.custody.checkpoints import find_signature_fault, load_checkpoints
from pipelines.custody.installation import installation_key
from pipelines.custody.keys import keyring_for
from pipelines.custody.log_anchor import LogAnchor, anchored_case_at, find_anchor

__all__ = ["held_case_id", "may_be_on_hold"]

_HOLD = "case hold"


def held_case_id(folder: CaseFolder, named_id: str) -> str | None:
    """Return the id of the case that a folder holds, by the log anchors in the key folder; None if they do not say.

    Args:
        folder: folder of the case.
        named_id: the id in its `case.toml`, which anybody who can write to the folder may have changed.
    """
    anchor = find_anchor(folder, named_id) if named_id else None
    if anchor is not None and (anchor.names_folder or _has_anchored_log(folder, anchor)):
        return named_id
    if anchor is not None and anchor.named_folder is None and _has_own_checkpoint(folder, named_id):
        return named_id
    return anchored_case_at(folder.root)


def _has_anchored_log(folder: CaseFolder, anchor: LogAnchor) -> bool:
    """Whether the log of a folder is the anchored one, as in a case that was moved."""
    if not folder.audit_file.is_file():
        return False
    chain = read_chain(folder.audit_file)
    return bool(chain.lines) and not find_chain_break(chain) and not anchor.find_problem(chain.lines)


def _has_own_checkpoint(folder: CaseFolder, case_id: str) -> bool:
    """Whether this installation signed a checkpoint of the case in a folder: anchors before 0.3 name no folder."""
    if not folder.checkpoints_file.is_file():
        return False
    own = key_id_of(public_key_of(installation_key()))
    return any(
        (each.case_id, each.key_id) == (case_id, own) and not find_signature_fault(each)
        for each in load_checkpoints(folder).all
    )


def may_be_on_hold(folder: CaseFolder, case: Case) -> bool:
    """Whether a case is on hold by its `case.toml`, by the mark beside its key or by what can be read of its log."""
    return bool(case.mandate.hold) or keyring_for(folder, case.case_id).hold.exists() or _is_held_by_log(folder)


def _is_held_by_log(folder: CaseFolder) -> bool:
    """Whether the last hold in the log was not lifted; a command that was killed may have set one."""
    lines = read_chain(folder.audit_file).lines if folder.audit_file.is_file() else ()
    ends = {line.of: line.facts for line in lines if line.kind == "end"}
    is_held = False
    for line in lines:
        if (line.kind, line.command) == ("begin", _HOLD):
            end, is_lift = ends.get(line.number, {}), line.facts.get("lift") is True
            is_done = end.get("exit_code") == 0 if is_lift else end.get("error", INTERRUPTED) == INTERRUPTED
            is_held = not is_lift if is_done else is_held
    return is_held
