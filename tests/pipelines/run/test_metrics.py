"""Metrics of a run for Prometheus: the counts add up, and the file can be parsed."""

import os
import stat
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from forensics.custody.case_document import Case
from forensics.footage.frames import Gap
from pipelines.run.cancellation import Interrupted
from pipelines.run.metrics import RunMetrics
from pipelines.run.progress import NoProgress
from pipelines.stages.port import Done, Failed
from testing.commands import Call, clip
from testing.painted_case import CHUNKS, N_FRAMES, PaintedDetector, make_painted_case, run

_SERIAL = ("--runner", "serial", "--quiet")


def metrics_in(file: Path) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and the values of its labels but for the case, which must be the one asked for."""
    samples = {}
    for family in text_string_to_metric_families(file.read_text()):
        assert family.documentation
        for sample in family.samples:
            assert sample.labels.pop("case") == "case"
            samples[sample.name.removeprefix("forensics_"), *sample.labels.values()] = sample.value
    return samples


def test_a_run_that_ended_has_everything_done_and_nothing_left(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "gate.prom"
    run(case, metrics=RunMetrics(file, "case"))
    told = metrics_in(file)
    assert told["done_total", "detect", "frames"] == N_FRAMES
    chunks = {state: told["items", "detect", state] for state in ("waiting", "in_hand", "done", "failed")}
    assert chunks == {"waiting": 0, "in_hand": 0, "done": len(CHUNKS), "failed": 0}
    assert told["items", "track", "done"] == told["items", "sight", "done"] == 1
    assert told["run_working",] == told["backlog_media_seconds",] == 0
    assert told["last_published_timestamp_seconds",] >= told["last_result_timestamp_seconds",] > 0
    assert told["busy_seconds_total", "detect"] > 0
    assert told["worker_peak_bytes",] > 1 << 20


def test_after_a_cancelled_run_its_rest_is_waiting_and_its_parts_are_done(case: Case, tmp_path: Path) -> None:
    class Stopping(NoProgress):
        def advance(self, n_done: int) -> None:
            case.folder.cancel_file.touch()

    file = tmp_path / "gate.prom"
    with pytest.raises(Interrupted):
        run(case, progress=Stopping(), metrics=RunMetrics(file, "case"))
    told = metrics_in(file)
    assert (told["items", "detect", "done"], told["items", "detect", "waiting"]) == (1, len(CHUNKS) - 1)
    assert told["backlog_media_seconds",] == pytest.approx(2 / 3 * (N_FRAMES - 1) / 5, rel=0.01)
    assert told["last_published_timestamp_seconds",] == 0
    run(case, metrics=RunMetrics(file, "case"))
    told = metrics_in(file)
    assert (told["items", "detect", "done"], told["items", "detect", "waiting"]) == (len(CHUNKS), 0)
    assert told["done_total", "detect", "frames"] == N_FRAMES * 2 / 3


def test_chunks_that_gave_nothing_are_failed(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "gate.prom"
    run(case, detector=PaintedDetector(failing=frozenset({5})), metrics=RunMetrics(file, "case"))
    told = metrics_in(file)
    assert (told["items", "detect", "done"], told["items", "detect", "failed"]) == (len(CHUNKS) - 1, 1)
    assert told["backlog_media_seconds",] == pytest.approx(1 / 3 * (N_FRAMES - 1) / 5, rel=0.01)


def test_altered_footage_is_failed_and_stays_in_the_backlog(tmp_path: Path) -> None:
    case = make_painted_case(tmp_path)
    (clip_path,) = tmp_path.glob("*.mp4")
    clip_path.write_bytes(clip_path.read_bytes() + b"more")
    file = tmp_path / "gate.prom"
    assert not run(case, metrics=RunMetrics(file, "case")).is_clean
    told = metrics_in(file)
    assert told["items", "detect", "failed"] == len(CHUNKS)
    assert told["backlog_media_seconds",] == pytest.approx((N_FRAMES - 1) / 5, rel=0.01)


def test_gaps_are_counted_by_their_reason(tmp_path: Path) -> None:
    from forensics.custody.scope import Scope
    from forensics.footage.chunks import Chunk
    from forensics.tables.parts import DetectRows

    rows = DetectRows(Chunk("e", 0, 3), Scope(((0, 3),)))
    for number in range(3):
        rows.set_gap(Gap(number, "corrupt" if number else "missing", ""))
    metrics = RunMetrics(tmp_path / "gate.prom", "case")
    metrics.part_stored(rows.table(("person",)))
    metrics.part_stored(rows.table(("person",)))
    metrics.run_ended()
    told = metrics_in(tmp_path / "gate.prom")
    assert (told["gap_frames_total", "corrupt"], told["gap_frames_total", "missing"]) == (4, 2)


def test_everybody_may_read_the_file_and_it_is_never_half_written(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        file = tmp_path / "gate.prom"
        RunMetrics(file, "case").begin("detect", 3)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["gate.prom"]


def test_a_metrics_file_that_cannot_be_written_ends_no_run(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.touch()
    metrics = RunMetrics(folder / "gate.prom", "case")
    metrics.begin("detect", 2)
    metrics.item_started("detect")
    metrics.item_ended("detect", Done(1, 1), 4, "frames")
    metrics.item_started("detect")
    metrics.item_ended("detect", Failed(2, "error", "detail"), 4, "frames")
    metrics.run_ended()
    assert "gate.prom" in metrics.fault


def test_the_option_metrics_writes_the_file_and_refuses_bad_places(call: Call, tmp_path: Path) -> None:
    footage, case, file = clip(tmp_path / "gate.mp4"), tmp_path / "case", tmp_path / "gate.prom"
    refused = call("scan", footage, "--case", case, "--metrics", tmp_path / "gate.txt", *_SERIAL)
    assert (refused.code, "ends in .prom" in refused.err) == (2, True)
    refused = call("run", case, "--metrics", case / "gate.prom", *_SERIAL)
    assert (refused.code, "is inside" in refused.err) == (2, True)
    refused = call("run", case, "--metrics", tmp_path / "nowhere" / "gate.prom", *_SERIAL)
    assert (refused.code, "does not exist" in refused.err) == (2, True)
    assert call("run", case, "--metrics", file, *_SERIAL).code == 0
    assert metrics_in(file)["run_working",] == 0
