"""Rows of the published table `evidence`: what the case keeps of each file, with its corrected clock and its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from forensics.custody.case_folder import CaseFolder
from forensics.footage.cameras import Camera
from forensics.footage.evidence import Evidence
from forensics.tables import schemas
from forensics.tables.evidence import stored_columns
from forensics.tables.joined_evidence import JoinedEvidence

__all__ = ["EvidenceSpan", "evidence_table", "span_of"]


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """Time that a readable evidence covers.

    Attributes:
        duration_us: from the first frame to the end of the last, in microseconds.
        end_utc: when the last frame ends, as an Arrow scalar; null if the clock is unknown there.
    """

    duration_us: int
    end_utc: pa.Scalar


def span_of(each: JoinedEvidence) -> EvidenceSpan:
    """Return the time that an evidence covers."""
    last = np.array([each.index.n_frames - 1])
    return EvidenceSpan(int(each.ends_us[-1] - each.index.media_us[0]), each.end_utc(last)[0])


def evidence_table(
    folder: CaseFolder, evidence: list[Evidence], cameras: Mapping[str, Camera], spans: Mapping[str, EvidenceSpan]
) -> pa.Table:
    """Build the table `evidence`, ordered by id.

    Args:
        folder: the case.
        evidence: all evidence, rejected evidence too.
        cameras: clock of the camera of each evidence, by its name.
        spans: of readable evidence, by id.
    """
    rows = [
        _row(item, folder, cameras[item.camera_id], spans.get(item.evidence_id))
        for item in sorted(evidence, key=lambda item: item.evidence_id)
    ]
    return pa.Table.from_pylist(rows, schema=schemas.EVIDENCE)


def _row(item: Evidence, folder: CaseFolder, camera: Camera, span: EvidenceSpan | None) -> dict[str, Any]:
    start_us, medium = item.start_utc_us, item.readable.medium if item.readable else None
    rate = None if medium is None else medium.rate_counted or medium.rate_stated
    return {
        **stored_columns(item, folder),
        "file_name": item.path.name,
        "start_utc": None if start_us is None else int(camera.utc_us(np.array([start_us]))[0]),
        "end_utc": None if span is None else span.end_utc.as_py(),
        "duration_us": None if span is None else span.duration_us,
        "start_camera_clock": start_us,
        "clock_offset_ms": camera.offset_ms,
        "clock_drift_ppm": camera.drift_ppm,
        "clock_drift_from": camera.drift_from_utc_us,
        "clock_error_ms": camera.clock_error_ms(item.clock_error_ms),
        "fps": None if rate is None else float(rate),
    }
