"""Users without the key folder of a case may only read; other lines of theirs in the log are found."""

import ast
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forensics.custody.log import INTERRUPTED, LogLine, read_chain
from forensics.custody.unanchored_lines import READ_COMMANDS, REFUSED, find_unanchored_fault
from testing.commands import Call, new_case, search_case
from testing.project import ROOT


def _needs() -> dict[str, str]:
    """Return what each command needs of a case, by its name in the log, read from the source."""
    found = {}
    for file in (ROOT / "pipelines").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open_session":
                (need,) = [ast.unparse(word.value) for word in node.keywords if word.arg == "need"]
                assert isinstance(node.args[1], ast.Constant)
                found[str(node.args[1].value)] = need
    return found


def test_the_commands_that_count_as_reading_need_no_more_than_reading() -> None:
    needs = _needs()
    assert len(needs) > 20
    looks = {command for command, need in needs.items() if need in {"Need.READ", "Need.CHECK"}}
    of_two_kinds = {"query", "verify frame"}  # of candidates, or where faces are compared, they ask for more
    of_the_library = {"open candidates", "open picture"}
    assert looks | of_two_kinds | of_the_library == READ_COMMANDS


def _appended(case: Path, kind: str, command: str, of: int | None, facts: dict[str, Any]) -> None:
    """Append a correctly chained line that the log anchor does not know."""
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


def test_users_without_the_key_folder_may_read_only_and_both_are_logged(
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


def test_a_refused_command_with_outputs_is_found(call: Call, tmp_path: Path) -> None:
    case = search_case(tmp_path / "case")
    n_lines = len(read_chain(case / "audit.jsonl").lines)
    _appended(case, "begin", REFUSED, None, {"command": "run"})
    assert call("verify", case).code == 0
    _appended(case, "end", REFUSED, n_lines, {"exit_code": 0, "outputs": {"run": "x"}})
    assert call("verify", case).code == 5


def test_the_end_of_one_command_is_not_that_of_another() -> None:
    begin = LogLine(0, 0, "begin", "status", {}, "", None, "", {})
    end = replace(begin, number=1, kind="end", of=0, facts={"exit_code": 0})
    assert find_unanchored_fault([begin, end], 0) == ""
    assert "line 2" in find_unanchored_fault([begin, replace(end, command="query")], 0)
    assert "line 2" in find_unanchored_fault([replace(begin, command="run"), end], 1)


def test_in_a_case_without_faces_everybody_works(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = new_case(call, tmp_path / "case")
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / "others"))
    assert call("case", "policy", case, "--watchlist-limit", 6, "--reason", "r").code == 0
    assert call("verify", shutil.copytree(case, tmp_path / "copy")).code == 0
