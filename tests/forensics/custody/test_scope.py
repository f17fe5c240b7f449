"""Frames that a mandate allows: those whose whole clock error interval is within its cameras and its time span."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forensics.custody.mandate import Mandate, Mode
from forensics.custody.scope import compute_scope
from forensics.footage.cameras import Camera
from forensics.footage.frame_clock import FrameClock

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOON_US = 1_777_636_800_000_000
HOUR_US = 3_600_000_000
TWO_HOURS = Mandate(
    Mode.SEARCH,
    title="t",
    purpose="p",
    operator="o",
    cameras=("gate",),
    from_utc=NOON,
    to_utc=NOON + timedelta(hours=2),
)


def minutes(*values: float) -> np.ndarray:
    return np.array([round(value * 60_000_000) for value in values], dtype=np.int64)


def clock_at(start_us: int | None, media_us: np.ndarray) -> FrameClock:
    """Return the clock of a recording of one section."""
    return FrameClock(media_us + (start_us or 0), np.full(len(media_us), start_us is not None))


@pytest.mark.parametrize(
    ("start_minute", "error_ms", "inside"),
    [
        (0, 0, (0, 4)),  # 12:00, 12:30, 13:00, 13:30 of 12:00 to 14:00
        (-30, 0, (1, 4)),
        (-30, 1, (2, 4)),  # with an error of 1 ms the frame at 12:00:00 may lie before
        (60, 0, (0, 2)),  # 14:00 itself is outside
        (60, 60_000, (0, 2)),
        (89, 60_001, (0, 1)),  # 13:29 +- 60.001 s is inside, 13:59 is not
        (120, 0, (0, 0)),
        (-500, 0, (4, 4)),
        (0, 3_599_999, (2, 3)),  # 13:00 +- just under an hour
        (0, 3_600_000, (2, 2)),  # 13:00 + 1 h is 14:00, which is outside
    ],
)
def test_a_frame_is_inside_with_its_whole_error_interval(
    start_minute: int, error_ms: int, inside: tuple[int, int]
) -> None:
    start = NOON_US + start_minute * 60_000_000
    scope = compute_scope(TWO_HOURS, Camera("gate"), clock_at(start, minutes(0, 30, 60, 90)), clock_error_ms=error_ms)
    assert (scope.start, scope.stop) == inside
    assert scope.reason == ("" if inside == (0, 4) else "scope")


@pytest.mark.parametrize(
    ("limits", "inside", "words"),
    [
        ({"from_utc": NOON + timedelta(minutes=30), "to_utc": None}, (1, 4), "2026-05-01T12:30:00Z and any time"),
        ({"from_utc": None, "to_utc": NOON + timedelta(minutes=30)}, (0, 1), "any time and 2026-05-01T12:30:00Z"),
        ({"from_utc": NOON + timedelta(days=1), "to_utc": None}, (4, 4), "any time"),
        ({"from_utc": None, "to_utc": NOON - timedelta(days=1)}, (0, 0), "any time"),
        ({"from_utc": NOON, "to_utc": None}, (0, 4), ""),
        ({"from_utc": None, "to_utc": NOON + timedelta(hours=2)}, (0, 4), ""),
    ],
)
def test_a_mandate_with_one_bound_limits_that_side_only(
    limits: dict[str, datetime | None], inside: tuple[int, int], words: str
) -> None:
    mandate = replace(TWO_HOURS, **limits)
    scope = compute_scope(mandate, Camera("gate"), clock_at(NOON_US, minutes(0, 30, 60, 90)), clock_error_ms=0)
    assert (scope.start, scope.stop) == inside
    assert scope.reason == ("scope" if words else "")
    assert words in scope.detail


@pytest.mark.parametrize("bound", ["from_utc", "to_utc"])
def test_one_bound_is_enough_to_need_a_clock(bound: str) -> None:
    mandate = replace(TWO_HOURS, **{bound: None})
    scope = compute_scope(mandate, Camera("gate"), clock_at(None, minutes(0, 30)), clock_error_ms=None)
    assert (scope.start, scope.stop, scope.reason) == (0, 0, "scope_unknown")


def test_without_a_time_span_no_clock_is_needed() -> None:
    mandate = replace(TWO_HOURS, from_utc=None, to_utc=None)
    scope = compute_scope(mandate, Camera("gate"), clock_at(None, minutes(0, 30)), clock_error_ms=None)
    assert (scope.start, scope.stop, scope.reason) == (0, 2, "")


@pytest.mark.parametrize(
    ("camera", "start", "error", "reason"),
    [("hall", NOON_US, 0, "scope"), ("gate", None, 0, "scope_unknown"), ("gate", NOON_US, None, "scope_unknown")],
)
def test_another_camera_and_an_unknown_clock_are_outside(
    camera: str, start: int | None, error: int | None, reason: str
) -> None:
    scope = compute_scope(TWO_HOURS, Camera(camera), clock_at(start, minutes(0, 30)), clock_error_ms=error)
    assert (scope.start, scope.stop, scope.reason) == (0, 0, reason)


def test_a_corrected_clock_counts() -> None:
    late = Camera("gate", offset_ms=-7_200_000, error_ms=0)
    scope = compute_scope(TWO_HOURS, late, clock_at(NOON_US + 2 * HOUR_US, minutes(0, 30)), clock_error_ms=None)
    assert (scope.start, scope.stop, scope.reason) == (0, 2, "")


def test_frames_of_a_section_that_nobody_dated_are_outside() -> None:
    clock = FrameClock(NOON_US + minutes(0, 30, 60, 90), np.array([True, True, False, False]))
    scope = compute_scope(TWO_HOURS, Camera("gate"), clock, clock_error_ms=0)
    assert (scope.start, scope.stop, scope.reason) == (0, 2, "scope")
    assert "the time of 2 frames is unknown" in scope.detail


def test_stills_without_a_time_are_outside_and_divide_no_range() -> None:
    clock = FrameClock(NOON_US + minutes(-60, 0, 0, 30, 60, 240, 0), np.array([1, 0, 1, 0, 1, 1, 0], dtype=bool))
    scope = compute_scope(TWO_HOURS, Camera("gate"), clock, clock_error_ms=0)
    assert (scope.start, scope.stop, scope.unknown, scope.n_frames) == (2, 5, (3,), 2)
    assert scope.contains(np.arange(7)).tolist() == [False, False, True, False, True, False, False]
    assert scope.select(np.array([1, 2, 3, 4])).tolist() == [2, 4]
    assert "the time of 3 frames is unknown" in scope.detail


def test_of_several_ranges_inside_the_longest_is_taken() -> None:
    clock = FrameClock(NOON_US + minutes(0, 180, 30, 60, 240, 90), np.ones(6, dtype=bool))
    scope = compute_scope(TWO_HOURS, Camera("gate"), clock, clock_error_ms=0)
    assert (scope.start, scope.stop, scope.reason) == (2, 4, "scope")
