"""Files of a case that were made to stop a program, by nested values or a pipe: tampering, not a fault or a hang."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.errors import IntegrityBroken
from pipelines.custody.case_store import load_case
from pipelines.custody.keys import keyring_for
from testing.commands import Call, search_case
from testing.face_case import FaceCase

_N = 50_000
_LOG, _MANIFEST = "audit.jsonl", "tables/MANIFEST.json"


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """End a test that waits for a pipe."""
    signal.alarm(90)
    yield
    signal.alarm(0)


def _nested_toml(file: Path) -> None:
    with file.open("a") as opened:
        opened.write(f"x = {'[' * _N}\n")


def _nested_table(file: Path) -> None:
    """Nested without a bracket for each level, which a parser reads without recursion."""
    with file.open("a") as opened:
        opened.write(f"[{'.'.join(['a'] * _N)}]\n")


def _nested_json(file: Path) -> None:
    file.write_text('{"a":' * _N + "\n")


def _pipe(file: Path) -> None:
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def _no_text(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"# \xff\n")


_ATTACKS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "brackets in case.toml": ("case.toml", _nested_toml),
    "tables in case.toml": ("case.toml", _nested_table),
    "case.toml is no text": ("case.toml", _no_text),
    "case.toml is a pipe": ("case.toml", _pipe),
    "nested log": (_LOG, _nested_json),
    "log is a pipe": (_LOG, _pipe),
    "mark of a denial is a pipe": (".denied", _pipe),
    "checkpoints are a pipe": ("checkpoints.jsonl", _pipe),
}


@pytest.mark.parametrize("attack", _ATTACKS)
def test_it_is_reported_as_tampering_and_keeps_no_key_from_a_denial(tmp_path: Path, call: Call, attack: str) -> None:
    case = search_case(tmp_path / "case")
    assert call("case", "hold", case, "--reason", "trial").code == 0
    assert call("case", "hold", case, "--lift", "--reason", "it is over").code == 0
    keyring = keyring_for(CaseFolder(case), load_case(case).case_id)
    name, change = _ATTACKS[attack]
    change(case / name)
    for command in (("verify",), ("case", "show"), ("status",), ("case", "hold", "--reason", "r")):
        answer = call(*command[:2], case, *command[2:]) if command[0] == "case" else call(*command, case)
        assert answer.code == 5, (command, answer.err)
    answer = call("case", "deny", case, "--reason", "refused")
    assert (answer.code, keyring.path.exists()) == (5, False), answer.err


def test_nested_checkpoints_are_reported(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case")
    assert call("case", "hold", case, "--reason", "trial").code == 0
    _nested_json(case / "checkpoints.jsonl")
    answer = call("verify", case)
    assert (answer.code, "checkpoint 1 cannot be read" in answer.err) == (5, True), answer.err


@pytest.mark.parametrize("change", [_nested_json, _pipe])
@pytest.mark.parametrize("name", [_MANIFEST, "certificates/x.json", "reviewers.json", "runs/{run}/run.json"])
def test_in_files_of_results_it_is_reported_as_tampering(
    found: FaceCase, call: Call, name: str, change: Callable[[Path], None]
) -> None:
    (found.root / "certificates").mkdir(exist_ok=True)
    (run,) = [path.name for path in (found.root / "runs").iterdir()]
    file = found.root / name.format(run=run)
    change(file)
    for command in (("verify", found.root), ("status", found.root), ("case", "show", found.root)):
        assert call(*command).code == 5, command
    if change is _pipe:
        with pytest.raises(IntegrityBroken):
            forensics.open_case(found.root)


@pytest.mark.parametrize("attack", ["brackets in case.toml", "nested log", "log is a pipe", "case.toml is a pipe"])
def test_one_such_case_keeps_no_other_from_its_dates_or_the_annual_report(
    tmp_path: Path, call: Call, attack: str
) -> None:
    bad, good = search_case(tmp_path / "all" / "a"), search_case(tmp_path / "all" / "b")
    for root in (bad, good):
        assert call("case", "show", root).code == 0
    name, change = _ATTACKS[attack]
    change(bad / name)
    swept = call("case", "sweep", tmp_path / "all", "--json")
    assert (swept.code, [row["standing"] for row in swept.json["cases"]]) == (4, ["failed", "active"]), swept.err
    report = call("case", "report", tmp_path / "all", "--annual", 2026, "--json")
    assert (report.code, str(bad) in report.err, len(report.json["counts"])) == (4, True, 1), report.err


def test_a_fault_of_the_program_in_one_case_keeps_no_other_from_its_dates(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = search_case(tmp_path / "all" / "a"), search_case(tmp_path / "all" / "b")
    for root in (bad, good):
        assert call("case", "show", root).code == 0
    from pipelines.custody import open_session

    load = open_session.load_case

    def fail(root: Path) -> object:
        return load(root) if root.name != "a" else 1 / 0

    monkeypatch.setattr(open_session, "load_case", fail)
    swept = call("case", "sweep", tmp_path / "all", "--json")
    assert (swept.code, [row["standing"] for row in swept.json["cases"]]) == (4, ["failed", "active"])
