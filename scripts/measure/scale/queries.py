"""What analysts ask of large tables: Polars and DuckDB on the published layout, Polars on the one people begin with."""

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
from scripts.measure.scale.large_tables import DAY_START_US, Made, as_people_store_it, large_case

__all__ = ["asked"]

_REPEATS: Final = 9
_COLD_REPEATS: Final = 3
_NOON: Final = datetime.fromtimestamp(DAY_START_US / 1e6, UTC) + timedelta(hours=12)
_MINUTE: Final = timedelta(seconds=60)
_CHUNK_S: Final = {"sightings": 600, "detections": 60}

Question = Callable[[], int]


def asked(folder: Path, *, n_sightings: int, n_detections: int) -> dict[str, Any]:
    """Milliseconds of every question to every layout, warm and cold; and of opening the tables the first time."""
    began = time.monotonic()
    made = large_case(folder / "case", n_sightings=n_sightings, n_detections=n_detections)
    naive = {name: as_people_store_it(made, name, folder / f"naive-{name}", _CHUNK_S[name]) for name in ("sightings",)}
    made_s, began = time.monotonic() - began, time.monotonic()
    case = forensics.open_case(made.root)
    opened = {"sightings": case.sightings(), "detections": case.detections()}
    opened_s = time.monotonic() - began
    found, files = {}, [*made.root.rglob("*.parquet"), *folder.glob("naive-*/*.parquet")]
    for name, ways in _questions(made, opened, naive).items():
        answers = {way: question() for way, question in ways.items()}
        if len(set(answers.values())) != 1:
            raise SystemExit(f"{name}: the answers differ: {answers}")
        found[name] = {
            "rows": next(iter(answers.values())),
            **{way: {**_timed(question), "cold": _cold(question, files)} for way, question in ways.items()},
        }
    return {"sightings": n_sightings, "detections": n_detections, "made_s": made_s, "opened_s": opened_s, "ms": found}


def _timed(question: Question) -> dict[str, float]:
    """Milliseconds: the median and the least of several."""
    spent = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        question()
        spent.append((time.perf_counter() - began) * 1000)
    return {"median": round(statistics.median(spent), 2), "least": round(min(spent), 2)}


def _cold(question: Question, files: list[Path]) -> float:
    """Milliseconds, the median of three, once the system has forgotten the files."""
    spent = []
    for _ in range(_COLD_REPEATS):
        for file in files:
            with file.open("rb") as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began = time.perf_counter()
        question()
        spent.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(spent), 2)


def _questions(made: Made, opened: dict[str, pl.LazyFrame], naive: dict[str, Path]) -> dict[str, dict[str, Question]]:
    until = _NOON + _MINUTE
    sightings, detections = opened["sightings"], opened["detections"]
    files = {name: str(made.root / "tables" / name / "*.parquet") for name in opened}
    link = duckdb.connect()
    link.execute("SET TimeZone = 'UTC'")

    def sql(text: str, *values: object) -> Question:
        return lambda: len(link.sql(text, params=list(values)).to_arrow_table())

    def rows(frame: pl.LazyFrame) -> Question:
        return lambda: frame.collect().height

    there = (pl.col("camera_id") == made.camera_id) & (pl.col("first_utc") < until) & (pl.col("last_utc") >= _NOON)
    boxes = (pl.col("camera_id") == made.camera_id) & pl.col("utc").is_between(_NOON, until, closed="left")
    hourly = (pl.col("first_utc").dt.truncate("1h").alias("hour"), "class_name")
    floats = pl.scan_parquet(naive["sightings"])
    noon_s = _NOON.timestamp()
    early = (pl.col("camera_id") == made.camera_id) & (pl.col("time_s") < noon_s + 60) & (pl.col("last_s") >= noon_s)
    track = sightings.filter(pl.col("track_id") == made.track_id).select("evidence_id", "first_utc", "last_utc")

    def one_track() -> int:
        """Where and when it was is asked first: so its rows need not be searched for in the whole table."""
        evidence_id, first, last = track.collect().row(0)
        is_there = (pl.col("evidence_id") == evidence_id) & pl.col("utc").is_between(first, last)
        at = (pl.col("camera_id") == made.camera_id) & is_there & (pl.col("track_id") == made.track_id)
        return detections.filter(at).collect().height

    return {
        "sightings of one camera in 60 s": {
            "polars": rows(sightings.filter(there)),
            "duckdb": sql(
                f"SELECT * FROM '{files['sightings']}' WHERE camera_id = ? AND first_utc < ? AND last_utc >= ?",
                *(made.camera_id, until, _NOON),
            ),
            "naive": rows(floats.filter(early)),
        },
        "detections of one camera in 60 s": {
            "polars": rows(detections.filter(boxes)),
            "duckdb": sql(
                f"SELECT * FROM '{files['detections']}' WHERE camera_id = ? AND utc >= ? AND utc < ?",
                *(made.camera_id, _NOON, until),
            ),
        },
        "sightings of one class in a day": {
            "polars": rows(sightings.filter(pl.col("class_name") == "bicycle").select("camera_id", "first_utc")),
            "duckdb": sql(f"SELECT camera_id, first_utc FROM '{files['sightings']}' WHERE class_name = ?", "bicycle"),
        },
        "detections of one track": {
            "polars": one_track,
            "duckdb": sql(f"SELECT * FROM '{files['detections']}' WHERE track_id = ?", made.track_id),
        },
        "sightings by hour and class": {
            "polars": rows(sightings.group_by(*hourly).len()),
            "duckdb": sql(
                f"SELECT date_trunc('hour', first_utc), class_name, count(*) FROM '{files['sightings']}' GROUP BY 1, 2"
            ),
        },
    }
