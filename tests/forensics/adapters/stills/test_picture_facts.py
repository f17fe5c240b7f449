"""What the packet index states of each still, freshly made, stored, and as earlier versions stored it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from forensics.adapters.stills.stills_reader import index_stills
from forensics.custody.case_folder import CaseFolder
from forensics.digests import sha256_of_file
from forensics.footage.evidence import Evidence, Indexed, Readable, Timing, Verdict
from forensics.footage.pictures import PictureFacts
from forensics.tables import schemas
from forensics.tables.evidence import load_index, save_index
from testing.painted.stills import Tag, folder_of, set_file_time, still, zip_of

EXIF, NAME, FILE, NONE = Timing.EXIF, Timing.FILE_NAME, Timing.FILE_TIME, Timing.ASSUMED
LATER_COPY_MS = 1_790_000_000_000


def exif_at(second: int) -> bytes:
    return still(90, {Tag.ORIGINAL: f"2026:05:01 12:00:{second:02}"})


def facts_of(indexed: Indexed) -> dict[str, tuple[Timing, float | None, tuple[int, int]]]:
    """Origin of the time, seconds since the first one, and size, by the name of the picture."""
    pictures = indexed.index.pictures
    assert pictures is not None
    times = [at / 1e6 if known else None for at, known in zip(pictures.taken_us, pictures.is_timed, strict=True)]
    sizes = map(tuple, pictures.size_px.tolist())
    return dict(zip(indexed.picture_names, zip(pictures.timings, times, sizes, strict=True), strict=True))


def stored(case: CaseFolder, indexed: Indexed) -> Evidence:
    sha256 = save_index(case, "0" * 16, indexed.index, indexed.picture_names)
    n_frames, base = indexed.index.n_frames, indexed.index.time_base
    readable = Readable(indexed.medium, indexed.footage, None, "", n_frames, base, sha256)
    return Evidence("0" * 16, indexed.footage.path, "0" * 64, 1, "trap", None, None, Verdict.OK, "", readable)


def as_stored_before(case: CaseFolder, evidence: Evidence, untimed: list[int]) -> Evidence:
    """Rewrite the index with the columns and the metadata of an earlier version."""
    path = case.index_file(evidence.evidence_id)
    table = pq.read_table(path)
    metadata = {**table.schema.metadata, b"forensics.untimed": json.dumps(untimed).encode()}
    pq.write_table(table.select(schemas.INDEX.names).replace_schema_metadata(metadata), path)
    assert evidence.readable is not None
    return replace(evidence, readable=replace(evidence.readable, index_sha256=sha256_of_file(path)))


@pytest.fixture
def mixed(tmp_path: Path) -> Indexed:
    """Five pictures: two by EXIF, one by its name, one without a time before its neighbour, one unreadable."""
    pictures = {
        "0.png": still(9, kind="PNG"),
        "1.jpg": exif_at(0),
        "2.jpg": exif_at(0),
        "3-20260501_120007.png": still(9, kind="PNG"),
        "4.jpg": b"\xff\xd8\xff",
    }
    folder = folder_of(tmp_path / "trap", pictures)
    for file in folder.iterdir():
        set_file_time(file, LATER_COPY_MS)
    return index_stills(folder)


def test_each_picture_has_its_own_origin_time_and_size(mixed: Indexed) -> None:
    assert facts_of(mixed) == {
        "0.png": (NONE, None, (16, 8)),
        "1.jpg": (EXIF, 0, (16, 8)),
        "2.jpg": (EXIF, 0, (16, 8)),
        "3-20260501_120007.png": (NAME, 7, (16, 8)),
        "4.jpg": (NONE, None, (0, 0)),
    }
    assert mixed.index.pts.tolist() == [0, 1, 2, 7000, 7001], "media time is an order, in which no two are equal"


def test_a_file_time_that_shows_the_same_clock_is_a_time(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "trap", {"1.jpg": exif_at(0), "2.jpg": exif_at(59), "3.png": still(9, kind="PNG")})
    for number, file in enumerate(sorted(folder.iterdir())):
        set_file_time(file, LATER_COPY_MS + 59_000 * number)
    assert {name: facts[:2] for name, facts in facts_of(index_stills(folder)).items()} == {
        "1.jpg": (EXIF, 0),
        "2.jpg": (EXIF, 59),
        "3.png": (NONE, None),
    }
    (folder / "2.jpg").write_bytes(still(9, {Tag.ORIGINAL: "2026:05:01 12:01:00"}))
    (folder / "1.jpg").write_bytes(still(9, {Tag.ORIGINAL: "2026:05:01 12:00:00"}))
    for number, file in enumerate(sorted(folder.iterdir())):
        set_file_time(file, 1_777_636_800_000 + 60_000 * number)
    assert facts_of(index_stills(folder))["3.png"][:2] == (FILE, 120)


def test_without_any_time_no_picture_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.jpg": still(9), "2.jpg": still(9)})
    monkeypatch.setattr("forensics.adapters.stills.album._member_time_ms", lambda _: None)
    assert [facts[:2] for facts in facts_of(index_stills(path)).values()] == [(NONE, None)] * 2


def test_the_stored_index_states_the_same(tmp_path: Path, mixed: Indexed) -> None:
    case = CaseFolder(tmp_path / "case")
    loaded = load_index(case, stored(case, mixed))
    assert facts_of(replace(mixed, index=loaded)) == facts_of(mixed)
    columns = pq.read_table(case.index_file("0" * 16)).select(["timing", "taken_us", "width", "height"]).to_pylist()
    assert columns[0] == {"timing": "assumed", "taken_us": None, "width": 16, "height": 8}
    assert columns[4] == {"timing": "assumed", "taken_us": None, "width": None, "height": None}


def pictures_of(case: CaseFolder, evidence: Evidence) -> PictureFacts:
    pictures = load_index(case, evidence).pictures
    assert pictures is not None
    return pictures


def test_an_index_of_an_earlier_version_states_which_pictures_have_no_time(tmp_path: Path, mixed: Indexed) -> None:
    case = CaseFolder(tmp_path / "case")
    pictures = pictures_of(case, as_stored_before(case, stored(case, mixed), [0, 4]))
    assert pictures.timings == (NONE, EXIF, EXIF, EXIF, NONE)
    assert pictures.taken_us.tolist() == mixed.index.media_us.tolist()
    assert not np.any(pictures.size_px)


def test_where_file_times_count_an_earlier_index_called_every_picture_untimed(tmp_path: Path) -> None:
    indexed = index_stills(zip_of(tmp_path / "a.zip", {"1.jpg": still(9), "2.jpg": still(9)}))
    case = CaseFolder(tmp_path / "case")
    assert pictures_of(case, as_stored_before(case, stored(case, indexed), [0, 1])).timings == (FILE, FILE)
