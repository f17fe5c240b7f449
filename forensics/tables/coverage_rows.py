"""Rows of the tables `coverage` and `failures`, computed from the stored parts (intermediate tables) of a run."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from forensics.footage.coverage import CoverageRange, State, check_complete, merge_ranges
from forensics.footage.timeline import PacketIndex
from forensics.tables import schemas
from forensics.tables.files import read_table
from forensics.tables.joined_evidence import JoinedEvidence
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


def coverage_table(each: JoinedEvidence, ranges: Iterable[CoverageRange]) -> pa.Table:
    """Build the table of the ranges, with a row without frames for every video stream of the file that is not read.

    No row spans two sections, whose clocks differ.
    """
    readable = each.outcome.evidence.readable
    others = readable.medium.other_streams if readable else ()
    unread = [
        CoverageRange(0, 0, State.SKIPPED, "stream_not_read", True, f"video stream {number}") for number in others
    ]
    divided = [part for covered in ranges for part in _by_section(covered, each.index)]
    rows = [{**_columns(each, covered), **_times(each, covered)} for covered in divided]
    rows += [_columns(each, covered) for covered in unread]
    return pa.Table.from_pylist(rows, schema=schemas.COVERAGE)


def _by_section(covered: CoverageRange, index: PacketIndex) -> Iterator[CoverageRange]:
    cuts = [section.start for section in index.sections if covered.start < section.start < covered.stop]
    for start, stop in pairwise([covered.start, *cuts, covered.stop]):
        yield replace(covered, start=start, stop=stop)


def _columns(each: JoinedEvidence, covered: CoverageRange) -> dict[str, Any]:
    return {
        "evidence_id": each.outcome.evidence.evidence_id,
        "camera_id": each.outcome.evidence.camera_id,
        "start_frame": covered.start,
        "stop_frame": covered.stop,
        "state": covered.state.value,
        "reason": covered.reason,
        "settled": covered.is_settled,
        "detail": covered.detail,
        "change": covered.change,
    }


def _times(each: JoinedEvidence, covered: CoverageRange) -> dict[str, Any]:
    """Return when the first frame of a range is and its last one ends, and the longest time from frame to frame."""
    media_us, first, last = each.index.media_us, np.array([covered.start]), np.array([covered.stop - 1])
    steps = np.diff(media_us[covered.start : covered.stop])
    return {
        "start_media_us": int(media_us[covered.start]),
        "stop_media_us": int(each.ends_us[covered.stop - 1]),
        "start_utc": each.utc(first)[0].as_py(),
        "stop_utc": each.end_utc(last)[0].as_py(),
        "clock_error_ms": each.clock_error_ms(first)[0].as_py(),
        "longest_step_us": int(steps.max(initial=0)),
    }


def failure_row(failure: Failure) -> dict[str, Any]:
    """Return one row of the table `failures`."""
    return {name: getattr(failure, name) for name in schemas.FAILURES.names}
