"""Correction of camera clocks: offset, drift and error."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from forensics.footage.cameras import Camera

EXACT_US = 1_777_629_600_000_000  # 2026-05-01T10:00:00Z, when the offset was exact
DAY_US = 86_400_000_000


def us(*values: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array(values, dtype=np.int64)


def test_the_offset_is_added_to_every_time() -> None:
    assert Camera("gate", offset_ms=-90_000).utc_us(us(0, 90_000_001)).tolist() == [-90_000_000, 1]


@pytest.mark.parametrize(
    ("drift_ppm", "after_us", "shift_us"),
    [
        (100, 0, 0),
        (100, DAY_US, 8_640_000),  # a day later the clock has lost 8.64 s
        (-100, DAY_US, -8_640_000),
        (-100, DAY_US + 1, -8_640_001),  # a part of a microsecond is rounded down
        (100, -2_000_000, -200),  # before that instant, the other way round
        (100, -DAY_US, -8_640_000),
    ],
)
def test_drift_is_counted_from_the_instant_at_which_the_offset_was_exact(
    drift_ppm: int, after_us: int, shift_us: int
) -> None:
    """The instant lies decades from zero, so that a wrong sign gives times that are off by days."""
    camera = Camera("gate", drift_ppm=drift_ppm, drift_from_utc_us=EXACT_US)
    exact = EXACT_US + after_us + Fraction(after_us * drift_ppm, 1_000_000)
    assert camera.utc_us(us(EXACT_US + after_us)).tolist() == [floor(exact)] == [EXACT_US + after_us + shift_us]


def test_offset_and_drift_add_up() -> None:
    camera = Camera("gate", offset_ms=2_000, drift_ppm=100, drift_from_utc_us=EXACT_US)
    assert camera.utc_us(us(EXACT_US, EXACT_US + 10_000_000)).tolist() == [EXACT_US + 2_000_000, EXACT_US + 12_001_000]


def test_drift_is_exact_over_a_century() -> None:
    clock_us = 100 * 366 * DAY_US
    camera = Camera("gate", drift_ppm=999_999, drift_from_utc_us=0)
    assert camera.utc_us(us(clock_us)).tolist() == [clock_us + clock_us * 999_999 // 1_000_000]


def test_an_error_set_for_the_camera_replaces_the_stated_one() -> None:
    assert Camera("gate").clock_error_ms(500) == 500
    assert Camera("gate", error_ms=0).clock_error_ms(500) == 0
    assert Camera("gate").clock_error_ms(None) is None
