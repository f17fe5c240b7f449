"""Rows of the published table `evidence`: what the case keeps of each file, with its corrected clock and its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

from forensics.custody.case_folder import CaseFolder
from forensics.footage.cameras import Camera
from forensics.footage.evidence import Evidence
from forensics.tables import schemas
from forensics.tables.evidence import stored_columns
from forensics.tables.joined_evidence import JoinedEvidence

__all__ = ["EvidenceSpan", "evidence_table", "span_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """Time that a readable evidence covers.

    Attributes:
        duration_us: from the first frame to the end of the last, in microseconds.
        is_start_known: whether the first section has a frame whose time is known.
        start_utc: earliest start of its later sections; None if there are none, or the clock of one is unknown.
        end_utc: latest end of its sections; None if the clock of one is unknown.
    """

    duration_us: int
    is_start_known: bool
    start_utc: datetime | None
    end_utc: datetime | None


def span_of(each: JoinedEvidence) -> EvidenceSpan:
    """Return the time that an evidence covers, by its frames whose time is known.

    A clock that was set back makes a later section start earlier.
    """
    starts = [section.start for section in each.index.sections] or [0]
    first, last = each.timed_bounds(np.array(starts), np.array([*starts[1:], each.index.n_frames]) - 1)
    begins, ends = each.utc(first).to_pylist(), each.end_utc(last).to_pylist()
    is_known = None not in begins and None not in ends
    return EvidenceSpan(
        duration_us=int(each.ends_us[-1] - each.index.media_us[0]),
        is_start_known=begins[0] is not None,
        start_utc=min(begins[1:], default=None) if is_known else None,
        end_utc=max(ends) if is_known else None,
    )


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
    start = None
    if start_us is not None and (span is None or span.is_start_known):
        start = _EPOCH + timedelta(microseconds=int(camera.utc_us(np.array([start_us]))[0]))
    if start is not None and span is not None and span.start_utc is not None:
        start = min(start, span.start_utc)
    rate = None if medium is None else medium.rate_counted or medium.rate_stated
    return {
        **stored_columns(item, folder),
        "file_name": item.path.name,
        "start_utc": start,
        "end_utc": None if span is None else span.end_utc,
        "duration_us": None if span is None else span.duration_us,
        "start_stated": item.start_stated,
        "start_camera_clock": start_us,
        "clock_offset_ms": camera.offset_ms,
        "clock_drift_ppm": camera.drift_ppm,
        "clock_drift_from": camera.drift_from_utc_us,
        "clock_error_ms": camera.clock_error_ms(item.clock_error_ms),
        "fps": None if rate is None else float(rate),
    }
