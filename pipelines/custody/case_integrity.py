"""Integrity check of a case: files against its log, the log against its log anchor and its newest checkpoint.

The log holds the digests of the registered files (`forensics/custody/registered_files.py`). The log anchor holds length
and head of the log, outside the case beside its key (`pipelines/custody/log_anchor.py`). Modes that do not
compare faces have no key, and their `case.toml` may be edited.
"""

from forensics.custody.case_document import Case
from forensics.custody.log import read_chain
from forensics.custody.log_writer import LogWriter
from forensics.custody.mandate import Mode
from forensics.faults import Fault, FaultKind
from pipelines import clock
from pipelines.custody.checkpoints import find_newest_contradiction, load_checkpoints
from pipelines.custody.deciding_files import ALL_REGISTERED, EVIDENCE_LISTS, find_altered_files
from pipelines.custody.log_anchor import anchor_for, anchored_case_at, find_anchor

__all__ = ["find_alterations", "is_guarded"]


def is_guarded(case: Case) -> bool:
    """Whether all registered files are checked against the log: the case compares faces, or did when created."""
    first = next(iter(read_chain(case.folder.audit_file).lines), None)
    did_compare = first is not None and first.facts.get("mode") in {mode.value for mode in Mode if mode.compares_faces}
    return case.mandate.mode.compares_faces or did_compare or anchor_for(case.folder, case.case_id).exists


def find_alterations(case: Case) -> list[Fault]:
    """Return the differences from the log, the log anchor and the newest checkpoint; empty if there is none."""
    anchor, checkpoints = find_anchor(case.folder, case.case_id), load_checkpoints(case.folder)
    other = anchored_case_at(case.folder.root) if anchor is None else None
    if other is not None:
        problem = f"is of case {case.case_id}, but this folder held case {other}, whose log anchor is in the key folder"
        return [Fault(FaultKind.LOG, case.folder.audit_file, problem)]
    chain, problem = LogWriter(case.folder, clock.utc_now, anchor).check()
    if problem:
        return [Fault(FaultKind.LOG, case.folder.audit_file, problem)]
    contradiction = find_newest_contradiction(case.folder, case.case_id, chain.digests, checkpoints)
    if contradiction is not None:
        return [contradiction]
    links = case.folder.find_outside_links()
    if links:
        return links
    patterns = ALL_REGISTERED if is_guarded(case) else EVIDENCE_LISTS
    return find_altered_files(case.folder, lambda: read_chain(case.folder.audit_file).lines, patterns)
