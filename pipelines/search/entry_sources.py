"""Where the entries that were made from confirmed candidates were seen, as the runs of the case published it."""

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
    """One for each entry whose faces came from the footage, in the order of the entries."""
    taken = [(entry.entry_id, entry.candidate[0]) for entry in entries if entry.candidate is not None]
    return tuple(_origin(folder, entry_id, sighting_id) for entry_id, sighting_id in taken)


def _origin(folder: CaseFolder, entry_id: str, sighting_id: str) -> Origin:
    """With the boxes of its track; without any where no tables tell of it, so that its id alone is known."""
    for tables in (folder.tables, *sorted(folder.runs.glob("*/tables"))):
        seen = _rows(tables, "sightings", pl.col("sighting_id") == sighting_id)
        if seen is not None and len(seen):
            boxes = _rows(tables, "detections", pl.col("track_id") == seen["track_id"][0])
            if boxes is not None:
                boxes = boxes.sort("frame")
                xyxy = boxes.select(_BOX).to_numpy().astype(np.float32)
                return Origin(entry_id, sighting_id, seen["evidence_id"][0], boxes["frame"].to_numpy(), xyxy)
    return Origin(entry_id, sighting_id, "", np.zeros(0, dtype=np.int64), np.zeros((0, 4), dtype=np.float32))


def _rows(tables: Path, name: str, is_it: pl.Expr) -> pl.DataFrame | None:
    """The rows of one table of one run; None where it lies there no more."""
    files = sorted((tables / name).glob("*.parquet"))
    return pl.scan_parquet(files).filter(is_it).collect() if files else None
