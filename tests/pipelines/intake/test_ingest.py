"""Ingest: what a case records about footage, and how later changes of the footage are found."""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from forensics.custody.case_folder import CaseFolder
from forensics.footage.evidence import Evidence, Readable, Reader, Source, Timing, Verdict
from forensics.tables.evidence import load_evidence, load_index, load_picture_names, load_sources
from testing.commands import Call, clip
from testing.painted.damage import cut_tail
from testing.painted.encode import PAL, Recipe, encode
from testing.painted.picture import paint
from testing.project import ROOT

_TIMES = tuple(Fraction(number, 25) for number in range(12))
_FAST = {"preset": "ultrafast"}
_NO_B = {"preset": "ultrafast", "bf": "0"}
_START_US = 1_777_629_600_000_000  # 2026-05-01T10:00:00Z


def known(case: Path) -> list[Evidence]:
    return load_evidence(CaseFolder.at(case))


def readable_of(item: Evidence) -> Readable:
    assert item.readable is not None
    return item.readable


def sources(case: Path) -> list[Source]:
    return load_sources(CaseFolder.at(case))


# ---- the facts


def test_facts_about_a_file_are_recorded(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = encode(tmp_path / "turned.mp4", Recipe("mpeg4", rotation_degrees=90), _TIMES)
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    (item,) = known(empty_case)
    readable = readable_of(item)
    assert item.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert item.evidence_id == item.sha256[:16]
    assert (item.path, item.size_bytes, item.camera_id) == (path, path.stat().st_size, "gate")
    assert (item.start_utc_us, item.clock_error_ms) == (None, None)
    medium = readable.medium
    assert medium.container.startswith("mov,mp4")
    assert (medium.codec, medium.width_px, medium.height_px, medium.rotation_degrees) == ("mpeg4", 160, 96, 90)
    assert (medium.rate_stated, medium.rate_counted, medium.timing) == (PAL, PAL, Timing.CONTAINER)
    assert (readable.n_frames, medium.n_frames_from_header) == (12, 12)
    assert (readable.footage.reader, readable.reader_reason) == (Reader.PYAV, "the reference reader")
    index = load_index(CaseFolder.at(empty_case), item)
    assert [pts * index.time_base for pts in index.pts.tolist()] == list(_TIMES)


def test_start_and_clock_error_are_recorded_and_can_be_corrected(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    stated = ("ingest", empty_case, path, "--camera", "gate")
    assert call(*stated, "--start", "2026-05-01T12:00:00+02:00", "--clock-error", 500).code == 0
    assert [(i.start_utc_us, i.clock_error_ms) for i in known(empty_case)] == [(_START_US, 500)]
    assert call(*stated).code == 0
    assert [(i.start_utc_us, i.clock_error_ms) for i in known(empty_case)] == [(_START_US, 500)]
    assert call(*stated, "--start", "2026-05-01T10:00:01Z", "--reason", "one second late").code == 0
    assert [(i.start_utc_us, i.clock_error_ms) for i in known(empty_case)] == [(_START_US + 1_000_000, 500)]


def test_ingesting_again_changes_nothing(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    contents = []
    for _ in range(2):
        assert call("ingest", empty_case, path, "--camera", "gate").code == 0
        files = sorted((empty_case / "evidence").rglob("*.parquet"))
        contents.append({file: file.read_bytes() for file in files})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 3


def test_a_lost_index_is_made_again_and_what_was_said_is_kept(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    said = ("--start", "2026-05-01T10:00:00Z", "--clock-error", 500)
    assert call("ingest", empty_case, path, "--camera", "gate", *said).code == 0
    item = known(empty_case)[0]
    (index,) = (empty_case / "evidence" / "index").iterdir()
    before = index.read_bytes()
    index.unlink()
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    assert index.read_bytes() == before
    assert known(empty_case) == [item]
    index.unlink()
    assert call("ingest", empty_case, path, "--camera", "hall").code == 2


def test_another_stream_of_known_footage_is_refused(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = _two_streams(tmp_path / "two.mkv")
    assert call("ingest", empty_case, path, "--camera", "gate", "--stream", 0).code == 0
    answer = call("ingest", empty_case, path, "--camera", "gate", "--stream", 1)
    assert answer.code == 2
    assert "with video stream 0, not 1" in answer.err


def test_a_second_name_of_the_same_bytes_is_a_source_and_no_evidence(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    path = clip(tmp_path / "gate.mp4")
    twin = Path(shutil.copy(path, tmp_path / "copy of gate.mp4"))
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    assert call("ingest", empty_case, twin, "--camera", "gate").code == 0
    (item,) = known(empty_case)
    assert item.path == path
    first, second = sources(empty_case)
    assert (first.path, first.reason) == (path, "")
    assert (second.path, second.evidence_id, second.verdict) == (twin, item.evidence_id, Verdict.OK)
    assert second.reason == f"the same bytes as {path}"


def test_a_scan_gives_a_second_name_to_the_camera_of_the_first(call: Call, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    twin = Path(shutil.copy(path, tmp_path / "hall.mp4"))
    case = tmp_path / "case"
    assert call("scan", path, twin, "--case", case, "--runner", "serial", "--quiet").code == 0
    assert [source.camera_id for source in sources(case)] == ["gate", "gate"]


def test_footage_that_was_rejected_is_read_again_when_it_is_whole(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = tmp_path / "gate.mp4"
    path.write_text("still being copied")
    assert call("ingest", empty_case, path, "--camera", "gate").code == 4
    clip(path)
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    assert [(s.path, s.verdict) for s in sources(empty_case)] == [(path, Verdict.REJECTED), (path, Verdict.OK)]
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 4
    assert "withdraw the earlier one" in call("status", empty_case).out
    (rejected,) = (item for item in known(empty_case) if item.readable is None)
    assert call("evidence", "withdraw", empty_case, path).code == 0
    assert [(s.path, s.verdict) for s in sources(empty_case)] == [(path, Verdict.OK)]
    assert rejected.evidence_id in (empty_case / "audit.jsonl").read_text().splitlines()[-1]
    assert call("verify", empty_case).code == 0
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 0
    assert call("verify", empty_case).code == 0


# ---- what a person says about footage that does not say it itself


def test_raw_video_gets_its_rate_from_the_person(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = encode(tmp_path / "raw.264", Recipe(options=_NO_B, container="h264"), _TIMES)
    assert call("ingest", empty_case, path, "--camera", "gate", "--fps", "30000/1001").code == 0
    (item,) = known(empty_case)
    readable = readable_of(item)
    assert readable.medium.timing is Timing.ASSUMED
    assert readable.medium.rate_counted == Fraction(30_000, 1001)
    (source,) = sources(empty_case)
    assert source.reason == "the file holds no times; frames are timed at 30000/1001 frames/s (given); see --fps"
    index = load_index(CaseFolder.at(empty_case), item)
    assert index.pts.tolist() == list(range(12))
    assert index.time_base == Fraction(1001, 30_000)


def _two_streams(path: Path) -> Path:
    """Stream 0 is large, stream 1 small and shows other numbers; neither is the default."""
    with av.open(str(path), "w") as container:
        sizes = ((320, 192), (160, 96))
        streams = [container.add_stream("libx264", rate=25, options=_FAST) for _ in sizes]
        for stream, (width, height) in zip(streams, sizes, strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.disposition = stream.disposition.__class__(0)
        for number in range(12):
            for place, (stream, (width, height)) in enumerate(zip(streams, sizes, strict=True)):
                frame = av.VideoFrame.from_ndarray(paint(number + 100 * place, width, height), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("said", "stream", "width_px", "others"),
    [((), 0, 320, (1,)), (("--stream", 0), 0, 320, (1,)), (("--stream", 1), 1, 160, (0,))],
)
def test_of_two_streams_one_is_read_and_the_other_named(
    call: Call,
    empty_case: Path,
    tmp_path: Path,
    *,
    said: tuple[object, ...],
    stream: int,
    width_px: int,
    others: tuple[int, ...],
) -> None:
    path = _two_streams(tmp_path / "two.mkv")
    assert call("ingest", empty_case, path, "--camera", "gate", *said).code == 0
    readable = readable_of(known(empty_case)[0])
    assert (readable.footage.stream_index, readable.medium.width_px) == (stream, width_px)
    assert readable.medium.other_streams == others


def test_a_stream_that_is_not_there_is_refused_with_those_that_are(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    answer = call("ingest", empty_case, _two_streams(tmp_path / "two.mkv"), "--camera", "gate", "--stream", 7, "--json")
    assert answer.code == 4
    assert answer.json["sources"][0]["reason"].startswith("no_such_stream: ")
    assert answer.json["sources"][0]["reason"].endswith("there are: 0, 1")


def test_decord_is_used_where_it_is_proven_and_else_the_reason_is_kept(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    pytest.importorskip("decord")
    exact = encode(tmp_path / "exact.mp4", Recipe(options=_NO_B), _TIMES)
    whole = encode(tmp_path / "cut.mkv", Recipe(options=_NO_B), [Fraction(n, 25) for n in range(60)])
    call("ingest", empty_case, exact, cut_tail(whole, 0.7), "--camera", "gate", "--reader", "decord")
    of_name = {item.path.name: readable_of(item) for item in known(empty_case)}
    assert of_name["exact.mp4"].footage.reader is Reader.DECORD
    assert of_name["exact.mp4"].reader_reason == "decord, proven exact on this file at ingest"
    assert of_name["cut.mkv"].footage.reader is Reader.PYAV
    assert of_name["cut.mkv"].reader_reason == "the reference reader; decord refused: the file is not whole"


def test_footage_that_cannot_seek_is_read_through_a_copy_with_its_own_digest(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    path = encode(tmp_path / "gate.ts", Recipe(options=_NO_B), _TIMES)
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    (item,) = known(empty_case)
    readable = readable_of(item)
    copy = readable.footage.path
    assert item.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert copy.is_relative_to(empty_case / "evidence" / "copies")
    assert readable.working_copy_sha256 == hashlib.sha256(copy.read_bytes()).hexdigest()
    assert "stream copy" in readable.reader_reason
    assert call("verify", empty_case).code == 0
    flip_a_byte(copy)
    answer = call("verify", empty_case)
    assert answer.code == 5
    assert str(copy) in answer.err


# ---- stills


def _pictures(folder: Path) -> Path:
    folder.mkdir()
    for second in range(3):
        Image.fromarray(paint(second, 160, 96)).save(folder / f"2026-05-01_10-00-0{second}.png")
    return folder


def _zipped(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for picture in sorted(folder.iterdir()):
            archive.write(picture, picture.name)
    return path


def test_a_folder_of_stills_is_one_evidence(call: Call, empty_case: Path, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "trap")
    assert call("ingest", empty_case, folder, "--camera", "trap").code == 0
    (item,) = known(empty_case)
    readable = readable_of(item)
    assert (item.path, readable.footage.reader, readable.n_frames) == (folder, Reader.STILLS, 3)
    assert (readable.medium.container, readable.medium.timing) == ("folder", Timing.FILE_NAME)
    names = load_picture_names(CaseFolder.at(empty_case), item).to_pylist()
    assert names == [f"2026-05-01_10-00-0{second}.png" for second in range(3)]
    lines = sorted(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n" for file in folder.iterdir())
    assert item.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert call("verify", empty_case).code == 0


def test_a_zip_of_stills_is_one_evidence_named_by_its_own_bytes(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = _zipped(tmp_path / "trap.zip", _pictures(tmp_path / "trap"))
    assert call("ingest", empty_case, path, "--camera", "trap").code == 0
    (item,) = known(empty_case)
    assert item.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert readable_of(item).medium.container == "zip"
    assert readable_of(item).n_frames == 3


def test_a_folder_gives_each_video_and_its_stills(call: Call, empty_case: Path, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "card")
    (folder / "deep").mkdir()
    clip(folder / "b.mp4")
    clip(folder / "deep" / "a.MP4", seed=1)
    (folder / "notes.txt").write_text("nothing to see")
    assert call("ingest", empty_case, folder, "--camera", "trap").code == 0
    assert [source.path for source in sources(empty_case)] == [folder / "b.mp4", folder / "deep" / "a.MP4", folder]


# ---- footage that moved


def test_moved_footage_is_found_by_its_digest(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    folder = _pictures(tmp_path / "trap")
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    assert call("ingest", empty_case, folder, "--camera", "trap").code == 0
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "decoy.mp4").write_bytes(b"\0" * path.stat().st_size)
    (archive / "broken link").symlink_to(archive / "nowhere")
    moved = path.rename(archive / "renamed.mp4")
    moved_folder = folder.rename(archive / "trap")
    assert call("verify", empty_case).code == 5
    answer = call("evidence", "relocate", empty_case, archive, "--json")
    assert answer.code == 0
    assert set(answer.json["found"].values()) == {str(moved), str(moved_folder)}
    assert answer.json["absent"] == []
    assert {readable_of(item).footage.path for item in known(empty_case)} == {moved, moved_folder}
    assert call("verify", empty_case).code == 0
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 0


def test_a_folder_stays_evidence_if_files_lie_beside_that_earlier_versions_took_for_no_pictures(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    """Such a folder was ingested as this one is before they are added."""
    folder = _pictures(tmp_path / "trap")
    assert call("ingest", empty_case, folder, "--camera", "trap").code == 0
    picture = next(folder.glob("*.png")).read_bytes()
    (folder / "later.jfif").write_bytes(picture)
    (folder / "._hidden.jpg").write_bytes(picture)
    assert call("verify", empty_case).code == 0
    answer = call("run", empty_case, "--runner", "serial", "--quiet")
    assert answer.code == 0, answer.err
    (tmp_path / "archive").mkdir()
    moved = folder.rename(tmp_path / "archive" / "trap")
    assert call("evidence", "relocate", empty_case, tmp_path / "archive").code == 0
    assert [item.path for item in known(empty_case)] == [moved]
    (moved / "later.jpg").write_bytes(picture)
    assert call("verify", empty_case).code == 5


def test_relocate_names_footage_that_was_not_found(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    path.unlink()
    (tmp_path / "elsewhere").mkdir()
    answer = call("evidence", "relocate", empty_case, tmp_path / "elsewhere")
    assert answer.code == 4, "something still is absent"
    assert answer.out.startswith("absent")
    assert str(path) in answer.out
    assert call("evidence", "relocate", empty_case, tmp_path / "nowhere").code == 2


def test_known_footage_that_cannot_be_read_now_stays_known(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    call("ingest", empty_case, path, "--camera", "gate")
    before = sources(empty_case)
    hidden = path.rename(tmp_path / "elsewhere.mp4")
    path.symlink_to("on a disk that is not mounted")
    answer = call("ingest", empty_case, path, "--camera", "gate")
    assert (answer.code, "missing" in answer.out) == (4, True)
    assert sources(empty_case) == before
    path.unlink()
    hidden.rename(path)
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 0


def test_a_path_given_by_mistake_is_withdrawn_and_the_log_keeps_both_commands(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    path, mistyped = clip(tmp_path / "gate.mp4"), tmp_path / "empty.mp4"
    mistyped.touch()
    assert call("ingest", empty_case, mistyped, path, "--camera", "gate").code == 4
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 4
    assert "evidence withdraw" in call("status", empty_case).out
    assert call("evidence", "withdraw", empty_case, mistyped).code == 0
    assert [source.path for source in sources(empty_case)] == [path]
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 0
    assert call("verify", empty_case).code == 0
    log = (empty_case / "audit.jsonl").read_text()
    assert log.count(str(mistyped)) >= 2


def test_a_repair_that_fails_forgets_nothing(
    call: Call, empty_case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip(tmp_path / "gate.mp4")
    call("ingest", empty_case, path, "--camera", "gate", "--start", "2026-05-01T10:00:00Z", "--clock-error", 500)
    before = known(empty_case)
    CaseFolder.at(empty_case).index_file(before[0].evidence_id).unlink()
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'testing' / 'crashing_footage'}:{ROOT}")
    monkeypatch.setenv("POISON_INDEX", "gate raise")
    failed = call("ingest", empty_case, path, "--camera", "gate")
    assert (failed.code, known(empty_case)) == (4, before)
    assert call("verify", empty_case).code == 5
    assert call("evidence", "withdraw", empty_case, path).code == 2
    assert known(empty_case) == before
    monkeypatch.delenv("POISON_INDEX")
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    assert known(empty_case) == before
    assert call("verify", empty_case).code == 0


def test_withdraw_removes_only_sources_without_evidence(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    call("ingest", empty_case, path, "--camera", "gate")
    path.write_bytes(b"")
    assert call("ingest", empty_case, path, "--camera", "hall").code == 4
    assert [source.camera_id for source in sources(empty_case)] == ["gate", "hall"]
    assert call("evidence", "withdraw", empty_case, path).code == 0
    assert [source.camera_id for source in sources(empty_case)] == ["gate"]


def test_relocate_ignores_other_bytes_at_the_old_path(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path, archive = clip(tmp_path / "gate.mp4"), tmp_path / "archive"
    call("ingest", empty_case, path, "--camera", "gate")
    unspeakable = archive / os.fsdecode(b"n\xff")
    unspeakable.mkdir(parents=True)
    shutil.copy(path, unspeakable / "gate.mp4")
    moved = Path(shutil.copy(path, archive))
    path.write_bytes(path.read_bytes()[:1000])
    assert call("evidence", "relocate", empty_case, archive).code == 0
    assert [item.path for item in known(empty_case)] == [moved]


def test_other_bytes_at_the_old_path_are_another_source(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    path.write_bytes(b"cut short")
    call("ingest", empty_case, path, "--camera", "gate")
    for n_frames in (12, 18):
        path.unlink()
        clip(path, n_frames=n_frames)
        call("ingest", empty_case, path, "--camera", "gate")
    recordings = {item.evidence_id for item in known(empty_case) if item.readable}
    assert len(recordings) == 2
    assert (
        {source.evidence_id for source in sources(empty_case)}
        == {item.evidence_id for item in known(empty_case)}
        > recordings
    )
    assert sources(empty_case)[-1].reason.startswith("other bytes were given here before: evidence ")
    assert "claimed twice" in call("status", empty_case).out
    assert len(known(empty_case)) == 3


def test_evidence_cannot_be_withdrawn(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    call("ingest", empty_case, path, "--camera", "gate")
    answer = call("evidence", "withdraw", empty_case, path)
    assert (answer.code, "it is evidence" in answer.err) == (2, True)
    assert call("evidence", "withdraw", empty_case, tmp_path / "other.mp4").code == 2
    assert len(sources(empty_case)) == 1


@pytest.mark.parametrize("url", ["S3://archive/gate.mp4", "s3:/archive/gate.mp4", "gs://archive/gate.mp4"])
def test_a_mistyped_store_address_is_no_local_path(call: Call, empty_case: Path, url: str) -> None:
    answer = call("ingest", empty_case, url, "--camera", "gate")
    assert (answer.code, "s3://BUCKET/KEY" in answer.err) == (2, True)
    assert sources(empty_case) == []


# ---- clocks


def test_a_corrected_clock_is_kept_and_detects_nothing_again(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gate", "--start", "2026-05-01T10:00:00Z").code == 0
    run = ("run", empty_case, "--runner", "serial", "--quiet", "--json")
    assert call(*run).json["figures"]["frames_detected_now"] == 12
    answer = call("case", "clock", empty_case, "gate", "--offset", -90_000, "--clock-error", 250)
    assert answer.code == 0
    assert "forensics run" in answer.out
    call("case", "clock", empty_case, "gate", "--drift", 5, "--drift-from", "2026-05-01T10:00:00Z")
    camera = call("case", "show", empty_case, "--json").json["cameras"]["gate"]
    assert camera == {"offset_ms": -90_000, "error_ms": 250, "clock_errors_ms": [250], "drift_ppm": 5, "files": 1}
    assert call(*run).json["figures"]["frames_detected_now"] == 0


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((), 2),
        (("--drift", 5), 2),
        (("--offset", 10**30), 2),
        (("--clock-error", -1), 2),
        (("--drift-from", "2026-05-01T10:00:00"), 2),
    ],
)
def test_an_invalid_clock_correction(
    call: Call, empty_case: Path, tmp_path: Path, said: tuple[object, ...], code: int
) -> None:
    assert call("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate").code == 0
    before = (empty_case / "case.toml").read_bytes()
    assert call("case", "clock", empty_case, "gate", *said).code == code
    assert call("case", "clock", empty_case, "hall", "--offset", 5).code == 2
    assert (empty_case / "case.toml").read_bytes() == before


# ---- what was recorded still is what it was


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _the_footage(case: Path) -> Path:
    return known(case)[0].path


def _the_index(case: Path) -> Path:
    return CaseFolder.at(case).index_file(known(case)[0].evidence_id)


def _a_table(case: Path) -> Path:
    return case / "tables" / "coverage.parquet"


@pytest.mark.parametrize("changed", [_the_footage, _the_index, _a_table])
def test_verify_names_the_first_file_that_changed(
    call: Call, empty_case: Path, tmp_path: Path, changed: Callable[[Path], Path]
) -> None:
    assert call("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate").code == 0
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 0
    whole = call("verify", empty_case, "--json")
    assert (whole.code, whole.json["problems"]) == (0, [])
    (listed,) = empty_case.glob("runs/*/PARTS.sha256")
    parts = listed.read_text().splitlines()
    tables = [path for path in empty_case.rglob("*.parquet") if "tables" in path.parts]  # of the run, and published
    assert whole.json["checked"] == 2 + len(parts) + len(tables)
    flip_a_byte(changed(empty_case))
    answer = call("verify", empty_case, "--json")
    assert answer.code == 5
    names = [
        changed(empty_case),
        *(path for path in tables if path != changed(empty_case) and path.samefile(changed(empty_case))),
    ]
    assert [problem.partition(": SHA-256 is ")[0] for problem in answer.json["problems"]] == [str(n) for n in names]
    assert str(changed(empty_case)) in answer.err
    assert "restore" in answer.err
    assert ("publishes the tables again" in answer.err) == (changed is _a_table)
    assert ("ingesting the recording again" in answer.err) == (changed is _the_index)


def test_an_index_that_changed_is_not_run_on(call: Call, empty_case: Path, tmp_path: Path) -> None:
    assert call("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate").code == 0
    flip_a_byte(_the_index(empty_case))
    answer = call("run", empty_case, "--runner", "serial", "--quiet")
    assert answer.code == 5
    assert str(_the_index(empty_case)) in answer.err


def test_the_case_keeps_when_it_was_made(call: Call, empty_case: Path) -> None:
    made = datetime.fromisoformat(call("case", "show", empty_case, "--json").json["created_utc"])
    assert abs((datetime.now(UTC) - made).total_seconds()) < 60
    assert (empty_case.stat().st_mode & 0o777) == 0o700
