"""Parts that changed or vanished: the run reports them, makes them again, and ends in the same tables."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forensics.custody.log import read_chain
from forensics.detection.detector import Detector
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken
from forensics.models.model_store import Model
from forensics.tables.files import write_table
from pipelines.custody.part_records import PartRecords
from pipelines.run.record import recorded_hardware
from pipelines.settings import DetectSettings
from pipelines.stages.model_loaders import ModelLoaders
from testing.commands import Call, clip, new_case


@pytest.fixture
def two_chunks(call: Call, tmp_path: Path) -> Path:
    """A case with two chunks of one camera, run once."""
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
def test_a_broken_part_is_reported_recorded_and_made_again(
    two_chunks: Path, call: Call, stage: str, data: bytes
) -> None:
    before = published(two_chunks)
    part, *whole = sorted(two_chunks.glob(f"runs/*/parts/{stage}/*.parquet"))
    times = [path.stat().st_mtime_ns for path in whole]
    part.write_bytes(data)
    answer = run(call, two_chunks)
    assert answer.code == 0, answer.err
    name = part.relative_to(two_chunks).as_posix()
    assert f"{name}: has changed since it was written" in answer.out
    (note,) = notes(two_chunks)
    assert (note["path"], note["sha256"]) == (name, sha256_of_bytes(data))
    assert published(two_chunks) == before
    assert [path.stat().st_mtime_ns for path in whole] == times


def test_a_broken_part_is_not_reused_by_another_run(two_chunks: Path, call: Call) -> None:
    part = next(two_chunks.glob("runs/*/parts/detect/*.parquet"))
    part.write_bytes(b"")
    assert run(call, two_chunks, "--set", "track.minimum_detections=4").code == 0
    assert part.read_bytes() == b""
    assert {path.stat().st_nlink for path in two_chunks.glob(f"runs/*/parts/detect/{part.name}")} == {1}


def test_thumbnails_that_no_table_names_are_removed(two_chunks: Path, call: Call) -> None:
    (record,) = two_chunks.glob("runs/*/run.json")
    stray = record.parent / "crops" / "0123456789abcdef.jpg"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"of a publishing that lacked a chunk")
    assert run(call, two_chunks).code == 0
    assert not stray.exists()
    assert json.loads(record.read_text())["state"] == "complete"


def altered(part: Path) -> None:
    """Replace a part by a valid table with one more person in its first frame."""
    rows = pq.read_table(part)
    boxes = rows["boxes"].to_pylist()
    boxes[0] = [{"class_name": "person", "score": 0.9, "x1": 1.0, "y1": 1.0, "x2": 50.0, "y2": 90.0}]
    place = rows.schema.get_field_index("boxes")
    write_table(part, rows.set_column(place, rows.schema.field(place), pa.array(boxes, rows.schema.field(place).type)))


def test_a_part_that_somebody_altered_is_never_published(two_chunks: Path, call: Call) -> None:
    before = published(two_chunks)
    part = next(two_chunks.glob("runs/*/parts/detect/*.parquet"))
    altered(part)
    answer = run(call, two_chunks)
    assert answer.code == 0, answer.err
    assert "other bytes than those that tables were made of" in answer.out
    assert published(two_chunks) == before
    assert call("verify", two_chunks).code == 0


_OTHER = ("--set", "detect.min_score=0.6")


@pytest.fixture
def unpublished(two_chunks: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What an untouched run publishes; the case has made all parts of that run, and published nothing of it."""
    shutil.copytree(two_chunks, tmp_path / "untouched")
    assert run(call, tmp_path / "untouched", *_OTHER).code == 0
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.run.driver.publish", _fail)
        with pytest.raises(RuntimeError):
            run(call, two_chunks, *_OTHER)
    return published(tmp_path / "untouched")


def _fail(*_: Any, **__: Any) -> None:
    raise RuntimeError("ended before it could publish")


def _unpublished_part(root: Path) -> Path:
    records = [path for path in root.glob("runs/*/run.json") if not path.with_name("PARTS.sha256").exists()]
    (record,) = records
    return sorted(record.parent.glob("parts/detect/*.parquet"))[0]


def test_a_part_that_was_altered_before_publishing_is_made_again(
    two_chunks: Path, call: Call, unpublished: dict[str, bytes]
) -> None:
    altered(_unpublished_part(two_chunks))
    answer = run(call, two_chunks, *_OTHER)
    assert "other bytes than those that were stored" in answer.out
    assert published(two_chunks) == unpublished


def test_a_forged_record_of_a_part_is_worth_nothing(
    two_chunks: Path, call: Call, unpublished: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The attacker has the program and an installation of his own, but not the key folder of the case."""
    part = _unpublished_part(two_chunks)
    altered(part)
    with monkeypatch.context() as patched:
        patched.setenv("FORENSICS_KEYS", str(tmp_path / "keys of the attacker"))
        PartRecords.holding(part).add(part, sha256_of_file(part))
    assert "other bytes than those that were stored" in run(call, two_chunks, *_OTHER).out
    assert published(two_chunks) == unpublished


def test_parts_without_a_record_are_made_again_and_others_are_kept(
    two_chunks: Path, call: Call, unpublished: dict[str, bytes]
) -> None:
    part = _unpublished_part(two_chunks)
    record = part.parents[2] / "stored-parts.hmac"
    record.write_text("".join(line for line in record.read_text().splitlines(keepends=True) if part.name not in line))
    times = {path: path.stat().st_mtime_ns for path in part.parents[1].rglob("*.parquet") if path != part}
    answer = run(call, two_chunks, *_OTHER)
    assert "was not stored by this installation" in answer.out
    assert published(two_chunks) == unpublished
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_an_altered_part_is_not_reused_by_another_run(two_chunks: Path, call: Call) -> None:
    part = next(two_chunks.glob("runs/*/parts/detect/*.parquet"))
    altered(part)
    assert run(call, two_chunks, "--set", "track.minimum_detections=4").code == 0
    assert {path.stat().st_nlink for path in two_chunks.glob(f"runs/*/parts/detect/{part.name}")} == {1}


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_list_of_parts_that_was_rewritten_with_them_is_refused(two_chunks: Path, call: Call, is_gone: bool) -> None:
    part = next(two_chunks.glob("runs/*/parts/detect/*.parquet"))
    listed = next(two_chunks.glob("runs/*/PARTS.sha256"))
    was = sha256_of_file(part)
    altered(part)
    listed.write_text(listed.read_text().replace(was, sha256_of_file(part)))
    if is_gone:
        listed.unlink()
    answer = run(call, two_chunks)
    assert (answer.code, "PARTS.sha256" in answer.err) == (5, True), answer.err
    listed.parent.rename(two_chunks.parent / "set apart")
    assert run(call, two_chunks).code == 0
    assert call("verify", two_chunks).code == 0


def test_a_run_that_cannot_continue_is_recorded_as_interrupted(two_chunks: Path, call: Call) -> None:
    def refuse(settings: DetectSettings, model: Model) -> Detector:
        raise CannotStart("Ray's raylet died", "run the same command again: it continues")

    next(two_chunks.glob("runs/*/parts/detect/*.parquet")).unlink()
    call.loaders = ModelLoaders(load_detector=refuse)
    assert run(call, two_chunks).code == 6
    (record,) = two_chunks.glob("runs/*/run.json")
    assert json.loads(record.read_text())["state"] == "interrupted"


def test_a_part_that_no_list_names_is_never_reused(two_chunks: Path, call: Call) -> None:
    """Somebody deletes a part and puts a forged one into a forged folder of a run."""
    before = published(two_chunks)
    part = next(two_chunks.glob("runs/*/parts/detect/*.parquet"))
    record, name = next(two_chunks.glob("runs/*/run.json")), part.relative_to(two_chunks).as_posix()
    forged = two_chunks / "runs" / "0evil" / "parts" / "detect" / part.name
    forged.parent.mkdir(parents=True)
    (two_chunks / "runs" / "0evil" / "run.json").write_bytes(record.read_bytes())
    digest = sha256_of_file(part)
    altered(part)
    part.rename(forged)
    answer = run(call, two_chunks)
    assert answer.code == 0, answer.err
    assert f"{name}: was missing" in answer.out
    (gone,) = [line.facts for line in read_chain(two_chunks / "audit.jsonl").lines if line.command == "part_gone"]
    assert gone == {"path": name, "sha256": digest}
    assert published(two_chunks) == before


def test_chunk_boundaries_that_somebody_altered_are_refused(two_chunks: Path, call: Call) -> None:
    (plan,) = two_chunks.glob("runs/*/plan/*.json")
    was = plan.read_text()
    for text in ("x", "7", '["a", 24]', "[0, 5]", "[0, 12, 12, 24]", "[0, 24]"):
        plan.write_text(text)
        answer = run(call, two_chunks)
        assert (answer.code, plan.name in answer.err) == (5, True), text
    plan.write_text(was)
    assert run(call, two_chunks).code == 0


def test_a_broken_record_of_another_run_is_reported(two_chunks: Path) -> None:
    (record,) = two_chunks.glob("runs/*/run.json")
    record.write_text("{")
    with pytest.raises(IntegrityBroken, match="not the record of a run"):
        recorded_hardware(record)
