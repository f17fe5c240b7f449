"""Text about stills: `query` names the picture of each row, a dry run counts pictures instead of hours."""

from pathlib import Path

import pytest

from forensics.custody.case_document import Case
from testing.commands import Call
from testing.painted_case import make_painted_case, run
from tests.pipelines.run.test_sparse_footage import Finder, made

NAMES = ["IMG_0000.jpg", "IMG_0001.jpg", "IMG_0002.jpg"]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A case of three stills with a person each, whose start nobody stated."""
    case = made(tmp_path, 0, 60, 120)
    run(case, detector=Finder())
    return case


@pytest.mark.parametrize(
    ("table", "column"), [("sightings", "best_picture"), ("detections", "picture"), ("frames", "picture")]
)
def test_a_query_names_the_picture_of_each_row(case: Case, call: Call, table: str, column: str) -> None:
    lines = call("query", case.folder.root, table).out.splitlines()
    place = lines[0].split().index(column)
    assert [line.split()[place] for line in lines[1:4]] == NAMES


def test_a_query_shows_no_seconds_of_stills(case: Case, call: Call) -> None:
    lines = call("query", case.folder.root).out.splitlines()
    assert lines[0].split() == ["camera_id", "best_picture", "class_name", "sighting_id"]


def test_the_picture_stays_in_a_narrow_terminal(case: Case, call: Call) -> None:
    words = ("ingest", case.folder.root, case.folder.root.parent / "trap", "--camera", "trap")
    assert call(*words, "--start", "2026-05-01T12:00:00Z", "--clock-error", "1m").code == 0
    run(case, detector=Finder())
    for table in ("sightings", "detections", "frames"):
        lines = call("query", case.folder.root, table, "--from", "2026-05-01T12:00:00Z").out.splitlines()
        assert max(map(len, lines)) <= 80
        assert [line.split()[0] for line in lines[1:4]] == NAMES


def test_a_query_of_video_has_no_column_for_pictures(tmp_path: Path, call: Call) -> None:
    case = make_painted_case(tmp_path)
    run(case)
    for table in ("sightings", "detections", "frames"):
        assert "picture" not in call("query", case.folder.root, table).out
    assert "first_s" in call("query", case.folder.root).out


def test_a_dry_run_counts_pictures_instead_of_hours(case: Case, call: Call) -> None:
    planned = call("run", case.folder.root, "--dry-run", "--json").json
    assert (planned["pictures"], planned["hours"]) == (3, None)
    text = call("run", case.folder.root, "--dry-run").out
    assert "pictures  3" in text
    assert "hours" not in text


def test_a_dry_run_of_video_counts_hours(tmp_path: Path, call: Call) -> None:
    planned = call("run", make_painted_case(tmp_path).folder.root, "--dry-run", "--json").json
    assert planned["hours"] == pytest.approx(11 / 5 / 3600, abs=0.001)
    assert planned["pictures"] is None
