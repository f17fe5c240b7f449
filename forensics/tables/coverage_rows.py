"""The rows of `coverage` and `failures`, counted from the parts."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from forensics.footage.coverage import CoverageRange, State, check_complete, merge_ranges
from forensics.tables import schemas
from forensics.tables.files import read_table
from forensics.tables.outcomes import ChunkOutcome, EvidenceOutcome, Failure
from forensics.tables.parts import coverage_of

__all__ = ["checked_coverage", "coverage_table", "failure_row", "n_gap_frames"]


def checked_coverage(outcome: EvidenceOutcome, audited: Mapping[int, str]) -> list[CoverageRange]:
    """Every frame of the evidence in one state, counted from its parts.

    Args:
        outcome: of one evidence.
        audited: what was found in frames that the gate had passed over, by frame.

    Raises:
        CoverageBroken: a frame is missing, or counted twice.
    """
    stretches = merge_ranges(stretch for chunk in outcome.chunks for stretch in _chunk_coverage(chunk, audited))
    check_complete(outcome.evidence.evidence_id, stretches, outcome.evidence.n_frames)
    return stretches


def n_gap_frames(stretches: list[CoverageRange]) -> int:
    """How many frames could not be handed out."""
    return sum(stretch.stop - stretch.start for stretch in stretches if stretch.state is State.GAP)


def _chunk_coverage(outcome: ChunkOutcome, audited: Mapping[int, str]) -> list[CoverageRange]:
    if outcome.part is None:
        chunk = outcome.chunk
        return [CoverageRange(chunk.start, chunk.stop, State.GAP, outcome.lost, False, outcome.detail)]
    return coverage_of(read_table(outcome.part, schemas.DETECT_PART), audited)


def coverage_table(outcome: EvidenceOutcome, stretches: list[CoverageRange]) -> pa.Table:
    """The stretches, and a row without frames for every video stream of the file that is not read."""
    readable = outcome.evidence.readable
    others = readable.medium.other_streams if readable else ()
    unread = [
        CoverageRange(0, 0, State.SKIPPED, "stream_not_read", True, f"video stream {number}") for number in others
    ]
    rows = [
        {
            "evidence_id": outcome.evidence.evidence_id,
            "camera_id": outcome.evidence.camera_id,
            "start_frame": stretch.start,
            "stop_frame": stretch.stop,
            "state": stretch.state.value,
            "reason": stretch.reason,
            "settled": stretch.is_settled,
            "detail": stretch.detail,
            "change": stretch.change,
        }
        for stretch in [*stretches, *unread]
    ]
    return pa.Table.from_pylist(rows, schema=schemas.COVERAGE)


def failure_row(failure: Failure) -> dict[str, Any]:
    """One row of `failures`."""
    return {name: getattr(failure, name) for name in schemas.FAILURES.names}
