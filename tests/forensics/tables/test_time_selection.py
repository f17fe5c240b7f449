"""Selection of rows by time, pairs in one picture, gaps and local times, on rows with known answers."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import forensics
from forensics.errors import UsageError

_TEN = datetime(2026, 5, 1, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return _TEN + timedelta(seconds=seconds)


def sightings(*spans: tuple[float, float, int | None]) -> pl.LazyFrame:
    """Sightings by first and last second after ten, and clock error in ms."""
    rows = [
        {"sighting_id": f"s{number}", "first_utc": at(first), "last_utc": at(last), "clock_error_ms": error_ms}
        for number, (first, last, error_ms) in enumerate(spans)
    ]
    return pl.LazyFrame(rows, schema_overrides={"clock_error_ms": pl.Int64})


def within(rows: pl.LazyFrame) -> dict[str, str]:
    return dict(rows.select("sighting_id", "within").collect().iter_rows())


# ---- during and near


@pytest.mark.parametrize(
    ("span", "answer"),
    [
        ((0, 5, 0), "certainly"),
        ((9.5, 12, 0), "certainly"),
        ((9.5, 12, 400), "certainly"),
        ((9.5, 12, 500), "possibly"),
        ((10.3, 12, 1000), "possibly"),
        ((10.3, 12, 200), None),
        ((10, 12, 0), None),
        ((-5, -1, 900), None),
        ((-5, -1, 1000), "possibly"),
        ((-5, 0, 0), "certainly"),
        ((-5, 0, 1), "possibly"),
        ((2, 3, None), "possibly"),
        ((12, 13, None), None),
    ],
)
@pytest.mark.parametrize("largest_error", [None, timedelta(seconds=1)])
def test_a_row_is_within_a_time_certainly_possibly_or_not(
    span: tuple[float, float, int | None], answer: str | None, largest_error: timedelta | None
) -> None:
    rows = forensics.during(sightings(span), at(0), at(10), largest_error=largest_error)
    assert within(rows) == ({} if answer is None else {"s0": answer})


def test_near_means_so_long_before_or_after() -> None:
    rows = sightings((0, 1, 0), (3, 4, 0), (8, 9, 0), (8, 9, 2000))
    assert within(forensics.near(rows, at(5), timedelta(seconds=1))) == {"s1": "certainly", "s3": "possibly"}
    assert within(forensics.near(rows, at(3))) == {"s1": "certainly"}


@pytest.mark.parametrize("zone", [ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=-3, minutes=-30)), UTC])
def test_limits_may_be_of_any_zone(zone: tzinfo) -> None:
    rows = sightings((0, 1, 0), (3, 4, 0), (8, 9, 0))
    assert within(forensics.near(rows, at(3.5).astimezone(zone))) == {"s1": "certainly"}
    since, until = at(2).astimezone(zone), at(8.5).astimezone(zone)
    assert within(forensics.during(rows, since, until)) == {"s1": "certainly", "s2": "certainly"}
    assert within(forensics.during(rows, since, at(5))) == {"s1": "certainly"}


def test_in_the_hour_that_occurs_twice_each_limit_is_one_instant() -> None:
    """On 25 October 2026 clocks in Berlin go from 03:00 back to 02:00: 02:30 is 00:30 and 01:30 UTC."""
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    second = first.replace(fold=1)
    moments = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    spans = [((moment - _TEN).total_seconds(), (moment - _TEN).total_seconds(), 0) for moment in moments]
    rows = sightings(*spans)
    assert within(forensics.near(rows, first, timedelta(minutes=1))) == {"s0": "certainly"}
    assert within(forensics.near(rows, second, timedelta(minutes=1))) == {"s1": "certainly"}
    assert within(forensics.near(rows, second, timedelta(minutes=70))) == {"s0": "certainly", "s1": "certainly"}
    assert within(forensics.during(rows, first, second)) == {"s0": "certainly"}
    before = datetime(2026, 10, 25, 2, 45, tzinfo=ZoneInfo("Europe/Berlin"))
    assert within(forensics.during(rows, before, second.replace(minute=31))) == {"s1": "certainly"}
    with pytest.raises(UsageError, match="is not after"):
        forensics.during(rows, second, before)


def test_every_answer_agrees_with_all_clocks_within_the_error() -> None:
    """What is certain holds for every true time within the error, what is possible for at least one."""
    since, until = at(0), at(10)
    for first in range(-30, 130, 7):
        for length in (0, 3, 40):
            for error in (0, 1, 5, 20):
                row = sightings((first / 10, (first + length) / 10, error * 100))
                shifts = range(-error, error + 1)
                true = [first + shift < 100 and first + length + shift >= 0 for shift in shifts]
                expected = {"s0": "certainly"} if all(true) else {"s0": "possibly"} if any(true) else {}
                assert within(forensics.during(row, since, until)) == expected, (first, length, error)


def test_times_without_a_zone_and_rows_without_times_are_refused() -> None:
    with pytest.raises(UsageError, match="has no time zone"):
        forensics.near(sightings((0, 1, 0)), datetime(2026, 5, 1, 10))
    with pytest.raises(UsageError, match="no times"):
        forensics.near(pl.LazyFrame({"path": ["a"]}), _TEN)


# ---- together


def test_together_compares_frames_of_one_recording() -> None:
    spans = [("a", "e1", 0, 10), ("b", "e1", 10, 20), ("c", "e1", 21, 30), ("d", "e2", 0, 99), ("e", "e1", 5, 12)]
    rows = pl.LazyFrame(
        [
            {
                "evidence_id": evidence,
                "camera_id": "gate",
                "sighting_id": name,
                "class_name": "person",
                "first_frame": first,
                "last_frame": last,
                "first_media_us": first * 100,
                "last_media_us": last * 100,
            }
            for name, evidence, first, last in spans
        ]
    )
    pairs = forensics.together(rows).collect()
    assert pairs.select("sighting_id", "other_sighting_id", "first_frame", "last_frame", "last_media_us").rows() == [
        ("a", "e", 5, 10, 1000),
        ("a", "b", 10, 10, 1000),
        ("b", "e", 10, 12, 1200),
    ]


# ---- gaps


def coverage(*ranges: tuple[str, float | None, float | None, str]) -> pl.LazyFrame:
    rows = [
        {
            "camera_id": camera,
            "start_frame": 0,
            "stop_frame": 10,
            "start_utc": None if start is None else at(start),
            "stop_utc": None if stop is None else at(stop),
            "clock_error_ms": 100 if camera == "gate" else None,
            "state": state,
        }
        for camera, start, stop, state in ranges
    ]
    utc = pl.Datetime("us", "UTC")
    return pl.LazyFrame(rows, schema_overrides={"clock_error_ms": pl.Int64, "start_utc": utc, "stop_utc": utc})


def test_gaps_lie_between_what_was_looked_at() -> None:
    rows = coverage(
        ("gate", 0, 10, "detected"),
        ("gate", 2, 4, "detected"),  # a second recording of the same time ends earlier
        ("gate", 10.5, 20, "carried"),
        ("gate", 20, 30, "gap"),
        ("gate", 30, 40, "detected"),
        ("hall", 100, 110, "detected"),
        ("hall", 200, 210, "skipped"),
        ("yard", None, None, "detected"),
    )
    seconds = pl.col("duration_us") // 1_000_000
    found = forensics.gaps(rows).select("camera_id", "from_utc", seconds, "clock_error_ms", "reason").collect().rows()
    assert found == [("gate", at(20), 10, 100, "between"), ("yard", None, None, None, "clock_unknown")]
    shorter = forensics.gaps(rows, longer_than=timedelta(0)).select("from_utc").collect()["from_utc"].to_list()
    assert shorter == [at(10), at(20), None]
    footage = forensics.gaps(rows, of="footage").select("camera_id", "from_utc", "clock_error_ms").collect().rows()
    assert footage == [("hall", at(110), None), ("yard", None, None)]


# ---- local


def test_local_times_follow_daylight_saving_and_have_other_names() -> None:
    instants = [datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)]
    rows = pl.LazyFrame(
        {"utc": instants, "first_utc": instants, "start_camera_clock": [each.replace(tzinfo=None) for each in instants]}
    )
    shown = forensics.local(rows, "Europe/Berlin").collect()
    assert shown.columns == ["local", "first_local", "start_camera_clock"]
    assert shown["local"].dt.strftime("%H:%M:%S").to_list() == ["01:59:59", "03:00:00"]
    with pytest.raises(UsageError, match="no time zone 'Berlin'"):
        forensics.local(rows, "Berlin")


# ---- what an attacker tried


@pytest.mark.parametrize(("errors", "expected"), [((5000, 0, 0), 5000), ((None, 0, 0), None), ((0, 7000, 0), 0)])
def test_a_gap_has_the_error_of_the_recording_that_ends_last(
    errors: tuple[int | None, ...], expected: int | None
) -> None:
    rows = coverage(("gate", 0, 100, "detected"), ("gate", 10, 20, "detected"), ("gate", 200, 300, "detected"))
    stated = rows.with_columns(pl.Series("clock_error_ms", errors, dtype=pl.Int64))
    assert forensics.gaps(stated).select("clock_error_ms").collect()["clock_error_ms"].to_list() == [expected]


def test_cases_are_never_mixed() -> None:
    first = coverage(("gate", 0, 10, "detected"), ("gate", 20, 30, "detected"))
    second = coverage(("gate", 8, 22, "detected"))
    both = pl.concat([first.with_columns(case_id=pl.lit("a")), second.with_columns(case_id=pl.lit("b"))])
    assert forensics.gaps(both).select("case_id", "from_utc").collect().rows() == [("a", at(10))]
    seen = pl.LazyFrame({"evidence_id": ["e"], "camera_id": ["gate"], "sighting_id": ["s1"], "class_name": ["person"]})
    seen = seen.with_columns(first_frame=0, last_frame=9, first_media_us=0, last_media_us=9)
    other = seen.with_columns(sighting_id=pl.lit("s2"))
    cases = pl.concat([seen.with_columns(case_id=pl.lit("a")), other.with_columns(case_id=pl.lit("b"))])
    assert forensics.together(cases).collect().is_empty()


def test_times_in_the_wrong_order_and_other_tables_are_refused() -> None:
    with pytest.raises(UsageError, match="is not after"):
        forensics.during(sightings((0, 1, 0)), at(5), at(4))
    with pytest.raises(UsageError, match="is not after"):
        forensics.near(sightings((0, 1, 0)), at(5), timedelta(seconds=-1))
    for function in (forensics.together, forensics.gaps):
        with pytest.raises(UsageError, match="no column"):
            function(sightings((0, 1, 0)))
    with pytest.raises(UsageError, match="no time zone"):
        forensics.local(sightings((0, 1, 0)), "posixrules")
    assert "gaps" in dir(forensics)
