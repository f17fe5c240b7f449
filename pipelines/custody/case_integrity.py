"""Whether a case is as its log knows it, and the log as its witness and its newest checkpoint know it.

The log decides what a case is (`forensics/custody/registered_files.py`). Its length and head lie beside the key,
outside the case (`pipelines/custody/log_anchor.py`). Modes that compare no faces have no key, and their `case.toml`
may be edited.
"""

from forensics.custody.log import read_chain
from forensics.custody.log_writer import LogWriter
from forensics.custody.mandate import Mode
from pipelines import clock
from pipelines.custody.case_document import Case
from pipelines.custody.checkpoints import last_contradiction, stored_checkpoints
from pipelines.custody.deciding_files import EVERYTHING, LISTS, alterations
from pipelines.custody.log_anchor import anchor_for

__all__ = ["find_alterations", "is_guarded"]


def is_guarded(case: Case) -> bool:
    """Whether what decides in this case is held against its log: it compares faces, or did when it was made."""
    first = next(iter(read_chain(case.folder.audit_file).lines), None)
    was = first is not None and first.facts.get("mode") in {mode.value for mode in Mode if mode.compares_faces}
    return case.mandate.mode.compares_faces or was or anchor_for(case.folder, case.case_id).exists


def find_alterations(case: Case) -> list[str]:
    """What is not as the log, the log's witness and its newest checkpoint know it, in words."""
    witness, signed = anchor_for(case.folder, case.case_id), stored_checkpoints(case.folder)
    chain, problem = LogWriter(case.folder, clock.utc_now, witness if witness.exists else None).checked()
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
