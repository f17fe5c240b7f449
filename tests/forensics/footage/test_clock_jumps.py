"""Sections of recordings whose clock jumps, made by a seeded generator that knows the right answer."""

from dataclasses import dataclass
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from forensics.footage.clock_jumps import find_jumps, order_pictures, place_sections, unwrap
from forensics.footage.frame_clock import frame_clock
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex

TICKS_PER_S = 90_000
SECOND = Fraction(1, TICKS_PER_S)
# Decoding order of four frames with two that are shown before the one stored ahead of them.
REORDERED = (0, 3, 1, 2)


@dataclass(frozen=True)
class Recording:
    """Pictures in the order of the file, with the truth.

    Attributes:
        pts, dts: of each picture, in file order.
        is_key: keyframes.
        shown: picture number of each frame, in the order of the recording.
        starts: number of the first frame of every section.
    """

    pts: Int64Array
    dts: Int64Array
    is_key: BoolArray
    shown: list[int]
    starts: list[int]


def recording(seed: int) -> Recording:
    """Make one to four sections, each with a clock that is behind the one before it."""
    rng = Random(seed)
    step, reorders = rng.choice([1800, 3000, 3600, 7200]), rng.random() < 0.5
    pts, dts, keys, shown, starts = [], [], [], [], []
    clock = rng.randrange(1 << 32)
    for _ in range(rng.randint(1, 4)):
        n_groups = rng.randint(2, 6)
        starts.append(len(pts))
        for number in range(4 * n_groups):
            place = number - number % 4 + (REORDERED[number % 4] if reorders else number % 4)
            pts.append(clock + (place + 2) * step)
            dts.append(clock + number * step)
            keys.append(number % 4 == 0)
        order = sorted(range(starts[-1], len(pts)), key=lambda picture: pts[picture])
        shown += order
        clock -= rng.choice([step * 4 * n_groups, 1, 90 * TICKS_PER_S, 5 * step])
    columns = np.array(pts, dtype=np.int64), np.array(dts, dtype=np.int64), np.array(keys, dtype=bool)
    return Recording(*columns, shown, starts)


@pytest.mark.parametrize("with_dts", [True, False])
@pytest.mark.parametrize("seed", range(60))
def test_a_clock_that_jumps_back_begins_a_section(seed: int, with_dts: bool) -> None:
    made = recording(seed)
    jumps = find_jumps(made.pts, made.dts if with_dts else None, made.is_key, SECOND)
    assert [0, *jumps] == made.starts
    assert order_pictures(made.pts, jumps).tolist() == made.shown


@pytest.mark.parametrize("n_lost", [0, 1, 2])
def test_a_jump_is_found_where_damage_destroyed_the_keyframe_behind_it(n_lost: int) -> None:
    before, after = np.arange(100, 140), np.arange(120, 160)[n_lost:]
    pts = np.concatenate([before, after])
    is_key = np.zeros(len(pts), dtype=bool)
    is_key[[0, 20]] = True  # none behind the joint
    assert find_jumps(pts, None, is_key, Fraction(1)) == [40]


@pytest.mark.parametrize("n_ahead", [1, 8, 16])
def test_a_picture_that_is_shown_late_is_no_jump(n_ahead: int) -> None:
    pts = np.arange(40)
    pts[5 : 5 + n_ahead + 1] = np.roll(pts[5 : 5 + n_ahead + 1], 1)  # stored before pictures that are shown first
    is_key = np.zeros(40, dtype=bool)
    is_key[0] = True
    assert find_jumps(pts, None, is_key, Fraction(1)) == []


@pytest.mark.parametrize("seed", range(60))
def test_media_time_goes_on_in_the_order_of_the_file(seed: int) -> None:
    made = recording(seed)
    pts = made.pts[made.shown]
    sections = place_sections(pts, made.starts[1:], SECOND)
    index = PacketIndex(pts, made.is_key, pts * 0 + 1, np.zeros(len(pts), dtype=bool), SECOND, sections=sections)
    steps = np.diff(index.ticks)
    assert len(set(steps.tolist())) == 1  # every section follows one frame after the one before it
    assert [section.start for section in sections] == (made.starts if len(made.starts) > 1 else [])


@pytest.mark.parametrize("seed", range(20))
def test_a_leap_ahead_that_returns_moves_nothing_behind_it(seed: int) -> None:
    rng = Random(seed)
    times = np.arange(60, dtype=np.int64) * 3600
    first, n_wrong = rng.randrange(5, 40), rng.randint(1, 5)
    leap = times.copy()
    leap[first : first + n_wrong] += rng.choice([60, 3600, 86_400]) * TICKS_PER_S
    jumps = find_jumps(leap, leap, np.ones(60, dtype=bool), SECOND)
    assert jumps == [first, first + n_wrong]
    sections = place_sections(leap, jumps, SECOND)
    index = PacketIndex(leap, leap > 0, leap * 0 + 1, leap < 0, SECOND, sections=sections)
    assert index.ticks.tolist() == times.tolist()


@pytest.mark.parametrize("n_pictures", [1, 2, 30])
@pytest.mark.parametrize("back_s", [2, 10, 86_400])
def test_a_clock_that_is_back_for_some_pictures_and_returns_adds_no_pause(n_pictures: int, back_s: int) -> None:
    times = 1_000_000 * TICKS_PER_S + np.arange(120, dtype=np.int64) * 3600
    stamped = times.copy()
    stamped[40 : 40 + n_pictures] -= back_s * TICKS_PER_S
    jumps = find_jumps(stamped, stamped, np.ones(120, dtype=bool), SECOND)
    assert jumps == [40, 40 + n_pictures]
    sections = place_sections(stamped, jumps, SECOND)
    offsets = np.repeat([section.offset_ticks for section in sections], [40, n_pictures, 80 - n_pictures])
    np.testing.assert_array_equal(stamped + offsets, times)


def test_a_pause_after_a_clock_was_set_back_is_no_return() -> None:
    times = np.arange(300, dtype=np.int64) * 3600 + 1000 * TICKS_PER_S
    times[100:] -= 90 * TICKS_PER_S
    times[150:] += 95 * TICKS_PER_S
    assert find_jumps(times, times, np.ones(300, dtype=bool), SECOND) == [100]


def test_a_recorder_that_pauses_stays_in_its_section() -> None:
    times = np.array([0, 1, 2, 5000, 5001], dtype=np.int64) * TICKS_PER_S
    assert find_jumps(times, times, np.ones(5, dtype=bool), SECOND) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_counter_wraps_only_near_its_end(seed: int) -> None:
    rng = Random(seed)
    true = rng.randrange((1 << 33) - 40 * 3600, (1 << 33)) + np.arange(90, dtype=np.int64) * 3600
    order = [4 * (n // 4) + REORDERED[n % 4] for n in range(88)]
    assert unwrap((true % (1 << 33))[order], 33).tolist() == true[order].tolist()
    set_back = np.concatenate([np.arange(50), np.arange(50)]) * 3600 + rng.randrange(1 << 29, 1 << 32)
    assert unwrap(set_back, 33).tolist() == set_back.tolist()


def test_a_later_section_has_no_instant_until_it_is_stated() -> None:
    pts = np.array([0, 1, 2, 0, 1], dtype=np.int64)
    sections = place_sections(pts, [3], Fraction(1))
    index = PacketIndex(pts, pts >= 0, pts * 0 + 1, pts < 0, Fraction(1), sections=sections)
    unknown = frame_clock(index, 1_000_000, {})
    assert unknown.is_known.tolist() == [True, True, True, False, False]
    assert unknown.us[:3].tolist() == [1_000_000, 2_000_000, 3_000_000]
    stated = frame_clock(index, None, {2: 50_000_000})
    assert stated.is_known.tolist() == [False, False, False, True, True]
    assert stated.us[3:].tolist() == [50_000_000, 51_000_000]


def test_the_table_names_every_jump() -> None:
    pts = np.array([0, 90_000, 0, 90_000, 450_000, 180_000], dtype=np.int64)
    reasons = [section.reason for section in place_sections(pts, [2, 5], SECOND)]
    assert reasons == [
        "",
        "the clock of the file jumps back by 1.000 s",
        "the clock of the file jumps back by 3.000 s",
    ]
