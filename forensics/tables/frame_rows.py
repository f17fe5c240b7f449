"""Rows of the table `frames`: the packet index of every evidence, with the time of every frame."""

import numpy as np
import pyarrow as pa

from forensics.tables import schemas
from forensics.tables.joined_evidence import JoinedEvidence

__all__ = ["frames_table"]


def frames_table(each: JoinedEvidence) -> pa.Table:
    """Build the rows of `frames` of one evidence, in presentation order."""
    index, evidence, n_frames = each.index, each.outcome.evidence, each.index.n_frames
    frame = np.arange(n_frames)
    columns = {
        "evidence_id": each.constant(evidence.evidence_id, n_frames, pa.string()),
        "camera_id": each.constant(evidence.camera_id, n_frames, pa.string()),
        "frame": frame,
        "pts": index.pts,
        "media_us": index.media_us,
        "utc": each.utc(frame),
        "clock_error_ms": each.clock_error_ms(frame),
        "is_key": index.is_key,
        "is_hidden": index.is_hidden,
        "is_damaged": np.isin(frame, list(index.damaged)),
        "packet_bytes": index.size,
        "picture": each.pictures,
    }
    return pa.table(columns, schema=schemas.FRAMES)
