"""Corrections: another camera or start for evidence, on record; a mistyped path changes nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.custody.corrections import recorded_corrections
from forensics.custody.log import read_chain
from forensics.tables.evidence import load_evidence, load_sources
from testing.audit_events import run_killed
from testing.commands import Call, clip
from testing.painted.recorders import RECORDED

_SERIAL = ("--runner", "serial", "--quiet")
_TEN, _ELEVEN = "2026-05-01T10:00:00Z", "2026-05-01T11:00:00Z"
_REASON = ("--reason", "the note at the camera says otherwise")


def cameras(case: Path) -> dict[str, str]:
    """Camera of each source, by file name."""
    return {source.path.name: source.camera_id for source in load_sources(CaseFolder.at(case))}


def _in(path: Path) -> Path:
    path.parent.mkdir()
    return path


def recorded(case: Path) -> list[tuple[str, str, str | None, str | None, str]]:
    found = recorded_corrections(read_chain(CaseFolder.at(case).audit_file).lines)
    return [(e.command, e.correction.name, e.correction.before, e.correction.after, e.why) for e in found]


# ---- the camera


def test_a_camera_is_corrected_in_every_table_and_the_log_keeps_the_old_name(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gaet", "--start", _TEN).code == 0
    assert call("run", empty_case, *_SERIAL).code == 0
    answer = call("evidence", "camera", empty_case, path, "gate", *_REASON)
    assert (answer.code, "camera gaet -> gate" in answer.err) == (0, True)
    assert recorded(empty_case) == [("evidence camera", "camera", "gaet", "gate", _REASON[1])]
    assert cameras(empty_case) == {"gate.mp4": "gate"}
    assert call("run", empty_case, *_SERIAL).code == 0
    opened = forensics.open_case(empty_case)
    for name in ("sources", "evidence", "sections", "coverage"):
        assert set(opened.table(name).collect()["camera_id"]) == {"gate"}, name


def test_footage_is_named_by_id_by_path_and_by_folder(call: Call, empty_case: Path, tmp_path: Path) -> None:
    first, second = clip(_in(tmp_path / "a" / "1.mp4"), seed=1), clip(tmp_path / "a" / "2.mp4", seed=2)
    other = clip(_in(tmp_path / "b" / "3.mp4"), seed=3)
    assert call("ingest", empty_case, first, second, other, "--camera", "x").code == 0
    assert call("evidence", "camera", empty_case, tmp_path / "a", "gate", *_REASON).code == 0
    evidence_id = next(i.evidence_id for i in load_evidence(CaseFolder.at(empty_case)) if i.path == other)
    assert call("evidence", "camera", empty_case, evidence_id, first, "hall", *_REASON).code == 0
    assert cameras(empty_case) == {"1.mp4": "hall", "2.mp4": "gate", "3.mp4": "hall"}
    same = call("evidence", "camera", empty_case, first, "hall", *_REASON, "--json")
    assert (same.code, same.json) == (0, {"corrected": []})


def test_a_rejected_path_has_its_camera_corrected_too(call: Call, empty_case: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    assert call("ingest", empty_case, tmp_path / "text.mp4", "--camera", "gaet").code == 4
    assert call("evidence", "camera", empty_case, tmp_path / "text.mp4", "gate", *_REASON).code == 0
    assert cameras(empty_case) == {"text.mp4": "gate"}


@pytest.mark.parametrize(("given", "camera"), [("other.mp4", "gate"), ("gate.mp4", " ")])
def test_a_refused_correction_changes_nothing(
    call: Call, empty_case: Path, tmp_path: Path, given: str, camera: str
) -> None:
    assert call("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gaet").code == 0
    refused = call("evidence", "camera", empty_case, tmp_path / given, camera, *_REASON)
    assert (refused.code, cameras(empty_case), recorded(empty_case)) == (2, {"gate.mp4": "gaet"}, [])


def test_ingest_for_another_camera_names_the_command_that_corrects(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gaet").code == 0
    refused = call("ingest", empty_case, path, "--camera", "gate")
    assert refused.code == 2
    assert "forensics evidence camera CASE FILE gate --reason TEXT" in refused.err


# ---- the start


def test_another_start_needs_a_reason_and_is_recorded(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    stated = ("ingest", empty_case, path, "--camera", "gate")
    assert call(*stated).code == 0
    assert call(*stated, "--start", _TEN).code == 0  # the first statement corrects nothing
    refused = call(*stated, "--start", _ELEVEN, "--clock-error", "2s")
    assert refused.code == 2
    assert f"start {_TEN}, now with start {_ELEVEN}" in refused.err
    assert call(*stated, "--start", _ELEVEN, "--dry-run").code == 2
    assert [item.start_utc_us for item in load_evidence(CaseFolder.at(empty_case))] == [1_777_629_600_000_000]
    assert call(*stated, "--start", _ELEVEN, "--dry-run", *_REASON).code == 0
    assert call(*stated, "--start", _ELEVEN, *_REASON).code == 0
    first, second = recorded(empty_case)
    assert first == ("ingest", "start", None, _TEN, ""), "a first statement needs no reason, and is on record"
    assert second == ("ingest", "start", _TEN, _ELEVEN, _REASON[1])
    assert call(*stated, "--start", _ELEVEN).code == 0


def test_one_contradiction_does_not_stop_the_other_files(call: Call, empty_case: Path, tmp_path: Path) -> None:
    first = clip(_in(tmp_path / "export" / "20260501_100000.mp4"))
    stated = ("--camera", "gate", "--start", "from-name")
    assert call("ingest", empty_case, first, *stated, "--start-zone", "Europe/Berlin").code == 0
    clip(first.with_name("20260501_110000.mp4"), n_frames=18)
    assert call("ingest", empty_case, first.parent, *stated).code == 2
    assert sorted(cameras(empty_case)) == ["20260501_100000.mp4", "20260501_110000.mp4"]


# ---- a mistyped path


@pytest.mark.parametrize(
    "words", [("scan", "{path}", "--case", "{case}"), ("ingest", "{case}", "{path}", "--camera", "g")]
)
def test_a_mistyped_path_makes_no_case_and_no_row(call: Call, tmp_path: Path, words: tuple[str, ...]) -> None:
    clip(tmp_path / "gate-1.mp4")
    case = tmp_path / "case"
    if words[0] == "ingest":
        assert call("case", "init", case, "--purpose", "test of paths", "--operator", "A. Ahmed").code == 0
    given = [word.format(case=case, path=tmp_path / "gate1.mp4") for word in words]
    for extra in ((), ("--dry-run",)):
        refused = call(*given, *extra)
        assert refused.code == 2
        assert f"error: {tmp_path / 'gate1.mp4'}: there is no such file or folder; nothing was ingested" in refused.err
        assert "did you mean gate-1.mp4?" in refused.err
    assert case.exists() == (words[0] == "ingest")
    assert not case.exists() or load_sources(CaseFolder.at(case)) == []


def test_one_mistyped_path_among_several_stops_all(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    refused = call("ingest", empty_case, path, tmp_path / "hall.mp4", tmp_path / "yard.mp4", "--camera", "gate")
    assert (refused.code, "1 other path is missing too" in refused.err) == (2, True)
    assert load_sources(CaseFolder.at(empty_case)) == []


def test_a_stated_error_stays_until_another_is_stated(call: Call, empty_case: Path, tmp_path: Path) -> None:
    stated = ("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate")
    assert call(*stated, "--start", _TEN, "--clock-error", "2s").code == 0
    assert call(*stated, "--start", _ELEVEN, *_REASON).code == 0
    assert [item.clock_error_ms for item in load_evidence(CaseFolder.at(empty_case))] == [2000]
    assert call(*stated, "--clock-error", "5s").code == 2
    assert call(*stated, "--clock-error", "5s", *_REASON).code == 0
    assert [item.clock_error_ms for item in load_evidence(CaseFolder.at(empty_case))] == [5000]


# ---- what an attacker tried


def test_another_evidence_of_the_same_path_keeps_its_camera(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    for n_frames in (12, 18):
        path.unlink(missing_ok=True)
        clip(path, n_frames=n_frames)
        assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    first, second = (item.evidence_id for item in load_evidence(CaseFolder.at(empty_case)))
    assert call("evidence", "camera", empty_case, first, "hall", *_REASON).code == 0
    folder = CaseFolder.at(empty_case)
    by_source = {source.evidence_id: source.camera_id for source in load_sources(folder)}
    by_evidence = {item.evidence_id: item.camera_id for item in load_evidence(folder)}
    assert by_source == by_evidence == {first: "hall", second: "gate"}
    assert call("evidence", "camera", empty_case, second, "yard", *_REASON).code == 0
    assert recorded(empty_case)[-1][1:4] == ("camera", "gate", "yard")


@pytest.mark.parametrize("camera", ["2.mp4", "gate\x1b[2J", "\u200b", ""])
def test_a_file_or_an_unprintable_text_is_no_camera(call: Call, empty_case: Path, tmp_path: Path, camera: str) -> None:
    paths = [clip(tmp_path / f"{number}.mp4", seed=number) for number in (1, 2)]
    assert call("ingest", empty_case, *paths, "--camera", "gate").code == 0
    assert call("evidence", "camera", empty_case, paths[0], camera, *_REASON).code == 2
    assert set(cameras(empty_case).values()) == {"gate"}
    if camera != "2.mp4":
        assert call("ingest", empty_case, paths[0], "--camera", camera).code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--offset", "6000000000000"),
        ("--drift", "5000000", "--drift-from", _TEN),
        ("--offset", "5s", "--section", "E#9", "--start", _TEN),
    ],
)
def test_a_refused_correction_is_neither_made_nor_recorded(
    call: Call, empty_case: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert call("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate").code == 0
    before = (empty_case / "case.toml").read_bytes()
    answer = call("case", "clock", empty_case, "gate", *words, *_REASON)
    assert (answer.code, "corrected" in answer.err) == (2, False)
    assert ((empty_case / "case.toml").read_bytes(), recorded(empty_case)) == (before, [])


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("case.toml", ("case", "clock", "{case}", "gate", "--offset", "5s")),
        ("evidence/evidence.parquet", ("evidence", "camera", "{case}", "{footage}", "hall")),
        ("case.toml", ("case", "amend", "{case}", "--title", "another title")),
    ],
)
def test_a_correction_whose_command_was_killed_is_said_to_be_doubtful(
    call: Call, empty_case: Path, tmp_path: Path, file: str, words: tuple[str, ...]
) -> None:
    footage = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, footage, "--camera", "gate").code == 0
    given = [word.format(case=empty_case, footage=footage) for word in words]
    assert run_killed(*given, *_REASON, operation="rename", pattern=f"*/{file}") != 0
    (found,) = recorded_corrections(read_chain(CaseFolder.at(empty_case).audit_file).lines)
    assert not found.is_complete
    assert "may not have been made" in call("case", "show", empty_case).out
    assert call(*given, *_REASON).code == 0
    assert [each["completed"] for each in call("case", "show", empty_case, "--json").json["corrections"]] == [
        False,
        True,
    ]


def test_a_correction_killed_between_its_two_lists_leaves_one_camera(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    words = ("evidence", "camera", empty_case, path, "hall", *_REASON)
    assert run_killed(*words, operation="rename", pattern="*/evidence/sources.parquet") != 0
    folder = CaseFolder.at(empty_case)
    assert [item.camera_id for item in load_evidence(folder)] == ["hall"], "killed after the first list"
    assert cameras(empty_case) == {"gate.mp4": "hall"}
    assert call("run", empty_case, *_SERIAL).code == 0
    assert set(forensics.open_case(empty_case).sources().collect()["camera_id"]) == {"hall"}
    assert call("verify", empty_case).code == 0


def test_the_start_of_a_later_section_is_corrected_and_the_next_run_publishes_it(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    joined = next(each for each in RECORDED if each.name == "ts joined, each clock starting anew")
    assert call("ingest", empty_case, joined.build(tmp_path), "--camera", "gate", "--start", _TEN).code == 0
    assert call("run", empty_case, *_SERIAL).code == 0
    evidence_id = load_evidence(CaseFolder.at(empty_case))[0].evidence_id
    for stated in (_ELEVEN, "2026-05-01T10:30:00Z"):
        words = ("case", "clock", empty_case, "gate", "--section", f"{evidence_id}#2", "--start", stated)
        assert call(*words, *_REASON).code == 0
        assert "clock of 1 recording was corrected after this run" in call("query", empty_case, "sections").err
        assert call("run", empty_case, *_SERIAL).code == 0
        assert "corrected after this run" not in call("query", empty_case, "sections").err
        opened = forensics.open_case(empty_case)
        assert opened.sections().collect()["first_utc"].to_list() == [utc(_TEN), utc(stated)]
        # the table `frames` and the answer for a single frame follow
        frames = opened.frames().collect()
        assert frames.row(45, named=True)["utc"] == utc(stated)
        answer = call("verify", empty_case, "--frame", f"{evidence_id}#45", "--json")
        assert datetime.fromtimestamp(answer.json["utc_us"] / 1e6, UTC) == utc(stated)
    kept = [each for each in recorded(empty_case) if each[1] == "start"]
    assert [(before, after) for _, _, before, after, _ in kept] == [(None, _ELEVEN), (_ELEVEN, "2026-05-01T10:30:00Z")]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


# ---- repairs and corrections together


def test_a_repair_keeps_everything_that_was_stated(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gaet", "--start", _TEN, "--clock-error", "2s").code == 0
    assert call("evidence", "camera", empty_case, path, "gate", *_REASON).code == 0
    (before,) = load_evidence(CaseFolder.at(empty_case))
    assert before.id_camera == "gaet"
    for damage in (Path.unlink, lambda index: index.write_bytes(b"damaged")):
        damage(CaseFolder.at(empty_case).index_file(before.evidence_id))
        assert call("ingest", empty_case, path, "--camera", "gate").code == 0
        assert load_evidence(CaseFolder.at(empty_case)) == [before]


def test_a_rejected_file_keeps_its_camera_until_it_is_corrected(call: Call, empty_case: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    stated = ("ingest", empty_case, tmp_path / "text.mp4", "--camera")
    assert call(*stated, "gaet").code == 4
    for reason in ((), _REASON):
        refused = call(*stated, "gate", *reason)
        assert (refused.code, "evidence camera" in refused.err) == (2, True)
    assert (cameras(empty_case), recorded(empty_case)) == ({"text.mp4": "gaet"}, [])
    assert call(*stated, "gaet").code == 4


def test_a_correction_of_a_path_without_evidence_is_noticed_until_the_next_run(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    """Two cameras were stated for one empty file: the log names both, and one row is left."""
    assert call("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate").code == 0
    empty = tmp_path / "empty.mp4"
    empty.touch()
    for camera in ("gaet", "geat"):
        assert call("ingest", empty_case, empty, "--camera", camera).code == 4
    assert call("run", empty_case, *_SERIAL).code in (0, 4)
    assert "without evidence" not in call("query", empty_case, "sources").err
    assert call("evidence", "camera", empty_case, empty, "gate", *_REASON).code == 0
    assert [each[1:4] for each in recorded(empty_case)] == [("camera", "gaet", "gate"), ("camera", "geat", "gate")]
    assert cameras(empty_case) == {"gate.mp4": "gate", "empty.mp4": "gate"}
    said = call("query", empty_case, "sources").err
    assert "camera of 1 path without evidence was corrected after this run" in said
    assert call("run", empty_case, *_SERIAL).code in (0, 4)
    assert "without evidence" not in call("query", empty_case, "sources").err


# ---- what was stated by mistake is unknown again


def _footage_list(folder: Path, *lines: str) -> Path:
    path = folder / "footage.csv"
    path.write_text("\n".join(["file,camera,start,clock_error", *lines]))
    return path


def _starts(case: Path) -> list[tuple[int | None, int | None]]:
    return [(item.start_utc_us, item.clock_error_ms) for item in load_evidence(CaseFolder.at(case))]


def test_a_start_and_its_error_are_taken_back_with_a_reason(call: Call, empty_case: Path, tmp_path: Path) -> None:
    stated = ("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate")
    assert call(*stated, "--start", "unknown").code == 0, "nothing was stated, so nothing is taken back"
    assert call(*stated, "--start", _TEN, "--clock-error", "2s").code == 0
    before = _starts(empty_case)
    refused = call(*stated, "--start", "unknown")
    assert (refused.code, "now with start unknown" in refused.err, _starts(empty_case)) == (2, True, before)
    assert call(*stated, "--start", "unknown", "--dry-run", *_REASON).code == 0
    assert call(*stated, "--start", "unknown", *_REASON).code == 0
    assert _starts(empty_case) == [(None, 2000)]
    assert call(*stated, "--clock-error", "unknown", *_REASON).code == 0
    assert _starts(empty_case) == [(None, None)]
    assert [each[1:4] for each in recorded(empty_case)[2:]] == [
        ("start", _TEN, None),
        ("clock error", "2000 ms", None),
    ]


@pytest.mark.parametrize("option", ["--list", "--starts", "--clock-error"])
def test_a_table_takes_a_start_back(call: Call, empty_case: Path, tmp_path: Path, option: str) -> None:
    path = clip(tmp_path / "gate.mp4")
    stated = ("ingest", empty_case, path, "--camera", "gate")
    assert call(*stated, "--start", _TEN, "--clock-error", "2s").code == 0
    table = _footage_list(tmp_path, "gate.mp4,gate,unknown,unknown")
    words: tuple[object, ...] = ("ingest", empty_case, "--list", table)
    if option == "--starts":
        table.write_text("file,start,clock_error\ngate.mp4,unknown,unknown")
        words = (*stated, "--starts", table)
    if option == "--clock-error":
        table = _footage_list(tmp_path, "gate.mp4,gate,unknown,")
        words = (*words, "--clock-error", "unknown")
    assert call(*words).code == 2
    assert call(*words, *_REASON).code == 0
    assert _starts(empty_case) == [(None, None)]


def test_an_empty_cell_keeps_the_start_and_says_so(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    clip(tmp_path / "new.mp4", seed=1)
    assert call("ingest", empty_case, path, "--camera", "gate", "--start", _TEN).code == 0
    table = _footage_list(tmp_path, "gate.mp4,gate,,", "new.mp4,gate,,")
    for extra in (("--dry-run",), _REASON):
        answer = call("ingest", empty_case, "--list", table, *extra)
        assert answer.code == 0
        said = answer.out + answer.err
        assert "1 line of the list states no start; what was stated before stays" in said
        assert f"gate.mp4 at {_TEN}; to take it back, write unknown" in said
    assert sorted(_starts(empty_case), key=str) == [(1_777_629_600_000_000, None), (None, None)]


def test_an_error_of_a_camera_is_taken_back(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gate", "--start", _TEN, "--clock-error", "500").code == 0
    words = ("case", "clock", empty_case, "gate", "--clock-error")
    assert call(*words, "9s", "--offset", "1s").code == 0
    answer = call(*words, "unknown", "--json")
    assert (answer.code, answer.json["error_ms"], answer.json["offset_ms"]) == (0, None, 1000)
    assert recorded(empty_case)[-1][1:4] == ("clock error", "9000 ms", "500 ms (of its recordings)")
    assert call("run", empty_case, *_SERIAL).code == 0
    assert forensics.open_case(empty_case).evidence().collect()["clock_error_ms"].to_list() == [500]


def test_the_start_of_a_section_is_taken_back(call: Call, empty_case: Path, tmp_path: Path) -> None:
    joined = next(each for each in RECORDED if each.name == "ts joined, each clock starting anew")
    assert call("ingest", empty_case, joined.build(tmp_path), "--camera", "gate", "--start", _TEN).code == 0
    section = f"{load_evidence(CaseFolder.at(empty_case))[0].evidence_id}#2"
    for start, stated in ((_ELEVEN, _ELEVEN), ("unknown", None)):
        answer = call("case", "clock", empty_case, "gate", "--section", section, "--start", start, "--json")
        assert (answer.code, answer.json["start_stated"]) == (0, stated)
    assert recorded(empty_case)[-1][1:4] == ("start", _ELEVEN, None)
    assert call("run", empty_case, *_SERIAL).code == 0
    assert forensics.open_case(empty_case).sections().collect()["first_utc"].to_list() == [utc(_TEN), None]


# ---- contradictions of one command


@pytest.mark.parametrize(
    ("second", "what"),
    [
        ("b.mp4,gate,2026-05-01T11:00:00Z,", f"start {_TEN}; line 3"),
        ("b.mp4,gate,unknown,", "start unknown"),
        ("b.mp4,hall,2026-05-01T10:00:00Z,", "camera gate; line 3"),
        ("b.mp4,gate,2026-05-01T10:00:00Z,5s", "clock error 5000 ms"),
    ],
)
@pytest.mark.parametrize("is_known", [False, True])
def test_a_list_that_contradicts_itself_is_refused_whatever_the_reason(
    call: Call, empty_case: Path, tmp_path: Path, second: str, what: str, is_known: bool
) -> None:
    first = clip(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(first.read_bytes())
    if is_known:
        stated = ("--start", "2026-05-01T09:00:00Z", "--clock-error", "1s")
        assert call("ingest", empty_case, first, "--camera", "gate", *stated).code == 0
    table = _footage_list(tmp_path, f"a.mp4,gate,{_TEN},2s", second)
    for extra in (("--dry-run",), ()):
        refused = call("ingest", empty_case, "--list", table, *_REASON, *extra)
        assert refused.code == 2
        said = refused.out + refused.err
        assert "stated twice: line 2 (" in said.replace("\n", " ")
        assert what in said
    assert _starts(empty_case) == [(1_777_629_600_000_000, 2000)], "the first line stands"


def test_copies_that_agree_are_no_contradiction(call: Call, empty_case: Path, tmp_path: Path) -> None:
    first = clip(tmp_path / "a.mp4")
    for name in ("b.mp4", "c.mp4"):
        (tmp_path / name).write_bytes(first.read_bytes())
    table = _footage_list(tmp_path, f"a.mp4,gate,{_TEN},2s", f"b.mp4,gate,{_TEN},2s", "c.mp4,gate,,")
    assert call("ingest", empty_case, "--list", table).code == 0
    assert _starts(empty_case) == [(1_777_629_600_000_000, 2000)]


@pytest.mark.parametrize("is_known", [False, True])
def test_copies_with_other_offsets_of_the_same_time_are_no_contradiction(
    call: Call, empty_case: Path, tmp_path: Path, is_known: bool
) -> None:
    """The case keeps the start as the first line states it, which alone may be a correction."""
    first, local = clip(tmp_path / "a.mp4"), "2026-05-01T12:00:00+02:00"
    (tmp_path / "b.mp4").write_bytes(first.read_bytes())
    if is_known:
        assert call("ingest", empty_case, first, "--camera", "gate", "--start", _ELEVEN).code == 0
    table = _footage_list(tmp_path, f"a.mp4,gate,{local},", f"b.mp4,gate,{_TEN},")
    assert call("ingest", empty_case, "--list", table, *(_REASON if is_known else ())).code == 0
    assert _stated(empty_case) == {"a.mp4": local}
    assert [each[1:4] for each in recorded(empty_case)] == ([("start", _ELEVEN, local)] if is_known else [])


@pytest.mark.parametrize("n_files", [2, 7])
def test_every_contradiction_is_named_up_to_five(call: Call, empty_case: Path, tmp_path: Path, n_files: int) -> None:
    paths = [clip(tmp_path / f"{number}.mp4", seed=number) for number in range(n_files)]
    assert call("ingest", empty_case, *paths, "--camera", "gate").code == 0
    refused = call("ingest", empty_case, *paths, "--camera", "hall")
    assert refused.code == 2
    assert f"{n_files} paths contradict what is stated" in refused.err
    assert [path.name for path in paths if f"{path} is footage of camera" in refused.err] == [
        path.name for path in paths[:5]
    ]
    assert ("and 2 more" in refused.err) == (n_files == 7)
    for command in ("ingest", "scan"):
        case = (empty_case,) if command == "ingest" else ("--case", empty_case)
        planned = call(command, *case, *paths, "--camera", "hall", "--dry-run")
        assert (planned.code, refused.err[refused.err.index("error:") :] in planned.err) == (2, True)
    assert refused.err.count("forensics evidence camera CASE FILE hall") == 1


# ---- the start as it was stated


def _stated(case: Path) -> dict[str, str | None]:
    return {item.path.name: item.start_stated for item in load_evidence(CaseFolder.at(case))}


def test_a_start_is_kept_as_it_was_stated(call: Call, empty_case: Path, tmp_path: Path) -> None:
    """The clock in the picture shows the local time: 10:49:44, 03:00:10 and 12:00:00."""
    names = ("gate.mp4", "hall_2026-05-01_03-00-10.mp4", "yard.mp4", "none.mp4")
    gate, hall, yard, none = (clip(tmp_path / name, n_frames=4, seed=seed) for seed, name in enumerate(names))
    table = tmp_path / "starts.csv"
    table.write_text("file,start\nyard.mp4,2026-05-01T12:00:00.250-03:30\n")
    berlin = ("--start-zone", "Europe/Berlin")
    given: list[tuple[object, ...]] = [
        (gate, "--camera", "gate", "--start", "2026-05-01T10:49:44+02:00"),
        (hall, "--camera", "hall", "--start", "from-name", *berlin),
        (yard, "--camera", "yard", "--starts", table),
        (none, "--camera", "none"),
    ]
    expected = ["2026-05-01T10:49:44+02:00", "2026-05-01T03:00:10+02:00", "2026-05-01T12:00:00.250000-03:30", None]
    logged = []
    for words in given:
        answer = call("ingest", empty_case, *words, "--json")
        assert answer.code == 0
        logged += [each["start_stated"] for each in answer.json.get("starts", {}).values()]
    assert _stated(empty_case) == dict(zip(names, expected, strict=True))
    assert logged == expected[:3]
    log = (empty_case / "audit.jsonl").read_text()
    assert all(text in log for text in expected if text)
    assert call("run", empty_case, *_SERIAL).code == 0
    rows = {row["file_name"]: row for row in forensics.open_case(empty_case).evidence().collect().rows(named=True)}
    assert {name: row["start_stated"] for name, row in rows.items()} == dict(zip(names, expected, strict=True))
    assert rows["gate.mp4"]["start_utc"] == datetime(2026, 5, 1, 8, 49, 44, tzinfo=UTC)
    assert rows["gate.mp4"]["start_camera_clock"] == datetime(2026, 5, 1, 8, 49, 44)
    target = tmp_path / "defence.json"
    disclose = ("case", "disclose", empty_case, "-o", target, "--recipient", "counsel", "--reason", "defence")
    assert call(*disclose).code == 0
    disclosed = {row["file"]: row["start_stated"] for row in json.loads(target.read_text())["searched"]}
    assert disclosed == dict(zip(names, expected, strict=True))


def test_another_offset_for_the_same_time_is_a_correction(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    words = ("ingest", empty_case, path, "--camera", "gate", "--start")
    assert call(*words, _TEN).code == 0
    assert call("run", empty_case, *_SERIAL).code == 0
    local = "2026-05-01T12:00:00+02:00"
    assert call(*words, local).code == 2
    assert _stated(empty_case) == {"gate.mp4": _TEN}
    assert call(*words, local, *_REASON).code == 0
    assert recorded(empty_case) == [("ingest", "start", _TEN, local, _REASON[1])]
    assert call("status", empty_case, "--json").json["corrected_since"] == 1
    assert call(*words, local).code == 0
    assert len(recorded(empty_case)) == 1


def test_a_start_that_is_taken_back_is_not_stated_any_more(call: Call, empty_case: Path, tmp_path: Path) -> None:
    local = "2026-05-01T12:00:00+02:00"
    path = clip(tmp_path / "gate.mp4")
    words = ("ingest", empty_case, path, "--camera", "gate", "--start")
    assert call(*words, local).code == 0
    table = _footage_list(tmp_path, "gate.mp4,gate,,")
    assert f"gate.mp4 at {local}; to take it back" in call("ingest", empty_case, "--list", table).err
    answer = call(*words, "unknown", "--json", *_REASON)
    assert (answer.code, answer.json["starts"][str(path)]["start_stated"]) == (0, None)
    assert (_starts(empty_case), _stated(empty_case)) == ([(None, None)], {"gate.mp4": None})
    assert recorded(empty_case)[-1][1:4] == ("start", local, None)
    assert call("run", empty_case, *_SERIAL).code == 0
    row = forensics.open_case(empty_case).evidence().collect().select("start_stated", "start_camera_clock").row(0)
    assert row == (None, None)


def test_what_an_older_version_did_not_keep_is_unknown_until_it_is_stated(
    call: Call, empty_case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip(tmp_path / "gate.mp4")
    words = ("ingest", empty_case, path, "--camera", "gate")
    with monkeypatch.context() as older:
        older.setattr("forensics.tables.evidence._STATED_STARTS", b"not.known")
        assert call(*words, "--start", _TEN).code == 0
    assert _stated(empty_case) == {"gate.mp4": None}
    assert call("run", empty_case, *_SERIAL).code == 0
    assert forensics.open_case(empty_case).evidence().collect()["start_stated"].to_list() == [None]
    assert call(*words).code == 0
    assert _stated(empty_case) == {"gate.mp4": None}
    assert call(*words, "--start", "2026-05-01T12:00:00+02:00").code == 0
    assert (_stated(empty_case), recorded(empty_case)) == ({"gate.mp4": "2026-05-01T12:00:00+02:00"}, [])


def test_the_log_keeps_how_a_clock_was_measured(call: Call, empty_case: Path, tmp_path: Path) -> None:
    assert call("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate", "--start", _TEN).code == 0
    drift = ("--drift", "100", "--drift-from", "2026-05-01T11:00:00+02:00")
    assert call("case", "clock", empty_case, "gate", *drift, *_REASON).code == 0
    lines = read_chain(CaseFolder.at(empty_case).audit_file).lines
    begin = next(line for line in lines if line.command == "case clock")
    assert begin.facts["drift_from_stated"] == "2026-05-01T11:00:00+02:00"


# ---- case show


def test_case_show_names_file_second_and_operator_of_a_correction(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gate", "--start", _TEN).code == 0
    assert call("ingest", empty_case, path, "--camera", "gate", "--start", _ELEVEN, *_REASON).code == 0
    (item,) = load_evidence(CaseFolder.at(empty_case))
    (found,) = recorded_corrections(read_chain(CaseFolder.at(empty_case).audit_file).lines)
    out = call("case", "show", empty_case).out
    assert f"{item.evidence_id} (gate.mp4): start {_TEN} -> {_ELEVEN}" in out
    who = f"user {found.who['user']}, operator {found.who['operator']}"
    assert f"{found.at_utc:%Y-%m-%d %H:%M:%S}Z, {who}: {_REASON[1]}" in out


def test_case_show_states_the_error_that_the_rows_of_a_camera_have(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    one, two, three = (clip(tmp_path / f"{seed}.mp4", n_frames=4, seed=seed) for seed in range(3))
    words = ("--camera", "gate", "--start", _TEN)

    def shown() -> list[str]:
        header, gate = call("case", "show", empty_case).out.splitlines()[-2:]
        assert header.split() == ["camera", "offset_ms", "clock_error_ms", "drift_ppm", "files"]
        return gate.split()[2:-2]

    assert call("ingest", empty_case, one, *words, "--clock-error", "500ms").code == 0
    assert shown() == ["500"]
    assert call("ingest", empty_case, two, *words, "--clock-error", "2s").code == 0
    assert shown() == ["500", "to", "2000"]
    assert call("ingest", empty_case, three, *words).code == 0
    assert shown() == ["500", "to", "2000,", "some", "not", "stated"]
    known = call("case", "show", empty_case, "--json").json["cameras"]["gate"]
    assert (known["error_ms"], known["clock_errors_ms"]) == (None, [500, 2000, None])
    assert call("case", "clock", empty_case, "gate", "--clock-error", "3s", *_REASON).code == 0
    assert call("case", "show", empty_case, "--json").json["cameras"]["gate"]["clock_errors_ms"] == [3000]
