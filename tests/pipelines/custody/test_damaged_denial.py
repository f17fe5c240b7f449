"""A denial of a damaged case: whose key it destroys, and what it withholds because the case is on hold."""

import json
import shutil
from pathlib import Path

import pytest

from forensics.custody.case_folder import CaseFolder
from pipelines.custody.case_store import load_case
from pipelines.custody.denial_memory import is_remembered
from pipelines.custody.keys import Keyring, keyring_for
from pipelines.custody.log_anchor import anchor_for
from testing.commands import Call, search_case

_DENY = ("--reason", "refused by the court")


def _keyring(root: Path) -> Keyring:
    return keyring_for(CaseFolder(root), load_case(root).case_id)


def _name_case(root: Path, case_id: str) -> None:
    file = root / "case.toml"
    file.write_text(file.read_text().replace(load_case(root).case_id, case_id))


@pytest.mark.parametrize("is_readable", [True, False])
@pytest.mark.parametrize("is_held", [True, False])
def test_a_folder_that_names_another_case_costs_that_case_nothing(
    tmp_path: Path, call: Call, *, is_held: bool, is_readable: bool
) -> None:
    other, case = search_case(tmp_path / "other"), search_case(tmp_path / "case")
    for root in (other, case):
        assert call("case", "show", root).code == 0
    if is_held:
        assert call("case", "hold", other, "--reason", "trial").code == 0
    other_id, own, others = load_case(other).case_id, _keyring(case), _keyring(other)
    _name_case(case, other_id)
    if not is_readable:
        (case / "case.toml").write_text((case / "case.toml").read_text().replace("purpose =", "# purpose ="))
    assert call("case", "deny", case, *_DENY).code != 0
    assert others.path.exists()
    assert not is_remembered(other_id)
    assert call("case", "show", other).code == 0
    assert not own.path.exists(), "the denial is about the case that was in this folder"


def test_a_case_whose_anchor_names_no_folder_is_not_ended_from_another_folder(tmp_path: Path, call: Call) -> None:
    """Versions before 0.3 wrote such anchors."""
    other, case = search_case(tmp_path / "other"), search_case(tmp_path / "case")
    for root in (other, case):
        assert call("case", "hold", root, "--reason", "trial").code == 0
    keyring, own = _keyring(other), anchor_for(CaseFolder(other), load_case(other).case_id).path
    own.write_text(json.dumps({**json.loads(own.read_text()), "folder": None}))
    _name_case(case, load_case(other).case_id)
    assert call("case", "deny", case, *_DENY).code != 0
    assert keyring.path.exists()
    (other / "audit.jsonl").write_text("damaged\n")
    assert call("case", "deny", other, *_DENY).code == 5
    assert (keyring.path.exists(), keyring.withheld.exists()) == (False, True), "its checkpoints say that it is here"


def test_a_copy_that_is_not_known_to_hold_the_case_says_where_that_case_is(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case")
    assert call("case", "show", case).code == 0
    older = Path(shutil.copytree(case, tmp_path / "older"))
    assert call("case", "show", case).code == 0
    answer = call("case", "deny", older, *_DENY)
    assert (answer.code, str(case) in answer.err) == (5, True), answer.err
    assert _keyring(case).path.exists()
    assert call("case", "show", older).code != 0 or (older / ".denied").exists()


@pytest.mark.parametrize("is_log_whole", [True, False])
def test_a_hold_that_was_cut_out_of_the_case_still_keeps_its_key(
    tmp_path: Path, call: Call, *, is_log_whole: bool
) -> None:
    case = search_case(tmp_path / "case")
    assert call("case", "show", case).code == 0
    before = {name: (case / name).read_bytes() for name in ("case.toml", "audit.jsonl")}
    assert call("case", "hold", case, "--reason", "trial").code == 0
    for name in ("case.toml",) if is_log_whole else before:
        (case / name).write_bytes(before[name])
    assert call("case", "deny", case, *_DENY).code == 5
    assert (_keyring(case).path.exists(), _keyring(case).withheld.exists()) == (False, True)


def test_a_hold_of_an_earlier_version_is_taken_from_the_log(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case")
    before = (case / "case.toml").read_bytes()
    assert call("case", "hold", case, "--reason", "trial").code == 0
    _keyring(case).hold.unlink()
    (case / "case.toml").write_bytes(before)
    assert call("case", "deny", case, *_DENY).code == 5
    assert _keyring(case).withheld.exists()


def test_after_a_hold_was_lifted_a_damaged_case_loses_its_key(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case")
    assert call("case", "hold", case, "--reason", "trial").code == 0
    assert call("case", "hold", case, "--lift", "--reason", "it is over").code == 0
    with (case / "case.toml").open("a") as file:
        file.write("# \n")
    assert call("case", "deny", case, *_DENY).code == 5
    assert not _keyring(case).exists


def test_a_denial_that_was_forged_into_the_case_does_not_keep_its_key(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case")
    assert call("case", "show", case).code == 0
    file = case / "case.toml"
    file.write_text("denied_utc = 2026-05-01T00:00:00Z\n" + file.read_text())
    assert call("case", "deny", case, *_DENY).code == 5
    assert not _keyring(case).exists


def test_a_case_that_was_moved_is_known_by_its_log(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case")
    assert call("case", "show", case).code == 0
    moved = case.rename(tmp_path / "moved")
    with (moved / "case.toml").open("a") as file:
        file.write("# \n")
    keyring = _keyring(moved)
    assert call("case", "deny", moved, *_DENY).code == 5
    assert not keyring.exists
