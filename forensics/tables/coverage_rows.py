"""Rows of the tables `coverage` and `failures`, computed from the stored parts (intermediate tables) of a run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from forensics.footage.coverage import CoverageRange, State, check_complete, merge_ranges
from forensics.footage.timeline import Int64Array
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

    No row spans two sections, whose clocks differ, nor stills with and without a time.
    """
    readable = each.outcome.evidence.readable
    others = readable.medium.other_streams if readable else ()
    unread = [
        CoverageRange(0, 0, State.SKIPPED, "stream_not_read", True, f"video stream {number}") for number in others
    ]
    divided = [part for covered in ranges for part in _by_clock(covered, each)]
    rows = pa.Table.from_pylist([_columns(each, covered) for covered in (*divided, *unread)], schema=schemas.COVERAGE)
    for name, column in _times(each, divided, n_unread=len(unread)).items():
        rows = rows.set_column(rows.schema.get_field_index(name), schemas.COVERAGE.field(name), column)
    return rows


def _by_clock(covered: CoverageRange, each: JoinedEvidence) -> Iterator[CoverageRange]:
    is_known = each.is_utc_known[covered.start : covered.stop]
    changes = covered.start + 1 + np.flatnonzero(is_known[1:] != is_known[:-1])
    starts = {*(section.start for section in each.index.sections), *changes.tolist()}
    cuts = sorted(start for start in starts if covered.start < start < covered.stop)
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


def _times(each: JoinedEvidence, covered: Sequence[CoverageRange], *, n_unread: int) -> dict[str, pa.Array]:
    """Return when the first frame of each range is and its last one ends, and the longest time from frame to frame.

    Args:
        each: the evidence.
        covered: ranges with at least one frame.
        n_unread: number of rows without frames behind them, whose times are null.
    """
    first = np.array([part.start for part in covered], dtype=np.int64)
    last = np.array([part.stop for part in covered], dtype=np.int64) - 1
    columns = {
        "start_media_us": pa.array(each.index.media_us[first]),
        "stop_media_us": pa.array(each.ends_us[last]),
        "start_utc": each.utc(first),
        "stop_utc": each.end_utc(last),
        "clock_error_ms": each.clock_error_ms(first),
        "longest_step_us": pa.array(_longest_steps(each.index.media_us, first, last)),
    }
    return {name: pa.concat_arrays([column, pa.nulls(n_unread, column.type)]) for name, column in columns.items()}


def _longest_steps(media_us: Int64Array, first: Int64Array, last: Int64Array) -> Int64Array:
    """Return the longest time from one frame to the next in each range of frames, 0 for a single frame.

    >>> _longest_steps(np.array([0, 40, 90, 100]), np.array([0, 1, 3]), np.array([0, 2, 3])).tolist()
    [0, 50, 0]
    """
    if not len(first):
        return first
    steps = np.append(np.diff(media_us), 0)
    steps[last] = 0  # the step out of a range belongs to no range
    longest: Int64Array = np.maximum.reduceat(steps, first)
    return longest


def failure_row(failure: Failure) -> dict[str, Any]:
    """Return one row of the table `failures`."""
    return {name: getattr(failure, name) for name in schemas.FAILURES.names}
