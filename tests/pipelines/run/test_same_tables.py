"""Equal tables: neither chunks nor runner nor the number of workers changes a byte."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from testing.demo_clips import make_clips
from testing.demo_recordings import make_recordings
from testing.published_content import published_content

_CLI = "from pipelines.cli import main; main()"
_FINISHED = (0, 4)

# chunk.seconds, runner, workers; the first one is what the others must equal
WAYS = [("60", "serial", "1"), ("2", "ray", "2")]
GATED = ["--set", "detect.gate=motion", "--set", "gate.window_s=2"]


def scan(footage: Sequence[Path], root: Path, *options: str) -> dict[str, Any]:
    """The JSON answer of `forensics scan`, which must come to an end."""
    arguments = ["scan", *map(str, footage), "--case", str(root), "--json", "--quiet", *options]
    done = subprocess.run([sys.executable, "-c", _CLI, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in _FINISHED, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def in_this_way(seconds: str, runner: str, workers: str) -> list[str]:
    return ["--set", f"chunk.seconds={seconds}", "--runner", runner, "--workers", workers]


def table(root: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(root / "tables" / f"{name}.parquet")


def n_chunks(root: Path) -> int:
    return len(list(root.glob("runs/*/parts/detect/*.parquet")))


@pytest.fixture(scope="module")
def walk_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Make clips of one person who passes two cameras."""
    return make_clips(tmp_path_factory.mktemp("demo"), n_frames={"gate": 160, "hall": 132})


def test_neither_chunks_nor_runner_nor_workers_change_a_byte(walk_clips: list[Path], tmp_path: Path) -> None:
    roots = [tmp_path / "-".join(way) for way in WAYS]
    runs = {scan(walk_clips, root, *in_this_way(*way))["run"] for way, root in zip(WAYS, roots, strict=True)}
    assert len(runs) == 1
    assert [n_chunks(root) for root in roots] == [2, 13]
    reference, *others = map(published_content, roots)
    assert len(table(roots[0], "sightings")) == 2
    assert sum(name.endswith(".jpg") for name in reference) == 2
    for other in others:
        assert other == reference


def test_with_a_gate_neither_chunks_nor_workers_change_a_byte(walk_clips: list[Path], tmp_path: Path) -> None:
    roots = [tmp_path / "-".join(way) for way in WAYS]
    for way, root in zip(WAYS, roots, strict=True):
        scan(walk_clips, root, *in_this_way(*way), *GATED)
    assert [n_chunks(root) for root in roots] == [2, 13]
    reference, other = map(published_content, roots)
    looks = table(roots[0], "coverage").group_by("state").agg(n=(pl.col("stop_frame") - pl.col("start_frame")).sum())
    assert set(looks["state"]) == {"detected", "skipped"}
    assert len(table(roots[0], "sightings")) == 2
    assert other == reference


def test_groups_that_need_history_and_sections_are_the_same_in_every_way(tmp_path: Path) -> None:
    clips = make_recordings(tmp_path / "footage")
    ways = (WAYS[0], ("1", "ray", "2"))
    roots = [tmp_path / "-".join(way) for way in ways]
    for way, root in zip(ways, roots, strict=True):
        scan(clips, root, *in_this_way(*way))
    assert [n_chunks(root) for root in roots] == [4, 8]
    assert set(table(roots[0], "coverage")["state"]) == {"detected"}
    assert sorted(table(roots[0], "sections").group_by("evidence_id").len()["len"]) == [1, 1, 1, 2]
    assert table(roots[0], "sightings")["camera_id"].n_unique() == len(clips)
    reference, other = map(published_content, roots)
    assert other == reference


# ---- real footage


@pytest.fixture(scope="session")
def network(shared: Path) -> list[str]:
    """Return the options that use a real network."""
    return ["--model", str(shared / "models" / "yolo11n_int8_openvino_model")]


@pytest.mark.models
def test_a_network_on_real_footage_gives_the_same_bytes_and_six_people(
    shared: Path, network: list[str], tmp_path: Path
) -> None:
    clip = shared / "footage" / "one-by-one-person-detection.mp4"
    looking = [*network, "--set", "detect.fps=2", "--set", "detect.classes=person"]
    roots = [tmp_path / "whole", tmp_path / "cut"]
    scan([clip], roots[0], *looking, *in_this_way("600", "serial", "1"))
    scan([clip], roots[1], *looking, *in_this_way("5", "ray", "2"))
    assert n_chunks(roots[0]) == 1 < n_chunks(roots[1])
    assert published_content(roots[0]) == published_content(roots[1])
    assert table(roots[0], "sightings")["class_name"].to_list() == ["person"] * 6


@pytest.fixture(scope="module")
def everything(shared: Path, network: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a case of all real clips, detected once a second."""
    root = tmp_path_factory.mktemp("everything") / "case"
    scan([shared / "footage"], root, *network, "--set", "detect.fps=1", *in_this_way("10", "ray", "2"))
    return root


@pytest.mark.models
def test_every_clip_is_read_and_every_frame_accounted_for(everything: Path, shared: Path) -> None:
    sources = table(everything, "sources")
    assert {Path(path).name for path in sources["path"]} == {path.name for path in (shared / "footage").iterdir()}
    assert "rejected" not in set(sources["verdict"])
    frames = table(everything, "coverage").filter(pl.col("stop_frame") > pl.col("start_frame"))
    counted = frames.group_by("evidence_id").agg(n_frames=(pl.col("stop_frame") - pl.col("start_frame")).sum())
    columns = ["evidence_id", "n_frames"]
    assert counted.sort("evidence_id").rows() == table(everything, "evidence").select(columns).sort(columns).rows()
    assert frames["settled"].all()


@pytest.mark.models
def test_streams_that_are_not_read_are_named(everything: Path) -> None:
    evidence = table(everything, "evidence").filter(pl.col("path").str.contains("multistream"))
    unread = table(everything, "coverage").filter(pl.col("reason") == "stream_not_read")
    assert set(unread["evidence_id"]) == set(evidence["evidence_id"])
    assert len(unread) == len(evidence["other_streams"].item())


@pytest.mark.models
def test_footage_of_cars_gives_no_long_track_of_a_person(everything: Path) -> None:
    people = table(everything, "sightings").filter(
        (pl.col("camera_id") == "car-detection") & (pl.col("class_name") == "person")
    )
    assert people.filter(pl.col("last_media_us") - pl.col("first_media_us") > 1_000_000).is_empty()
