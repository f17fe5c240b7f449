"""Time typical queries of large tables: Polars and DuckDB on the published layout, Polars on a naive layout."""

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl

import forensics
from scripts.measure.scale.large_tables import DAY_START_US, LargeCase, make_large_case, write_naive_layout
from scripts.measure.scale.measured_command import run_forensics

__all__ = ["measure_queries"]

_REPEATS: Final = 9
_COLD_REPEATS: Final = 3
_NOON: Final = datetime.fromtimestamp(DAY_START_US / 1e6, UTC) + timedelta(hours=12)
_MINUTE: Final = timedelta(seconds=60)
_CHUNK_S: Final = {"sightings": 600, "detections": 60}

Query = Callable[[], int]


def measure_queries(folder: Path, *, n_sightings: int, n_detections: int) -> dict[str, Any]:
    """Measure queries on every layout, warm and cold, in milliseconds; the first opening of the tables; a command."""
    began = time.monotonic()
    case_data = make_large_case(folder / "case", n_sightings=n_sightings, n_detections=n_detections)
    naive = {
        name: write_naive_layout(case_data, name, folder / f"naive-{name}", _CHUNK_S[name]) for name in ("sightings",)
    }
    making_s, began = time.monotonic() - began, time.monotonic()
    case = forensics.open_case(case_data.root)
    opened = {"sightings": case.sightings(), "detections": case.detections()}
    opened_s = time.monotonic() - began
    found, files = {}, [*case_data.root.rglob("*.parquet"), *folder.glob("naive-*/*.parquet")]
    for name, by_engine in _queries(case_data, opened, naive).items():
        answers = {engine: query() for engine, query in by_engine.items()}
        if len(set(answers.values())) != 1:
            raise SystemExit(f"{name}: the queries return different numbers of rows: {answers}")
        found[name] = {
            "rows": next(iter(answers.values())),
            **{engine: {**_timed(query), "cold": _cold(query, files)} for engine, query in by_engine.items()},
        }
    return {
        "sightings": n_sightings,
        "detections": n_detections,
        "made_s": making_s,
        "opened_s": opened_s,
        "command_s": _command_s(case_data, folder / "keys"),
        "ms": found,
    }


def _command_s(case_data: LargeCase, keys: Path) -> float:
    """Return the median of the whole command `forensics query`, for one camera in 60 s, in seconds."""
    limits = ("--from", _NOON.isoformat(), "--to", (_NOON + _MINUTE).isoformat())
    words = ("query", case_data.root, "--camera", case_data.camera_id, *limits, "--json")
    return round(statistics.median(run_forensics(*words, keys=keys).seconds for _ in range(_REPEATS)), 2)


def _timed(query: Query) -> dict[str, float]:
    """Return the median and the minimum of several calls, in milliseconds."""
    spent = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        query()
        spent.append((time.perf_counter() - began) * 1000)
    return {"median": round(statistics.median(spent), 2), "least": round(min(spent), 2)}


def _cold(query: Query, files: list[Path]) -> float:
    """Return the median of three calls in milliseconds, each after the files were dropped from the page cache."""
    spent = []
    for _ in range(_COLD_REPEATS):
        for file in files:
            with file.open("rb") as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began = time.perf_counter()
        query()
        spent.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(spent), 2)


def _queries(
    case_data: LargeCase, opened: dict[str, pl.LazyFrame], naive: dict[str, Path]
) -> dict[str, dict[str, Query]]:
    until = _NOON + _MINUTE
    sightings, detections = opened["sightings"], opened["detections"]
    files = {name: str(case_data.root / "tables" / f"{name}.parquet") for name in opened}
    link = duckdb.connect()
    link.execute("SET TimeZone = 'UTC'")

    def sql(text: str, *values: object) -> Query:
        return lambda: len(link.sql(text, params=list(values)).to_arrow_table())

    def rows(frame: pl.LazyFrame) -> Query:
        return lambda: frame.collect().height

    there = (pl.col("camera_id") == case_data.camera_id) & (pl.col("first_utc") < until) & (pl.col("last_utc") >= _NOON)
    boxes = (pl.col("camera_id") == case_data.camera_id) & pl.col("utc").is_between(_NOON, until, closed="left")
    hourly = (pl.col("first_utc").dt.truncate("1h").alias("hour"), "class_name")
    floats = pl.scan_parquet(naive["sightings"])
    noon_s = _NOON.timestamp()
    early = (
        (pl.col("camera_id") == case_data.camera_id) & (pl.col("time_s") < noon_s + 60) & (pl.col("last_s") >= noon_s)
    )
    track = sightings.filter(pl.col("track_id") == case_data.track_id).select("evidence_id", "first_utc", "last_utc")

    def one_track() -> int:
        """Read evidence and time of the track first, so that only a part of the detections must be searched."""
        evidence_id, first, last = track.collect().row(0)
        is_there = (pl.col("evidence_id") == evidence_id) & pl.col("utc").is_between(first, last)
        at = (pl.col("camera_id") == case_data.camera_id) & is_there & (pl.col("track_id") == case_data.track_id)
        return detections.filter(at).collect().height

    return {
        "sightings of one camera in 60 s": {
            "polars": rows(sightings.filter(there)),
            "duckdb": sql(
                f"SELECT * FROM '{files['sightings']}' WHERE camera_id = ? AND first_utc < ? AND last_utc >= ?",
                *(case_data.camera_id, until, _NOON),
            ),
            "naive": rows(floats.filter(early)),
        },
        "detections of one camera in 60 s": {
            "polars": rows(detections.filter(boxes)),
            "duckdb": sql(
                f"SELECT * FROM '{files['detections']}' WHERE camera_id = ? AND utc >= ? AND utc < ?",
                *(case_data.camera_id, _NOON, until),
            ),
        },
        "sightings of one class in a day": {
            "polars": rows(sightings.filter(pl.col("class_name") == "bicycle").select("camera_id", "first_utc")),
            "duckdb": sql(f"SELECT camera_id, first_utc FROM '{files['sightings']}' WHERE class_name = ?", "bicycle"),
        },
        "detections of one track": {
            "polars": one_track,
            "duckdb": sql(f"SELECT * FROM '{files['detections']}' WHERE track_id = ?", case_data.track_id),
        },
        "sightings by hour and class": {
            "polars": rows(sightings.group_by(*hourly).len()),
            "duckdb": sql(
                f"SELECT date_trunc('hour', first_utc), class_name, count(*) FROM '{files['sightings']}' GROUP BY 1, 2"
            ),
        },
    }
