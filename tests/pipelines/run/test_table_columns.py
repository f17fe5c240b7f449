"""What the published tables say: corrected clocks, coverage in time, every frame, and the run of every row."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.errors import UsageError
from forensics.tables.evidence import load_evidence, load_index
from forensics.tables.schemas import PUBLISHED, RUN_COLUMNS, SCHEMA_VERSION
from testing.commands import Call, clip, new_case
from testing.painted_case import N_FRAMES, RATE, START_US, PaintedDetector, make_painted_case

_FRAME_US = int(1_000_000 / RATE)
_START = datetime.fromtimestamp(START_US / 1e6, tz=UTC)
_SERIAL = ("--runner", "serial", "--quiet")


@pytest.fixture
def case(call: Call, tmp_path: Path) -> Path:
    """A case of one recording at `gate`, after a run."""
    call.use_detector(PaintedDetector())
    root = make_painted_case(tmp_path, start_utc_us=START_US, clock_error_ms=500).folder.root
    assert call("run", root, *_SERIAL).code == 0
    return root


def only(rows: pl.LazyFrame) -> dict[str, object]:
    (row,) = rows.collect().rows(named=True)
    return row


# ---- clocks


def test_every_utc_is_corrected_and_the_camera_clock_is_named_as_such(call: Call, case: Path) -> None:
    correction = ("--offset", "-25m3s", "--clock-error", "2s", "--drift", "100", "--drift-from", "2026-05-01T09:00:00Z")
    assert call("case", "clock", case, "gate", *correction).code == 0
    assert call("run", case, *_SERIAL).code == 0
    opened = forensics.open_case(case)
    row = only(opened.evidence())
    lost_in_an_hour = timedelta(microseconds=3600 * 100)
    start = _START - timedelta(minutes=25, seconds=3) + lost_in_an_hour
    assert row["start_utc"] == start
    assert row["start_camera_clock"] == _START.replace(tzinfo=None)
    assert row["clock_drift_from"] == datetime(2026, 5, 1, 9)
    assert (row["clock_offset_ms"], row["clock_drift_ppm"], row["clock_error_ms"]) == (-1_503_000, 100, 2000)
    first = opened.sightings().select(pl.col("first_utc").min()).collect().item()
    assert row["start_utc"] == first == opened.frames().select("utc").collect()["utc"][0]
    for name in ("sightings", "detections", "coverage", "frames", "sections"):
        assert set(opened.table(name).collect()["clock_error_ms"]) == {2000}, name


def test_an_evidence_lasts_until_its_last_frame_ends(case: Path) -> None:
    row = only(forensics.open_case(case).evidence())
    assert row["duration_us"] == N_FRAMES * _FRAME_US
    assert row["end_utc"] == _START + timedelta(microseconds=N_FRAMES * _FRAME_US)
    assert row["fps"] == 1e6 / _FRAME_US
    assert (row["file_name"], row["path"]) == ("gate.mp4", str(case.parent / "gate.mp4"))


def test_without_a_clock_there_is_no_utc(call: Call, tmp_path: Path) -> None:
    root = new_case(call, tmp_path / "case")
    assert call("ingest", root, clip(tmp_path / "gate.mp4"), "--camera", "gate").code == 0
    assert call("run", root, *_SERIAL).code == 0
    opened = forensics.open_case(root)
    row = only(opened.evidence())
    assert (row["start_utc"], row["end_utc"], row["start_camera_clock"]) == (None, None, None)
    covered = only(opened.coverage())
    assert (covered["start_utc"], covered["stop_utc"]) == (None, None)
    assert (covered["start_media_us"], covered["stop_media_us"], covered["longest_step_us"]) == (0, 480_000, 40_000)


# ---- coverage and frames


def test_coverage_says_when_its_frames_are(call: Call, case: Path) -> None:
    assert call("run", case, *_SERIAL, "--set", "detect.fps=1").code == 0
    opened = forensics.open_case(case)
    rows = opened.coverage().collect()
    times = opened.frames().collect()
    assert len(rows) > 3
    for row in rows.rows(named=True):
        assert row["start_utc"] == times["utc"][row["start_frame"]]
        assert row["stop_media_us"] == row["stop_frame"] * _FRAME_US
    assert rows["start_utc"].to_list()[1:] == rows["stop_utc"].to_list()[:-1]
    assert rows["stop_utc"][-1] == only(opened.evidence())["end_utc"]


def test_frames_are_the_packet_index(case: Path) -> None:
    folder = CaseFolder.at(case)
    (item,) = load_evidence(folder)
    index = load_index(folder, item)
    rows = forensics.open_case(case).frames().collect()
    assert rows["frame"].to_list() == list(range(index.n_frames))
    for column, expected in (
        ("pts", index.pts),
        ("media_us", index.media_us),
        ("is_key", index.is_key),
        ("packet_bytes", index.size),
    ):
        assert rows[column].to_list() == expected.tolist(), column
    boxes = forensics.open_case(case).detections().join(rows.lazy(), on=["evidence_id", "frame"]).collect()
    assert boxes["utc"].equals(boxes["utc_right"])


def test_a_detection_names_its_sighting(case: Path) -> None:
    opened = forensics.open_case(case)
    sighting = only(opened.sightings())
    boxes = opened.detections().filter(pl.col("track_id").is_not_null()).collect()
    assert set(boxes["sighting_id"]) == {sighting["sighting_id"]}
    assert sighting["max_score"] == boxes["score"].max()
    loose = opened.detections().filter(pl.col("track_id").is_null()).collect()
    assert loose["sighting_id"].to_list() == [None]


# ---- the run of every row


def test_every_table_names_case_run_and_model(case: Path) -> None:
    opened = forensics.open_case(case)
    expected = (opened.case_id, opened.run_id, "builtin-1")
    for name in PUBLISHED:
        path = case / "tables" / f"{name}.parquet"
        facts = {key.decode(): value.decode() for key, value in pq.read_metadata(path).metadata.items()}
        assert facts["forensics.schema_version"] == SCHEMA_VERSION == "2"
        assert tuple(facts[f"forensics.{each}"] for each in RUN_COLUMNS) == expected
        rows = pl.read_parquet(path)
        assert tuple(rows.columns[-3:]) == RUN_COLUMNS
        assert rows.select(RUN_COLUMNS).unique().rows() in ([expected], [])


def test_several_cases_are_one_table_without_mixing(call: Call, case: Path, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    other = make_painted_case(tmp_path / "second").folder.root
    assert call("run", other, *_SERIAL).code == 0
    both = forensics.open_cases([case, other])
    rows = both.sightings().collect()
    assert rows["case_id"].to_list() == [forensics.open_case(root).case_id for root in (case, other)]
    assert rows["case_id"].n_unique() == 2
    assert both.table("coverage").collect()["case_id"].n_unique() == 2


def test_a_case_that_is_given_twice_is_refused(case: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(case, tmp_path / "copy"))
    with pytest.raises(UsageError, match="same case"):
        forensics.open_cases([case, copied])
    with pytest.raises(UsageError, match="no case"):
        forensics.open_cases([])


@pytest.mark.parametrize(
    ("name", "hint"),
    [("sigtings", "sightings"), ("tracks", "sightings"), ("candidates", "reason="), ("people", "the tables are")],
)
def test_a_wrong_name_of_a_table_is_answered_with_the_right_one(case: Path, name: str, hint: str) -> None:
    for opened in (forensics.open_case(case), forensics.open_cases([case])):
        with pytest.raises(UsageError) as refused:
            opened.table(name)
        assert hint in refused.value.next_step


def test_utc_is_never_null_where_a_frame_has_a_clock(case: Path) -> None:
    frames = forensics.open_case(case).frames().collect()
    assert frames["utc"].null_count() == 0
    assert frames["utc"].dtype == pl.Datetime("us", "UTC")
    assert frames["utc"][0] == _START.astimezone(UTC)


# ---- tables that stay


def test_a_run_that_could_read_nothing_keeps_the_tables(call: Call, case: Path) -> None:
    before = forensics.open_case(case).sightings().collect()
    footage = case.parent / "gate.mp4"
    (case.parent / "archive").mkdir()
    moved = footage.rename(case.parent / "archive" / "gate.mp4")
    refused = call("run", case, *_SERIAL, "--set", "detect.fps=1")
    assert (refused.code, "stay in place" in refused.err, "evidence relocate" in refused.err) == (6, True, True)
    assert forensics.open_case(case).sightings().collect().equals(before)
    assert call("evidence", "relocate", case, moved.parent).code == 0
    again = call("run", case, *_SERIAL)
    assert (again.code, "detect.fps" in again.err) == (0, False)
    assert call("verify", case).code == 0


def test_a_table_of_this_version_that_lacks_a_later_column_has_nulls_in_it(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = pq.read_table(case / "tables" / "evidence.parquet").drop_columns(["start_stated"])
    monkeypatch.setattr("forensics.tables.published.pl.scan_parquet", lambda _: pl.from_arrow(stored).lazy())
    rows = forensics.open_case(case).evidence().collect()
    assert rows.columns == PUBLISHED["evidence"].names
    assert (rows["start_stated"].to_list(), rows["start_camera_clock"].null_count()) == ([None], 0)
