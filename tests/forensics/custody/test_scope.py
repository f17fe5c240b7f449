"""Frames that a mandate allows: those whose whole clock error interval is within its cameras and its time span."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest

from forensics.custody.mandate import Mandate, Mode
from forensics.custody.scope import compute_scope
from forensics.footage.cameras import Camera
from forensics.footage.chunks import Chunk
from forensics.footage.frame_clock import FrameClock
from forensics.tables.parts import DetectRows

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
    assert scope.ranges == (inside,)
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
    assert scope.ranges == (inside,)
    assert scope.reason == ("scope" if words else "")
    assert words in scope.detail


@pytest.mark.parametrize("bound", ["from_utc", "to_utc"])
def test_one_bound_is_enough_to_need_a_clock(bound: str) -> None:
    mandate = replace(TWO_HOURS, **{bound: None})
    scope = compute_scope(mandate, Camera("gate"), clock_at(None, minutes(0, 30)), clock_error_ms=None)
    assert (scope.ranges, scope.reason) == (((0, 0),), "scope_unknown")


def test_without_a_time_span_no_clock_is_needed() -> None:
    mandate = replace(TWO_HOURS, from_utc=None, to_utc=None)
    scope = compute_scope(mandate, Camera("gate"), clock_at(None, minutes(0, 30)), clock_error_ms=None)
    assert (scope.ranges, scope.reason) == (((0, 2),), "")


@pytest.mark.parametrize(
    ("camera", "start", "error", "reason"),
    [("hall", NOON_US, 0, "scope"), ("gate", None, 0, "scope_unknown"), ("gate", NOON_US, None, "scope_unknown")],
)
def test_another_camera_and_an_unknown_clock_are_outside(
    camera: str, start: int | None, error: int | None, reason: str
) -> None:
    scope = compute_scope(TWO_HOURS, Camera(camera), clock_at(start, minutes(0, 30)), clock_error_ms=error)
    assert (scope.ranges, scope.reason) == (((0, 0),), reason)


def test_a_corrected_clock_counts() -> None:
    late = Camera("gate", offset_ms=-7_200_000, error_ms=0)
    scope = compute_scope(TWO_HOURS, late, clock_at(NOON_US + 2 * HOUR_US, minutes(0, 30)), clock_error_ms=None)
    assert (scope.ranges, scope.reason) == (((0, 2),), "")


def test_frames_of_a_section_that_nobody_dated_are_out_of_scope_as_unknown() -> None:
    clock = FrameClock(NOON_US + minutes(0, 30, 60, 90, 120), np.array([True, False, False, True, True]))
    scope = compute_scope(TWO_HOURS, Camera("gate"), clock, clock_error_ms=0)
    assert (scope.ranges, scope.undated, scope.reason) == (((0, 1), (3, 4)), ((1, 3),), "scope")
    assert scope.count_outside(5) == {"scope_unknown": 2, "scope": 1}
    inside = compute_scope(replace(TWO_HOURS, to_utc=None), Camera("gate"), clock, clock_error_ms=0)
    assert (inside.ranges, inside.undated, inside.reason) == (((0, 1), (3, 5)), ((1, 3),), "")


def test_stills_without_a_time_are_out_of_scope_as_unknown() -> None:
    clock = FrameClock(NOON_US + minutes(-60, 0, 0, 30, 60, 240, 0), np.array([1, 0, 1, 0, 1, 1, 0], dtype=bool))
    scope = compute_scope(TWO_HOURS, Camera("gate"), clock, clock_error_ms=0)
    assert (scope.ranges, scope.undated) == (((2, 3), (4, 5)), ((1, 2), (3, 4), (6, 7)))
    assert scope.contains(np.arange(7)).tolist() == [False, False, True, False, True, False, False]
    assert scope.select(np.array([4, 3, 2, 1])).tolist() == [4, 2]
    assert scope.count_outside(7) == {"scope_unknown": 3, "scope": 2}


def test_every_section_inside_is_in_scope() -> None:
    clock = FrameClock(NOON_US + minutes(0, 180, 30, 60, 240, 90), np.ones(6, dtype=bool))
    scope = compute_scope(TWO_HOURS, Camera("gate"), clock, clock_error_ms=0)
    assert (scope.ranges, scope.reason) == (((0, 1), (2, 4), (5, 6)), "scope")


@dataclass(frozen=True)
class Recording:
    """A random recording of several sections, and what is stated of its clock."""

    clock: FrameClock
    camera: Camera
    error_ms: int | None
    mandate: Mandate

    def reason_of(self, frame: int) -> str:
        """Return why a frame is out of scope by the rules of docs/tables.md; empty if it is in scope."""
        if self.mandate.cameras and self.camera.camera_id not in self.mandate.cameras:
            return "scope"
        span = [at and round(at.timestamp() * 1_000_000) for at in (self.mandate.from_utc, self.mandate.to_utc)]
        if span == [None, None]:
            return ""
        error_ms = self.error_ms if self.camera.error_ms is None else self.camera.error_ms
        if error_ms is None or not self.clock.is_known[frame]:
            return "scope_unknown"
        at_us = int(self.clock.us[frame]) + self.camera.offset_ms * 1000
        is_early = span[0] is not None and at_us - error_ms * 1000 < span[0]
        is_late = span[1] is not None and at_us + error_ms * 1000 >= span[1]
        return "scope" if is_early or is_late else ""


def make_recording(rng: Random) -> Recording:
    us, is_known = [], []
    for _ in range(rng.randint(1, 5)):
        n_frames, began = rng.randint(1, 6), NOON_US + rng.randint(-90, 210) * 60_000_000
        us += [began + n * rng.choice((0, 1, 40_000, 30 * 60_000_000)) for n in range(n_frames)]
        is_known += [rng.random() < 0.8] * n_frames
    mandate = replace(
        TWO_HOURS,
        cameras=rng.choice((("gate",), ("gate", "hall"), ("hall",), ())),
        from_utc=rng.choice((NOON, NOON, None)),
        to_utc=rng.choice((NOON + timedelta(hours=2), NOON + timedelta(minutes=30), None)),
    )
    camera = Camera("gate", rng.choice((0, -3_600_000, 1)), rng.choice((None, None, 0, 1_800_000)))
    clock = FrameClock(np.array(us), np.array(is_known))
    return Recording(clock, camera, rng.choice((None, 0, 0, 1, 60_000, 3_600_000)), mandate)


@pytest.mark.parametrize("seed", range(8))
def test_the_scope_of_random_recordings_is_that_of_each_of_their_frames(seed: int) -> None:
    rng = Random(seed)
    for _ in range(150):
        check_frame_by_frame(make_recording(rng), rng)


def check_frame_by_frame(made: Recording, rng: Random) -> None:
    """Compare the scope of a recording with the reason of each of its frames."""
    scope = compute_scope(made.mandate, made.camera, made.clock, clock_error_ms=made.error_ms)
    n_frames = len(made.clock.us)
    reasons = [made.reason_of(frame) for frame in range(n_frames)]
    frames = np.arange(n_frames)
    inside = [frame for frame in range(n_frames) if not reasons[frame]]
    assert scope.select(frames).tolist() == inside
    assert scope.n_inside == len(inside)
    assert scope.count_outside(n_frames) == Counter(reason for reason in reasons if reason)
    found = [""] * n_frames
    for is_excluded, reason, detail in scope.exclusions(frames):
        for frame in np.flatnonzero(is_excluded).tolist():
            assert (found[frame], bool(detail)) == ("", True), "one reason, and its detail"
            found[frame] = reason
    assert found == reasons
    for _ in range(10):
        start, stop = sorted(rng.sample(range(n_frames + 1), 2))
        assert scope.has_any_of(start, stop) == (not all(reasons[start:stop]))
        rows = DetectRows(Chunk("e", start, stop), scope).table()
        assert rows["reason"].to_pylist() == [reason or "sampled" for reason in reasons[start:stop]]
