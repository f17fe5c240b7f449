"""`settings`, and what `run` and `scan` print of the settings they use."""

import json
import shutil
from pathlib import Path

import pytest

from forensics.custody.case_folder import CaseFolder
from pipelines.run.record import newest_record
from pipelines.setting_catalogue import catalogue, setting_named
from testing.commands import Call, clip, new_case

_SERIAL = ("--runner", "serial", "--quiet")
_ASKED = ("detect.fps=2", "gate.window_s=20", "track.buffer_ms=1500")


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a case with three settings of its own; tests copy it."""
    folder = tmp_path_factory.mktemp("ran")
    options = [word for setting in _ASKED for word in ("--set", setting)]
    assert Call()("scan", clip(folder / "gate.mp4"), "--case", folder / "case", *options, *_SERIAL).code == 0
    return folder / "case"


@pytest.fixture
def ran(ran_once: Path, tmp_path: Path) -> Path:
    """A case whose last run had three settings of its own."""
    return Path(shutil.copytree(ran_once, tmp_path / "case"))


def _last_settings(case: Path) -> dict[str, object]:
    sections = newest_record(CaseFolder(case))["settings"]
    return {setting.name: setting.value_in(sections) for setting in catalogue()}


def _table(text: str) -> dict[str, list[str]]:
    """Return the rows of the printed table of settings, by name."""
    rows = [line.split() for line in text.splitlines()]
    return {row[0]: row[1:] for row in rows if row and setting_named(row[0])}


# ---- settings


def test_every_setting_is_listed_within_80_columns(call: Call) -> None:
    answer = call("settings")
    assert (answer.code, answer.err) == (0, "")
    assert max(map(len, answer.out.splitlines())) <= 80
    assert list(_table(answer.out)) == [setting.name for setting in catalogue()]
    for setting in catalogue():
        assert f"    {setting.meaning}" in answer.out.splitlines()
    assert _table(answer.out)["detect.gate"] == ["off", "tables", "off,", "motion"]
    assert _table(answer.out)["run.retries"] == ["1", "-", "whole", "number", "from", "0"]


@pytest.mark.parametrize("prefix", ["detect", "gate.", "recognise.minimum_", "r"])
def test_a_prefix_lists_some(call: Call, prefix: str) -> None:
    listed = list(_table(call("settings", prefix).out))
    assert listed == [setting.name for setting in catalogue() if setting.name.startswith(prefix)]
    assert len(listed) > 3


@pytest.mark.parametrize("name", [setting.name for setting in catalogue()])
def test_one_setting_is_shown_with_its_full_meaning(call: Call, name: str) -> None:
    setting, answer = setting_named(name), call("settings", name)
    assert setting is not None
    text = " ".join(answer.out.split())
    for part in (setting.description, setting.allowed, f"--unset {name}", f"--set {name}="):
        assert part in text
    assert max(map(len, answer.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "next_step"),
    [
        ("detct", "did you mean detect?"),
        ("detect.fpss", "did you mean detect.fps?"),
        ("min_scores", "detect.min_score"),
        ("detect.colour", "`forensics settings detect` lists"),
        ("xyz", "the sections are detect, gate"),
    ],
)
def test_an_unknown_setting_suggests_others(call: Call, name: str, next_step: str) -> None:
    answer = call("settings", name)
    assert (answer.code, answer.out) == (2, "")
    assert f"unknown setting '{name}'" in answer.err
    assert next_step in answer.err


def test_values_of_the_last_run_stand_beside_the_defaults(call: Call, ran: Path) -> None:
    shown = call("settings", "--case", ran)
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= 80
    marked = [line.split()[1:4] for line in shown.out.splitlines() if line.startswith("* ") and "." in line]
    assert marked == [["detect.fps", "unset", "2"], ["gate.window_s", "10", "20"], ["track.buffer_ms", "2000", "1500"]]
    assert _table(shown.out)["track.high_score"][:2] == ["0.4", "0.4"]
    assert "last run  1500  *" in call("settings", "track.buffer_ms", "--case", ran).out


def test_json_has_the_value_of_the_last_run(call: Call, ran: Path) -> None:
    facts = call("settings", "--case", ran, "--json").json
    assert facts["run"] == call("status", ran, "--json").json["run"]
    assert {each["name"]: each["value"] for each in facts["settings"]} == _last_settings(ran)
    assert [each["name"] for each in facts["settings"] if each["differs"]] == [each.split("=")[0] for each in _ASKED]
    without = call("settings", "detect.fps", "--json").json
    assert (without["run"], [set(each) & {"value", "differs"} for each in without["settings"]]) == (None, [set()])


def test_a_long_value_has_a_line_of_its_own(call: Call, ran: Path) -> None:
    path = "/a/folder/with/a/name/of/some/length/model.onnx"
    record = CaseFolder(ran).run(call("status", ran, "--json").json["run"]).record
    stored = json.loads(record.read_text())
    stored["settings"]["detect"]["model"] = path
    record.write_text(json.dumps(stored))
    assert f"    last run: {path}" in call("settings", "detect", "--case", ran).out.splitlines()


def test_a_case_without_a_run_has_the_defaults(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    answer = call("settings", "detect", "--case", case)
    assert (answer.code, "no run yet" in answer.err, "last run" in answer.out) == (0, True, False)


# ---- run and scan


def test_a_run_goes_on_with_the_settings_of_the_last_one(call: Call, ran: Path) -> None:
    first = call("status", ran, "--json").json["run"]
    answer = call("run", ran, "--set", "detect.min_score=0.3", *_SERIAL)
    assert answer.err.splitlines()[0] == f"settings of run {first}: model builtin-1"
    assert answer.err.splitlines()[1].split() == ["setting", "value", "default", "last", "run"]
    assert _table(answer.err) == {
        "detect.min_score": ["0.3", "0.1", "0.1"],
        "detect.fps": ["2", "unset", "same"],
        "gate.window_s": ["20", "10", "same"],
        "track.buffer_ms": ["1500", "2000", "same"],
    }
    last = _last_settings(ran)
    assert (last["detect.fps"], last["detect.min_score"], last["track.buffer_ms"]) == (2.0, 0.3, 1500)


def test_without_changes_no_last_run_is_shown(call: Call, ran: Path) -> None:
    err = call("run", ran, "--dry-run").err
    assert _table(err)["detect.fps"] == ["2", "unset"]
    assert "last run" not in err


def test_one_setting_is_unset(call: Call, ran: Path) -> None:
    err = call("run", ran, "--unset", "detect.fps", "--unset", "gate.window_s", *_SERIAL).err
    assert _table(err)["detect.fps"] == ["unset", "unset", "2"]
    last = _last_settings(ran)
    assert (last["detect.fps"], last["gate.window_s"], last["track.buffer_ms"]) == (None, 10.0, 1500)


def test_all_settings_are_unset(call: Call, ran: Path, tmp_path: Path) -> None:
    assert call("run", ran, "--unset", "all", *_SERIAL).code == 0
    assert _last_settings(ran) == {setting.name: setting.default for setting in catalogue()}
    again = call("scan", clip(tmp_path / "yard.mp4"), "--case", ran, "--dry-run", "--unset", "all")
    assert "every other setting has its default" in again.err


def test_an_unknown_name_is_not_unset(call: Call, ran: Path) -> None:
    answer = call("run", ran, "--unset", "track.bufer_ms", "--dry-run")
    assert answer.code == 2
    assert "--unset: unknown setting 'track.bufer_ms'" in answer.err
    assert "did you mean track.buffer_ms?" in answer.err


def test_a_first_run_shows_what_differs_from_the_defaults(call: Call, tmp_path: Path) -> None:
    footage = clip(tmp_path / "gate.mp4")
    err = call("scan", footage, "--case", tmp_path / "case", "--set", "detect.fps=2", "--dry-run").err
    assert _table(err) == {"detect.fps": ["2", "unset"]}
    assert "default" not in call("scan", footage, "--case", tmp_path / "case", "--dry-run").err


def test_a_profile_says_what_it_replaces(call: Call, ran: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text("[detect]\nfps = 2\nmin_score = 0.2\n")
    first = call("status", ran, "--json").json["run"]
    answer = call("run", ran, "--profile", profile, *_SERIAL)
    assert f"settings of the profile, which replaces those of run {first}" in answer.err
    assert _table(answer.err) == {
        "detect.min_score": ["0.2", "0.1", "0.1"],
        "detect.fps": ["2", "unset", "same"],
        "gate.window_s": ["10", "10", "20"],
        "track.buffer_ms": ["2000", "2000", "1500"],
    }
    assert _last_settings(ran)["track.buffer_ms"] == 2000
