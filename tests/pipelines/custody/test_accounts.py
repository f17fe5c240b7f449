"""Accounts of the system: who works, also behind `sudo`; two reviewers are two of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from forensics.custody.log import read_chain
from pipelines.custody import accounts
from pipelines.custody.accounts import login_user, os_user
from pipelines.custody.case_store import load_case
from pipelines.review.desk import ReviewDesk
from pipelines.review.reviews import accounts_of, load_reviews
from testing.audit_events import KILLED, die_at
from testing.commands import Call, working_as
from testing.face_case import FaceCase


@pytest.mark.parametrize(
    ("uids", "expected"),
    [
        ([990, 0, 65534, 65534, 0], 65534),  # nobody in a shell, sudo, the account of a service
        ([65534], 65534),
        ([2, 0, 2, 0, 1, 1], 1),  # daemon became bin
        ([0, 0, 0], 0),
    ],
)
def test_the_account_is_that_of_the_login(monkeypatch: pytest.MonkeyPatch, uids: list[int], expected: int) -> None:
    monkeypatch.setattr(accounts, "_login_uid", lambda: None)
    monkeypatch.setattr(accounts, "_uids_of_ancestors", lambda: iter(uids))
    assert login_user() == accounts._name_of(expected)
    monkeypatch.setattr(accounts, "_login_uid", lambda: 1)
    assert login_user() == accounts._name_of(1), "the kernel knows better"


def test_environment_variables_make_nobody_another_person(monkeypatch: pytest.MonkeyPatch) -> None:
    before = login_user(), os_user()
    for name in ("SUDO_USER", "SUDO_UID", "LOGNAME", "USER", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert (login_user(), os_user()) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_ancestors_are_read_from_the_kernel() -> None:
    script = "import os; from pipelines.custody import accounts as a; os.setuid(65534); print(*a._uids_of_ancestors())"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    uids = ended.stdout.split()
    assert uids[0] == "65534"
    assert "0" in uids[1:]


@pytest.fixture
def found(tmp_path: Path, call: Call) -> FaceCase:
    """Make a search with one candidate and two reviewers."""
    case = FaceCase.make(tmp_path, call, n_people=2)
    case.enrol("E0", 0, tmp_path)
    case.run()
    for name in ("B. Becker", "C. Cole"):
        case.reviewer(name)
    return case


def _candidate(case: FaceCase) -> str:
    (row,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    return f"{row['sighting_id']}:E0"


def _decide_as(case: FaceCase, name: str, account: str) -> tuple[int, str]:
    """Give a verdict under an account."""
    with working_as(account):
        answer = case.decide(name, _candidate(case), "confirm")
    return answer.code, answer.err


def test_one_account_gives_one_verdict(found: FaceCase) -> None:
    assert _decide_as(found, "B. Becker", "desk")[0] == 0
    code, err = _decide_as(found, "C. Cole", "desk")
    assert (code, "same account of the system, desk@" in err) == (3, True), err
    assert f"`forensics case policy {found.root} --one-account --reason TEXT`" in err
    assert _decide_as(found, "C. Cole", "other")[0] == 0


def test_where_accounts_are_mapped_nobody_gives_a_verdict(found: FaceCase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell may make a user namespace in which it has any number: `unshare -U --map-user=1001`."""
    monkeypatch.setattr("pipelines.custody.accounts._EVERY_ACCOUNT_IS_ITSELF", ["0", "0", "1"])
    code, err = _decide_as(found, "B. Becker", "desk")
    assert (code, "user namespace" in err) == (3, True), err
    found.do("case policy", "--one-account", "--reason", "a container that maps accounts")
    assert _decide_as(found, "B. Becker", "desk")[0] == 0


def test_one_account_gives_one_verdict_also_if_the_first_command_was_killed(found: FaceCase) -> None:
    with working_as("desk"), die_at("rename", "*/reviews.jsonl.sealed", after=True):
        assert found.decide("B. Becker", _candidate(found), "confirm").code == KILLED
    case = load_case(found.root)
    (account,) = accounts_of(case, load_reviews(case))
    assert account.startswith("desk@")
    assert "verdict" not in [line.command for line in read_chain(case.folder.audit_file).lines]
    code, err = _decide_as(found, "C. Cole", "desk")
    assert (code, "same account of the system, desk@" in err) == (3, True), err


def test_the_account_of_a_verdict_of_an_earlier_version_is_in_the_log(
    found: FaceCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(ReviewDesk, "account", "")  # earlier versions stated none in the verdict
        assert _decide_as(found, "B. Becker", "desk")[0] == 0
    case = load_case(found.root)
    (review,) = load_reviews(case)
    assert (review.account, b'"account"' in review.encoded()) == ("", False)
    code, err = _decide_as(found, "C. Cole", "desk")
    assert (code, "same account of the system, desk@" in err) == (3, True), err


def test_the_account_that_started_the_run_gives_no_second_verdict(found: FaceCase) -> None:
    assert _decide_as(found, "B. Becker", "becker")[0] == 0
    code, err = _decide_as(found, "C. Cole", login_user())
    assert (code, "the first verdict or the run" in err) == (3, True), err


def test_one_account_is_allowed_on_record_and_supports_no_enrolment(found: FaceCase, tmp_path: Path) -> None:
    assert found.call("case", "policy", found.root, "--one-account").code == 2, "not without a reason"
    assert found.call("case", "policy", found.root, "--reason", "r").code == 2, "not without a rule"
    found.do("case policy", "--one-account", "--reason", "one machine in the field")
    assert "one machine in the field" in (found.root / "audit.jsonl").read_text()
    assert found.call("case", "show", found.root, "--json").json["allows_one_account"] is True
    assert [_decide_as(found, name, "desk")[0] for name in ("B. Becker", "C. Cole")] == [0, 0]
    said = ("--from-sighting", _candidate(found), "--basis", "b", "--expires", "2027-01-31")
    enrolled = found.call("watchlist", "add", found.root, "E0-gate", *said)
    assert (enrolled.code, "under one account of the system" in enrolled.err) == (3, True), enrolled.err
    found.do("case disclose", "-o", tmp_path / "disclosure.json", "--recipient", "counsel", "--reason", "court")
    assert '"same_account": true' in (tmp_path / "disclosure.json").read_text()
