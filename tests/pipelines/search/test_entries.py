"""Entries of the watch-list: those made from footage, several of one person, and what an entry may contain."""

import contextlib
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forensics.custody.case_folder import CaseFolder
from forensics.faces.likelihood_model import LikelihoodModel
from forensics.faces.reference_sources import Origin
from forensics.tables.files import write_bytes
from pipelines.custody.case_store import load_case
from pipelines.custody.entries import load_entries, people_of
from pipelines.custody.keys import keyring_for
from pipelines.review.remarks import candidate_remarks
from testing import face_case
from testing.audit_events import KILLED, die_at, interrupt_at, run_killed
from testing.commands import ENTRY_LAST_DAY, Call
from testing.face_case import FaceCase, write_reference

_QUIET = ("--runner", "serial", "--quiet")
_ALL_FACES = ("--set", "recognise.minimum_eyes_px=8", "--set", "recognise.minimum_sharpness=0")


@pytest.fixture
def two_people(tmp_path: Path, call: Call) -> FaceCase:
    """A search with two people at the gate and an empty watch-list."""
    return FaceCase.make(tmp_path, call, n_people=2)


@pytest.fixture
def confirmed_entry(two_people: FaceCase, tmp_path: Path, any_reference: None) -> FaceCase:
    """A search in which two reviewers have confirmed the first of two people; any face may be a reference."""
    two_people.enrol("E0", 0, tmp_path)
    two_people.enrol("absent", 40, tmp_path)
    two_people.run()
    for name in ("B. Becker", "C. Cole"):
        two_people.reviewer(name)
        decide(two_people, name, candidate_of(two_people, "E0"))
    return two_people


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


def test_a_sighting_is_not_compared_with_the_entry_it_lent_its_faces(confirmed_entry: FaceCase) -> None:
    candidate = candidate_of(confirmed_entry, "E0")
    enrol_from(confirmed_entry, "E0-gate", candidate)
    confirmed_entry.run()
    sighting = candidate.partition(":")[0]
    row = rows_of(confirmed_entry, sighting)["E0-gate"]
    assert row["decision"] == "origin"
    assert [row[name] for name in ("rank", "similarity", "margin", "log10_likelihood_ratio")] == [None] * 4
    assert rows_of(confirmed_entry, sighting)["E0"]["decision"] == "candidate"
    others = [row for row in confirmed_entry.candidates() if row["sighting_id"] != sighting]
    assert [row["decision"] for row in others] == ["below"] * 3
    assert confirmed_entry.call("verify", confirmed_entry.root).code == 0


def test_the_origin_is_known_under_other_settings(confirmed_entry: FaceCase) -> None:
    before = candidate_of(confirmed_entry, "E0")
    enrol_from(confirmed_entry, "E0-gate", before)
    confirmed_entry.do("run", *_QUIET, *_ALL_FACES, "--set", "detect.fps=2.5")
    rows = [row for row in confirmed_entry.candidates() if row["entry_id"] == "E0-gate"]
    assert before.partition(":")[0] not in {row["sighting_id"] for row in rows}, "the same man under another id"
    assert sorted(str(row["decision"]) for row in rows) == ["below", "origin"]


def test_a_sighting_of_origin_without_a_face_keeps_the_decision_origin(confirmed_entry: FaceCase) -> None:
    enrol_from(confirmed_entry, "E0-gate", candidate_of(confirmed_entry, "E0"))
    confirmed_entry.do("run", *_QUIET, "--set", "recognise.minimum_eyes_px=900")
    decisions = sorted((str(row["entry_id"]), str(row["decision"])) for row in confirmed_entry.candidates())
    assert (
        decisions
        == [("E0", "no_face")] * 2 + [("E0-gate", "no_face"), ("E0-gate", "origin")] + [("absent", "no_face")] * 2
    )


# ---- entries of one person


def test_entries_of_one_person_do_not_compete(confirmed_entry: FaceCase) -> None:
    """Camera hall sees the person too, and this sighting is compared with both of their entries."""
    enrol_from(confirmed_entry, "E0-gate", candidate_of(confirmed_entry, "E0"))
    confirmed_entry.film("hall")
    confirmed_entry.run()
    candidates = [row for row in confirmed_entry.candidates() if row["decision"] == "candidate"]
    (sighting,) = {str(row["sighting_id"]) for row in candidates if row["entry_id"] == "E0-gate"}
    rows = rows_of(confirmed_entry, sighting)
    assert [rows[entry]["rank"] for entry in ("E0", "E0-gate", "absent")] == [1, 1, None]
    to_the_absent = [rows[entry]["similarity"] - rows[entry]["margin"] for entry in ("E0", "E0-gate")]
    assert to_the_absent[0] == pytest.approx(to_the_absent[1]), "both margins are to the same person, who is another"
    assert min(rows[entry]["margin"] for entry in ("E0", "E0-gate")) > 0.3


def test_the_person_of_an_entry_is_known_from_the_log_after_its_first_entry_is_removed(
    confirmed_entry: FaceCase,
) -> None:
    enrol_from(confirmed_entry, "E0-gate", candidate_of(confirmed_entry, "E0"))
    case = load_case(confirmed_entry.root)
    assert people_of(case, load_entries(case)) == ("E0", "E0", "absent")
    later = replace(load_entries(case)[1], entry_id="E0-hall", origin="candidate s2:E0-gate")
    confirmed_entry.do("watchlist remove", "E0", "--reason", "r")
    confirmed_entry.do("watchlist remove", "E0-gate", "--reason", "r")
    assert people_of(case, [later]) == ("E0",)


# ---- what people decided stays in sight


def test_a_decided_candidate_that_falls_below_is_reported_and_stays_listed(
    confirmed_entry: FaceCase, tmp_path: Path
) -> None:
    """Another entry makes the next run compare again, and the face models return less similar vectors this time."""
    candidate = candidate_of(confirmed_entry, "E0")
    confirmed_entry.enrol("other", 41, tmp_path)
    confirmed_entry.faces.footage_shift = 0.6
    out = confirmed_entry.do("run", *_QUIET, *_ALL_FACES)
    assert "0 candidates for examination" in out
    assert "1 candidate with a verdict is below the threshold now" in out
    assert rows_of(confirmed_entry, candidate.partition(":")[0])["E0"]["decision"] == "below"
    sheet = confirmed_entry.root.parent / "again.png"
    looked = ("--reason", "r", "--candidate", candidate, "--pictures", sheet)
    assert "confirmed" in confirmed_entry.do("review", "--as", "B. Becker", *looked)
    assert sheet.exists()


def test_a_review_that_was_started_waits_although_the_candidate_falls_below(
    two_people: FaceCase, tmp_path: Path
) -> None:
    """`status`, `run` and `query` count what the second reviewer is shown."""
    two_people.enrol("E0", 0, tmp_path)
    two_people.run()
    for name in ("B. Becker", "C. Cole"):
        two_people.reviewer(name)
    candidate = candidate_of(two_people, "E0")
    decide(two_people, "B. Becker", candidate)
    two_people.enrol("other", 41, tmp_path)
    two_people.faces.footage_shift = 0.6
    out = two_people.do("run", *_QUIET, *_ALL_FACES)
    assert "1 candidate for examination\n" in out
    assert "next: forensics review" in out
    facts = two_people.call("status", two_people.root, "--json").json
    waiting = two_people.call("review", two_people.root, "--as", "C. Cole", "--reason", "r", "--json").json["waiting"]
    assert (facts["wait_for_first"], facts["wait_for_second"]) == (0, 1)
    assert [each["candidate"] for each in waiting] == [candidate]
    states = {f"{row['sighting_id']}:{row['entry_id']}": row["review_state"] for row in two_people.candidates()}
    assert (states.pop(candidate), set(states.values())) == ("first", {None})
    decide(two_people, "C. Cole", candidate)
    assert two_people.call("status", two_people.root, "--json").json["outcomes"]["confirmed"] == 1


def test_a_run_without_such_candidates_has_nothing_to_remark(confirmed_entry: FaceCase) -> None:
    assert candidate_remarks(CaseFolder(confirmed_entry.root)) == []


def test_a_candidate_whose_ratio_speaks_against_it_is_reported(confirmed_entry: FaceCase) -> None:
    models = confirmed_entry.call.loaders.find_face_models("auto", "Dlib")
    against = LikelihoodModel(models.model_id, -5.0, 0.0, -1.0, 1.0, 20, 100, 9, 0.2)
    case = load_case(confirmed_entry.root)
    key = keyring_for(case.folder, case.case_id).load()
    write_bytes(case.folder.calibration_file, key.seal(against.encoded().encode(), "calibration"))
    out = confirmed_entry.do("run", *_QUIET, *_ALL_FACES, "--json")
    assert json.loads(out)["remarks"] == [
        "1 candidate has a likelihood ratio below 1, which is evidence against the same person"
    ]


# ---- an entry that goes


def test_an_entry_is_removed_for_a_reason_only(two_people: FaceCase, tmp_path: Path) -> None:
    two_people.enrol("E0", 0, tmp_path)
    for reason in ((), ("--reason", " ")):
        answer = two_people.call("watchlist", "remove", two_people.root, "E0", *reason)
        assert (answer.code, "reason" in answer.err) == (2, True)
    assert two_people.entry("E0").exists()
    assert f"next: forensics run {two_people.root}" in two_people.do("watchlist remove", "E0", "--reason", "found")


# ---- what an entry may hold


def add(case: FaceCase, entry: str, *pictures: Path) -> tuple[int, str]:
    answer = case.call("watchlist", "add", case.root, entry, *pictures, "--basis", "b", "--expires", ENTRY_LAST_DAY)
    return answer.code, answer.err


def test_an_entry_is_one_person(two_people: FaceCase, tmp_path: Path) -> None:
    mine = [write_reference(3, tmp_path / f"mine{seed}.png", seed=seed) for seed in (1, 2)]
    other = write_reference(4, tmp_path / "other.png")
    code, err = add(two_people, "E9", mine[0], other, mine[1])
    assert (code, "the 3 pictures do not all show one person" in err) == (2, True), err
    assert not (two_people.root / "watchlist").exists()
    assert add(two_people, "E9", *mine) == (0, "")


def test_a_case_cannot_ask_at_will_whether_two_pictures_show_one_person(two_people: FaceCase, tmp_path: Path) -> None:
    """Nor is it told how similar they are: the error names no picture and no number."""
    answers = []
    for number in range(3, 9):
        pictures = [write_reference(each, tmp_path / f"{number}-{each}.png") for each in (number, number + 20)]
        answers.append(add(two_people, f"E{number}", *pictures))
    assert [code for code, _ in answers] == [2] * 5 + [3]
    assert "5 entries were added to this case over its life" in answers[-1][1]
    refused = {err for code, err in answers if code == 2}
    assert len(refused) == 1, "all are refused in the same words"
    assert not any(character.isdigit() and character not in "2" for character in refused.pop().partition("next:")[0])


def test_a_picture_belongs_to_one_entry_only(two_people: FaceCase, tmp_path: Path) -> None:
    picture, fresh = (write_reference(3, tmp_path / f"{seed}.png", seed=seed) for seed in (1, 2))
    assert add(two_people, "E0", picture) == (0, "")
    code, err = add(two_people, "E1", fresh, picture)
    assert (code, "1.png: is already a reference picture of entry E0" in err) == (2, True), err
    assert not two_people.entry("E1").exists()


def test_a_confirmed_candidate_becomes_one_entry_only(confirmed_entry: FaceCase) -> None:
    candidate = candidate_of(confirmed_entry, "E0")
    enrol_from(confirmed_entry, "E0-gate", candidate)
    told = ("--from-sighting", candidate, "--basis", "again", "--expires", ENTRY_LAST_DAY)
    answer = confirmed_entry.call("watchlist", "add", confirmed_entry.root, "E0-again", *told)
    assert (answer.code, "already a reference picture of entry E0-gate" in answer.err) == (2, True), answer.err


@pytest.mark.parametrize(
    ("first_frame", "speed", "is_it"),
    [
        pytest.param(0, 1, True, id="the-same-way"),
        pytest.param(6, 1, True, id="its-second-half"),
        pytest.param(0, -1, False, id="somebody-who-crosses"),
        pytest.param(11, 1, False, id="later"),
    ],
)
def test_a_track_that_overlaps_for_a_moment_is_not_the_origin(first_frame: int, speed: int, is_it: bool) -> None:
    """A person walks to the right, ten pixels a frame; boxes are thirty wide, the other track has few."""
    own, other = np.arange(11), np.arange(first_frame, 30, 3)
    seen = Origin("E1-gate", "s", "e", own, _boxes(own * 10))
    assert seen.is_seen_in("e", other, _boxes(50 + speed * (other - 5) * 10)) is is_it


def _boxes(left: np.ndarray) -> np.ndarray:
    return np.stack([left, left * 0, left + 30, left * 0 + 60], axis=1).astype(np.float32)


def test_a_near_copy_of_another_entrys_picture_is_refused(two_people: FaceCase, tmp_path: Path) -> None:
    picture = write_reference(3, tmp_path / "photo.png", seed=1)
    with Image.open(picture) as photo:
        Image.fromarray((np.asarray(photo) * 0.97).astype(np.uint8)).save(tmp_path / "darker.png")
    assert add(two_people, "E0", picture) == (0, "")
    code, err = add(two_people, "E1", tmp_path / "darker.png")
    assert (code, "nearly the same picture as one of entry E0" in err) == (2, True), err
    assert add(two_people, "E1", write_reference(4, tmp_path / "other.png")) == (0, "")


def test_entries_count_over_the_life_of_a_case(two_people: FaceCase, tmp_path: Path) -> None:
    for number in range(5):
        two_people.enrol(f"E{number}", number, tmp_path)
        two_people.do("watchlist remove", f"E{number}", "--reason", "found")
    assert "0 entries; 5 of at most 5 were added" in two_people.call("watchlist", "list", two_people.root).err
    sixth = write_reference(5, tmp_path / "5.png")
    code, err = add(two_people, "E5", sixth)
    assert (code, "5 entries were added to this case over its life" in err) == (3, True), err
    two_people.do("case policy", "--watchlist-limit", 6, "--reason", "six missing from one boat")
    assert add(two_people, "E5", sixth) == (0, "")


# ---- commands that end before their last line in the log


def count_added(case: FaceCase) -> int:
    return int(case.call("watchlist", "list", case.root, "--json").json["added"])


def add_killed(case: FaceCase, entry: str, picture: Path) -> None:
    """Add an entry by a command that is killed when the entry is complete, before the end of the command is logged."""
    with die_at("rename", "*/entry.json", after=True):
        assert add(case, entry, picture)[0] == KILLED
    assert entry in case.do("watchlist list")


def test_an_entry_counts_if_its_command_was_killed(two_people: FaceCase, tmp_path: Path) -> None:
    for number in range(5):
        add_killed(two_people, f"E{number}", write_reference(number, tmp_path / f"{number}.png"))
    assert count_added(two_people) == 5
    code, err = add(two_people, "E5", write_reference(5, tmp_path / "5.png"))
    assert (code, "5 entries were added to this case over its life" in err) == (3, True), err


def test_an_entry_of_a_killed_command_keeps_its_name_and_is_told_to_the_defence(
    two_people: FaceCase, tmp_path: Path
) -> None:
    add_killed(two_people, "E0", write_reference(0, tmp_path / "0.png"))
    reference = two_people.entry("E0").name
    two_people.do("watchlist remove", "E0", "--reason", "found")
    code, err = add(two_people, "e0", write_reference(1, tmp_path / "1.png"))
    assert (code, "the name e0 belonged to an entry" in err) == (2, True), err
    assert add(two_people, "E1", tmp_path / "1.png") == (0, "")
    two_people.do("case disclose", "-o", tmp_path / "told.json", "--recipient", "counsel", "--reason", "court")
    names = ("entry", "basis", "reference", "pictures", "is_listed", "was_interrupted")
    told = [tuple(each[name] for name in names) for each in json.loads((tmp_path / "told.json").read_text())["for"]]
    assert told == [("E0", "b", reference, 1, False, True), ("E1", "b", two_people.entry("E1").name, 1, True, False)]


def test_a_command_that_is_found_dead_counts(two_people: FaceCase, tmp_path: Path) -> None:
    """It is dead before its note; versions without that note may have added the entry."""
    picture = write_reference(0, tmp_path / "0.png")
    words = ("watchlist", "add", two_people.root, "E0", picture, "--basis", "b", "--expires", ENTRY_LAST_DAY)
    run_killed(*words, operation="read", pattern="*/0.png")
    assert count_added(two_people) == 1
    assert "another name" in add(two_people, "E0", picture)[1]


def test_whether_two_pictures_show_one_person_is_not_answered_before_it_counts(
    two_people: FaceCase, tmp_path: Path
) -> None:
    """A kill before any line that would follow the comparison, and Ctrl-C after it."""
    two_people.do("case policy", "--watchlist-limit", 50, "--reason", "six missing from one boat")
    same = [write_reference(3, tmp_path / f"same{seed}.png", seed=seed) for seed in (1, 2)]
    two = [same[0], write_reference(4, tmp_path / "two.png")]
    added: list[int] = []
    with contextlib.suppress(AssertionError):  # from the first number above that of the lines
        for nth in itertools.count(1):
            before = count_added(two_people)
            with die_at("write", "*/audit.jsonl", nth=nth):
                add(two_people, f"two{nth}", *two)
            added.append(count_added(two_people) - before)
    assert added == [0] * (len(added) - 1) + [1], "only the end follows the note"
    before = count_added(two_people)
    with die_at("write", "*/watchlist/*"):
        add(two_people, "killed", *same)
    with interrupt_at("write", "*/watchlist/*"):
        add(two_people, "stopped", *same)
    assert count_added(two_people) == before + 2


def test_a_picture_that_is_refused_before_the_comparison_does_not_count(two_people: FaceCase, tmp_path: Path) -> None:
    picture = write_reference(3, tmp_path / "photo.png", seed=1)
    assert add(two_people, "E0", picture) == (0, "")
    with Image.open(picture) as photo:
        Image.fromarray((np.asarray(photo) * 0.97).astype(np.uint8)).save(tmp_path / "darker.png")
    code, err = add(two_people, "E1", tmp_path / "darker.png", write_reference(4, tmp_path / "other.png"))
    assert (code, "nearly the same picture as one of entry E0" in err) == (2, True), "not whether they are one person"
    assert count_added(two_people) == 1


# ---- pictures from the footage that were saved again


@pytest.fixture
def copied(two_people: FaceCase, tmp_path: Path, any_reference: None) -> FaceCase:
    """A case whose entry E0 is a crop of camera gate; camera hall sees the person less clearly."""
    assert add(two_people, "E0", write_reference(0, tmp_path / "crop.png", from_footage=True)) == (0, "")
    two_people.run()
    two_people.film("hall")
    two_people.faces.footage_shift = 0.4
    return two_people


def test_a_crop_of_the_footage_makes_no_candidate_anywhere(copied: FaceCase) -> None:
    answer = copied.call("run", copied.root, *_QUIET, *_ALL_FACES)
    assert (
        "a picture of E0 may be a frame of this footage (near_copy): two reviewers decide whose face it is; "
        "until then 1 other candidate is withheld" in answer.out
    )
    by_decision = {str(row["decision"]): row for row in copied.candidates()}
    assert sorted(by_decision) == ["below", "near_copy", "withheld"]
    assert by_decision["near_copy"]["similarity"] > 0.7  # type: ignore[operator]
    numbers = ("rank", "similarity", "margin", "log10_likelihood_ratio")
    assert [by_decision["withheld"][name] for name in numbers] == [None] * 4
    assert by_decision["withheld"]["frames"] == []
    assert copied.call("verify", copied.root).code == 0


def test_two_reviewers_decide_whose_face_a_copy_shows(copied: FaceCase) -> None:
    copied.run()
    (copy,) = [row for row in copied.candidates() if row["decision"] == "near_copy"]
    (hidden,) = [row for row in copied.candidates() if row["decision"] == "withheld"]
    for name in ("B. Becker", "C. Cole"):
        copied.reviewer(name)
        waiting = copied.call("review", copied.root, "--as", name, "--reason", "test", "--json").json["waiting"]
        assert [each["is_near_copy"] for each in waiting] == [True], "the withheld pair is not shown"
        decide(copied, name, f"{copy['sighting_id']}:E0")
    enrol_from(copied, "E0-gate", f"{copy['sighting_id']}:E0")
    copied.faces.footage_shift = 0
    copied.run()
    row = rows_of(copied, str(hidden["sighting_id"]))
    assert (row["E0-gate"]["decision"], row["E0"]["decision"]) == ("candidate", "near_copy")


def test_withheld_pairs_have_no_pictures(copied: FaceCase) -> None:
    copied.run()
    copied.reviewer("B. Becker")
    (hidden,) = [row for row in copied.candidates() if row["decision"] == "withheld"]
    answer = copied.decide("B. Becker", f"{hidden['sighting_id']}:E0", "confirm")
    assert (answer.code, "there is no candidate" in answer.err) == (2, True), answer.err


# ---- a picture that shows nobody in particular


def test_candidates_in_view_at_the_same_time_are_reported(
    two_people: FaceCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first one of two people who stand beside each other is similar to the picture, then both."""
    two_people.enrol("E0", 0, tmp_path)
    two_people.run()
    remark = "1 entry has candidates that are in view at the same time: at most one of them can be that person"
    assert remark not in candidate_remarks(CaseFolder(two_people.root))
    vector = face_case._vector
    monkeypatch.setattr(face_case, "_vector", lambda width, height, *more: vector(0, 0, *more))
    two_people.do("watchlist remove", "E0", "--reason", "test")
    two_people.enrol("E1", 1, tmp_path)
    two_people.run()
    assert remark in candidate_remarks(CaseFolder(two_people.root))
