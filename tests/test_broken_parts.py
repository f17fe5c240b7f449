"""A part is not what was written: the run tells, makes it again, and ends in the same tables."""

import json
from pathlib import Path
from typing import Any

import pytest

from forensics.audit import read_chain
from forensics.digests import sha256_of_bytes
from tests.calling import Call, caller, clip, new_case


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


@pytest.fixture
def case(call: Call, tmp_path: Path) -> Path:
    """Two chunks of one camera, run once."""
    root = new_case(call, tmp_path / "case")
    assert call("ingest", root, clip(tmp_path / "gate.mp4", n_frames=24), "--camera", "gate").code == 0
    assert run(call, root).code == 0
    return root


def run(call: Call, root: Path, *more: str) -> Any:
    return call("run", root, "--runner", "serial", "--quiet", "--set", "chunk.seconds=0.4", *more)


def published(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / "tables").rglob("*.*"))}


def notes(root: Path) -> list[dict[str, Any]]:
    return [line.facts for line in read_chain(root / "audit.jsonl").lines if line.command == "part_broken"]


@pytest.mark.parametrize("stage", ["detect", "track", "sight"])
@pytest.mark.parametrize("data", [b"", b"PAR1 and no more"])
def test_a_broken_part_is_told_put_on_record_and_made_again(case: Path, call: Call, stage: str, data: bytes) -> None:
    before = published(case)
    part, *whole = sorted(case.glob(f"runs/*/parts/{stage}/*.parquet"))
    times = [path.stat().st_mtime_ns for path in whole]
    part.write_bytes(data)
    answer = run(call, case)
    assert answer.code == 0, answer.err
    name = part.relative_to(case).as_posix()
    assert f"{name}: was not what had been written" in answer.err
    (note,) = notes(case)
    assert (note["path"], note["sha256"]) == (name, sha256_of_bytes(data))
    assert published(case) == before
    assert [path.stat().st_mtime_ns for path in whole] == times


def test_a_broken_part_is_not_adopted_by_another_run(case: Path, call: Call) -> None:
    part = next(case.glob("runs/*/parts/detect/*.parquet"))
    part.write_bytes(b"")
    assert run(call, case, "--set", "track.minimum_detections=4").code == 0
    assert part.read_bytes() == b""
    assert {path.stat().st_nlink for path in case.glob(f"runs/*/parts/detect/{part.name}")} == {1}


def test_pictures_that_no_table_names_go_when_tables_are_published(case: Path, call: Call) -> None:
    (record,) = case.glob("runs/*/run.json")
    stray = record.parent / "crops" / "0123456789abcdef.jpg"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"of a publishing that lacked a chunk")
    assert run(call, case).code == 0
    assert not stray.exists()
    assert json.loads(record.read_text())["state"] == "complete"
