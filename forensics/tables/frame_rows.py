"""Rows of the table `frames`: the packet index of every evidence, with the time of every frame."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from forensics.footage.timeline import Int64Array
from forensics.tables import schemas
from forensics.tables.joined_evidence import JoinedEvidence

__all__ = ["frame_tables"]

_N_ROWS: Final = 65_536


def frame_tables(each: JoinedEvidence) -> Iterator[pa.Table]:
    """Yield the rows of `frames` of one evidence, in presentation order; in slices, to hold only one in memory."""
    damaged = np.array(sorted(each.index.damaged), dtype=np.int64)
    for start in range(0, each.index.n_frames, _N_ROWS):
        yield _frames_table(each, np.arange(start, min(start + _N_ROWS, each.index.n_frames)), damaged)


def _frames_table(each: JoinedEvidence, frame: Int64Array, damaged: Int64Array) -> pa.Table:
    index, evidence, n_rows = each.index, each.outcome.evidence, len(frame)
    columns = {
        "evidence_id": each.constant(evidence.evidence_id, n_rows, pa.string()),
        "camera_id": each.constant(evidence.camera_id, n_rows, pa.string()),
        "frame": frame,
        "pts": index.pts[frame],
        "media_us": index.media_us[frame],
        "utc": each.utc(frame),
        "clock_error_ms": each.clock_error_ms(frame),
        "is_key": index.is_key[frame],
        "is_hidden": index.is_hidden[frame],
        "is_damaged": np.isin(frame, damaged),
        "packet_bytes": index.size[frame],
        "picture": each.pictures.slice(int(frame[0]), n_rows),
    }
    return pa.table(columns, schema=schemas.FRAMES)
