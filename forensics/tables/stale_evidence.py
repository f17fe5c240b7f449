"""Evidence that was added, or whose camera or clock was corrected, since the tables were published."""

from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from forensics.custody.case_document import Case
from forensics.errors import UsageError
from forensics.tables.evidence import load_evidence
from forensics.tables.evidence_rows import evidence_table
from forensics.tables.published import scan_published

__all__ = ["added_evidence", "stale_evidence"]

_STATED: Final = (
    *("camera_id", "start_camera_clock", "clock_offset_ms", "clock_drift_ppm", "clock_drift_from"),
    *("clock_error_ms", "start_stated"),
)


def stale_evidence(case: Case) -> list[str]:
    """Return the ids of published evidence of which the case now states another camera, start or clock.

    Tables of version 1 contain the camera and the start, and no correction of the clock.

    Raises:
        UsageError: nothing was published.
        IntegrityBroken: a table or the list of evidence was changed by other means.
    """
    evidence = load_evidence(case.folder)
    cameras = {item.camera_id: case.camera(item.camera_id) for item in evidence}
    stated = _by_id(evidence_table(case.folder, evidence, cameras, {}))
    published = scan_published(case.folder, "evidence").select("evidence_id", *_STATED).collect()
    moved = _with_other_sections(case)
    return [
        row["evidence_id"]
        for row in published.iter_rows(named=True)
        if row["evidence_id"] in stated and (row["evidence_id"] in moved or _differ(row, stated[row["evidence_id"]]))
    ]


def _with_other_sections(case: Case) -> set[str]:
    """Return the ids of published evidence whose later sections began at other times than the case now states."""
    try:
        later = scan_published(case.folder, "sections").filter(pl.col("section") > 1)
    except UsageError:  # version 0.1 published no sections
        return set()
    rows = later.select("evidence_id", "camera_id", "section", pl.col("first_utc").dt.epoch("us")).collect()
    stated = case.section_starts
    return {
        evidence_id
        for evidence_id, camera_id, section, first_us in rows.iter_rows()
        if first_us != _corrected(case, camera_id, stated.get(evidence_id, {}).get(section))
    }


def _corrected(case: Case, camera_id: str, start_us: int | None) -> int | None:
    return None if start_us is None else int(case.camera(camera_id).utc_us(np.array([start_us]))[0])


def added_evidence(case: Case) -> list[str]:
    """Return the ids of evidence of the case that the published table `evidence` lacks, in the order of the case.

    Raises:
        UsageError: nothing was published.
        IntegrityBroken: a table or the list of evidence was changed by other means.
    """
    published = set(scan_published(case.folder, "evidence").select("evidence_id").collect()["evidence_id"])
    return [item.evidence_id for item in load_evidence(case.folder) if item.evidence_id not in published]


def _by_id(rows: pa.Table) -> dict[str, dict[str, Any]]:
    table = pl.from_arrow(rows)
    assert isinstance(table, pl.DataFrame)
    return {row["evidence_id"]: row for row in table.select("evidence_id", *_STATED).iter_rows(named=True)}


def _differ(published: dict[str, Any], stated: dict[str, Any]) -> bool:
    is_version_1 = published["clock_offset_ms"] is None
    names = ("camera_id", "start_camera_clock") if is_version_1 else _STATED
    return any(published[name] != stated[name] for name in names)
