"""Rows of the table `sections`: the parts of each recording that have a clock of their own."""

import numpy as np
import pyarrow as pa

from forensics.footage.timeline import Section
from forensics.tables import schemas
from forensics.tables.joined_evidence import JoinedEvidence

__all__ = ["sections_table"]


def sections_table(each: JoinedEvidence) -> pa.Table:
    """Build the rows of `sections` of one evidence, in order; one row if its clock never jumps."""
    sections, n_frames = each.index.sections or (Section(0, 0),), each.index.n_frames
    evidence, n_rows = each.outcome.evidence, len(sections)
    start = np.array([section.start for section in sections], dtype=np.int64)
    stop = np.append(start[1:], n_frames)
    first, last = start, stop - 1
    first_timed, last_timed = each.timed_bounds(first, last)
    columns = {
        "evidence_id": each.constant(evidence.evidence_id, n_rows, pa.string()),
        "camera_id": each.constant(evidence.camera_id, n_rows, pa.string()),
        "section": np.arange(1, n_rows + 1),
        "start_frame": start,
        "stop_frame": stop,
        "first_pts": each.index.pts[first],
        "last_pts": each.index.pts[last],
        "first_media_us": each.index.media_us[first],
        "last_media_us": each.index.media_us[last],
        "first_utc": each.utc(first_timed),
        "last_utc": each.utc(last_timed),
        "clock_error_ms": each.clock_error_ms(first_timed),
        "reason": pa.array([section.reason for section in sections], pa.string()),
    }
    return pa.table(columns, schema=schemas.SECTIONS)
