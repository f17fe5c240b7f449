"""Times of MPEG pictures against their display order, for recordings whose true times are known."""

from fractions import Fraction

import pytest

from forensics.adapters.video.bitstreams.mpeg_order import PictureOrder, find_contradictions

FRAME_TICKS, N_PICTURES = 3600, 5
SECOND, RATE = Fraction(1, 90_000), Fraction(25)


def shifted_pts(shifts: list[list[int]]) -> tuple[list[PictureOrder], list[int]]:
    """Return display order and pts of groups of five pictures; each pts is moved by so many frames."""
    orders = [PictureOrder(place == 0, place) for _ in shifts for place in range(N_PICTURES)]
    moved = [shift for group in shifts for shift in group]
    return orders, [(number + shift) * FRAME_TICKS for number, shift in enumerate(moved)]


def mistimed_groups(shifts: list[list[int]]) -> set[int]:
    orders, pts = shifted_pts(shifts)
    found = find_contradictions(orders, pts, SECOND, RATE)
    assert not found.incomplete
    return {number // N_PICTURES for number in found.mistimed}


RIGHT, LATE, LATER, SPLIT = [0] * 5, [1] * 5, [3] * 5, [0, 0, 0, 1, 1]


def test_groups_that_are_late_behind_a_contradiction_are_wrong_until_the_times_return() -> None:
    assert mistimed_groups([RIGHT, SPLIT, LATE, LATE, RIGHT, RIGHT]) == {1, 2, 3}
    assert mistimed_groups([RIGHT, SPLIT, LATE, SPLIT, LATE, RIGHT]) == {1, 2, 3, 4}


def test_groups_that_are_late_up_to_the_end_of_the_file_are_wrong() -> None:
    assert mistimed_groups([RIGHT, RIGHT, SPLIT, LATE, LATE]) == {2, 3, 4}


@pytest.mark.parametrize("pause", [LATE, LATER])
def test_a_pause_of_the_recorder_is_believed(pause: list[int]) -> None:
    assert mistimed_groups([RIGHT, RIGHT, pause, pause, pause]) == set()


def test_a_long_shift_and_one_of_many_frames_are_believed() -> None:
    assert mistimed_groups([RIGHT, SPLIT, *[LATE] * 9]) == {1}
    assert mistimed_groups([RIGHT, SPLIT, LATER, LATER]) == {1}


def test_a_group_that_lacks_a_picture_is_incomplete() -> None:
    orders, pts = shifted_pts([RIGHT, SPLIT, RIGHT])
    del orders[6], pts[6]
    found = find_contradictions(orders, pts, SECOND, RATE)
    assert (found.mistimed, found.incomplete) == ((), (5, 6, 7, 8))


def test_stated_times_that_increase_are_right_also_if_frames_were_dropped() -> None:
    orders, pts = shifted_pts([RIGHT, SPLIT, LATE, [1, 1, 3, 3, 3]])
    assert find_contradictions(orders, pts, SECOND, RATE, are_stated=True).mistimed == ()
    pts[6], pts[7] = pts[7], pts[6]
    assert find_contradictions(orders, pts, SECOND, RATE, are_stated=True).mistimed == (5, 6, 7, 8, 9)
