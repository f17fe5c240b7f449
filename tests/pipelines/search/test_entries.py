"""Entries that came from the footage, entries of one person, and what an entry may hold."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.custody.case_folder import CaseFolder
from forensics.faces.face import QualityLimits
from forensics.faces.likelihood_model import LikelihoodModel
from forensics.faces.reference_sources import Origin
from pipelines.custody.entries import entries_of, people_of
from pipelines.review.remarks import remarks
from testing.commands import ENTRY_LAST_DAY, Call, caller
from testing.face_case import FaceCase, reference_of

_NO_LIMITS = QualityLimits(eyes_px=0, sharpness=0, yaw_degrees=90, score=0)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


@pytest.fixture
def case(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> FaceCase:
    """Two people at the gate, nobody on the list."""
    return FaceCase.make(tmp_path, call, monkeypatch, n_people=2)


@pytest.fixture
def confirmed(case: FaceCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaceCase:
    """The first of them is on the list, and two reviewers confirmed him."""
    case.enrol("E0", 0, tmp_path)
    case.enrol("absent", 40, tmp_path)
    case.run()
    for name in ("B. Becker", "C. Cole"):
        case.reviewer(name)
        decide(case, name, candidate_of(case, "E0"))
    monkeypatch.setattr("pipelines.search.references.REFERENCE_LIMITS", _NO_LIMITS)
    return case


def candidate_of(case: FaceCase, entry: str) -> str:
    (row,) = [row for row in case.candidates() if (row["entry_id"], row["decision"]) == (entry, "candidate")]
    return f"{row['sighting_id']}:{entry}"


def decide(case: FaceCase, name: str, candidate: str) -> None:
    answer = case.decide(name, candidate, "confirm")
    assert answer.code == 0, answer.err


def enrol_from(case: FaceCase, entry: str, candidate: str) -> None:
    told = ("--from-sighting", candidate, "--basis", "confirmed", "--expires", ENTRY_LAST_DAY)
    case.do("watchlist add", entry, *told)


def rows_of(case: FaceCase, sighting: str) -> dict[object, dict[str, object]]:
    return {row["entry_id"]: row for row in case.candidates() if row["sighting_id"] == sighting}


# ---- the sighting an entry came from


def test_a_sighting_is_not_compared_with_the_entry_it_lent_its_faces(confirmed: FaceCase) -> None:
    candidate = candidate_of(confirmed, "E0")
    enrol_from(confirmed, "E0-gate", candidate)
    confirmed.run()
    sighting = candidate.partition(":")[0]
    row = rows_of(confirmed, sighting)["E0-gate"]
    assert row["decision"] == "origin"
    assert [row[name] for name in ("rank", "similarity", "margin", "log10_likelihood_ratio")] == [None] * 4
    assert rows_of(confirmed, sighting)["E0"]["decision"] == "candidate"
    others = [row for row in confirmed.candidates() if row["sighting_id"] != sighting]
    assert [row["decision"] for row in others] == ["below"] * 3
    assert confirmed.call("verify", confirmed.root).code == 0


def test_the_origin_is_known_under_other_settings(confirmed: FaceCase) -> None:
    before = candidate_of(confirmed, "E0")
    enrol_from(confirmed, "E0-gate", before)
    other = (
        "--set",
        "detect.fps=2.5",
        "--set",
        "recognise.minimum_eyes_px=8",
        "--set",
        "recognise.minimum_sharpness=0",
    )
    confirmed.do("run", "--runner", "serial", "--quiet", *other)
    rows = [row for row in confirmed.candidates() if row["entry_id"] == "E0-gate"]
    assert before.partition(":")[0] not in {row["sighting_id"] for row in rows}, "the same man under another id"
    assert sorted(str(row["decision"]) for row in rows) == ["below", "origin"]


def test_a_sighting_of_origin_without_a_face_is_of_origin_still(confirmed: FaceCase) -> None:
    enrol_from(confirmed, "E0-gate", candidate_of(confirmed, "E0"))
    confirmed.do("run", "--runner", "serial", "--quiet", "--set", "recognise.minimum_eyes_px=900")
    decisions = sorted((str(row["entry_id"]), str(row["decision"])) for row in confirmed.candidates())
    assert (
        decisions
        == [("E0", "no_face")] * 2 + [("E0-gate", "no_face"), ("E0-gate", "origin")] + [("absent", "no_face")] * 2
    )


# ---- entries of one person


def enrol_elsewhere(case: FaceCase, monkeypatch: pytest.MonkeyPatch) -> str:
    """`E0-gate` is made from the confirmed sighting, which is then compared with it as if it were another."""
    candidate = candidate_of(case, "E0")
    enrol_from(case, "E0-gate", candidate)
    monkeypatch.setattr("pipelines.search.recognition.origins_of", lambda folder, entries: ())
    return candidate.partition(":")[0]


def test_entries_of_one_person_do_not_compete(confirmed: FaceCase, monkeypatch: pytest.MonkeyPatch) -> None:
    sighting = enrol_elsewhere(confirmed, monkeypatch)
    confirmed.run()
    rows = rows_of(confirmed, sighting)
    assert [rows[entry]["rank"] for entry in ("E0", "E0-gate", "absent")] == [1, 1, 2]
    for entry in ("E0", "E0-gate"):
        assert rows[entry]["margin"] == pytest.approx(rows[entry]["similarity"] - rows["absent"]["similarity"])
    best = max(rows["E0"]["similarity"], rows["E0-gate"]["similarity"])
    assert rows["absent"]["margin"] == pytest.approx(rows["absent"]["similarity"] - best)


def test_the_log_tells_whose_an_entry_is_when_its_first_is_gone(confirmed: FaceCase) -> None:
    enrol_from(confirmed, "E0-gate", candidate_of(confirmed, "E0"))
    folder = CaseFolder(confirmed.root)
    assert people_of(folder, entries_of(folder)) == ("E0", "E0", "absent")
    later = replace(entries_of(folder)[1], entry_id="E0-hall", origin="candidate s2:E0-gate")
    confirmed.do("watchlist remove", "E0", "--reason", "r")
    confirmed.do("watchlist remove", "E0-gate", "--reason", "r")
    assert people_of(folder, [later]) == ("E0",)


# ---- what people decided stays in sight


def test_a_decided_candidate_that_falls_below_is_said_and_stays_listed(
    confirmed: FaceCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = candidate_of(confirmed, "E0")
    monkeypatch.setattr("forensics.faces.published_rates.Calibration.threshold_for", lambda self, fmr: 0.99)
    quiet = ("--runner", "serial", "--quiet", "--set", "recognise.minimum_eyes_px=8")
    out = confirmed.do("run", *quiet, "--set", "recognise.minimum_sharpness=0")
    assert "0 candidates for examination" in out
    assert "1 candidate that people have decided is below the threshold now" in out
    assert rows_of(confirmed, candidate.partition(":")[0])["E0"]["decision"] == "below"
    sheet = confirmed.root.parent / "again.png"
    looked = ("--reason", "r", "--candidate", candidate, "--pictures", sheet)
    assert "confirmed" in confirmed.do("review", "--as", "B. Becker", *looked)
    assert sheet.exists()


def test_a_run_without_such_candidates_has_nothing_to_remark(confirmed: FaceCase) -> None:
    assert remarks(CaseFolder(confirmed.root)) == []


def test_a_candidate_whose_ratio_speaks_against_it_is_said(
    confirmed: FaceCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    against = LikelihoodModel("m", -5.0, 0.0, -1.0, 1.0, 20, 100, 9, 0.2)
    monkeypatch.setattr("pipelines.search.recognition.stored_likelihood", lambda folder, key, models: against)
    quiet = ("--runner", "serial", "--quiet", "--set", "recognise.minimum_eyes_px=8")
    told = confirmed.do("run", *quiet, "--set", "recognise.minimum_sharpness=0", "--json")
    assert json.loads(told)["remarks"] == [
        "1 candidate has a likelihood ratio below 1, which speaks against one person"
    ]


# ---- an entry that goes


def test_an_entry_goes_for_a_reason(case: FaceCase, tmp_path: Path) -> None:
    case.enrol("E0", 0, tmp_path)
    for reason in ((), ("--reason", " ")):
        answer = case.call("watchlist", "remove", case.root, "E0", *reason)
        assert (answer.code, "reason" in answer.err) == (2, True)
    assert (case.root / "watchlist" / "E0").exists()
    assert f"next: forensics run {case.root}" in case.do("watchlist remove", "E0", "--reason", "found")


# ---- what an entry may hold


def add(case: FaceCase, entry: str, *pictures: Path) -> tuple[int, str]:
    answer = case.call("watchlist", "add", case.root, entry, *pictures, "--basis", "b", "--expires", ENTRY_LAST_DAY)
    return answer.code, answer.err


def test_an_entry_is_one_person(case: FaceCase, tmp_path: Path) -> None:
    mine = [reference_of(3, tmp_path / f"mine{seed}.png", seed=seed) for seed in (1, 2)]
    other = reference_of(4, tmp_path / "other.png")
    code, err = add(case, "E9", mine[0], other, mine[1])
    assert (code, "other.png" in err, "mine" in err) == (2, True, True), err
    assert "alike, as two people are; one person's are at least 0.400" in err
    assert not (case.root / "watchlist").exists()
    assert add(case, "E9", *mine) == (0, "")


def test_a_picture_is_of_one_entry(case: FaceCase, tmp_path: Path) -> None:
    picture, fresh = (reference_of(3, tmp_path / f"{seed}.png", seed=seed) for seed in (1, 2))
    assert add(case, "E0", picture) == (0, "")
    code, err = add(case, "E1", fresh, picture)
    assert (code, "1.png: is a reference of entry E0 already" in err) == (2, True), err
    assert not (case.root / "watchlist" / "E1").exists()


def test_a_confirmed_candidate_is_an_entry_once(confirmed: FaceCase) -> None:
    candidate = candidate_of(confirmed, "E0")
    enrol_from(confirmed, "E0-gate", candidate)
    told = ("--from-sighting", candidate, "--basis", "again", "--expires", ENTRY_LAST_DAY)
    answer = confirmed.call("watchlist", "add", confirmed.root, "E0-again", *told)
    assert (answer.code, "of entry E0-gate already" in answer.err) == (2, True), answer.err


@pytest.mark.parametrize(
    ("first_frame", "speed", "is_it"),
    [
        pytest.param(0, 1, True, id="the-same-way"),
        pytest.param(6, 1, True, id="its-second-half"),
        pytest.param(0, -1, False, id="somebody-who-crosses"),
        pytest.param(11, 1, False, id="later"),
    ],
)
def test_who_overlaps_for_a_moment_is_somebody_else(first_frame: int, speed: int, is_it: bool) -> None:
    """Somebody walks to the right, ten pixels a frame; boxes are thirty wide, and the other was looked at seldom."""
    own, other = np.arange(11), np.arange(first_frame, 30, 3)
    seen = Origin("E1-gate", "s", "e", own, _boxes(own * 10))
    assert seen.is_seen_in("e", other, _boxes(50 + speed * (other - 5) * 10)) is is_it


def _boxes(left: np.ndarray) -> np.ndarray:
    return np.stack([left, left * 0, left + 30, left * 0 + 60], axis=1).astype(np.float32)
