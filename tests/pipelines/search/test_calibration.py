"""Calibration by pictures of known people: likelihood ratios, their bounds, and that no picture is kept."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forensics.adapters.statistics.likelihood_fit import fit_likelihood
from testing.commands import Call, new_case
from testing.face_case import FaceCase, write_reference

_REASON = ("--reason", "staff, asked")


@pytest.fixture
def three_people(tmp_path: Path, call: Call) -> FaceCase:
    """Make a search with three people at the gate, the first on the watch-list."""
    made = FaceCase.make(tmp_path, call)
    made.enrol("E0", 0, tmp_path)
    return made


def people(folder: Path, *, n_people: int = 5, n_pictures: int = 4) -> Path:
    for person in range(10, 10 + n_people):
        (folder / f"p{person}").mkdir(parents=True)
        for seed in range(n_pictures):
            write_reference(person, folder / f"p{person}" / f"{seed}.png", seed=seed + 1)
    return folder


def test_a_logistic_calibration_finds_the_true_ratio() -> None:
    """The log ratio of two normal distributions of one width is a known line."""
    rng = np.random.default_rng(5)
    model = fit_likelihood("m", rng.normal(0.5, 0.1, 4000).tolist(), rng.normal(0.2, 0.1, 4000).tolist(), n_people=90)
    assert model.slope == pytest.approx(0.3 / 0.01 / np.log(10), rel=0.05)
    assert model.intercept == pytest.approx(-(0.25 - 0.04) / 0.02 / np.log(10), rel=0.05)
    assert model.log10_ratio(0.35) == pytest.approx(0, abs=0.1)
    assert 0 < model.cllr < 0.5


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_ratios_are_bounded_by_the_number_of_pairs(n: int) -> None:
    model = fit_likelihood("m", np.linspace(0.6, 0.8, n).tolist(), np.linspace(0.1, 0.3, n).tolist(), n_people=9)
    assert -np.log10(n + 1) - 0.01 <= model.lowest < 0 < model.highest <= np.log10(n + 1) + 0.01
    assert model.log10_ratio(5.0) == model.highest
    assert model.log10_ratio(-5.0) == model.lowest


def test_similarities_that_say_nothing_make_ratios_near_one() -> None:
    rng = np.random.default_rng(2)
    model = fit_likelihood("m", rng.normal(0.3, 0.1, 300).tolist(), rng.normal(0.3, 0.1, 300).tolist(), n_people=9)
    assert model.cllr == pytest.approx(1, abs=0.05)
    assert abs(model.log10_ratio(0.5)) < 0.3


def test_candidates_have_a_ratio_once_pairs_were_compared(three_people: FaceCase, tmp_path: Path) -> None:
    three_people.run()
    assert {row["log10_likelihood_ratio"] for row in three_people.candidates()} == {None}
    told = three_people.call(
        "watchlist", "calibrate", three_people.root, people(tmp_path / "people"), *_REASON, "--json"
    ).json
    assert (told["likelihood"]["n_same"], told["likelihood"]["n_different"]) == (30, 160)
    assert told["likelihood"]["n_people"] == 5
    three_people.run()
    ratios = {row["decision"]: row["log10_likelihood_ratio"] for row in three_people.candidates()}
    assert ratios["candidate"] == told["likelihood"]["highest"] > 0
    assert ratios["below"] is None, "a ratio of a bystander would be a similarity"
    three_people.do("case disclose", "-o", tmp_path / "told.json", "--recipient", "counsel", "--reason", "court")
    assert json.loads((tmp_path / "told.json").read_text())["with"]["likelihood"] == told["likelihood"]


def test_nothing_of_the_pictures_is_kept(three_people: FaceCase, tmp_path: Path) -> None:
    enrolled = len(three_people.faces.vectors)
    three_people.do("watchlist calibrate", people(tmp_path / "people"), *_REASON)
    before = {vector.tobytes()[:16] for vector in three_people.faces.vectors[enrolled:]}
    contents = [path.read_bytes() for path in three_people.root.rglob("*") if path.is_file()]
    assert len(before) == 20
    assert not any(form in data for form in before for data in contents)


def test_an_older_calibration_is_refused(three_people: FaceCase, tmp_path: Path) -> None:
    """It was sealed with the key of this very case."""
    three_people.do("watchlist calibrate", people(tmp_path / "first"), *_REASON)
    stored = three_people.root / "calibration.sealed"
    older = stored.read_bytes()
    three_people.do("watchlist calibrate", people(tmp_path / "second", n_people=6), *_REASON)
    assert stored.read_bytes() != older
    stored.write_bytes(older)
    assert three_people.call("run", three_people.root, "--runner", "serial").code == 5
    assert three_people.call("verify", three_people.root).code == 5


def _copies(folder: Path, n_copies: int) -> None:
    """Write the given number of slightly darker copies beside every picture."""
    for path in sorted(folder.glob("*/*.png")):
        grain = np.asarray(Image.open(path)).astype(np.float64)
        for number in range(1, n_copies + 1):
            copy = path.with_stem(f"{path.stem}-{number}")
            Image.fromarray((grain * (1 - 0.02 * number)).astype(np.uint8)).save(copy)


def test_near_copies_are_left_out(three_people: FaceCase, tmp_path: Path) -> None:
    folder = people(tmp_path / "people")
    _copies(folder, 1)
    told = three_people.call("watchlist", "calibrate", three_people.root, folder, *_REASON, "--json").json
    assert (told["n_pictures"], told["left_out"]) == (20, {"near_copy": 20})
    assert told["files_left_out"]["near_copy"][:2] == ["p10/0.png", "p10/1.png"]
    assert (told["likelihood"]["n_same"], told["likelihood"]["n_different"]) == (30, 160)
    assert told["warnings"] == []


def test_one_photograph_of_each_is_refused_however_often_it_was_edited(three_people: FaceCase, tmp_path: Path) -> None:
    folder = people(tmp_path / "people", n_pictures=1)
    _copies(folder, 2)
    answer = three_people.call("watchlist", "calibrate", three_people.root, folder, *_REASON)
    assert (answer.code, "0 pairs of one person" in answer.err) == (2, True), answer.err
    assert "near_copy: p10/0-2.png, p10/0.png" in answer.err


def test_a_person_in_most_of_the_pairs_is_named(three_people: FaceCase, tmp_path: Path) -> None:
    folder = people(tmp_path / "people", n_people=4, n_pictures=2)
    for seed in range(10, 16):
        write_reference(10, folder / "p10" / f"{seed}.png", seed=seed)
    (folder / "p11" / "notes.txt").write_text("no picture")
    told = three_people.call("watchlist", "calibrate", three_people.root, folder, *_REASON)
    assert "warning: p10 is in 28 of the 31 pairs of one person" in told.out
    assert "warning: p10 is in 48 of the 60 pairs of two" in told.out
    assert "unreadable: p11/notes.txt" in told.out


@pytest.mark.parametrize("reason", [(), ("--reason", " ")])
def test_a_reason_for_the_pictures_is_required(three_people: FaceCase, tmp_path: Path, reason: tuple[str, ...]) -> None:
    answer = three_people.call("watchlist", "calibrate", three_people.root, people(tmp_path / "people"), *reason)
    assert (answer.code, "reason" in answer.err) == (2, True)
    assert not list(three_people.root.glob("calibration*"))


@pytest.mark.parametrize(
    ("n_people", "n_pictures", "said"),
    [(2, 9, "of 2 people"), (5, 1, "0 pairs of one person"), (3, 2, "3 pairs of one person and 12 of two")],
)
def test_too_few_pictures_are_refused(
    three_people: FaceCase, tmp_path: Path, n_people: int, n_pictures: int, said: str
) -> None:
    folder = people(tmp_path / "people", n_people=n_people, n_pictures=n_pictures)
    answer = three_people.call("watchlist", "calibrate", three_people.root, folder, *_REASON)
    assert answer.code == 2
    assert said in answer.err
    assert not list(three_people.root.glob("calibration*"))


def test_the_same_picture_twice_is_one_picture(three_people: FaceCase, tmp_path: Path) -> None:
    folder = people(tmp_path / "people")
    first = folder / "p10" / "0.png"
    (folder / "p10" / "again.png").write_bytes(first.read_bytes())
    (folder / "p10" / "notes.txt").write_text("no picture")
    told = three_people.call("watchlist", "calibrate", three_people.root, folder, *_REASON, "--json").json
    assert told["n_pictures"] == 20
    assert told["left_out"] == {"unreadable": 1}


def test_a_folder_that_is_not_there_is_named(three_people: FaceCase, tmp_path: Path) -> None:
    answer = three_people.call("watchlist", "calibrate", three_people.root, tmp_path / "nowhere", *_REASON)
    assert answer.code == 2
    assert "nowhere: no such folder" in answer.err


def test_pictures_of_the_evidence_are_refused(three_people: FaceCase, tmp_path: Path) -> None:
    folder = people(tmp_path / "people")
    (folder / "p10" / "gate.png").symlink_to(tmp_path / "gate.mp4")
    answer = three_people.call("watchlist", "calibrate", three_people.root, folder, *_REASON)
    assert answer.code == 3
    assert "own footage" in answer.err


def test_a_pipe_among_the_pictures_is_not_waited_for(three_people: FaceCase, tmp_path: Path) -> None:
    folder = people(tmp_path / "people")
    os.mkfifo(folder / "p10" / "pipe.png")
    (folder / "p10" / "endless.png").symlink_to("/dev/zero")
    three_people.do("watchlist calibrate", folder, *_REASON)
    answer = three_people.call("watchlist", "calibrate", three_people.root, folder / "p10" / "pipe.png", *_REASON)
    assert (answer.code, "no such folder" in answer.err) == (2, True)


def test_a_case_that_compares_no_faces_has_nothing_to_calibrate(call: Call, tmp_path: Path) -> None:
    answer = call("watchlist", "calibrate", new_case(call, tmp_path / "scene"), people(tmp_path / "people"), *_REASON)
    assert answer.code == 3


def test_a_calibration_that_was_edited_is_refused(three_people: FaceCase, tmp_path: Path) -> None:
    three_people.do("watchlist calibrate", people(tmp_path / "people"), *_REASON)
    stored = next(three_people.root.glob("calibration*"))
    data = bytearray(stored.read_bytes())
    data[-1] ^= 1
    stored.write_bytes(bytes(data))
    answer = three_people.call("run", three_people.root, "--runner", "serial", "--quiet")
    assert answer.code == 5
