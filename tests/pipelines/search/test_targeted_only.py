"""Faces are compared with the entries of the list and with nobody else."""

from pathlib import Path

from forensics.tables import schemas
from testing.commands import Call
from testing.face_case import FaceCase

_NUMBERS = ("rank", "similarity", "margin", "log10_likelihood_ratio", "frames")


def test_every_pair_is_a_sighting_and_an_entry_of_the_list(tmp_path: Path, call: Call) -> None:
    case = FaceCase.make(tmp_path, call, n_people=4)
    for number in range(2):
        case.enrol(f"E{number}", number, tmp_path)
    case.run()
    sightings = {row["sighting_id"] for row in call("query", case.root, "--json").json["rows"]}
    pairs = [(row["sighting_id"], row["entry_id"]) for row in case.candidates()]
    assert len(sightings) == 4
    assert sorted(pairs) == sorted((sighting, entry) for sighting in sightings for entry in ("E0", "E1"))


def test_no_table_links_two_sightings() -> None:
    links = {
        name: [column for column in schema.names if "sighting" in column or "track_id" in column]
        for name, schema in schemas.TABLES.items()
    }
    assert {name: columns for name, columns in links.items() if len(columns) > 1} == {
        "detections": ["track_id", "sighting_id"],  # the sighting that the track is
        "sightings": ["sighting_id", "track_id"],  # its own track
    }
    words = ("person_id", "people_id", "cluster", "group", "same_as", "identity")
    columns = {column for schema in schemas.TABLES.values() for column in schema.names}
    assert {column for column in columns if any(word in column for word in words)} == set()


def test_a_pair_below_the_threshold_has_no_number_of_its_own(tmp_path: Path, call: Call) -> None:
    case = FaceCase.make(tmp_path, call, n_people=4)
    case.enrol("E0", 0, tmp_path)
    case.run()
    rows = case.candidates()
    below = [row for row in rows if row["decision"] == "below"]
    assert len(below) == 3
    assert {name: row[name] for row in below for name in _NUMBERS if row[name] not in (None, [])} == {}
    shared = ("threshold", "expected_false_candidates", "model_id")
    assert len({tuple(row[name] for name in shared) for row in rows}) == 1
