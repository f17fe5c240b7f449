"""Healthy footage that is processed beside every bad file, and its rows, which must not change."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
from PIL import Image

from testing.painted.encode import Recipe, encode
from testing.painted.picture import paint

__all__ = ["Baseline", "HealthyFootage", "paint_healthy", "rows_of"]

_N_FRAMES, _N_STILLS = 24, 3
_RATE = Fraction(25)
_TABLES = ("sources", "evidence", "detections", "sightings", "coverage", "failures")


@dataclass(frozen=True, slots=True)
class HealthyFootage:
    """An intact clip and an intact folder of stills."""

    clip: Path
    stills: Path


@dataclass(frozen=True, slots=True)
class Baseline:
    """Rows and memory of the job on healthy footage alone.

    Attributes:
        rows: of the healthy footage in each table, as text.
        ingest_bytes, run_bytes: peak memory of the largest process.
    """

    rows: dict[str, list[str]]
    ingest_bytes: int
    run_bytes: int


def paint_healthy(folder: Path) -> HealthyFootage:
    """Write the healthy footage below `folder`."""
    stills = folder / "trap"
    stills.mkdir(parents=True)
    for second in range(_N_STILLS):
        Image.fromarray(paint(100 + second, 160, 96)).save(stills / f"2026-05-01_10-00-0{second}.png")
    recipe = Recipe(options={"preset": "ultrafast", "bf": "2"}, rate=_RATE)
    clip = encode(folder / "gate.mp4", recipe, [number / _RATE for number in range(_N_FRAMES)])
    return HealthyFootage(clip, stills)


def rows_of(tables: Path, evidence_ids: set[str]) -> dict[str, list[str]]:
    """Return the rows of this evidence in each published table, as sorted text."""
    found = {}
    for name in _TABLES:
        rows = (
            pl.read_parquet(tables / f"{name}.parquet")
            .drop("case_id")
            .filter(pl.col("evidence_id").is_in(list(evidence_ids)))
        )
        found[name] = sorted(json.dumps(row, default=_text, sort_keys=True) for row in rows.to_dicts())
    return found


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
