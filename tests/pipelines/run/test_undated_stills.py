"""Stills without a recorded time have none in any table; stills of several sizes have boxes in their own pixels."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

import forensics
from forensics.custody.case_document import Case
from pipelines.cli.sighting_sheet import cells_of
from pipelines.intake.ingest import IngestItem
from testing.commands import Call
from testing.painted.stills import Tag, set_file_time, stamp
from testing.painted_case import make_case_of, published_table, run
from tests.pipelines.run.test_sparse_footage import Finder, scene

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
START_US = 1_777_636_800_000_000  # noon
MINUTES = {"1.jpg": None, "2.jpg": 0, "3.jpg": None, "4.jpg": 10, "5.jpg": 20}
SIZES = {"1.jpg": (160, 96), "2.jpg": (160, 96), "3.jpg": (100, 90), "4.jpg": (75, 85), "5.jpg": (160, 96)}
BOX = (40, 20, 70, 80)
"""What `Finder` finds in every picture."""


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    folder = tmp_path / "trap"
    folder.mkdir()
    for number, (name, minute) in enumerate(MINUTES.items()):
        exif, (width, height) = Image.Exif(), SIZES[name]
        if minute is not None:
            exif.get_ifd(0x8769)[Tag.ORIGINAL] = stamp(NOON + timedelta(minutes=minute))
        picture = Image.fromarray(np.ascontiguousarray(scene(number, 1)[:height, :width]))
        picture.save(folder / name, exif=exif.tobytes())
        set_file_time(folder / name, 1_790_000_000_000)
    return folder


@pytest.fixture
def case(tmp_path: Path, trap: Path) -> Case:
    item = IngestItem(trap, "trap", start_utc_us=START_US, clock_error_ms=60_000)
    case = make_case_of(tmp_path / "case", item)
    run(case, detector=Finder())
    return case


def times(minute: int | None) -> tuple[datetime | None, int | None]:
    return (None, None) if minute is None else (NOON + timedelta(minutes=minute), 60_000)


def test_no_table_gives_a_time_to_a_picture_without_one(case: Case) -> None:
    expected = {name: times(minute) for name, minute in MINUTES.items()}
    for table in ("frames", "detections"):
        rows = published_table(case, table).select("picture", "utc", "clock_error_ms").rows()
        assert {name: (utc, error_ms) for name, utc, error_ms in rows} == expected
    names = ("best_picture", "first_utc", "last_utc", "best_utc", "clock_error_ms", "timing")
    for row in published_table(case, "sightings").select(names).iter_rows(named=True):
        utc, error_ms = expected[row["best_picture"]]
        assert row["first_utc"] == row["last_utc"] == row["best_utc"] == utc
        assert (row["clock_error_ms"], row["timing"]) == (error_ms, "assumed" if utc is None else "exif")
    coverage = published_table(case, "coverage").select("start_frame", "stop_frame", "start_utc", "stop_utc").rows()
    at = [times(minute)[0] for minute in MINUTES.values()]
    assert coverage == [(0, 1, None, None), (1, 2, at[1], at[1]), (2, 3, None, None), (3, 5, at[3], at[4])]
    (evidence,) = published_table(case, "evidence").select("start_utc", "end_utc", "timing").rows()
    assert evidence == (at[1], at[4], "exif")
    (section,) = published_table(case, "sections").select("first_utc", "last_utc", "clock_error_ms").rows()
    assert section == (at[1], at[4], 60_000)


def test_a_picture_without_a_time_has_no_seconds_in_a_text_table(case: Case, call: Call) -> None:
    for table in ("sightings", "detections", "frames"):
        text = call("query", case.folder.root, table).out
        assert all(name in text for name in MINUTES)
        assert "2026-05-01 12:10:00.00" in text
        assert "in the file" not in text


def test_no_time_filter_selects_a_picture_without_a_time(case: Case, call: Call) -> None:
    words = ("--from", "2026-05-01T11:00:00Z", "--to", "2026-05-01T13:00:00Z")
    done = call("query", case.folder.root, *words, "--format", "csv")
    assert sorted(line.rsplit(",", 5)[-5] for line in done.out.splitlines()[1:]) == ["2.jpg", "4.jpg", "5.jpg"]
    assert "2 rows have no time, so no time filter selects them; the start of the recording is known" in done.err
    for table, n_rows in (("frames", 2), ("detections", 2), ("coverage", 2)):
        assert f"{n_rows} rows have no time" in call("query", case.folder.root, table, *words).err


def test_one_frame_without_a_time_is_opened_without_one(case: Case, call: Call) -> None:
    (evidence_id,) = published_table(case, "evidence")["evidence_id"]
    for number, utc_us in ((0, None), (1, START_US), (2, None), (3, START_US + 600_000_000)):
        facts = json.loads(call("verify", case.folder.root, "--frame", f"{evidence_id}#{number}", "--json").out)
        assert facts["picture"] == f"{number + 1}.jpg"
        assert (facts["utc_us"], facts["clock_error_ms"]) == (utc_us, None if utc_us is None else 60_000)


def test_a_mandate_with_times_leaves_pictures_without_a_time_out(tmp_path: Path, trap: Path, call: Call) -> None:
    root, times = tmp_path / "scoped", ("--from", "2026-05-01T11:00:00Z", "--to", "2026-05-01T13:00:00Z")
    start = ("--start", "2026-05-01T12:00:00Z", "--clock-error", "1m")
    call.use_detector(Finder())
    assert call("case", "init", root, "--purpose", "p", "--operator", "o", *times).code == 0
    assert call("ingest", root, trap, "--camera", "trap", *start).code == 0
    assert call("run", root, "--runner", "serial").code == 4
    opened = forensics.open_case(root)
    assert sorted(opened.sightings().collect()["best_picture"]) == ["2.jpg", "4.jpg", "5.jpg"]
    skipped = opened.coverage().filter(pl.col("state") == "skipped").collect()
    assert skipped.select("start_frame", "stop_frame", "reason").rows() == [
        (0, 1, "scope_unknown"),
        (2, 3, "scope_unknown"),
    ]
    (problem,) = call("status", root, "--json").json["problems"]
    assert "2 pictures of" in problem
    assert "have no recorded time, so they were not searched" in problem


def test_size_and_box_of_a_sighting_are_those_of_its_picture(case: Case) -> None:
    names = ("best_picture", "width", "height", "best_x1", "best_y1", "best_x2", "best_y2")
    for name, width, height, *box in published_table(case, "sightings").select(names).iter_rows():
        assert (width, height) == SIZES[name]
        assert box == pytest.approx(BOX)


def test_every_card_has_its_box(case: Case) -> None:
    opened = forensics.open_case(case.folder.root)
    cells = cells_of(opened, opened.sightings().collect(), None)
    margin = 0.4 * 60
    boxes = [(40 - max(0, 40 - margin), 20 - max(0, 20 - margin))] * len(SIZES)
    assert [cell.box[:2] for cell in cells if cell.box] == boxes
    assert [cell.lines[1][0] for cell in cells] == ["time unknown", "± 60 s", "time unknown", "± 60 s", "± 60 s"]


def test_a_card_without_a_known_size_says_that_it_has_no_line(case: Case) -> None:
    opened = forensics.open_case(case.folder.root)
    found = opened.sightings().collect()
    unknown = found.with_columns(pl.lit(None, pl.Int32).alias(side) for side in ("width", "height"))
    badges = [cell.badge for cell in cells_of(opened, unknown, None)]
    missing = {"3.jpg": "no line: size unknown", "4.jpg": "no line: size unknown"}
    assert badges == [missing.get(name, "") for name in found["best_picture"]]
