"""Rows for people: class and time of what was seen are shown in 80 columns, and local times have their own offset."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import forensics
from forensics.tables.open import OpenCase
from pipelines.cli.row_formats import print_rows, sightings_text
from testing.painted_case import START_US, make_painted_case, run

_BERLIN = "Europe/Berlin"
_FIRST = datetime(2026, 5, 1, 10, tzinfo=UTC)


@pytest.fixture
def opened(tmp_path: Path) -> OpenCase:
    """A case of one recording at `gate`, after a run."""
    case = make_painted_case(tmp_path, start_utc_us=START_US, clock_error_ms=500)
    run(case)
    return forensics.open_case(case.folder.root)


def _sightings(opened: OpenCase, *classes: str) -> pl.DataFrame:
    """Sightings of these classes, each a minute after the one before and 2.5 s long."""
    one = opened.sightings().collect().head(1)
    rows = [
        one.with_columns(
            class_name=pl.lit(name),
            camera_id=pl.lit("hall" if number % 2 else "gate"),
            sighting_id=pl.lit(f"{number:x}" * 16),
            clock_error_ms=pl.lit(500 + number),
            first_utc=pl.lit(_FIRST + timedelta(minutes=number)).cast(pl.Datetime("us", "UTC")),
            last_utc=pl.lit(_FIRST + timedelta(minutes=number, seconds=2.5)).cast(pl.Datetime("us", "UTC")),
            first_media_us=pl.lit(number * 60_000_000),
            last_media_us=pl.lit(number * 60_000_000 + 2_500_000),
        )
        for number, name in enumerate(classes)
    ]
    return pl.concat(rows)


def _without_time(found: pl.DataFrame, number: int) -> pl.DataFrame:
    is_untimed = pl.int_range(pl.len()) == number
    return found.with_columns(pl.when(~is_untimed).then(name).alias(name) for name in ("first_utc", "last_utc"))


@pytest.mark.parametrize("zone", [None, _BERLIN])
def test_class_and_times_are_shown_in_80_columns(opened: OpenCase, zone: str | None) -> None:
    text, note = sightings_text(opened, _sightings(opened, "person", "skateboard", "person"), zone)
    header, *lines = text.splitlines()
    assert max(map(len, text.splitlines())) <= 80
    names = ["first_utc", "last_utc"] if zone is None else ["first_local", "last_local"]
    assert header.split()[:4] == ["camera_id", "class_name", *names]
    assert [line.split()[1] for line in lines] == ["person", "skateboard", "person"]
    assert "10:01:02.50" in lines[1] if zone is None else "12:01:02.50+02:00" in lines[1]
    assert ("the end of sighting_id" in note) == (zone is None)
    assert ("11111111…" in lines[1]) == (zone is None)


@pytest.mark.parametrize("zone", [None, _BERLIN])
def test_a_row_without_a_clock_has_its_seconds_in_the_file(opened: OpenCase, zone: str | None) -> None:
    found = _without_time(_sightings(opened, "person", "skateboard", "bicycle"), 1)
    text, _ = sightings_text(opened, found, zone)
    assert max(map(len, text.splitlines())) <= 80
    _, _, untimed, timed = text.splitlines()
    assert untimed.split()[:8] == ["hall", "skateboard", "60.0", "s", "in", "the", "file", "62.5"]
    assert timed.split()[1:3] == ["bicycle", "2026-05-01"]


def test_without_any_clock_the_columns_are_seconds(opened: OpenCase) -> None:
    found = _sightings(opened, "person", "skateboard")
    for number in (0, 1):
        found = _without_time(found, number)
    header, *lines = sightings_text(opened, found)[0].splitlines()
    assert {"first_s", "last_s"} <= set(header.split())
    assert "first_utc" not in header
    assert "62.50" in lines[1]


def test_detections_of_several_classes_keep_class_and_time(
    opened: OpenCase, capsys: pytest.CaptureFixture[str]
) -> None:
    found = opened.detections().collect().head(2)
    is_first = pl.int_range(pl.len()) == 0
    mixed = found.with_columns(
        class_name=pl.when(is_first).then(pl.lit("person")).otherwise(pl.lit("skateboard")),
        camera_id=pl.when(is_first).then(pl.lit("gate")).otherwise(pl.lit("hall")),
        x1=pl.lit(1111.11),
        x2=pl.col("x2") + 1111,
        y2=pl.col("y2") + 1111,
    )
    print_rows(opened, mixed, "detections", "table", limit=None, zone=_BERLIN)
    header, *lines = capsys.readouterr().out.splitlines()
    assert {"camera_id", "local", "class_name"} <= set(header.split())
    assert max(map(len, [header, *lines])) <= 80
    assert "skateboard" in lines[1]


def test_each_time_has_its_own_offset_where_clocks_are_set_back(opened: OpenCase) -> None:
    """On 25 October 2026 it is 02:59:59+02:00 in Berlin one second before 02:00:00+01:00."""
    before = datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC)
    found = _sightings(opened, "person", "person").with_columns(
        first_utc=pl.lit(before).cast(pl.Datetime("us", "UTC")),
        last_utc=pl.lit(before + timedelta(seconds=1)).cast(pl.Datetime("us", "UTC")),
    )
    text, _ = sightings_text(opened, found.head(1), _BERLIN)
    assert "2026-10-25 02:59:59.00+02:00" in text
    assert "02:00:00.00+01:00" in text
