"""How much of the footage a case may not look at: from the packet indexes alone, nothing is decoded."""

from collections.abc import Collection

from forensics.custody.scope import Scope, scope_of
from forensics.footage.evidence import Evidence
from forensics.footage.timeline import PacketIndex
from forensics.tables.evidence import load_evidence, load_index
from pipelines.custody.case_document import Case

__all__ = ["outside_text", "scope_in"]


def scope_in(case: Case, evidence: Evidence, index: PacketIndex) -> Scope:
    """The frames of an evidence that the case may look at."""
    return scope_of(
        case.mandate,
        case.camera(evidence.camera_id),
        index.media_us,
        start_utc_us=evidence.start_utc_us,
        clock_error_ms=evidence.clock_error_ms,
    )


def outside_text(case: Case, evidence_ids: Collection[str]) -> str:
    """How many frames of these evidences lie outside, and why; empty if none does.

    What lies outside because nobody stated a clock is left to `unknown_clocks`.
    """
    mandate = case.mandate
    if not (mandate.cameras or mandate.from_utc or mandate.to_utc):
        return ""
    chosen = [item for item in load_evidence(case.folder) if item.evidence_id in evidence_ids and item.readable]
    n_frames, n_outside, details = 0, 0, set[str]()
    for item in chosen:
        index = load_index(case.folder, item)
        scope = scope_in(case, item, index)
        n_frames += index.n_frames
        if scope.reason == "scope":
            n_outside += index.n_frames - (scope.stop - scope.start)
            details.add(scope.detail)
    if not n_outside:
        return ""
    why = "; ".join(sorted(details))
    return f"{n_outside} of {n_frames} frames lie outside the scope of the case, so no run looks at them: {why}"
