"""Training of reviewers: stated when they are added, on record afterwards."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from forensics.custody.log import read_chain
from pipelines import clock
from testing.commands import Call, search_case
from testing.face_case import FaceCase

_TRAINING, _DAY = "face comparison, two weeks", "2026-03-06"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Make a search without reviewers."""
    return search_case(tmp_path / "case")


def _stated(case: Path) -> list[tuple[str, str, str]]:
    stored = json.loads((case / "reviewers.json").read_text())
    return [(each["name"], each["training"], each["trained_on"]) for each in stored]


def _add(call: Call, case: Path, training: str, day: str) -> tuple[int, str]:
    answer = call("reviewer", "add", case, "B. Becker", "--training", training, "--trained-on", day)
    return answer.code, answer.err


def test_the_training_of_a_reviewer_is_on_record(call: Call, case: Path) -> None:
    assert _add(call, case, _TRAINING, _DAY) == (0, "")
    assert _stated(case) == [("B. Becker", _TRAINING, _DAY)]
    (begin,) = [line for line in read_chain(case / "audit.jsonl").lines
                if (line.command, line.kind) == ("reviewer add", "begin")]  # fmt: skip
    assert (begin.facts["training"], begin.facts["trained_on"]) == (_TRAINING, _DAY)
    shown = call("reviewer", "list", case).out
    assert _TRAINING in shown
    assert _DAY in shown


@pytest.mark.parametrize("training", ["", " ", "\u200b", "-", "none", "TBD", "t.b.d.", "keine", "ausstehend"])
def test_a_training_that_states_nothing_is_refused(call: Call, case: Path, training: str) -> None:
    code, err = _add(call, case, training, _DAY)
    assert (code, "--training" in err) == (2, True), err
    assert not (case / "reviewers.json").exists()


@pytest.mark.parametrize("missing", ["--training", "--trained-on"])
def test_a_reviewer_without_training_or_its_day_is_refused(call: Call, case: Path, missing: str) -> None:
    given = {"--training": _TRAINING, "--trained-on": _DAY}
    words = [word for name, value in given.items() if name != missing for word in (name, value)]
    answer = call("reviewer", "add", case, "B. Becker", *words)
    assert (answer.code, missing in answer.err) == (2, True), answer.err
    assert not (case / "reviewers.json").exists()


@pytest.mark.parametrize("day", ["yesterday", "06.03.2026", "0001-03-06", "9999-01-01", "2026-02-30"])
def test_a_day_that_is_none_is_refused(call: Call, case: Path, day: str) -> None:
    assert _add(call, case, _TRAINING, day)[0] == 2
    assert not (case / "reviewers.json").exists()


@pytest.mark.parametrize(("days_ahead", "code"), [(-1, 0), (0, 0), (2, 2), (400, 2)])
def test_a_training_in_the_future_is_refused(call: Call, case: Path, days_ahead: int, code: int) -> None:
    day = (clock.utc_now() + timedelta(days=days_ahead)).date()
    answered, err = _add(call, case, _TRAINING, day.isoformat())
    assert (answered, "in the future" in err) == (code, code != 0), err


@pytest.mark.parametrize(("hour", "code"), [(9, 2), (10, 0)])
def test_a_day_has_come_once_it_is_there_anywhere_on_earth(
    call: Call, case: Path, monkeypatch: pytest.MonkeyPatch, hour: int, code: int
) -> None:
    """The first island begins a day at 10:00 UTC of the day before."""
    now = clock.utc_now()
    then = now.replace(hour=hour, minute=30) + timedelta(days=1)
    monkeypatch.setattr(clock, "utc_now", lambda: then + (clock.datetime.now(clock.UTC) - now))
    assert _add(call, case, _TRAINING, (then + timedelta(days=1)).date().isoformat())[0] == code


def test_the_training_stays_with_a_reviewer_whose_key_is_replaced(call: Call, case: Path) -> None:
    _add(call, case, _TRAINING, _DAY)
    assert call("reviewer", "replace", case, "B. Becker", "--reason", "the machine was lost").code == 0
    assert _stated(case) == [("B. Becker", _TRAINING, _DAY)] * 2


def test_the_defence_learns_the_training_of_those_who_verified(found: FaceCase, tmp_path: Path) -> None:
    (row,) = [row for row in found.candidates() if row["decision"] == "candidate"]
    for name in ("B. Becker", "C. Cole"):
        assert found.decide(name, f"{row['sighting_id']}:E0", "confirm").code == 0
    found.do("case disclose", "-o", tmp_path / "d.json", "--recipient", "counsel", "--reason", "request")
    (decided,) = [each for each in json.loads((tmp_path / "d.json").read_text())["candidates"] if each["verdicts"]]
    assert [(each["reviewer"], each["training"], each["trained_on"]) for each in decided["verdicts"]] == [
        ("B. Becker", _TRAINING, _DAY),
        ("C. Cole", _TRAINING, _DAY),
    ]
