"""The healthy footage that lies beside every bad file, and the rows that must not change because of it."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
from PIL import Image

from testing.painted.encode import Recipe, encode
from testing.painted.picture import paint

__all__ = ["Baseline", "Healthy", "paint_healthy", "rows_of"]

_N_FRAMES, _N_STILLS = 24, 3
_RATE = Fraction(25)
_TABLES = ("sources", "evidence", "detections", "tracks", "sightings", "coverage", "failures")


@dataclass(frozen=True, slots=True)
class Healthy:
    """A clip and a folder of stills that are as they should be."""

    clip: Path
    stills: Path


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the job says and needs where there is nothing bad.

    Attributes:
        rows: of each table, those of the healthy footage, as text.
        ingest_bytes, run_bytes: the most that any process held.
    """

    rows: dict[str, list[str]]
    ingest_bytes: int
    run_bytes: int


def paint_healthy(folder: Path) -> Healthy:
    """Write the healthy footage below `folder`."""
    stills = folder / "trap"
    stills.mkdir(parents=True)
    for second in range(_N_STILLS):
        Image.fromarray(paint(100 + second, 160, 96)).save(stills / f"2026-05-01_10-00-0{second}.png")
    recipe = Recipe(options={"preset": "ultrafast", "bf": "2"}, rate=_RATE)
    clip = encode(folder / "gate.mp4", recipe, [number / _RATE for number in range(_N_FRAMES)])
    return Healthy(clip, stills)


def rows_of(tables: Path, evidence_ids: set[str]) -> dict[str, list[str]]:
    """Of each published table, the rows of this evidence as sorted text."""
    found = {}
    for name in _TABLES:
        rows = pl.read_parquet(tables / name / "*.parquet").filter(pl.col("evidence_id").is_in(list(evidence_ids)))
        found[name] = sorted(json.dumps(row, default=_text, sort_keys=True) for row in rows.to_dicts())
    return found


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
