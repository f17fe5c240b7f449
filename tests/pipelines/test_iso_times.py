"""Every parser of times and durations against strict regular expressions, on random text."""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import click
import pytest

from pipelines.cli.durations import Duration
from pipelines.cli.output import StartTime, parse_day, parse_day_or_time, parse_last_day, parse_utc
from pipelines.intake.csv_lines import CellError
from pipelines.intake.time_cells import parse_clock_error, parse_start

_DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_LOCAL = rf"{_DAY}[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{{1,6}})?)?"
_TIME = rf"{_LOCAL}(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)"
_DURATION = r"\s*[+-]?\s*(\d+|(\d+(\.\d+)?\s*(h|min|ms|m|s)\s*)+)\s*"
_PIECES = (
    *("2026-05-01", "20260501", "2026-W18-5", "2026-121", "2026", "05", "T", "t", " ", "  ", "_", "\n", "\u2212", "٢"),
    *("10:00:00", "10:00", "10", "100000", "1000", "24:00", ".5", ",5", ".1234567", "Z", "z", "UTC", "+02:00", "+02"),
    *("-0500", "-05:00", "+02:00:30", "+25:00", "5", "1h", "min", "ms", "s", "-", "+", ":", "x", ""),
)


def _in_utc(text: str) -> datetime:
    return parse_start(text, UTC)


_PARSERS: tuple[tuple[Callable[[str], object], str], ...] = (
    (parse_utc(), _TIME),
    (StartTime(), _TIME),
    (parse_day(), _DAY),
    (parse_day_or_time(), rf"{_DAY}|{_TIME}"),
    (parse_last_day(), rf"{_DAY}|{_TIME}"),
    (_in_utc, rf"{_LOCAL}|{_TIME}"),
    (Duration(is_signed=True), _DURATION),
    (parse_clock_error, rf"{_DURATION}|"),
)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("parser", "strict"), _PARSERS)
def test_only_whole_times_and_durations_are_read(parser: Callable[[str], object], strict: str, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(3000):
        text = "".join(dice.choices(_PIECES, k=dice.randrange(6)))
        try:
            parser(text)
        except (click.BadParameter, CellError):
            continue
        assert re.fullmatch(strict, text, re.ASCII), text


@pytest.mark.parametrize("zone", ["Z", "+02:00", "-0530", "+14", ""])
@pytest.mark.parametrize("pattern", ["%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M"])
def test_whole_times_are_read(pattern: str, zone: str) -> None:
    hours = {"Z": 0, "+02:00": 2, "-0530": -5.5, "+14": 14, "": 3}[zone]
    local = datetime(2026, 5, 1, 10, 30)
    text = f"{local:{pattern}}{zone}"
    expected = local.replace(tzinfo=UTC) - timedelta(hours=hours)
    assert parse_start(text, timezone(timedelta(hours=3))) == expected
    assert not zone or parse_utc()(text) == expected


@pytest.mark.parametrize("text", ["2026-05-01+02:00", "2026-05-01-05:00", "2026-05-01x10:00", "2026-05-01  10:00"])
def test_a_date_with_an_offset_is_no_time(text: str) -> None:
    with pytest.raises(CellError, match=r"a day from 1970 on with a time, such as 2026-05-01T10:00:00Z"):
        parse_start(text, UTC)
