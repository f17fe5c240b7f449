"""Frames opened by their address: the pixels are those of that frame in the ingested recording."""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.errors import UsageError
from forensics.tables.evidence import load_evidence
from pipelines.intake.ingest_item import IngestItem
from pipelines.proof.frame import parse_address
from testing.commands import Call, clip, new_case
from testing.face_case import FaceCase
from testing.painted import KINDS
from testing.painted.picture import number_in
from testing.painted.recorders import RECORDED
from testing.painted_case import START_US, make_case_of, make_painted_case, walker_xyxy


def _rows(case: Path) -> pl.DataFrame:
    return pl.read_parquet(case / "tables" / "detections.parquet")


def test_every_address_of_a_table_opens_the_frame_it_names(call: Call, published_case: Path, tmp_path: Path) -> None:
    for row in _rows(published_case).unique("frame").iter_rows(named=True):
        picture = tmp_path / f"{row['frame']}.png"
        told = call(
            "verify", published_case, "--frame", f"{row['evidence_id']}:{row['pts']}", "-o", picture, "--json"
        ).json
        pixels = np.asarray(Image.open(picture).convert("RGB"))
        assert number_in(pixels) == row["frame"] == told["frame"]
        assert told["rgb_sha256"] == hashlib.sha256(pixels.tobytes()).hexdigest()
        assert (told["media_us"], told["utc_us"]) == (row["media_us"], START_US + row["media_us"])
        assert told["clock_error_ms"] == 40
        assert told["sha256"] == hashlib.sha256((tmp_path / "gate.mp4").read_bytes()).hexdigest()


def test_a_frame_is_named_by_number_and_by_the_begin_of_an_id(call: Call, published_case: Path) -> None:
    (row,) = _rows(published_case).filter(pl.col("frame") == 7).to_dicts()
    told = [
        call("verify", published_case, "--frame", f"{row['evidence_id'][:length]}{rest}", "--json").json
        for length in (3, 16)
        for rest in ("#7", f":{row['pts']}")
    ]
    assert all(each == told[0] for each in told)
    assert [box["class_name"] for box in told[0]["detections"]] == ["person"]
    assert [told[0]["detections"][0][name] for name in ("x1", "y1", "x2", "y2")] == list(walker_xyxy(7))


def test_boxes_are_drawn_into_the_marked_picture_alone(call: Call, published_case: Path, tmp_path: Path) -> None:
    (row,) = _rows(published_case).filter(pl.col("frame") == 7).to_dicts()
    plain, boxed = tmp_path / "plain.png", tmp_path / "boxed.png"
    address = f"{row['evidence_id']}:{row['pts']}"
    answer = call("verify", published_case, "--frame", address, "-o", plain, "--marked", boxed)
    assert (answer.code, "person" in answer.out, "2026-05-01 10:00:01.40Z" in answer.out) == (0, True, True)
    differs = np.argwhere((np.asarray(Image.open(plain)) != np.asarray(Image.open(boxed))).any(axis=2))
    left, top, right, bottom = walker_xyxy(7)
    assert differs.min(axis=0).tolist() == [top, left]
    assert differs.max(axis=0).tolist() == [bottom, right]


def test_an_opened_frame_is_recorded_in_the_log(call: Call, published_case: Path) -> None:
    told = call("verify", published_case, "--frame", f"{_rows(published_case)['evidence_id'][0]}#3", "--json").json
    begin, end = read_chain(published_case / "audit.jsonl").lines[-2:]
    assert (begin.command, begin.facts["frame"]["number"]) == ("verify frame", 3)
    assert end.facts["outputs"]["rgb_sha256"] == told["rgb_sha256"]


def test_no_frame_of_an_altered_recording_is_shown(call: Call, published_case: Path, tmp_path: Path) -> None:
    evidence_id = _rows(published_case)["evidence_id"][0]
    with (tmp_path / "gate.mp4").open("ab") as file:
        file.write(b"\0\0\0\0free")
    answer = call("verify", published_case, "--frame", f"{evidence_id}#3", "-o", tmp_path / "f.png")
    assert (answer.code, str(tmp_path / "gate.mp4") in answer.err) == (5, True)
    assert not (tmp_path / "f.png").exists()


def test_an_invalid_address_is_refused(call: Call, published_case: Path, tmp_path: Path) -> None:
    evidence_id = _rows(published_case)["evidence_id"][0]
    for address, said in (
        (f"{evidence_id}:1", "the nearest is frame"),
        (f"{evidence_id}#12", "the last one is 11"),
        (f"{evidence_id}:x", "no address"),
        ("gate.mp4:5", "no address"),
        ("ffffffffffffffff#1", "found none"),
    ):
        answer = call("verify", published_case, "--frame", address)
        assert (answer.code, said in answer.err) == (2, True), address
    for options in (("-o", tmp_path / "f.png"), ("--frame", f"{evidence_id}#1", "-o", published_case / "f.png")):
        assert call("verify", published_case, *options).code == 2, options
    with pytest.raises(UsageError, match="no address"):
        parse_address("")


def test_an_ambiguous_prefix_is_refused_with_both_ids(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    for seed in range(17):  # of seventeen ids two begin with the same digit
        assert call("ingest", case, clip(tmp_path / f"{seed}.mp4", seed=seed), "--camera", "gate").code == 0
        ids = pl.read_parquet(case / "evidence" / "evidence.parquet")["evidence_id"].to_list()
        twice = [each[0] for each in ids if sum(other[0] == each[0] for other in ids) > 1]
        if twice:
            break
    answer = call("verify", case, "--frame", f"{twice[0]}#1")
    assert answer.code == 2
    assert all(each in answer.err for each in ids if each[0] == twice[0])


def test_a_frame_that_cannot_be_read_is_reported_and_not_replaced(call: Call, tmp_path: Path) -> None:
    cut = next(kind for kind in KINDS if kind.name == "mkv_cut_open")
    case = make_case_of(tmp_path / "case", IngestItem(cut.build(tmp_path), "gate")).folder.root
    evidence_id = pl.read_parquet(case / "evidence" / "evidence.parquet")["evidence_id"][0]
    answer = call("verify", case, "--frame", f"{evidence_id}#1", "-o", tmp_path / "f.png", "--json")
    assert (answer.code, answer.json["gap"]) == (4, "decode_error")
    assert answer.json["detail"]
    assert not (tmp_path / "f.png").exists()


def test_before_anything_is_published_a_frame_has_no_boxes(call: Call, tmp_path: Path) -> None:
    root = make_painted_case(tmp_path).folder.root
    evidence_id = pl.read_parquet(root / "evidence" / "evidence.parquet")["evidence_id"][0]
    told = call("verify", root, "--frame", f"{evidence_id}#0", "--marked", tmp_path / "f.png", "--json")
    assert (told.code, told.json["detections"], told.json["utc_us"]) == (0, [], None)


def test_where_faces_are_compared_a_frame_is_opened_for_a_reason_and_within_the_scope(
    call: Call, tmp_path: Path
) -> None:
    found = FaceCase.make(tmp_path, call, n_people=2)
    early = clip(tmp_path / "early.mp4")
    found.do("ingest", early, "--camera", "gate", "--start", "2026-04-01T12:00:00Z", "--clock-error", 0)
    ids = {
        Path(row["path"]).name: row["evidence_id"]
        for row in pl.read_parquet(found.root / "evidence" / "evidence.parquet").iter_rows(named=True)
    }
    shown = ("verify", found.root, "--frame", f"{ids['gate.mp4']}#3")
    answer = call(*shown)
    assert (answer.code, "--reason" in answer.err) == (3, True)
    assert call(*shown, "--reason", "r").code == 0
    outside = call("verify", found.root, "--frame", f"{ids['early.mp4']}#3", "--reason", "r")
    assert (outside.code, "scope" in outside.err) == (3, True)
    found.do("case deny", "--reason", "refused")
    assert call(*shown, "--reason", "r").code == 3


def test_a_pts_of_two_sections_is_no_address_and_the_numbers_are_told(call: Call, tmp_path: Path) -> None:
    joined = next(each for each in RECORDED if each.name == "ts joined, each clock starting anew")
    case = new_case(call, tmp_path / "case")
    call("ingest", case, joined.build(tmp_path), "--camera", "gate")
    evidence_id = load_evidence(CaseFolder.at(case))[0].evidence_id
    last = call("verify", case, "--frame", f"{evidence_id}#89", "--json").json
    answer = call("verify", case, "--frame", f"{evidence_id}:{last['pts']}")
    assert answer.code == 2
    assert f"pts {last['pts']} is no address: frames 44, 89 have it" in answer.err
    assert f"{evidence_id}#44 or {evidence_id}#89" in answer.err
