"""Clock corrections when footage is stated to be of another camera: kept, followed, or refused, never lost."""

from pathlib import Path

import pytest

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.custody.corrections import recorded_corrections
from forensics.custody.log import read_chain
from forensics.footage.cameras import Camera
from forensics.tables.evidence import load_sources
from pipelines.custody.case_store import load_case
from testing.audit_events import run_killed
from testing.commands import Call, clip

_TEN = "2026-05-01T10:00:00Z"
_REASON = ("--reason", "the name was misspelled")
_HOUR = ("--offset", "-1h", "--clock-error", "2s", "--reason", "radio clock")


def _ingest(call: Call, case: Path, path: Path, camera: str, seed: int = 0) -> Path:
    stated = ("--start", _TEN, "--clock-error", "500ms")
    assert call("ingest", case, clip(path, seed=seed), "--camera", camera, *stated).code == 0
    return path


def _clocks(case: Path) -> dict[str, tuple[int, int | None]]:
    return {name: (each.offset_ms, each.error_ms) for name, each in load_case(case).cameras.items()}


def _cameras(case: Path) -> dict[str, str]:
    return {source.path.name: source.camera_id for source in load_sources(CaseFolder.at(case))}


def _recorded(case: Path) -> list[tuple[str, str, str | None, str | None]]:
    found = [e.correction for e in recorded_corrections(read_chain(CaseFolder.at(case).audit_file).lines)]
    return [(each.of, each.name, each.before, each.after) for each in found if each.of.startswith("camera")]


def _starts(call: Call, case: Path) -> set[tuple[str, int]]:
    assert call("run", case, "--runner", "serial", "--quiet").code == 0
    rows = forensics.open_case(case).evidence().collect()
    return {(f"{at:%H:%M}", error_ms) for at, error_ms in rows.select("start_utc", "clock_error_ms").rows()}


def test_a_camera_that_only_gets_another_name_keeps_its_clock(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = _ingest(call, empty_case, tmp_path / "gate.mp4", "gaet")
    assert call("case", "clock", empty_case, "gaet", *_HOUR).code == 0
    before = _starts(call, empty_case)
    answer = call("evidence", "camera", empty_case, path, "gate", *_REASON)
    assert answer.code == 0
    assert (
        "the clock correction of camera gaet goes along to gate: offset -3600000 ms, clock error 2000 ms" in answer.err
    )
    assert _clocks(empty_case) == {"gate": (-3_600_000, 2000)}
    assert _recorded(empty_case)[2:] == [
        ("camera gate", "offset", "0 ms", "-3600000 ms"),
        ("camera gate", "clock error", None, "2000 ms"),
        ("camera gaet", "offset", "-3600000 ms", "0 ms"),
        ("camera gaet", "clock error", "2000 ms", None),
    ]
    assert _starts(call, empty_case) == before == {("09:00", 2000)}


@pytest.mark.parametrize(
    ("has_more", "target"), [(True, None), (False, "footage"), (False, "clock")], ids=["rest", "footage", "clock"]
)
def test_an_unclear_clock_is_refused_until_it_is_stated(
    call: Call, empty_case: Path, tmp_path: Path, has_more: bool, target: str | None
) -> None:
    path = _ingest(call, empty_case, tmp_path / "1.mp4", "gaet")
    if has_more:
        _ingest(call, empty_case, tmp_path / "2.mp4", "gaet", seed=1)
    if target is not None:
        _ingest(call, empty_case, tmp_path / "3.mp4", "gate", seed=2)
    if target == "clock":
        assert call("case", "clock", empty_case, "gate", "--offset", "5s").code == 0
    assert call("case", "clock", empty_case, "gaet", *_HOUR).code == 0
    before = (_cameras(empty_case), _clocks(empty_case), _recorded(empty_case))
    refused = call("evidence", "camera", empty_case, path, "gate", *_REASON)
    assert (refused.code, "--clock keep" in refused.err) == (2, True)
    assert (_cameras(empty_case), _clocks(empty_case), _recorded(empty_case)) == before
    answer = call("evidence", "camera", empty_case, path, "gate", *_REASON, "--clock", "target")
    assert answer.code == 0
    assert "dated by the clock of camera gate" in answer.err
    assert (_cameras(empty_case)["1.mp4"], _clocks(empty_case)) == ("gate", before[1])
    line = next(each for each in read_chain(CaseFolder.at(empty_case).audit_file).lines if each.facts.get("clock"))
    assert (line.command, line.facts["clock"]) == ("evidence camera", "target")


def test_a_clock_is_kept_for_a_part_of_the_footage_but_not_over_other_footage(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    path = _ingest(call, empty_case, tmp_path / "1.mp4", "gaet")
    _ingest(call, empty_case, tmp_path / "2.mp4", "gaet", seed=1)
    _ingest(call, empty_case, tmp_path / "3.mp4", "hall", seed=2)
    assert call("case", "clock", empty_case, "gaet", *_HOUR).code == 0
    words = ("evidence", "camera", empty_case, path)
    refused = call(*words, "hall", *_REASON, "--clock", "keep")
    assert (refused.code, "has other footage" in refused.err, _clocks(empty_case)) == (
        *(2, True),
        {"gaet": (-3_600_000, 2000)},
    )
    assert call(*words, "gate", *_REASON, "--clock", "keep").code == 0
    assert _clocks(empty_case) == {"gaet": (-3_600_000, 2000), "gate": (-3_600_000, 2000)}


def test_footage_without_a_correction_follows_the_clock_of_its_camera(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    path = _ingest(call, empty_case, tmp_path / "1.mp4", "gaet")
    _ingest(call, empty_case, tmp_path / "2.mp4", "gate", seed=1)
    assert call("case", "clock", empty_case, "gate", *_HOUR).code == 0
    answer = call("evidence", "camera", empty_case, path, "gate", *_REASON)
    assert (answer.code, "dated by the clock of camera gate: offset -3600000 ms" in answer.err) == (0, True)
    assert _starts(call, empty_case) == {("09:00", 2000)}


@pytest.mark.parametrize("pattern", ["*/case.toml", "*/evidence/evidence.parquet", "*/evidence/sources.parquet"])
def test_a_killed_correction_leaves_no_footage_without_its_clock(
    call: Call, empty_case: Path, tmp_path: Path, pattern: str
) -> None:
    path = _ingest(call, empty_case, tmp_path / "gate.mp4", "gaet")
    assert call("case", "clock", empty_case, "gaet", *_HOUR).code == 0
    words = ("evidence", "camera", empty_case, path, "gate", *_REASON)
    assert run_killed(*words, operation="rename", pattern=pattern) != 0
    case = load_case(empty_case)
    assert case.camera(_cameras(empty_case)["gate.mp4"]) in (
        Camera("gaet", offset_ms=-3_600_000, error_ms=2000),
        Camera("gate", offset_ms=-3_600_000, error_ms=2000),
    )
    assert call(*words).code == 0
    assert (_cameras(empty_case)["gate.mp4"], _clocks(empty_case)["gate"]) == ("gate", (-3_600_000, 2000))
