"""What a run tells Prometheus: everything that is counted adds up, and the file is one that its collector reads."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from forensics.footage.frames import Gap
from pipelines.custody.case_document import Case
from pipelines.run.cancellation import Interrupted
from pipelines.run.metrics import RunMetrics
from pipelines.run.progress import NoProgress
from pipelines.stages.port import Done, Failed
from testing.commands import Call, caller, clip
from testing.painted_case import CHUNKS, N_FRAMES, PaintedDetector, make_painted_case, run

_SERIAL = ("--runner", "serial", "--quiet")
_Detecting = Callable[[frozenset[int]], None]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


@pytest.fixture
def detecting(monkeypatch: pytest.MonkeyPatch) -> _Detecting:
    """Lets every later run use the painted detector, which raises at these numbers."""
    return lambda failing: monkeypatch.setattr(
        "pipelines.stages.detection_context.load_for", lambda settings, model: PaintedDetector(failing)
    )


@pytest.fixture
def case(tmp_path: Path, detecting: _Detecting) -> Case:
    detecting(frozenset())
    return make_painted_case(tmp_path)


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


def test_what_a_run_left_behind_waits_and_what_it_did_counts_for_the_next(case: Case, tmp_path: Path) -> None:
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


def test_chunks_that_gave_nothing_are_failed(case: Case, tmp_path: Path, detecting: _Detecting) -> None:
    detecting(frozenset({5}))
    file = tmp_path / "gate.prom"
    run(case, metrics=RunMetrics(file, "case"))
    told = metrics_in(file)
    assert (told["items", "detect", "done"], told["items", "detect", "failed"]) == (len(CHUNKS) - 1, 1)
    assert told["backlog_media_seconds",] == pytest.approx(1 / 3 * (N_FRAMES - 1) / 5, rel=0.01)


def test_footage_that_is_another_is_failed_and_stays_in_the_backlog(case: Case, tmp_path: Path) -> None:
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

    rows = DetectRows(Chunk("e", 0, 3), Scope(0, 3))
    for number in range(3):
        rows.gap(Gap(number, "corrupt" if number else "missing", ""))
    metrics = RunMetrics(tmp_path / "gate.prom", "case")
    metrics.seen(rows.table(("person",)))
    metrics.seen(rows.table(("person",)))
    metrics.ended()
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


def test_a_place_that_takes_no_file_any_more_ends_no_run(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.touch()
    metrics = RunMetrics(folder / "gate.prom", "case")
    metrics.begin("detect", 2)
    metrics.drawn("detect")
    metrics.answered("detect", Done(1, 1), 4, "frames")
    metrics.drawn("detect")
    metrics.answered("detect", Failed(2, "error", "detail"), 4, "frames")
    metrics.ended()
    assert "gate.prom" in metrics.fault


def test_by_command_line(call: Call, tmp_path: Path) -> None:
    footage, case, file = clip(tmp_path / "gate.mp4"), tmp_path / "case", tmp_path / "gate.prom"
    refused = call("scan", footage, "--case", case, "--metrics", tmp_path / "gate.txt", *_SERIAL)
    assert (refused.code, "ends in .prom" in refused.err) == (2, True)
    refused = call("run", case, "--metrics", case / "gate.prom", *_SERIAL)
    assert (refused.code, "lies in" in refused.err) == (2, True)
    refused = call("run", case, "--metrics", tmp_path / "nowhere" / "gate.prom", *_SERIAL)
    assert (refused.code, "there is no folder" in refused.err) == (2, True)
    assert call("run", case, "--metrics", file, *_SERIAL).code == 0
    assert metrics_in(file)["run_working",] == 0
