"""Pictures of `query`: every row with a picture is on a page, with the facts of its row."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import forensics
from forensics.custody.case_document import Case
from pipelines.cli.sighting_sheet import cells_of, heading_of
from testing.commands import Call
from testing.painted_case import START_US, make_painted_case, published_table, run
from tests.pipelines.run.test_sparse_footage import Finder, made

NOW = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A case of twelve painted frames with a walker."""
    return make_painted_case(tmp_path, start_utc_us=START_US, clock_error_ms=500)


@pytest.fixture
def many(tmp_path: Path) -> Case:
    """A case of 21 stills with a person each, one more than a page holds."""
    case = made(tmp_path, *range(0, 21 * 60, 60))
    run(case, detector=Finder())
    return case


def test_more_pictures_than_a_page_holds_go_on_the_next_page(many: Case, tmp_path: Path, call: Call) -> None:
    done = call("query", many.folder.root, "--pictures", tmp_path / "people.png")
    assert done.code == 0, done.err
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["people-1.png", "people-2.png"]
    assert "21 pictures of 21 rows" in done.err
    log = (many.folder.root / "audit.jsonl").read_text().splitlines()
    noted = [facts["file"] for line in log if (facts := json.loads(line).get("facts", {})).get("file")]
    assert noted == [str(tmp_path / name) for name in ("people-1.png", "people-2.png")]


def test_no_page_is_written_if_one_would_replace_another_file(many: Case, tmp_path: Path, call: Call) -> None:
    (tmp_path / "people-2.png").write_text("mine")
    done = call("query", many.folder.root, "--pictures", tmp_path / "people.png")
    assert done.code == 2
    assert not (tmp_path / "people-1.png").exists()
    assert (tmp_path / "people-2.png").read_text() == "mine"


def test_a_cell_states_the_facts_of_its_row(case: Case) -> None:
    run(case)
    opened = forensics.open_case(case.folder.root)
    (cell,) = cells_of(opened, opened.sightings().collect(), None)
    sighting_id = published_table(case, "sightings")["sighting_id"][0]
    assert (cell.title, cell.kind, cell.badge) == ("gate", "person", "")
    assert cell.lines[0][0] == "2026-05-01 10:00:00 to 10:00:02"
    assert cell.lines[1] == ("± 0.5 s", "2.2 s")
    assert cell.lines[2][0] == "gate.mp4"
    assert cell.lines[2][1].endswith(sighting_id[:8])
    assert cell.box is not None
    x1, y1, x2, y2 = cell.box
    assert (round(x2 - x1), round(y2 - y1)) == (30, 60), "the walker's box; the thumbnail is not scaled"


def test_a_still_names_its_file_and_an_unknown_time(many: Case) -> None:
    opened = forensics.open_case(many.folder.root)
    cell = cells_of(opened, opened.sightings().collect(), None)[1]
    assert cell.lines == (
        ("IMG_0001.jpg", ""),
        ("time unknown", "one frame"),
        ("", cell.lines[2][1]),
    )


def test_the_heading_says_what_is_shown(case: Case) -> None:
    run(case)
    opened = forensics.open_case(case.folder.root)
    found = opened.sightings().collect()
    heading = heading_of(case, opened, found, {"camera_id": "gate", "from": "2026-05-01T10:00:00+00:00"}, NOW)
    text = "\n".join(heading.lines)
    assert heading.title == case.mandate.title
    for fact in (case.case_id, opened.run_id, "builtin-1", "camera gate, from 2026-05-01T10:00:00Z", "UTC"):
        assert fact in text
    assert "1 picture of 1 row · made 2026-05-02 09:30 UTC" in text
    assert heading.warning == "Nothing is covered: 1 sighting shows people and their faces in clear."
    untitled = replace(case, mandate=replace(case.mandate, title=""))
    assert heading_of(untitled, opened, found, {}, NOW).title == case.folder.root.name
    cars = found.with_columns(class_name=found["class_name"].replace("person", "car"))
    assert "background" in heading_of(case, opened, cars, {}, NOW).warning
