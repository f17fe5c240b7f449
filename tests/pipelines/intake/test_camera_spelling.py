"""Names of cameras as people type them: spelled as the case does, and no two that look like one."""

import unicodedata
from pathlib import Path

import pytest

from forensics.custody.case_folder import CaseFolder
from forensics.tables.evidence import load_sources
from pipelines.custody.case_store import load_case
from testing.commands import Call, clip

_REASON = ("--reason", "the name was misspelled")
_LOOK_ALIKES = ["Gate", "GATE", "\u0261ate", "\uff47ate", "ga te"]
_FAULTY = ["g\u0430te", "gat\u0435", "-", "...", "ha\u0430ll", "hall\ufe0f", "hall\u3164"]


def _cameras(case: Path) -> set[str]:
    return {source.camera_id for source in load_sources(CaseFolder.at(case))}


@pytest.fixture
def gate(call: Call, empty_case: Path, tmp_path: Path) -> Path:
    """Return a case with footage of the camera gate, and leave other footage beside it."""
    assert call("ingest", empty_case, clip(tmp_path / "1.mp4"), "--camera", "gate").code == 0
    clip(tmp_path / "2.mp4", seed=2)
    return empty_case


@pytest.mark.parametrize("name", ["gate ", " gate", "\u00a0gate\u2003"])
def test_spaces_around_a_name_are_left_out(call: Call, gate: Path, tmp_path: Path, name: str) -> None:
    assert call("ingest", gate, tmp_path / "2.mp4", "--camera", name).code == 0
    assert call("evidence", "camera", gate, tmp_path / "2.mp4", " hall ", *_REASON).code == 0
    assert _cameras(gate) == {"gate", "hall"}


@pytest.mark.parametrize("name", _LOOK_ALIKES)
def test_a_name_that_looks_like_a_known_one_is_refused_unless_it_is_another_camera(
    call: Call, gate: Path, tmp_path: Path, name: str
) -> None:
    table = tmp_path / "footage.csv"
    table.write_text(f"file,camera\n2.mp4,{name}\n")
    ways: list[tuple[object, ...]] = [
        ("ingest", gate, "--list", table),
        ("ingest", gate, tmp_path / "2.mp4", "--camera", name, "--dry-run"),
        ("ingest", gate, tmp_path / "2.mp4", "--camera", name),
        ("case", "amend", gate, "--camera", name, *_REASON),
    ]
    for words in ways:
        refused = call(*words)
        assert refused.code == 2
        assert "looks like the camera 'gate'" in refused.err
        assert "--new-camera if it is another one" in refused.err
    assert _cameras(gate) == {"gate"}
    if name.isascii():
        assert call("ingest", gate, tmp_path / "2.mp4", "--camera", name, "--new-camera").code == 0
        assert _cameras(gate) == {"gate", name}
        assert call("ingest", gate, tmp_path / "2.mp4", "--camera", name).code == 0, "known from now on"


@pytest.mark.parametrize("name", _FAULTY)
def test_a_new_name_that_nobody_can_tell_from_others_is_refused(
    call: Call, gate: Path, tmp_path: Path, name: str
) -> None:
    assert call("ingest", gate, tmp_path / "2.mp4", "--camera", name, "--new-camera").code == 2
    assert call("evidence", "camera", gate, tmp_path / "1.mp4", name, *_REASON).code == 2
    assert call("case", "init", tmp_path / "other", "--purpose", "test of names", "--camera", name).code == 2
    assert _cameras(gate) == {"gate"}


def test_a_name_in_letters_of_another_alphabet_is_told_from_a_known_one(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    assert call("ingest", empty_case, clip(tmp_path / "1.mp4"), "--camera", "copa").code == 0
    name = "\u0441\u043e\u0440\u0430"
    words = ("ingest", empty_case, clip(tmp_path / "2.mp4", seed=2), "--camera", name)
    refused = call(*words)
    assert (refused.code, "looks like the camera 'copa'" in refused.err, "\\u0441" in refused.err) == (2, True, True)
    assert call(*words, "--new-camera").code == 0
    assert _cameras(empty_case) == {"copa", name}


def test_two_cameras_of_one_list_that_look_alike_are_refused(call: Call, empty_case: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        clip(tmp_path / f"{number}.mp4", seed=number)
    table = tmp_path / "footage.csv"
    table.write_text("file,camera\n1.mp4,Hall\n2.mp4,hall\n")
    refused = call("ingest", empty_case, "--list", table)
    assert (refused.code, "'hall' looks like the camera 'Hall'" in refused.err) == (2, True)
    assert call("ingest", empty_case, "--list", table, "--new-camera").code == 0
    assert _cameras(empty_case) == {"Hall", "hall"}


def test_a_misspelled_name_is_corrected_to_one_that_looks_like_it(call: Call, gate: Path, tmp_path: Path) -> None:
    words = ("evidence", "camera", gate, tmp_path / "1.mp4")
    assert call(*words, "Gate", *_REASON).code == 0
    assert _cameras(gate) == {"Gate"}
    assert call("ingest", gate, tmp_path / "2.mp4", "--camera", "Gate").code == 0
    refused = call(*words, "gate", *_REASON)
    assert (refused.code, "looks like the camera 'Gate'" in refused.err) == (2, True)
    assert call(*words, "gate", *_REASON, "--new-camera").code == 0
    assert _cameras(gate) == {"Gate", "gate"}


def test_a_mandate_is_amended_in_the_spelling_of_the_case(call: Call, empty_case: Path, tmp_path: Path) -> None:
    name = "caf\u00e9"
    assert call("ingest", empty_case, clip(tmp_path / "1.mp4"), "--camera", name).code == 0
    apart = unicodedata.normalize("NFD", name)
    answer = call("case", "amend", empty_case, "--camera", apart, "--camera", f" {name}", *_REASON)
    assert (answer.code, "without footage" in answer.err) == (0, False)
    assert load_case(empty_case).mandate.cameras == (name,)
    answer = call("case", "amend", empty_case, "--camera", "caf", *_REASON)
    assert answer.code == 0
    assert f"cameras of the mandate without footage: caf; with footage: {name}; did you mean {name}?" in answer.err


def test_folders_whose_names_look_alike_are_named(call: Call, empty_case: Path, tmp_path: Path) -> None:
    for number, folder in enumerate(("Gate", "gate")):
        (tmp_path / "footage" / folder).mkdir(parents=True)
        clip(tmp_path / "footage" / folder / "1.mp4", seed=number)
    answer = call("scan", tmp_path / "footage", "--case", empty_case, "--dry-run")
    assert answer.code == 0
    assert "the camera 'gate' looks like the camera 'Gate'" in answer.out + answer.err
