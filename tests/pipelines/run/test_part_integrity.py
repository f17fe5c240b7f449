"""A part is not what was written: the run tells, makes it again, and ends in the same tables."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forensics.custody.log import read_chain
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken
from forensics.tables.files import write_table
from pipelines.run.record import hardware_in
from testing.commands import Call, caller, clip, new_case


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
    assert f"{name}: was not what had been written" in answer.out
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


def altered(part: Path) -> None:
    """A part that is a whole table and says something else: somebody was seen in its first frame."""
    rows = pq.read_table(part)
    boxes = rows["boxes"].to_pylist()
    boxes[0] = [{"class_name": "person", "score": 0.9, "x1": 1.0, "y1": 1.0, "x2": 50.0, "y2": 90.0}]
    place = rows.schema.get_field_index("boxes")
    write_table(part, rows.set_column(place, rows.schema.field(place), pa.array(boxes, rows.schema.field(place).type)))


def test_a_part_that_somebody_altered_is_never_published(case: Path, call: Call) -> None:
    before = published(case)
    part = next(case.glob("runs/*/parts/detect/*.parquet"))
    altered(part)
    answer = run(call, case)
    assert answer.code == 0, answer.err
    assert "other bytes than those that tables were made of" in answer.out
    assert published(case) == before
    assert call("verify", case).code == 0


def test_an_altered_part_is_not_adopted_by_another_run(case: Path, call: Call) -> None:
    part = next(case.glob("runs/*/parts/detect/*.parquet"))
    altered(part)
    assert run(call, case, "--set", "track.minimum_detections=4").code == 0
    assert {path.stat().st_nlink for path in case.glob(f"runs/*/parts/detect/{part.name}")} == {1}


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_list_of_parts_that_was_rewritten_with_them_is_refused(case: Path, call: Call, is_gone: bool) -> None:
    part = next(case.glob("runs/*/parts/detect/*.parquet"))
    listed = next(case.glob("runs/*/PARTS.sha256"))
    was = sha256_of_file(part)
    altered(part)
    listed.write_text(listed.read_text().replace(was, sha256_of_file(part)))
    if is_gone:
        listed.unlink()
    answer = run(call, case)
    assert (answer.code, "PARTS.sha256" in answer.err) == (5, True), answer.err
    listed.parent.rename(case.parent / "set apart")
    assert run(call, case).code == 0
    assert call("verify", case).code == 0


def test_a_run_that_cannot_go_on_is_not_left_running(case: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any, **__: Any) -> None:
        raise CannotStart("Ray's raylet died", "run the same command again: it goes on")

    monkeypatch.setattr("pipelines.run.driver.detect", dies)
    assert run(call, case).code == 6
    (record,) = case.glob("runs/*/run.json")
    assert json.loads(record.read_text())["state"] == "interrupted"


def test_a_part_that_no_list_names_is_never_adopted(case: Path, call: Call) -> None:
    """Whoever deletes a part and lays another one into a folder like a run's gains nothing by it."""
    before = published(case)
    part = next(case.glob("runs/*/parts/detect/*.parquet"))
    record, name = next(case.glob("runs/*/run.json")), part.relative_to(case).as_posix()
    forged = case / "runs" / "0evil" / "parts" / "detect" / part.name
    forged.parent.mkdir(parents=True)
    (case / "runs" / "0evil" / "run.json").write_bytes(record.read_bytes())
    digest = sha256_of_file(part)
    altered(part)
    part.rename(forged)
    answer = run(call, case)
    assert answer.code == 0, answer.err
    assert f"{name}: was gone" in answer.out
    (gone,) = [line.facts for line in read_chain(case / "audit.jsonl").lines if line.command == "part_gone"]
    assert gone == {"path": name, "sha256": digest}
    assert published(case) == before


def test_chunk_boundaries_that_somebody_altered_are_refused(case: Path, call: Call) -> None:
    (plan,) = case.glob("runs/*/plan/*.json")
    was = plan.read_text()
    for text in ("x", "7", '["a", 24]', "[0, 5]", "[0, 12, 12, 24]", "[0, 24]"):
        plan.write_text(text)
        answer = run(call, case)
        assert (answer.code, plan.name in answer.err) == (5, True), text
    plan.write_text(was)
    assert run(call, case).code == 0


def test_a_broken_record_of_another_run_is_said(case: Path) -> None:
    (record,) = case.glob("runs/*/run.json")
    record.write_text("{")
    with pytest.raises(IntegrityBroken, match="not the record of a run"):
        hardware_in(record)
