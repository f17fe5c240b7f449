"""`query` sorts what it shows by camera and time, also where the recordings of a camera overlap."""

from pathlib import Path
from random import Random

import polars as pl
import pytest

import forensics
from pipelines.cli.row_selection import in_order
from testing.commands import Call, clip
from testing.painted_case import PaintedDetector

_TIME_OF = {
    "sightings": "first_utc",
    "detections": "utc",
    "frames": "utc",
    "coverage": "start_utc",
    "sections": "first_utc",
    "evidence": "start_utc",
}
_EARLY = "2026-05-01T10:00:00.2Z"


@pytest.fixture
def root(call: Call, empty_case: Path, tmp_path: Path) -> Path:
    """A case of overlapping recordings of one camera, one without a start, and one of a camera before it by name."""
    call.use_detector(PaintedDetector())
    recordings = (("gate", 30, "2026-05-01T10:00:00Z"), ("gate", 12, _EARLY), ("gate", 8, None), ("door", 12, _EARLY))
    for seed, (camera, n_frames, start) in enumerate(recordings):
        path = clip(tmp_path / f"{seed}.mp4", n_frames=n_frames, seed=seed)
        stated = ("--start", start) if start else ()
        assert call("ingest", empty_case, path, "--camera", camera, *stated).code == 0
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 0
    return empty_case


@pytest.mark.parametrize("table", sorted(_TIME_OF))
def test_rows_are_shown_by_camera_and_time(call: Call, root: Path, table: str) -> None:
    rows = call("query", root, table, "--json").json["rows"]
    keys = [(row["camera_id"], row[_TIME_OF[table]] is None, row[_TIME_OF[table]] or "") for row in rows]
    assert keys == sorted(keys)
    assert {row[0] for row in keys} == {"door", "gate"}
    n_door = sum(row["camera_id"] == "door" for row in rows)
    for limit in (1, n_door + 1, n_door + 7):
        assert call("query", root, table, "--json", "--limit", limit).json["rows"] == rows[:limit]
    times = [row[1:] for row in keys]
    by_time = call("query", root, table, "--sort", "time", "--json").json["rows"]
    assert [row[_TIME_OF[table]] or "" for row in by_time] == [time for _, time in sorted(times)]


def test_files_are_ordered_by_camera_recording_and_frame(root: Path) -> None:
    frames = forensics.open_case(root).frames().select("camera_id", "evidence_id", "frame", "utc").collect()
    recordings = frames.group_by("camera_id", "evidence_id", maintain_order=True).agg(pl.col("utc").first())
    keys = [(camera, utc is None, utc) for camera, _, utc in recordings.iter_rows()]
    assert [row[:2] for row in keys] == [("door", False), ("gate", False), ("gate", False), ("gate", True)]
    assert keys[1][2] < keys[2][2]
    assert frames["frame"].to_list() == [*range(12), *range(30), *range(12), *range(8)]


@pytest.mark.parametrize("seed", range(20))
def test_equal_rows_keep_their_order_and_rows_without_a_time_come_last(seed: int) -> None:
    rng = Random(seed)
    rows = [(rng.choice("ab"), rng.choice((1, 2, 3, None)), number) for number in range(rng.randrange(12))]
    if seed % 2:
        rows.sort(key=lambda row: (row[0], row[1] is None, row[1] or 0))
    table = pl.LazyFrame(rows, {"camera_id": pl.String, "at": pl.Int64, "number": pl.Int64}, orient="row")
    found = in_order(table, "camera_id", "at").collect().rows()
    assert found == sorted(rows, key=lambda row: (row[0], row[1] is None, row[1] or 0))
