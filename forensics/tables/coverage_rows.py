"""Rows of the tables `coverage` and `failures`, computed from the stored parts (intermediate tables) of a run."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from forensics.footage.coverage import CoverageRange, State, check_complete, merge_ranges
from forensics.tables import schemas
from forensics.tables.files import read_table
from forensics.tables.outcomes import ChunkOutcome, EvidenceOutcome, Failure
from forensics.tables.parts import coverage_of

__all__ = ["count_coverage", "count_gap_frames", "coverage_table", "failure_row"]


def count_coverage(outcome: EvidenceOutcome, spot_checks: Mapping[int, str]) -> list[CoverageRange]:
    """Return the coverage of one evidence as ranges of frames with one state, and check that it is complete.

    Args:
        outcome: chunks of the evidence with their parts.
        spot_checks: from spot-checked frame to the text that describes its result.

    Raises:
        CoverageBroken: a frame is missing, or counted twice.
    """
    ranges = merge_ranges(each for chunk in outcome.chunks for each in _chunk_coverage(chunk, spot_checks))
    check_complete(outcome.evidence.evidence_id, ranges, outcome.evidence.n_frames)
    return ranges


def count_gap_frames(ranges: list[CoverageRange]) -> int:
    """Return the number of frames that could not be decoded whole, or were lost."""
    return sum(each.stop - each.start for each in ranges if each.state in (State.GAP, State.DOUBTFUL))


def _chunk_coverage(outcome: ChunkOutcome, spot_checks: Mapping[int, str]) -> list[CoverageRange]:
    if outcome.part is None:
        chunk = outcome.chunk
        return [CoverageRange(chunk.start, chunk.stop, State.GAP, outcome.lost, False, outcome.detail)]
    return coverage_of(read_table(outcome.part, schemas.DETECT_PART), spot_checks)


def coverage_table(outcome: EvidenceOutcome, ranges: list[CoverageRange]) -> pa.Table:
    """Build the table of the ranges, with a row without frames for every video stream of the file that is not read."""
    readable = outcome.evidence.readable
    others = readable.medium.other_streams if readable else ()
    unread = [
        CoverageRange(0, 0, State.SKIPPED, "stream_not_read", True, f"video stream {number}") for number in others
    ]
    rows = [
        {
            "evidence_id": outcome.evidence.evidence_id,
            "camera_id": outcome.evidence.camera_id,
            "start_frame": each.start,
            "stop_frame": each.stop,
            "state": each.state.value,
            "reason": each.reason,
            "settled": each.is_settled,
            "detail": each.detail,
            "change": each.change,
        }
        for each in [*ranges, *unread]
    ]
    return pa.Table.from_pylist(rows, schema=schemas.COVERAGE)


def failure_row(failure: Failure) -> dict[str, Any]:
    """Return one row of the table `failures`."""
    return {name: getattr(failure, name) for name in schemas.FAILURES.names}
