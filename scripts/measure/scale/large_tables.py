"""Simulated tables of any size, in the published layout and in a naive layout."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forensics.custody.mandate import Mandate, Mode
from forensics.tables import schemas
from forensics.tables.files import atomic_file, describe_file, write_json
from forensics.tables.row_groups import TableWriter
from forensics.tables.run_identity import RunIdentity
from pipelines import clock
from pipelines.custody.case_store import make_case

__all__ = ["CAMERAS", "DAY_START_US", "LargeCase", "make_large_case", "write_naive_layout"]

CAMERAS: Final = tuple(f"cam-{number:02d}" for number in range(16))
DAY_START_US: Final = 1_777_593_600_000_000  # 2026-05-01T00:00:00Z
_DAY_US: Final = 86_400_000_000
_HOUR_US: Final = 3_600_000_000
_FRAME_US: Final = 40_000
_UTC: Final = pa.timestamp("us", tz="UTC")
_CLASSES: Final = ("person", "car", "bicycle", "dog", "truck")
_SHARES: Final = (0.7, 0.2, 0.05, 0.03, 0.02)
_BATCH_ROWS: Final = 250_000


_MADE: Final = RunIdentity(case_id="made", run_id="0" * 16, model="made", model_sha256="")


@dataclass(frozen=True, slots=True)
class LargeCase:
    """A case with simulated tables.

    Attributes:
        root: of the case.
        track_id: of one track in the middle of the day.
        camera_id: of the camera of this track.
    """

    root: Path
    track_id: str
    camera_id: str


def make_large_case(root: Path, *, n_sightings: int, n_detections: int) -> LargeCase:
    """Make a case of sixteen cameras and one day, with the same number of detections in every sighting."""
    mandate = Mandate(Mode.SCENE, title="simulated", purpose="measurement of queries", operator="measurement")
    folder = make_case(root, mandate, now=clock.utc_now()).folder
    folder.tables.mkdir()
    per_track = n_detections // n_sightings
    files = {name: folder.tables / f"{name}.parquet" for name in schemas.PUBLISHED}
    with atomic_file(files["sightings"]) as first, atomic_file(files["detections"]) as second:
        sightings, detections = TableWriter(first, "sightings", _MADE), TableWriter(second, "detections", _MADE)
        for rows in _simulate_sightings(n_sightings):
            sightings.add(rows)
            detections.add(_detections_table(rows, per_track))
        sightings.close()
        detections.close()
    for name in files.keys() - {"sightings", "detections"}:
        with atomic_file(files[name]) as file:
            writer = TableWriter(file, name, _MADE)
            writer.add(_evidence_table() if name == "evidence" else schemas.PUBLISHED[name].empty_table())
            writer.close()
    manifest = {
        "run": _MADE.run_id,
        "schema_version": schemas.SCHEMA_VERSION,
        "files": [describe_file(file, folder.tables) for file in files.values()],
    }
    write_json(folder.manifest, manifest)
    camera = len(CAMERAS) // 2
    return LargeCase(root, _ids(camera, np.array([n_sightings // len(CAMERAS) // 2]))[0], CAMERAS[camera])


def _evidence_table() -> pa.Table:
    """Return one recording of each camera, of which nothing else is known."""
    rows = [{"evidence_id": f"{number:016x}", "camera_id": camera} for number, camera in enumerate(CAMERAS)]
    return pa.Table.from_pylist(rows, schema=schemas.EVIDENCE)


def _simulate_sightings(n_sightings: int) -> Iterator[pa.Table]:
    """Yield sightings, ordered by camera and time."""
    for number, camera in enumerate(CAMERAS):
        rng = np.random.default_rng(number)
        start = np.sort(rng.integers(0, _DAY_US, n_sightings // len(CAMERAS))) // _FRAME_US * _FRAME_US
        for first in range(0, len(start), _BATCH_ROWS):
            yield _sightings_table(start[first : first + _BATCH_ROWS], number, camera, first, rng)


def _sightings_table(start: "np.ndarray", number: int, camera: str, first: int, rng: np.random.Generator) -> pa.Table:  # type: ignore[type-arg]
    n_rows = len(start)
    stop = start + rng.integers(25, 1_500, n_rows) * _FRAME_US
    ids = _ids(number, first + np.arange(n_rows))
    media, end = start % _HOUR_US, start % _HOUR_US + stop - start
    box = {f"best_{side}": rng.random(n_rows, dtype=np.float32) * 1000 for side in ("x1", "y1", "x2", "y2")}
    columns = {
        "sighting_id": ids,
        "track_id": ids,
        "evidence_id": [f"{number:08x}{hour:08x}" for hour in (start // _HOUR_US).tolist()],
        "camera_id": [camera] * n_rows,
        "class_name": np.array(_CLASSES)[rng.choice(len(_CLASSES), n_rows, p=_SHARES)],
        "first_utc": pa.array(DAY_START_US + start).cast(_UTC),
        "last_utc": pa.array(DAY_START_US + stop).cast(_UTC),
        "clock_error_ms": np.full(n_rows, 500),
        "first_media_us": media,
        "last_media_us": end,
        "duration_us": end - media,
        "first_frame": media // _FRAME_US,
        "last_frame": end // _FRAME_US,
        "n_detections": (stop - start) // _FRAME_US,
        "mean_score": rng.random(n_rows, dtype=np.float32),
        "best_frame": media // _FRAME_US,
        "n_doubtful": np.zeros(n_rows, dtype=np.int64),
        "max_score": rng.random(n_rows, dtype=np.float32),
        "best_pts": media,
        "best_media_us": media,
        "best_utc": pa.array(DAY_START_US + start).cast(_UTC),
        "width": np.full(n_rows, 1920, dtype=np.int32),
        "height": np.full(n_rows, 1080, dtype=np.int32),
        "timing": ["container"] * n_rows,
        **box,
        "thumbnail": [f"runs/made/crops/{each}.jpg" for each in ids],
        "best_picture": pa.nulls(n_rows, pa.string()),
    }
    return pa.table({name: columns[name] for name in schemas.SIGHTINGS.names}, schema=schemas.SIGHTINGS)


def _ids(camera: int, rows: "np.ndarray") -> list[str]:  # type: ignore[type-arg]
    """Return ids of sixteen hex digits in no order, like digests."""
    mixed = (rows.astype(np.uint64) + np.uint64(camera << 40)) * np.uint64(0x9E3779B97F4A7C15)
    return [f"{each:016x}" for each in mixed.tolist()]


def _detections_table(sightings: pa.Table, per_track: int) -> pa.Table:
    """Return so many detections of each sighting, ordered by time. Sightings of one camera are almost in order."""
    n_rows = len(sightings) * per_track
    of = np.repeat(np.arange(len(sightings)), per_track)
    step = np.tile(np.arange(per_track), len(sightings))
    rng = np.random.default_rng(n_rows)
    start = np.asarray(sightings["first_utc"].cast(pa.int64()))[of] + step * _FRAME_US
    order = np.argsort(start, kind="stable")
    of, start = of[order], start[order]
    media = (start - DAY_START_US) % _HOUR_US
    side = rng.random((4, n_rows), dtype=np.float32) * 1000
    repeated = {
        name: sightings[name].take(pa.array(of))
        for name in ("evidence_id", "camera_id", "class_name", "track_id", "sighting_id")
    }
    columns = {
        **repeated,
        "frame": media // _FRAME_US,
        "pts": media,
        "media_us": media,
        "utc": pa.array(start).cast(_UTC),
        "clock_error_ms": np.full(n_rows, 500),
        "score": rng.random(n_rows, dtype=np.float32),
        **dict(zip(("x1", "y1", "x2", "y2"), side, strict=True)),
        "carried": pa.array(np.zeros(n_rows, dtype=np.bool_)),
        "doubtful": pa.array(np.zeros(n_rows, dtype=np.bool_)),
        "picture": pa.nulls(n_rows, pa.string()),
    }
    return pa.table({name: columns[name] for name in schemas.DETECTIONS.names}, schema=schemas.DETECTIONS)


def write_naive_layout(made: LargeCase, name: str, folder: Path, chunk_s: int) -> Path:
    """Write the same rows to one file per chunk and camera, with times as float seconds; return a glob pattern."""
    folder.mkdir(parents=True)
    time = "first_utc" if name == "sightings" else "utc"
    table = pq.ParquetFile(made.root / "tables" / f"{name}.parquet")
    by_chunk: dict[tuple[str, int], list[pa.Table]] = {}
    for batch in table.iter_batches(_BATCH_ROWS):
        rows = pa.Table.from_batches([batch])
        micros = pc.cast(rows[time], pa.int64())
        rows = rows.append_column("time_s", _seconds(micros))
        if name == "sightings":
            rows = rows.append_column("last_s", _seconds(pc.cast(rows["last_utc"], pa.int64())))
        chunk = (np.asarray(micros) - DAY_START_US) // (chunk_s * 1_000_000)
        cameras = rows["camera_id"].to_pylist()
        edges = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(rows)]
        for start, stop in pairwise(edges):
            by_chunk.setdefault((cameras[start], int(chunk[start])), []).append(rows.slice(start, stop - start))
    for number, tables in enumerate(by_chunk.values()):
        pq.write_table(pa.concat_tables(tables), folder / f"chunk-{number:06d}.parquet")
    return folder / "*.parquet"


def _seconds(micros: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.divide(pc.cast(micros, pa.float64()), 1e6)
