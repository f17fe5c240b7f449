"""Who has no key folder of a case looks at it and is refused the rest; a line that says more is found."""

import ast
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forensics.custody.log import INTERRUPTED, LogLine, read_chain
from forensics.custody.unanchored_lines import LOOKS, REFUSED, fault_in_foreign
from testing.commands import Call, caller, new_case, search_case
from testing.project import ROOT


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


def _needs() -> dict[str, str]:
    """What each command asks of a case, by the word that it is recorded under, read from the source."""
    found = {}
    for file in (ROOT / "pipelines").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open_session":
                (need,) = [ast.unparse(word.value) for word in node.keywords if word.arg == "need"]
                assert isinstance(node.args[1], ast.Constant)
                found[str(node.args[1].value)] = need
    return found


def test_what_counts_as_a_look_is_what_asks_for_no_more() -> None:
    needs = _needs()
    assert len(needs) > 20
    looks = {command for command, need in needs.items() if need in {"Need.LOOK", "Need.CHECK"}}
    of_two_kinds = {"query", "verify frame"}  # of candidates, or where faces are compared, they ask for more
    of_the_library = {"open candidates"}
    assert looks | of_two_kinds | of_the_library == LOOKS


def _appended(case: Path, kind: str, command: str, of: int | None, facts: dict[str, Any]) -> None:
    """A line as the program would write it, well chained, and unknown to the witness."""
    lines = read_chain(case / "audit.jsonl").lines
    last = lines[-1]
    line = LogLine(len(lines), last.at_utc_us, kind, command, last.who, "", of, last.sha256, facts)
    with (case / "audit.jsonl").open("ab") as file:
        file.write(line.encoded() + b"\n")


_FORGED: tuple[tuple[str, str, int | None, dict[str, Any]], ...] = (
    ("begin", "run", None, {}),
    ("begin", "watchlist add", None, {"entry": "E1"}),
    ("begin", "review", None, {}),
    ("begin", "case init", None, {}),
    ("note", "verdict", 0, {}),
    ("note", "pictures opened", 0, {}),
    ("note", "run", 0, {"run": "x"}),
    ("note", "wrote", 0, {"files": {"case.toml": ""}}),
    ("end", "case init", 0, {"exit_code": 0, "outputs": {}}),
    ("end", "case init", 0, {"exit_code": None, "error": INTERRUPTED, "outputs": {"run": "x"}}),
)


@pytest.mark.parametrize("forged", _FORGED, ids=lambda each: " ".join(each[:2]))
def test_a_foreign_line_that_does_something_is_found(
    call: Call, tmp_path: Path, forged: tuple[str, str, int | None, dict[str, Any]]
) -> None:
    case = search_case(tmp_path / "case")
    assert call("case", "show", case).code == 0
    _appended(case, *forged)
    for command in (("case", "show", case), ("verify", case), ("case", "hold", case, "--reason", "r")):
        answer = call(*command)
        assert (answer.code, "key folder" in answer.err) == (5, True), command


def test_others_look_and_are_refused_and_it_stands_in_the_log(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, own = search_case(tmp_path / "case"), os.environ["FORENSICS_KEYS"]
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / "others"))
    assert call("case", "show", case).code == 0
    assert call("run", case).code == 3
    assert call("watchlist", "remove", case, "E1", "--reason", "r").code == 3
    begun = [(line.command, line.facts.get("command")) for line in read_chain(case / "audit.jsonl").lines]
    assert begun[-6:] == [
        *(("case show", None), ("case show", None)),
        *((REFUSED, "run"), (REFUSED, None)),
        *((REFUSED, "watchlist remove"), (REFUSED, None)),
    ]
    monkeypatch.setenv("FORENSICS_KEYS", own)
    assert call("verify", case).code == 0
    assert call("case", "hold", case, "--reason", "r").code == 0


def test_a_refusal_that_ended_well_is_none(call: Call, tmp_path: Path) -> None:
    case = search_case(tmp_path / "case")
    n_lines = len(read_chain(case / "audit.jsonl").lines)
    _appended(case, "begin", REFUSED, None, {"command": "run"})
    assert call("verify", case).code == 0
    _appended(case, "end", REFUSED, n_lines, {"exit_code": 0, "outputs": {"run": "x"}})
    assert call("verify", case).code == 5


def test_the_end_of_one_command_is_not_that_of_another() -> None:
    begin = LogLine(0, 0, "begin", "status", {}, "", None, "", {})
    end = replace(begin, number=1, kind="end", of=0, facts={"exit_code": 0})
    assert fault_in_foreign([begin, end], 0) == ""
    assert "line 2" in fault_in_foreign([begin, replace(end, command="query")], 0)
    assert "line 2" in fault_in_foreign([replace(begin, command="run"), end], 1)


def test_in_a_case_without_faces_everybody_works(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = new_case(call, tmp_path / "case")
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / "others"))
    assert call("case", "policy", case, "--watchlist-limit", 6, "--reason", "r").code == 0
    assert call("verify", shutil.copytree(case, tmp_path / "copy")).code == 0
