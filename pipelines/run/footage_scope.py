"""Scope of each evidence, computed from its packet index without decoding."""

from collections.abc import Collection

import numpy as np

from forensics.custody.case_document import Case
from forensics.custody.scope import Scope, compute_scope
from forensics.footage.evidence import Evidence
from forensics.footage.frame_clock import frame_clock
from forensics.footage.timeline import PacketIndex
from forensics.tables.evidence import load_evidence, load_index

__all__ = ["compute_evidence_scope", "describe_outside"]


def compute_evidence_scope(case: Case, evidence: Evidence, index: PacketIndex) -> Scope:
    """Return the frames of an evidence that the case allows to detect."""
    clock = frame_clock(index, evidence.start_utc_us, case.section_starts.get(evidence.evidence_id, {}))
    camera = case.camera(evidence.camera_id)
    return compute_scope(case.mandate, camera, clock, clock_error_ms=evidence.clock_error_ms)


def describe_outside(case: Case, evidence_ids: Collection[str]) -> str:
    """Return a sentence on how many frames of these evidences are outside the scope, and why; empty if none is.

    Recordings that are outside because their clock is unknown are not counted; see `describe_unknown_clocks`.
    """
    mandate = case.mandate
    if not (mandate.cameras or mandate.from_utc or mandate.to_utc):
        return ""
    chosen = [item for item in load_evidence(case.folder) if item.evidence_id in evidence_ids and item.readable]
    n_frames, n_outside, details = 0, 0, set[str]()
    for item in chosen:
        index = load_index(case.folder, item)
        scope = compute_evidence_scope(case, item, index)
        n_frames += index.n_frames
        if scope.n_inside or scope.reason != "scope_unknown":
            n_outside += index.n_frames - scope.n_inside
            details |= {why for is_excluded, _, why in scope.exclusions(np.arange(index.n_frames)) if is_excluded.any()}
    if not n_outside:
        return ""
    why = "; ".join(sorted(details))
    return f"{n_outside} of {n_frames} frames are outside the scope of the case and are never processed: {why}"
