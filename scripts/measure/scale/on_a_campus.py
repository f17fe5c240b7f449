"""Plan, run, kill half way, resume, track and publish a campus, with a detector that answers at once."""

import time
from pathlib import Path
from typing import Any

import polars as pl

from scripts.measure.scale.campus import FPS, make_campus, visits_in
from scripts.measure.scale.instant_detector import write_instant_network
from scripts.measure.scale.measured_command import run_forensics

__all__ = ["measure_campus"]


def measure_campus(folder: Path, *, n_cameras: int, seconds: int, chunk_s: float) -> dict[str, Any]:
    """Measure the whole job on so many cameras of so many seconds each.

    Args:
        folder: an empty folder on a disk with space for the case.
        n_cameras: number of cameras, with one file each.
        seconds: of each file.
        chunk_s: media time of a chunk.
    """
    case, keys = folder / "case", folder / "keys"
    model = write_instant_network(folder / "at-once")
    start_s = time.monotonic()
    footage = make_campus(folder / "footage", n_cameras, seconds)
    written_s = time.monotonic() - start_s
    run_forensics("case", "init", case, "--purpose", "scale", "--operator", "scale", "--json", keys=keys)
    ingest_options = ("--start", "2026-05-01T10:00:00Z", "--json")
    ingested = [
        run_forensics("ingest", case, path, "--camera", path.stem, *ingest_options, keys=keys) for path in footage
    ]
    run_options = ("--model", model, "--set", "detect.min_score=0.3", "--set", f"chunk.seconds={chunk_s}", "--json")
    planned = run_forensics("run", case, *run_options, "--dry-run", keys=keys)
    n_chunks = planned.answer["chunks"]
    killed = run_forensics(
        "run", case, *run_options, "--quiet", keys=keys, kill_when=lambda: _n_parts(case) >= n_chunks // 2
    )
    n_kept = _n_parts(case)
    again = run_forensics("run", case, *run_options, "--quiet", keys=keys)
    return {
        "cameras": n_cameras,
        "frames": planned.answer["frames"],
        "chunks": n_chunks,
        "filmed_s": written_s,
        "ingest_s": sum(each.seconds for each in ingested),
        "plan_s": planned.seconds,
        "killed_after_s": killed.seconds,
        "chunks_kept": n_kept,
        "resumed_s": again.seconds,
        "driver_mib": max(each.driver_bytes for each in (planned, killed, again)) >> 20,
        "figures": again.answer["figures"],
        "wall_s_per_chunk": killed.seconds / n_kept,
        "rows": again.answer["rows"],
        **_check_tables(case, n_cameras * seconds * FPS, n_cameras * visits_in(seconds)),
    }


def _n_parts(case: Path) -> int:
    return sum(1 for _ in case.glob("runs/*/parts/detect/*.parquet"))


def _check_tables(case: Path, n_frames: int, n_visits: int) -> dict[str, Any]:
    """Check that every frame is covered and every visit is one sighting; return these counts."""
    coverage = pl.read_parquet(case / "tables" / "coverage.parquet")
    n_covered = int((coverage["stop_frame"] - coverage["start_frame"]).sum())
    n_sightings = len(pl.read_parquet(case / "tables" / "sightings.parquet"))
    if (n_covered, n_sightings) != (n_frames, n_visits):
        raise SystemExit(
            f"covered {n_covered} frames, expected {n_frames}; {n_sightings} sightings, expected {n_visits}"
        )
    return {"frames_covered": n_covered, "sightings": n_sightings}
