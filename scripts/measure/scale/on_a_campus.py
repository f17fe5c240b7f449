"""Plan, run, kill half way, go on, track and publish a campus with a detector that answers at once."""

import time
from pathlib import Path
from typing import Any

import polars as pl

from scripts.measure.scale.campus import FPS, campus, dimmed_s
from scripts.measure.scale.instant_detector import network_that_answers_at_once
from scripts.measure.scale.measured_command import ended

__all__ = ["on_a_campus"]


def on_a_campus(folder: Path, *, n_cameras: int, seconds: int, chunk_s: float) -> dict[str, Any]:
    """What became of so many cameras of so many seconds each.

    Args:
        folder: empty, on a disk that holds the case.
        n_cameras: one file each.
        seconds: of each file.
        chunk_s: media time of a chunk.
    """
    case, keys = folder / "case", folder / "keys"
    model = network_that_answers_at_once(folder / "at-once")
    began = time.monotonic()
    footage = campus(folder / "footage", n_cameras, seconds)
    filmed_s = time.monotonic() - began
    ended("case", "init", case, "--purpose", "scale", "--operator", "scale", "--json", keys=keys)
    told = ("--start", "2026-05-01T10:00:00Z", "--json")
    ingested = [ended("ingest", case, path, "--camera", path.stem, *told, keys=keys) for path in footage]
    asked = ("--model", model, "--set", "detect.min_score=0.3", "--set", f"chunk.seconds={chunk_s}", "--json")
    planned = ended("run", case, *asked, "--dry-run", keys=keys)
    n_chunks = planned.answer["chunks"]
    killed = ended("run", case, *asked, "--quiet", keys=keys, killed_when=lambda: _n_parts(case) >= n_chunks // 2)
    n_kept = _n_parts(case)
    again = ended("run", case, *asked, "--quiet", keys=keys)
    return {
        "cameras": n_cameras,
        "frames": planned.answer["frames"],
        "chunks": n_chunks,
        "filmed_s": filmed_s,
        "ingest_s": sum(each.seconds for each in ingested),
        "plan_s": planned.seconds,
        "killed_after_s": killed.seconds,
        "chunks_kept": n_kept,
        "resumed_s": again.seconds,
        "driver_mib": max(each.driver_bytes for each in (planned, killed, again)) >> 20,
        "figures": again.answer["figures"],
        "wall_s_per_chunk": killed.seconds / n_kept,
        "rows": again.answer["rows"],
        **_checked(case, n_cameras * seconds * FPS, n_cameras * dimmed_s(seconds)),
    }


def _n_parts(case: Path) -> int:
    return sum(1 for _ in case.glob("runs/*/parts/detect/*.parquet"))


def _checked(case: Path, n_frames: int, n_visits: int) -> dict[str, Any]:
    """Whether every frame is accounted for and everybody was seen, once."""
    coverage = pl.read_parquet(case / "tables" / "coverage" / "*.parquet")
    n_covered = int((coverage["stop_frame"] - coverage["start_frame"]).sum())
    n_sightings = len(pl.read_parquet(case / "tables" / "sightings" / "*.parquet"))
    if (n_covered, n_sightings) != (n_frames, n_visits):
        raise SystemExit(f"{n_covered} of {n_frames} frames are covered, {n_sightings} of {n_visits} visits were seen")
    return {"frames_covered": n_covered, "sightings": n_sightings}
