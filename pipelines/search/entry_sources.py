"""Origins of entries made from confirmed candidates: sighting, evidence and boxes, as stored by the runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from forensics.custody.case_folder import CaseFolder
from forensics.faces.reference_sources import Origin
from pipelines.custody.entries import Entry

__all__ = ["origins_of"]

_BOX = ("x1", "y1", "x2", "y2")


def origins_of(folder: CaseFolder, entries: Sequence[Entry]) -> tuple[Origin, ...]:
    """Return the origin of each entry whose faces came from the footage, in the order of the entries."""
    sources = [(entry.entry_id, entry.candidate[0]) for entry in entries if entry.candidate is not None]
    return tuple(_origin(folder, entry_id, sighting_id) for entry_id, sighting_id in sources)


def _origin(folder: CaseFolder, entry_id: str, sighting_id: str) -> Origin:
    """Return the origin with the boxes of its track; with the sighting id alone if no tables contain the sighting."""
    for tables in (folder.tables, *(run.tables for run in folder.run_folders())):
        seen = _load_rows(tables, "sightings", pl.col("sighting_id") == sighting_id)
        if seen is not None and len(seen):
            boxes = _load_rows(tables, "detections", pl.col("track_id") == seen["track_id"][0])
            if boxes is not None:
                boxes = boxes.sort("frame")
                xyxy = boxes.select(_BOX).to_numpy().astype(np.float32)
                return Origin(entry_id, sighting_id, seen["evidence_id"][0], boxes["frame"].to_numpy(), xyxy)
    return Origin(entry_id, sighting_id, "", np.zeros(0, dtype=np.int64), np.zeros((0, 4), dtype=np.float32))


def _load_rows(tables: Path, name: str, condition: pl.Expr) -> pl.DataFrame | None:
    """Return the selected rows of one table; None if the table has no files."""
    files = sorted([*tables.glob(f"{name}.parquet"), *tables.glob(f"{name}/*.parquet")])  # version 1 made folders
    return pl.scan_parquet(files).filter(condition).collect() if files else None
