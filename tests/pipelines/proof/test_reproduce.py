"""A run made again gives the same bytes, or the first table and row that differ are named; nothing is left of it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.detection.detections import Boxes
from forensics.methods import METHODS
from forensics.tables.manifest import read_manifest
from pipelines.custody.erasure import biometric_files
from pipelines.run.progress import NoProgress
from pipelines.versions import libraries
from testing.commands import Call, caller, clip, new_case
from testing.face_case import FaceCase
from testing.painted_case import PaintedDetector, make_painted_case
from testing.project import ROOT

_SERIAL = ("--runner", "serial", "--quiet")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


@pytest.fixture
def case(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pipelines.stages.detection_context.load_for", lambda settings, model: PaintedDetector())
    root = make_painted_case(tmp_path).folder.root
    assert call("run", root, *_SERIAL, "--set", "chunk.seconds=0.8").code == 0
    return root


def _state(case: Path) -> dict[Path, tuple[bytes, int]]:
    """All that lies there, with its time, but for what every command writes."""
    written = {"audit.jsonl", "checkpoints.jsonl", ".lock"}
    files = (path for path in case.rglob("*") if path.is_file() and path.name not in written)
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@dataclass(frozen=True, slots=True)
class OtherEyes(PaintedDetector):
    """One box has another place in one frame."""

    def detect(self, frames: Any, references: Any) -> Any:
        for number, boxes in PaintedDetector.detect(self, frames, references):
            shifted = np.array(boxes.xyxy + 3 * (number == 5), dtype=np.float32)
            yield number, Boxes(shifted, boxes.score, boxes.class_index)


def test_a_run_comes_out_equal_and_leaves_nothing(call: Call, case: Path) -> None:
    before = _state(case)
    told = call("reproduce", case, *_SERIAL, "--json")
    assert (told.code, told.json["equal"], told.json["tables"], told.json["pictures"]) == (0, True, 7, 1)
    assert _state(case) == before
    assert not (case / ".reproduce").exists()
    end = read_chain(case / "audit.jsonl").lines[-1]
    assert (end.command, end.facts["outputs"]["equal"]) == ("reproduce", True)
    assert call("verify", case).code == 0


def test_every_frame_is_looked_at_again(call: Call, case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the old run is adopted."""
    seen: list[int] = []

    @dataclass(frozen=True, slots=True)
    class Counting(PaintedDetector):
        def detect(self, frames: Any, references: Any) -> Any:
            for number, boxes in PaintedDetector.detect(self, frames, references):
                seen.append(number)
                yield number, boxes

    monkeypatch.setattr("pipelines.stages.detection_context.load_for", lambda settings, model: Counting())
    assert call("reproduce", case, *_SERIAL).code == 0
    assert sorted(seen) == list(range(12))


def test_the_first_row_that_differs_is_named(call: Call, case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _state(case)
    monkeypatch.setattr("pipelines.stages.detection_context.load_for", lambda settings, model: OtherEyes())
    told = call("reproduce", case, *_SERIAL, "--json")
    assert told.code == 5
    assert told.json["difference"] == "detections/part-0.parquet: row 5 differs in x1, y1, x2, y2"
    assert told.json["difference"] in told.err
    assert _state(case) == before
    end = read_chain(case / "audit.jsonl").lines[-1]
    assert (end.facts["exit_code"], end.facts["outputs"]["equal"]) == (5, False)


@pytest.mark.parametrize("pattern", ["runs/*/tables/detections/*.parquet", "runs/*/crops/*.jpg"])
def test_a_run_whose_own_tables_were_altered_is_not_equal(call: Call, case: Path, pattern: str) -> None:
    (path,) = case.glob(pattern)
    data = path.read_bytes()
    path.unlink()  # the published one is the same file
    path.write_bytes(data[:-1] + b"!")
    told = call("reproduce", case, *_SERIAL)
    assert (told.code, f"{path}: is not what was recorded" in told.err) == (5, True)


def test_a_run_of_another_case_is_none_of_this_one(call: Call, case: Path, tmp_path: Path) -> None:
    shutil.copytree(case, tmp_path / "other")
    name = f"../../other/runs/{read_manifest(CaseFolder(case))['run']}"
    assert call("reproduce", case, name, *_SERIAL).code == 2


def test_an_older_run_is_made_again_by_its_name(call: Call, case: Path) -> None:
    first = read_manifest(CaseFolder(case))["run"]
    assert call("run", case, *_SERIAL, "--set", "detect.min_score=0.6").code == 0
    second = read_manifest(CaseFolder(case))["run"]
    assert first != second
    for named, run in (((), second), ((first,), first), ((second,), second)):
        told = call("reproduce", case, *named, *_SERIAL, "--json")
        assert (told.code, told.json["run"], told.json["equal"]) == (0, run, True)
    answer = call("reproduce", case, "nonsense", *_SERIAL)
    assert (answer.code, first in answer.err, second in answer.err) == (2, True, True)
    stale = case / "runs" / first / "tables" / "MANIFEST.json"
    stale.write_text(stale.read_text().replace('"gap_frames": 0', '"gap_frames": 1'))
    assert call("reproduce", case, first, *_SERIAL).code == 5


# ---- what is not what it was


def _libraries(case: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> str:
    monkeypatch.setattr("pipelines.proof.recorded_run.libraries", lambda: {**libraries(), "av": "99.0"})
    return "the library av was"


def _methods(case: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> str:
    monkeypatch.setattr("pipelines.settings.METHODS", {**METHODS, "track": 99})
    return "the number of the method `track` was 1, here it is 99"


def _hardware(case: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> str:
    monkeypatch.setattr("pipelines.proof.recorded_run.hardware_for", lambda settings: "an abacus")
    return "here it is an abacus"


def _clock(case: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> str:
    assert call("case", "clock", case, "gate", "--offset", 5).code == 0
    return "the digest of the cameras, clocks and time was"


def _more_footage(case: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> str:
    assert call("ingest", case, clip(case.parent / "hall.mp4"), "--camera", "hall").code == 0
    return "the digest of the list of evidence was"


@pytest.mark.parametrize("changed", [_libraries, _methods, _hardware, _clock, _more_footage])
def test_what_decides_must_be_what_it_was(
    call: Call, case: Path, monkeypatch: pytest.MonkeyPatch, changed: Any
) -> None:
    said = changed(case, monkeypatch, call)
    answer = call("reproduce", case, *_SERIAL)
    assert (answer.code, said in answer.err) == (6, True), answer.err


def test_another_model_is_refused(call: Call, case: Path, tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"onnx")
    answer = call("reproduce", case, *_SERIAL, "--model", tmp_path / "other.onnx")
    assert answer.code in {2, 6}
    assert not (case / ".reproduce").exists()


def test_altered_footage_is_not_made_again(call: Call, case: Path) -> None:
    with (case.parent / "gate.mp4").open("ab") as file:
        file.write(b"\0\0\0\0free")
    answer = call("reproduce", case, *_SERIAL)
    assert (answer.code, "gate.mp4" in answer.err) == (5, True)


def test_an_edited_record_is_not_followed(call: Call, case: Path) -> None:
    (record,) = case.glob("runs/*/run.json")
    stored = json.loads(record.read_text())
    stored["settings"]["detect"]["min_score"] = 0.9
    record.write_text(json.dumps(stored))
    answer = call("reproduce", case, *_SERIAL)
    assert (answer.code, str(record) in answer.err) == (5, True)


def test_another_version_of_the_program_is_told(call: Call, case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.proof.recorded_run.version", lambda name: "9.9")
    answer = call("reproduce", case, *_SERIAL)
    assert (answer.code, "this is 9.9" in answer.err) == (0, True)


# ---- left over, and faces

_DIES = """
import os, sys, time
from unittest.mock import patch
from testing.painted_case import PaintedDetector
from pipelines.cli.main import exit_code_of
class Slow(PaintedDetector):
    def detect(self, frames, references):
        print("begun", flush=True)
        time.sleep(60)
with patch("pipelines.stages.detection_context.load_for", lambda settings, model: Slow()):
    exit_code_of(["reproduce", sys.argv[1], "--runner", "serial", "--quiet"])
"""


def test_what_a_killed_command_left_is_gone_with_the_next(call: Call, case: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", _DIES, str(case)], stdout=subprocess.PIPE, env=environment, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        assert call("status", case).code == 0
        assert (case / ".reproduce").exists(), "who only looks does not disturb it"
        child.send_signal(signal.SIGKILL)
        child.wait()
    for _ in range(50):
        call("status", case)
        if not (case / ".reproduce").exists():
            break
        time.sleep(0.2)  # its decoding child may hold the lock a moment longer
    assert not (case / ".reproduce").exists()
    assert (case / "evidence" / "evidence.parquet").exists()
    assert call("verify", case).code == 0


def test_it_is_cancelled_like_a_run(call: Call, case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cancelled(NoProgress):
        def advance(self, n_done: int) -> None:
            assert call("cancel", case, "--json").json == {"asked": True}

    before = _state(case)
    monkeypatch.setattr("pipelines.cli.reproduce.progress_for", lambda quiet: Cancelled())
    answer = call("reproduce", case, *_SERIAL)
    assert (answer.code, "was cancelled; the same command again begins anew" in answer.err) == (130, True)
    assert _state(case) == before
    assert not (case / ".reproduce").exists()


def test_a_link_in_its_place_leads_nowhere(call: Call, case: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "wedding.jpg").write_bytes(b"1")
    (case / ".reproduce").symlink_to(tmp_path / "precious")
    assert call("reproduce", case, *_SERIAL).code == 5
    assert (tmp_path / "precious" / "wedding.jpg").exists()


def test_where_faces_are_compared_the_mandate_holds_and_nobody_is_told_of(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """These eyes never see the same twice, so that candidates differ."""
    found = FaceCase.make(tmp_path, call, monkeypatch, n_people=2)
    found.enrol("E0", 0, tmp_path)
    found.run()
    answer = call("reproduce", found.root, *_SERIAL, "--json")
    assert answer.code == 5
    assert re.fullmatch(r"candidates/part-0.parquet: row 0 differs in [a-z_, ]+", answer.json["difference"])
    assert call("verify", found.root).code == 0
    found.enrol("E1", 1, tmp_path)
    answer = call("reproduce", found.root, *_SERIAL)
    assert (answer.code, "the watch-list's entries was" in answer.err) == (6, True)
    found.do("case deny", "--reason", "refused")
    assert call("reproduce", found.root, *_SERIAL).code == 3


def test_faces_that_a_kill_left_go_with_an_erasure(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = FaceCase.make(tmp_path, call, monkeypatch, n_people=2)
    for name in (
        "runs/r/parts/recognise/a.parquet",
        "runs/r/tables/candidates/p.parquet",
        "tables/candidates/p.parquet",
    ):
        path = found.root / ".reproduce" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"faces")
    assert len([path for path in biometric_files(CaseFolder(found.root)) if ".reproduce" in path.parts]) == 3
    found.do("case deny", "--reason", "refused")
    assert not [path for path in (found.root / ".reproduce").rglob("*") if path.is_file()]


def test_before_anything_was_published_there_is_nothing_to_make_again(call: Call, tmp_path: Path) -> None:
    assert call("reproduce", new_case(call, tmp_path / "case"), *_SERIAL).code == 2


def test_a_run_on_a_working_copy_is_made_again_too(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.stages.detection_context.load_for", lambda settings, model: PaintedDetector())
    root = new_case(call, tmp_path / "case")
    assert call("ingest", root, clip(tmp_path / "gate.ts"), "--camera", "gate").code == 0
    assert list(root.glob("evidence/copies/*"))
    assert call("run", root, *_SERIAL).code == 0
    answer = call("reproduce", root, *_SERIAL)
    assert answer.code == 0, answer.err
