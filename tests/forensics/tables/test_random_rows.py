"""`gaps` and `together` on random rows, against rules that look at every tenth of a second and every pair."""

import random
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from typing import Any, Final

import polars as pl
import pytest

import forensics

_TEN: Final = datetime(2026, 5, 1, 10, tzinfo=UTC)
_STATES: Final = ("detected", "carried", "doubtful", "gap", "skipped", "unselected")
_SEARCHED: Final = ("detected", "carried", "doubtful")

Row = dict[str, Any]


def at(tenths: int | None) -> datetime | None:
    return None if tenths is None else _TEN + timedelta(milliseconds=100 * tenths)


def random_ranges(drawn: random.Random) -> list[Row]:
    """Ranges of two cameras that touch, overlap, contain one another or last no time; some without frames or times."""
    rows = []
    for _ in range(drawn.randrange(9)):
        start = drawn.randrange(60)
        is_timed = drawn.random() > 0.1
        rows.append(
            {
                "camera_id": drawn.choice(("gate", "hall")),
                "start": start if is_timed else None,
                "stop": start + drawn.choice((0, 1, 2, 5, 20)) if is_timed else None,
                "n_frames": drawn.choice((0, 1, 7, 7, 7)),
                "state": drawn.choice(_STATES),
                "clock_error_ms": drawn.choice((None, 0, 200, 5000)),
            }
        )
    return rows


def coverage(rows: list[Row]) -> pl.LazyFrame:
    columns = {
        "camera_id": pl.Series([row["camera_id"] for row in rows], dtype=pl.String),
        "start_frame": pl.Series([0 for _ in rows], dtype=pl.Int64),
        "stop_frame": pl.Series([row["n_frames"] for row in rows], dtype=pl.Int64),
        "state": pl.Series([row["state"] for row in rows], dtype=pl.String),
        "start_utc": pl.Series([at(row["start"]) for row in rows], dtype=pl.Datetime("us", "UTC")),
        "stop_utc": pl.Series([at(row["stop"]) for row in rows], dtype=pl.Datetime("us", "UTC")),
        "clock_error_ms": pl.Series([row["clock_error_ms"] for row in rows], dtype=pl.Int64),
    }
    return pl.LazyFrame(columns)


def expected_gaps(rows: list[Row], states: tuple[str, ...], longer_than: int) -> list[tuple[Any, ...]]:
    found = []
    for camera in ("gate", "hall"):
        counted = [
            each for each in rows if each["camera_id"] == camera and each["n_frames"] and each["state"] in states
        ]
        timed = [each for each in counted if each["start"] is not None]
        covered = {tenth for each in timed for tenth in range(each["start"], each["stop"])}
        ends = {each["stop"] for each in timed} | {each["start"] for each in timed}
        edges = sorted(ends | {tenth for tenth in covered if tenth - 1 not in covered})
        for from_, to in pairwise(edges):
            if covered & set(range(from_, to)) or to - from_ <= longer_than:
                continue
            errors = [each["clock_error_ms"] for each in timed if each["stop"] == from_ or each["start"] == to]
            error = None if None in errors else max(errors)
            found.append((camera, at(from_), at(to), (to - from_) * 100_000, error, "between"))
        if len(timed) < len(counted):
            found.append((camera, None, None, None, None, "clock_unknown"))
    return found


@pytest.mark.parametrize("seed", range(0, 300, 50))
def test_gaps_are_the_tenths_of_a_second_that_no_range_covers(seed: int) -> None:
    for drawn in map(random.Random, range(seed, seed + 50)):
        check_gaps(drawn)


def check_gaps(drawn: random.Random) -> None:
    rows, longer_than = random_ranges(drawn), drawn.choice((0, 3, 10))
    for of, states in (("detection", _SEARCHED), ("footage", _STATES)):
        found = forensics.gaps(coverage(rows), of=of, longer_than=timedelta(milliseconds=100 * longer_than))
        columns = ("camera_id", "from_utc", "to_utc", "duration_us", "clock_error_ms", "reason")
        assert found.select(columns).collect().rows() == expected_gaps(rows, states, longer_than)


def random_sightings(drawn: random.Random) -> list[Row]:
    rows = []
    for number in range(drawn.randrange(12)):
        first = drawn.randrange(30)
        last = first + drawn.choice((0, 1, 4, 25))
        rows.append(
            {
                "case_id": drawn.choice(("a", "b")),
                "evidence_id": drawn.choice(("e", "f")),
                "camera_id": "gate",
                "sighting_id": f"{drawn.randrange(1000):03}{number:02}",
                "class_name": drawn.choice(("person", "car")),
                "first_frame": first,
                "last_frame": last,
                "first_media_us": first * 40_000,
                "last_media_us": last * 40_000,
            }
        )
    return rows


@pytest.mark.parametrize("seed", range(0, 300, 50))
def test_together_finds_each_pair_with_a_common_frame_once(seed: int) -> None:
    for drawn in map(random.Random, range(seed, seed + 50)):
        check_together(random_sightings(drawn))


def check_together(rows: list[Row]) -> None:
    schema = dict.fromkeys(("case_id", "evidence_id", "camera_id", "sighting_id", "class_name"), pl.String)
    frames = dict.fromkeys(("first_frame", "last_frame", "first_media_us", "last_media_us"), pl.Int64)
    found = forensics.together(pl.LazyFrame(rows, schema={**schema, **frames})).collect()
    expected = set()
    for one, other in combinations(sorted(rows, key=lambda row: row["sighting_id"]), 2):
        common = set(range(one["first_frame"], one["last_frame"] + 1)) & set(
            range(other["first_frame"], other["last_frame"] + 1)
        )
        if (one["case_id"], one["evidence_id"]) == (other["case_id"], other["evidence_id"]) and common:
            names = (one["sighting_id"], other["sighting_id"], one["class_name"], other["class_name"])
            span = (min(common), max(common))
            expected.add((one["case_id"], one["evidence_id"], *names, *span, *(frame * 40_000 for frame in span)))
    columns = ("case_id", "evidence_id", "sighting_id", "other_sighting_id", "class_name", "other_class_name")
    answers = found.select(*columns, "first_frame", "last_frame", "first_media_us", "last_media_us").rows()
    assert len(answers) == len(expected)
    assert set(answers) == expected
