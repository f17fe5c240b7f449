"""Durations of the command line against sums of `datetime.timedelta`."""

from datetime import timedelta

import click
import numpy as np
import pytest

from pipelines.cli.durations import Duration

_UNITS = {"h": "hours", "m": "minutes", "min": "minutes", "s": "seconds", "ms": "milliseconds"}


def test_numbers_with_units_add_up() -> None:
    rng = np.random.default_rng(7)
    for _ in range(500):
        units = rng.choice(list(_UNITS), size=int(rng.integers(1, 4)), replace=False).tolist()
        parts = [(int(rng.integers(0, 500)), unit) for unit in units]
        sign = "-" if rng.random() < 0.5 else ""
        text = sign + (" " if rng.random() < 0.3 else "").join(f"{number}{unit}" for number, unit in parts)
        expected = sum((timedelta(**{_UNITS[unit]: number}) for number, unit in parts), timedelta())
        assert Duration(is_signed=True)(text) == (-1 if sign else 1) * round(expected / timedelta(milliseconds=1)), text


@pytest.mark.parametrize("text", ["", "x", "3x", "1.5", "0.0001s", "--5s", "5 5", "1h30", "9" * 30, "1e3", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration(is_signed=True)(text)


def test_an_error_is_not_negative() -> None:
    assert Duration(is_signed=False)("2s") == 2000
    with pytest.raises(click.BadParameter, match="negative"):
        Duration(is_signed=False)("-2s")
