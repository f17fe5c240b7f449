"""Runs computed again: equal bytes, or the first table and row that differ; no file is left behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.detection.detections import Boxes
from forensics.methods import METHODS
from forensics.tables.files import encode_json
from forensics.tables.manifest import read_manifest
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.proof.differences import find_first_difference
from pipelines.versions import library_versions
from testing.commands import Call, clip, new_case
from testing.face_case import FaceCase
from testing.painted_case import PaintedDetector
from testing.project import ROOT

_SERIAL = ("--runner", "serial", "--quiet")


def _state(case: Path) -> dict[Path, tuple[bytes, int]]:
    """Return the content and time of every file except those that every command writes."""
    written = {"audit.jsonl", "checkpoints.jsonl", ".lock"}
    files = (path for path in case.rglob("*") if path.is_file() and path.name not in written)
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@dataclass(frozen=True, slots=True)
class ShiftingBox(PaintedDetector):
    """Returns one box at another place in one frame."""

    def detect(self, frames: Any, references: Any) -> Any:
        for number, boxes in PaintedDetector.detect(self, frames, references):
            shifted = np.array(boxes.xyxy + 3 * (number == 5), dtype=np.float32)
            yield number, Boxes(shifted, boxes.score, boxes.class_index)


def test_a_run_comes_out_equal_and_leaves_nothing(call: Call, published_case: Path) -> None:
    before = _state(published_case)
    answer = call("reproduce", published_case, *_SERIAL, "--json")
    assert (answer.code, answer.json["equal"], answer.json["tables"], answer.json["pictures"]) == (0, True, 8, 1)
    assert _state(published_case) == before
    assert not (published_case / ".reproduce").exists()
    end = read_chain(published_case / "audit.jsonl").lines[-1]
    assert (end.command, end.facts["outputs"]["equal"]) == ("reproduce", True)
    assert call("verify", published_case).code == 0


def test_facts_that_an_older_version_did_not_publish_are_no_difference(published_case: Path, tmp_path: Path) -> None:
    shutil.copytree(published_case, tmp_path / "older")
    manifest = read_manifest(CaseFolder.at(published_case))
    run, older = (CaseFolder.at(root).run(manifest["run"]) for root in (published_case, tmp_path / "older"))
    facts = {name: value for name, value in manifest.items() if name != "mandate"} | {"scope": None}
    differs = "MANIFEST.json: the facts about the whole run differ"
    for stated, difference in ((facts, ""), ({**facts, "gap_frames": 1}, differs), ({**facts, "scope": "0"}, differs)):
        older.manifest.unlink()
        older.manifest.write_text(json.dumps(stated))
        assert find_first_difference(older, stated, run, manifest) == difference


def test_every_frame_is_detected_again(call: Call, published_case: Path) -> None:
    """No part of the old run is reused."""
    seen: list[int] = []

    @dataclass(frozen=True, slots=True)
    class Counting(PaintedDetector):
        def detect(self, frames: Any, references: Any) -> Any:
            for number, boxes in PaintedDetector.detect(self, frames, references):
                seen.append(number)
                yield number, boxes

    call.use_detector(Counting())
    assert call("reproduce", published_case, *_SERIAL).code == 0
    assert sorted(seen) == list(range(12))


def test_the_first_row_that_differs_is_named(call: Call, published_case: Path) -> None:
    before = _state(published_case)
    call.use_detector(ShiftingBox())
    reply = call("reproduce", published_case, *_SERIAL, "--json")
    assert reply.code == 5
    assert reply.json["difference"] == "detections.parquet: row 5 differs in x1, y1, x2, y2"
    assert reply.json["difference"] in reply.err
    assert _state(published_case) == before
    end = read_chain(published_case / "audit.jsonl").lines[-1]
    assert (end.facts["exit_code"], end.facts["outputs"]["equal"]) == (5, False)


@pytest.mark.parametrize("pattern", ["runs/*/tables/detections.parquet", "runs/*/crops/*.jpg"])
def test_a_run_whose_own_tables_were_altered_is_not_equal(call: Call, published_case: Path, pattern: str) -> None:
    (path,) = published_case.glob(pattern)
    data = path.read_bytes()
    path.unlink()  # the published one is the same file
    path.write_bytes(data[:-1] + b"!")
    reply = call("reproduce", published_case, *_SERIAL)
    assert (reply.code, f"{path}: has changed since it was recorded" in reply.err) == (5, True)


def test_a_run_id_cannot_lead_into_another_case(call: Call, published_case: Path, tmp_path: Path) -> None:
    shutil.copytree(published_case, tmp_path / "other")
    name = f"../../other/runs/{read_manifest(CaseFolder(published_case))['run']}"
    assert call("reproduce", published_case, name, *_SERIAL).code == 2


def test_an_older_run_is_made_again_by_its_name(call: Call, published_case: Path) -> None:
    first = read_manifest(CaseFolder(published_case))["run"]
    assert call("run", published_case, *_SERIAL, "--set", "detect.min_score=0.6").code == 0
    second = read_manifest(CaseFolder(published_case))["run"]
    assert first != second
    for named, run in (((), second), ((first,), first), ((second,), second)):
        reply = call("reproduce", published_case, *named, *_SERIAL, "--json")
        assert (reply.code, reply.json["run"], reply.json["equal"]) == (0, run, True)
    answer = call("reproduce", published_case, "nonsense", *_SERIAL)
    assert (answer.code, first in answer.err, second in answer.err) == (2, True, True)
    stale = published_case / "runs" / first / "tables" / "MANIFEST.json"
    stale.write_text(stale.read_text().replace('"gap_frames": 0', '"gap_frames": 1'))
    assert call("reproduce", published_case, first, *_SERIAL).code == 5


# ---- what is not what it was


def _change_record(case: Path, **facts: object) -> None:
    """Make the record of the run, and the log, say that the run was made with something else."""
    (record,) = case.glob("runs/*/run.json")
    stored = json.loads(record.read_text())
    with open_session(case, "run", need=Need.WORK) as session:
        session.files.write(record, encode_json({**stored, **facts}))


def _change_libraries(case: Path, call: Call) -> str:
    _change_record(case, libraries={**library_versions(), "av": "99.0"})
    return "the library av was 99.0"


def _change_methods(case: Path, call: Call) -> str:
    _change_record(case, methods={**METHODS, "track": 99})
    return f"the number of the method `track` was 99, here it is {METHODS['track']}"


def _change_hardware(case: Path, call: Call) -> str:
    _change_record(case, hardware="an abacus")
    return "was an abacus"


def _change_clock(case: Path, call: Call) -> str:
    assert call("case", "clock", case, "gate", "--offset", 5).code == 0
    return "the digest of the cameras, clocks and time was"


def _add_footage(case: Path, call: Call) -> str:
    assert call("ingest", case, clip(case.parent / "hall.mp4"), "--camera", "hall").code == 0
    return "the digest of the list of evidence was"


@pytest.mark.parametrize("change", [_change_libraries, _change_methods, _change_hardware, _change_clock, _add_footage])
def test_a_changed_cause_is_named_and_nothing_is_computed(
    call: Call, published_case: Path, change: Callable[[Path, Call], str]
) -> None:
    named = change(published_case, call)
    answer = call("reproduce", published_case, *_SERIAL)
    assert (answer.code, named in answer.err) == (6, True), answer.err


def test_another_model_is_refused(call: Call, published_case: Path, tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"onnx")
    answer = call("reproduce", published_case, *_SERIAL, "--model", tmp_path / "other.onnx")
    assert answer.code in {2, 6}
    assert not (published_case / ".reproduce").exists()


def test_altered_footage_is_not_made_again(call: Call, published_case: Path) -> None:
    with (published_case.parent / "gate.mp4").open("ab") as file:
        file.write(b"\0\0\0\0free")
    answer = call("reproduce", published_case, *_SERIAL)
    assert (answer.code, "gate.mp4" in answer.err) == (5, True)


def test_an_edited_record_is_refused(call: Call, published_case: Path) -> None:
    (record,) = published_case.glob("runs/*/run.json")
    stored = json.loads(record.read_text())
    stored["settings"]["detect"]["min_score"] = 0.9
    record.write_text(json.dumps(stored))
    answer = call("reproduce", published_case, *_SERIAL)
    assert (answer.code, str(record) in answer.err) == (5, True)


def test_another_version_of_the_program_is_reported(call: Call, published_case: Path) -> None:
    _change_record(published_case, version="9.9")
    answer = call("reproduce", published_case, *_SERIAL)
    assert (answer.code, "version 9.9" in answer.err) == (0, True)


# ---- left over, and faces

_DIES = """
import sys, time
from pipelines.cli.main import exit_code_of
from pipelines.stages.model_loaders import ModelLoaders
from testing.given_detector import GivenDetector
from testing.painted_case import PaintedDetector
class Slow(PaintedDetector):
    def detect(self, frames, references):
        print("begun", flush=True)
        time.sleep(60)
exit_code_of(["reproduce", sys.argv[1], "--runner", "serial", "--quiet"], ModelLoaders(GivenDetector(Slow())))
"""


def test_what_a_killed_command_left_is_gone_with_the_next(call: Call, published_case: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", _DIES, str(published_case)], stdout=subprocess.PIPE, env=environment, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        assert call("status", published_case).code == 0
        assert (published_case / ".reproduce").exists(), "who only looks does not disturb it"
        child.send_signal(signal.SIGKILL)
        child.wait()
    for _ in range(50):
        call("status", published_case)
        if not (published_case / ".reproduce").exists():
            break
        time.sleep(0.2)  # its decoding child may hold the lock a moment longer
    assert not (published_case / ".reproduce").exists()
    assert (published_case / "evidence" / "evidence.parquet").exists()
    assert call("verify", published_case).code == 0


def test_reproduce_is_cancelled_like_a_run(call: Call, published_case: Path) -> None:
    @dataclass(frozen=True, slots=True)
    class Cancelling(PaintedDetector):
        def detect(self, frames: Any, references: Any) -> Any:
            assert call("cancel", published_case, "--json").json == {"asked": True}
            return PaintedDetector.detect(self, frames, references)

    before = _state(published_case)
    call.use_detector(Cancelling())
    answer = call("reproduce", published_case, *_SERIAL)
    assert (answer.code, "cancelled" in answer.err) == (130, True)
    assert "from the beginning" in answer.err
    assert _state(published_case) == before
    assert not (published_case / ".reproduce").exists()


def test_a_link_in_place_of_the_working_folder_is_refused(call: Call, published_case: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "wedding.jpg").write_bytes(b"1")
    (published_case / ".reproduce").symlink_to(tmp_path / "precious")
    assert call("reproduce", published_case, *_SERIAL).code == 5
    assert (tmp_path / "precious" / "wedding.jpg").exists()


def test_reproduce_of_a_face_search_obeys_the_mandate_and_names_columns_only(call: Call, tmp_path: Path) -> None:
    """The fake face models never return the same vector twice, so that candidates differ."""
    found = FaceCase.make(tmp_path, call, n_people=2)
    found.enrol("E0", 0, tmp_path)
    found.run()
    answer = call("reproduce", found.root, *_SERIAL, "--json")
    assert answer.code == 5
    assert re.fullmatch(r"candidates.parquet.sealed: row 0 differs in [a-z_, ]+", answer.json["difference"])
    assert call("verify", found.root).code == 0
    found.enrol("E1", 1, tmp_path)
    answer = call("reproduce", found.root, *_SERIAL)
    assert (answer.code, "the watch-list's entries was" in answer.err) == (6, True)
    found.do("case deny", "--reason", "refused")
    assert call("reproduce", found.root, *_SERIAL).code == 3


def test_faces_that_a_kill_left_go_with_an_erasure(call: Call, tmp_path: Path) -> None:
    found = FaceCase.make(tmp_path, call, n_people=2)
    for name in (
        "runs/r/parts/recognise/a.parquet",
        "runs/r/tables/candidates.parquet.sealed",
        "runs/s/tables/candidates/p.parquet",
        "tables/candidates.parquet.sealed",
    ):
        path = found.root / ".reproduce" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"faces")
    assert len([path for path in CaseFolder(found.root).biometric_files() if ".reproduce" in path.parts]) == 4
    found.do("case deny", "--reason", "refused")
    assert not [path for path in (found.root / ".reproduce").rglob("*") if path.is_file()]


def test_before_anything_was_published_there_is_nothing_to_make_again(call: Call, tmp_path: Path) -> None:
    assert call("reproduce", new_case(call, tmp_path / "case"), *_SERIAL).code == 2


def test_a_run_on_a_working_copy_is_made_again_too(call: Call, tmp_path: Path) -> None:
    call.use_detector(PaintedDetector())
    root = new_case(call, tmp_path / "case")
    assert call("ingest", root, clip(tmp_path / "gate.ts"), "--camera", "gate").code == 0
    assert list(root.glob("evidence/copies/*"))
    assert call("run", root, *_SERIAL).code == 0
    answer = call("reproduce", root, *_SERIAL)
    assert answer.code == 0, answer.err
