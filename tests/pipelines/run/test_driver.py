"""Whole runs of twelve painted frames whose tables are known row by row, undisturbed and disturbed."""

import contextlib
import errno
import json
import random
import shutil
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import forensics
from forensics.custody.case_document import Case, encode_case
from forensics.detection.detections import Boxes
from forensics.digests import sha256_of_file
from forensics.errors import CannotStart, CoverageBroken, IntegrityBroken, UsageError
from forensics.footage.cameras import Camera
from forensics.footage.coverage import CoverageRange, State, check_complete
from forensics.footage.frames import Frame
from forensics.tables.files import read_table, write_bytes
from forensics.tables.schemas import DETECT_PART, PUBLISHED
from pipelines import clock
from pipelines.custody.case_store import load_case, with_clock
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.desk.status import case_status
from pipelines.intake.ingest_item import IngestItem
from pipelines.run.cancellation import Interrupted
from pipelines.run.progress import NoProgress
from pipelines.runners.serial import SerialRunner
from testing.audit_events import fail_at, run_killed
from testing.demo_clips import make_clips
from testing.painted import KINDS
from testing.painted_case import (
    CHUNKS,
    N_FRAMES,
    PaintedDetector,
    copy_case,
    make_case_of,
    make_painted_case,
    published_table,
    run,
    walker_score,
    walker_xyxy,
)
from testing.published_content import published_content

START = datetime(2026, 5, 1, 10, tzinfo=UTC)
FRAME_US = 200_000
FAILING = PaintedDetector(failing=frozenset({5}))
FAILING_EVERYWHERE = PaintedDetector(failing=frozenset(range(N_FRAMES)))


@pytest.fixture
def undisturbed(painted_once: Case, tmp_path: Path) -> dict[str, Any]:
    """The manifest of a run that nothing disturbed."""
    return run(copy_case(painted_once, tmp_path / "undisturbed")).manifest


_TIMES = ("start_media_us", "stop_media_us", "start_utc", "stop_utc", "clock_error_ms", "longest_step_us")


def coverage(case: Case) -> list[tuple[Any, ...]]:
    return published_table(case, "coverage").drop("evidence_id", "camera_id", "change", *_TIMES).rows()


def times_of_detect_parts(case: Case) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in case.folder.runs.glob("*/parts/detect/*.parquet")}


def detect_parts(case: Case) -> list[Path]:
    """Return the parts in the order of their chunks."""
    parts = case.folder.runs.glob("*/parts/detect/*.parquet")
    return sorted(parts, key=lambda path: read_table(path, DETECT_PART)["frame"][0].as_py())


def utc_of(frame: int) -> datetime:
    return START + frame * timedelta(microseconds=FRAME_US)


# ---- golden tables


def test_detections_hold_every_box_with_its_address_and_times(case: Case) -> None:
    run(case)
    (evidence_id,) = published_table(case, "evidence")["evidence_id"]
    (track,) = published_table(case, "sightings").select("track_id", "sighting_id").rows()
    detections = published_table(case, "detections")
    assert set(detections["evidence_id"]) == {evidence_id}
    expected = [walker_row(number, track) for number in range(N_FRAMES)]
    fleeting = (
        "gate",
        6,
        108_000,
        1_200_000,
        utc_of(6),
        500,
        "person",
        0.25,
        120.0,
        8.0,
        130.0,
        28.0,
        None,
        None,
        False,
        False,
        None,
    )
    assert detections.drop("evidence_id").rows() == [*expected[:7], fleeting, *expected[7:]]


def walker_row(frame: int, track: tuple[str, str]) -> tuple[Any, ...]:
    address = ("gate", frame, 18_000 * frame, FRAME_US * frame, utc_of(frame), 500)
    box = (walker_score(frame), *map(float, walker_xyxy(frame)))
    return (*address, "person", *box, *track, False, False, None)


_MADE_FROM_CONTENT = ("sighting_id", "track_id", "thumbnail")


def test_the_walker_is_one_track_and_one_sighting(case: Case) -> None:
    run(case)
    (evidence_id,) = published_table(case, "evidence")["evidence_id"]
    (sighting,) = published_table(case, "sightings").rows(named=True)
    last = N_FRAMES - 1
    assert {name: value for name, value in sighting.items() if name not in _MADE_FROM_CONTENT} == {
        "evidence_id": evidence_id,
        "camera_id": "gate",
        "class_name": "person",
        "first_frame": 0,
        "last_frame": last,
        "first_media_us": 0,
        "last_media_us": FRAME_US * last,
        "n_detections": N_FRAMES,
        "n_doubtful": 0,
        "duration_us": FRAME_US * last,
        "first_utc": START,
        "last_utc": utc_of(last),
        "clock_error_ms": 500,
        "mean_score": sum(map(walker_score, range(N_FRAMES))) / N_FRAMES,
        "max_score": walker_score(last),
        "best_frame": last,
        "best_pts": 18_000 * last,
        "best_media_us": FRAME_US * last,
        "best_utc": utc_of(last),
        "width": 160,
        "height": 96,
        "timing": "container",
        **dict(zip(("best_x1", "best_y1", "best_x2", "best_y2"), map(float, walker_xyxy(last)), strict=True)),
        "best_picture": None,
    }
    thumbnail = case.folder.root / sighting["thumbnail"]
    assert thumbnail.read_bytes().startswith(b"\xff\xd8")


def test_every_frame_is_accounted_for(case: Case) -> None:
    result = run(case)
    assert coverage(case) == [(0, N_FRAMES, "detected", "", True, "")]
    assert published_table(case, "failures").is_empty()
    assert result.is_clean
    assert result.failures == ()


def test_frames_between_the_wanted_ones_are_skipped(case: Case) -> None:
    run(case, "detect.fps=2.5")
    assert coverage(case) == [
        (n, n + 1, "detected", "", True, "") if n % 2 == 0 else (n, n + 1, "skipped", "sampled", True, "")
        for n in range(N_FRAMES)
    ]
    assert published_table(case, "detections")["frame"].unique(maintain_order=True).to_list() == list(
        range(0, N_FRAMES, 2)
    )


def test_chunks_without_any_wanted_frame_are_covered_too(case: Case) -> None:
    run(case, "detect.fps=0.4")
    assert coverage(case) == [(0, 1, "detected", "", True, ""), (1, N_FRAMES, "skipped", "sampled", True, "")]


def test_a_frame_that_cannot_be_read_is_a_settled_gap(tmp_path: Path) -> None:
    cut = next(kind for kind in KINDS if kind.name == "mkv_cut_open")
    case = make_case_of(tmp_path / "case", IngestItem(cut.build(tmp_path), "gate"))
    run(case)
    gap, rest = published_table(case, "coverage").rows(named=True)
    assert (gap["start_frame"], gap["stop_frame"], gap["state"], gap["reason"]) == (0, 3, "gap", "decode_error")
    assert gap["settled"]
    for name in ("evidence", "sources"):
        assert published_table(case, name)["verdict"].to_list() == ["partial"]
        assert "3 frames are damaged or could not be read" in published_table(case, name)["reason"][0]
    assert (rest["start_frame"], rest["stop_frame"], rest["state"]) == (3, 57, "detected")
    (problem,) = case_status(case, clock.utc_now())["problems"]
    assert "3 frames are damaged or could not be read" in problem
    assert not set(published_table(case, "detections")["frame"]) & {0, 1, 2}


def test_footage_that_changed_since_it_was_ingested_is_never_decoded(tmp_path: Path) -> None:
    altered, healthy = KINDS[0].build(tmp_path), KINDS[1].build(tmp_path)
    case = make_case_of(tmp_path / "case", IngestItem(altered, "gate"), IngestItem(healthy, "hall"))
    original = altered.read_bytes()
    altered.write_bytes(original + b"more")
    assert not run(case).is_clean
    states = published_table(case, "coverage").select("camera_id", "state", "reason", "settled").unique().rows()
    assert set(states) == {("gate", "gap", "altered", False), ("hall", "detected", "", True)}
    assert "recorded is" in published_table(case, "failures")["detail"][0]
    altered.write_bytes(original)
    assert run(case).is_clean


def test_a_flipped_bit_in_a_part_never_gives_other_rows(case: Case) -> None:
    run(case)
    part = next(case.folder.runs.glob("*/parts/detect/*.parquet"))
    data, rows = part.read_bytes(), read_table(part, DETECT_PART)
    chance = random.Random(7)
    for _ in range(150):
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        part.write_bytes(flipped)
        with contextlib.suppress(IntegrityBroken):
            assert read_table(part, DETECT_PART).equals(rows)
    part.write_bytes(data)


# ---- clocks


def test_an_unknown_clock_gives_no_utc(tmp_path: Path) -> None:
    case = make_painted_case(tmp_path)
    run(case)
    (sighting,) = published_table(case, "sightings").rows(named=True)
    assert (sighting["first_utc"], sighting["last_utc"], sighting["clock_error_ms"]) == (None, None, None)
    assert published_table(case, "detections")["utc"].null_count() == N_FRAMES + 1
    assert sighting["last_media_us"] == FRAME_US * (N_FRAMES - 1)


def test_a_corrected_clock_moves_utc_and_detects_nothing_again(case: Case) -> None:
    run(case)
    before, parts = published_table(case, "detections"), times_of_detect_parts(case)
    (sighting_before,) = published_table(case, "sightings")["sighting_id"]
    corrected = with_clock(load_case(case.folder.root), Camera("gate", offset_ms=-1500, error_ms=20))
    write_bytes(case.folder.case_file, encode_case(corrected))
    run(case)
    after = published_table(case, "detections")
    assert after["utc"].to_list() == [at - timedelta(milliseconds=1500) for at in before["utc"]]
    assert after.drop("utc", "clock_error_ms").equals(before.drop("utc", "clock_error_ms"))
    (sighting,) = published_table(case, "sightings").rows(named=True)
    assert (sighting["sighting_id"], sighting["clock_error_ms"]) == (sighting_before, 20)
    assert sighting["first_utc"] == START - timedelta(milliseconds=1500)
    assert times_of_detect_parts(case) == parts


# ---- the manifest and the published tables


def test_the_manifest_states_rows_and_digest_of_every_published_file(case: Case) -> None:
    result = run(case)
    assert json.loads(case.folder.manifest.read_text()) == result.manifest
    assert result.manifest["run"] == result.folder.run_id
    files = {file["path"]: file for file in result.manifest["files"]}
    published = {path.relative_to(case.folder.tables).as_posix() for path in case.folder.tables.rglob("*.parquet")}
    assert set(files) == published == {f"{name}.parquet" for name in PUBLISHED}
    for name, file in files.items():
        path = case.folder.tables / name
        assert (file["sha256"], file["bytes"]) == (sha256_of_file(path), path.stat().st_size)
        assert file["rows"] == len(pl.read_parquet(path))


def test_tables_left_half_in_place_are_put_in_place(case: Case) -> None:
    manifest = run(case).manifest
    case.folder.tables.rename(case.folder.root / ".tables.old")
    (case.folder.root / ".tables.new" / "detections").mkdir(parents=True)
    assert run(case).manifest == json.loads(case.folder.manifest.read_text()) == manifest
    assert not list(case.folder.root.glob(".tables*"))


def test_a_table_that_an_older_version_did_not_publish_is_named(case: Case) -> None:
    manifest = run(case).manifest
    older = {**manifest, "files": [file for file in manifest["files"] if file["path"] != "sections.parquet"]}
    case.folder.manifest.write_text(json.dumps(older))
    with open_session(case.folder.root, "run", need=Need.WORK) as session:
        session.files.register(case.folder.manifest)
    opened = forensics.open_case(case.folder.root)
    assert not opened.sightings().collect().is_empty()
    with pytest.raises(UsageError, match=r"the published run has no table 'sections'.*older version"):
        opened.sections()


def test_the_latest_run_is_the_one_that_analysts_read(case: Case) -> None:
    first = run(case)
    other = run(case, "track.activation_score=1")
    assert first.folder.run_id != other.folder.run_id == json.loads(case.folder.manifest.read_text())["run"]
    assert published_table(case, "sightings").is_empty()
    assert published_table(case, "detections")["track_id"].null_count() == N_FRAMES + 1


# ---- what is done already


class Cancelling(NoProgress):
    """Asks to cancel the run as soon as one item is done."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def advance(self, n_done: int) -> None:
        self._case.folder.cancel_file.touch()


def test_the_same_run_again_makes_nothing_again(case: Case) -> None:
    first, parts = run(case), times_of_detect_parts(case)
    again = run(case)
    assert again.manifest == first.manifest
    assert times_of_detect_parts(case) == parts
    assert len(parts) == len(CHUNKS)


def test_parts_of_another_run_are_reused(case: Case) -> None:
    run(case)
    adopting = run(case, "track.minimum_detections=4", detector=FAILING_EVERYWHERE)
    assert adopting.is_clean
    assert {path.stat().st_nlink for path in detect_parts(case)} == {2}


def test_parts_of_another_kind_of_machine_are_not_reused(case: Case) -> None:
    said_elsewhere_that(run(case).folder.record, hardware="something else")
    run(case, "track.minimum_detections=4")
    assert {path.stat().st_nlink for path in detect_parts(case)} == {1}
    run(case, "track.minimum_detections=5", "run.mixed_hardware=true")
    assert {path.stat().st_nlink for path in detect_parts(case)} == {1, 2}


def test_a_run_of_another_kind_of_machine_is_not_continued(case: Case) -> None:
    said_elsewhere_that(run(case).folder.record, hardware="something else")
    with pytest.raises(CannotStart, match="something else"):
        run(case)
    assert run(case, "run.mixed_hardware=true").is_clean


def said_elsewhere_that(record: Path, **facts: str) -> None:
    record.write_text(json.dumps({**json.loads(record.read_text()), **facts}))


def test_boundaries_stay_as_they_were_first_planned(case: Case, undisturbed: dict[str, Any]) -> None:
    with pytest.raises(Interrupted):
        run(case, progress=Cancelling(case))
    assert run(case, "chunk.seconds=60").manifest == undisturbed
    assert len(detect_parts(case)) == len(CHUNKS)


# ---- disturbed runs end in the tables of an undisturbed one


def test_a_lost_chunk_is_an_unsettled_gap_that_the_next_run_mends(case: Case, undisturbed: dict[str, Any]) -> None:
    result = run(case, detector=FAILING)
    assert not result.is_clean
    assert coverage(case) == [
        (0, 4, "detected", "", True, ""),
        (4, 8, "gap", "RuntimeError", False, "cannot detect in frame 5"),
        (8, 12, "detected", "", True, ""),
    ]
    (failure,) = result.failures
    assert published_table(case, "failures").rows(named=True) == [asdict(failure)]
    assert (failure.stage, failure.unit, failure.attempts) == ("detect", "frames 4-7", 2)
    assert (failure.error, failure.detail) == ("RuntimeError", "cannot detect in frame 5")
    assert result.is_unfinished
    assert "forensics run" in case_status(case, datetime.now(UTC))["next"]
    kept = times_of_detect_parts(case)

    mended = run(case)
    assert mended.is_clean
    assert not mended.is_unfinished
    assert "forensics query" in case_status(case, datetime.now(UTC))["next"]
    assert mended.manifest == undisturbed
    assert kept.items() < times_of_detect_parts(case).items()


def test_a_run_that_lost_every_chunk_still_publishes_its_coverage(case: Case) -> None:
    assert not run(case, detector=FAILING_EVERYWHERE).is_clean
    assert {row[2:5] for row in coverage(case)} == {("gap", "RuntimeError", False)}
    assert len(published_table(case, "failures")) == len(CHUNKS)
    assert published_table(case, "sightings").is_empty()


def test_a_cancelled_run_ends_and_the_next_one_continues(case: Case, undisturbed: dict[str, Any]) -> None:
    with pytest.raises(Interrupted):
        run(case, progress=Cancelling(case))
    done = times_of_detect_parts(case)
    assert 0 < len(done) < len(CHUNKS)
    assert not case.folder.tables.exists()
    assert run(case).manifest == undisturbed
    assert done.items() < times_of_detect_parts(case).items()


def test_a_full_disk_ends_the_run_and_a_later_one_completes(case: Case, undisturbed: dict[str, Any]) -> None:
    with fail_at("write", "*/parts/detect/*", errno.ENOSPC, first=2), pytest.raises(CannotStart, match="disk is full"):
        run(case)
    assert len(detect_parts(case)) == 1
    assert run(case).manifest == undisturbed


def test_a_run_that_would_fill_the_disk_does_not_start(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(CannotStart, match="0 MiB are free"):
        run(case)
    assert not case.folder.runs.exists()


class LosingFrame(SerialRunner):
    """Returns the part of the second chunk without its last frame, as a faulty worker might."""

    def map(self, stage: Any, items: Iterable[Any], key: Any = None) -> Iterator[Any]:
        for outcome in SerialRunner.map(self, stage, items, key):
            is_second = stage.name == "detect" and outcome.item.chunk.start == CHUNKS[1][0]
            yield replace(outcome, result=outcome.result.slice(0, 3)) if is_second else outcome


def test_parts_that_lack_a_frame_are_never_published(case: Case) -> None:
    manifest = run(case).manifest
    with pytest.raises(CoverageBroken) as caught:
        run(case, "detect.min_score=0.2", runner=LosingFrame())
    assert (caught.value.frame, caught.value.n_frames) == (7, N_FRAMES)
    assert json.loads(case.folder.manifest.read_text()) == manifest


# ---- the check itself


def stretches(*edges: tuple[int, int]) -> list[CoverageRange]:
    return [CoverageRange(start, stop, State.DETECTED) for start, stop in edges]


def test_complete_coverage_is_accepted() -> None:
    check_complete("e", stretches((0, 4), (4, 12)), 12)
    check_complete("e", [], 0)


@pytest.mark.parametrize(
    ("edges", "frame"),
    [
        ([], 0),
        ([(1, 12)], 0),
        ([(0, 4), (5, 12)], 4),
        ([(0, 4), (3, 12)], 3),
        ([(0, 4), (4, 4), (4, 12)], 4),
        ([(4, 12), (0, 4)], 0),
        ([(0, 11)], 11),
        ([(0, 13)], 13),
    ],
)
def test_missing_double_and_disordered_frames_are_refused(edges: list[tuple[int, int]], frame: int) -> None:
    with pytest.raises(CoverageBroken) as caught:
        check_complete("e", stretches(*edges), 12)
    assert (caught.value.evidence_id, caught.value.frame, caught.value.n_frames) == ("e", frame, 12)


# ---- the driver is killed


def scan(clip: Path, root: Path, *, dying_at: str = "", nth: int = 1) -> int:
    """Return the exit code of `scan`, killed just before the nth file like this gets its name."""
    settings = ["--set", "chunk.seconds=2", "--runner", "serial", "--quiet"]
    pattern = f"*{dying_at}*" if dying_at else ""
    return run_killed("scan", clip, "--case", root, *settings, operation="rename", pattern=pattern, nth=nth)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of ten seconds in which one person walks by."""
    (clip,) = make_clips(tmp_path_factory.mktemp("walk"), n_frames={"gate": 120})
    return clip


def published(root: Path) -> dict[str, str]:
    return published_content(root)


def test_a_run_killed_at_any_moment_is_completed_by_the_next(walk: Path, tmp_path: Path) -> None:
    assert scan(walk, tmp_path / "undisturbed") == 0
    expected = published(tmp_path / "undisturbed")
    assert any(name.endswith(".jpg") for name in expected)

    root = tmp_path / "killed"
    assert scan(walk, root, dying_at="evidence/evidence.parquet") == -signal.SIGKILL
    assert scan(walk, root, dying_at="parts/detect/", nth=3) == -signal.SIGKILL
    done = times_of_detect_parts(load_case(root))
    assert len(done) == 2
    assert scan(walk, root, dying_at="parts/sight/") == -signal.SIGKILL
    assert scan(walk, root, dying_at="tables/detections.parquet") == -signal.SIGKILL
    assert scan(walk, root, dying_at="killed/tables") == -signal.SIGKILL
    assert not (root / "tables").exists()
    assert scan(walk, root) == 0
    assert published(root) == expected
    assert not list((root / "runs").rglob("*.tmp"))
    assert done.items() < times_of_detect_parts(load_case(root)).items()


class ForgettingFrame(PaintedDetector):
    """Returns nothing for frame 5, which no detector may do."""

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        return (each for each in PaintedDetector.detect(self, frames, references) if each[0] != 5)


def test_a_frame_for_which_the_detector_returns_nothing_is_an_unsettled_gap(case: Case) -> None:
    result = run(case, detector=ForgettingFrame())
    assert not result.is_clean
    assert [(start, stop, state, settled) for start, stop, state, _, settled, _ in coverage(case)] == [
        *((0, 4, "detected", True), (4, 8, "gap", False), (8, N_FRAMES, "detected", True)),
    ]
    (failure,) = result.failures
    assert "nobody said what became of 1 frames, the first is 5" in failure.detail


def test_several_decoders_of_a_worker_change_nothing(case: Case, undisturbed: dict[str, Any]) -> None:
    assert run(case, "run.decoders=3").manifest == undisturbed
