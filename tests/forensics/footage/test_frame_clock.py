"""Instants of frames: of stills only where a time is recorded, by that time and not by media time."""

from fractions import Fraction

import numpy as np
import pytest

from forensics.footage.frame_clock import frame_clock
from forensics.footage.pictures import PictureFacts, Timing
from forensics.footage.timeline import PacketIndex, Section

START_US = 1_777_629_600_000_000
EXIF, NONE = Timing.EXIF, Timing.ASSUMED


def index_of(pts_ms: list[int], pictures: PictureFacts | None, *sections: Section) -> PacketIndex:
    is_no = np.zeros(len(pts_ms), dtype=bool)
    pts = np.array(pts_ms, dtype=np.int64)
    return PacketIndex(pts, ~is_no, pts, is_no, Fraction(1, 1000), sections=sections, pictures=pictures)


def facts(*taken_s: float | None) -> PictureFacts:
    taken_us = np.array([round((second or 0) * 1_000_000) for second in taken_s], dtype=np.int64)
    timings = tuple(NONE if second is None else EXIF for second in taken_s)
    return PictureFacts(timings, taken_us, np.zeros((len(taken_s), 2), dtype=np.int32))


def seconds_of(index: PacketIndex, start_us: int | None, section_starts: dict[int, int] | None = None) -> list:
    clock = frame_clock(index, start_us, section_starts or {})
    pairs = zip(clock.us.tolist(), clock.is_known.tolist(), strict=True)
    return [(at - START_US) / 1e6 if is_known else None for at, is_known in pairs]


def test_a_still_without_a_time_has_no_instant() -> None:
    index = index_of([0, 1, 60_000], facts(0, None, 60))
    assert seconds_of(index, START_US) == [0, None, 60]
    assert seconds_of(index, None) == [None, None, None]


def test_the_start_is_that_of_the_first_still_with_a_time() -> None:
    assert seconds_of(index_of([0, 1, 2, 5000], facts(None, None, 0, 5)), START_US) == [None, None, 0, 5]


def test_stills_without_a_time_move_no_instant() -> None:
    index = index_of([0, 1, 2, 3, 4], facts(0, None, None, 0, 0.002))
    assert seconds_of(index, START_US) == [0, None, None, 0, 0.002]


def test_a_later_section_starts_at_its_first_still_with_a_time() -> None:
    index = index_of([0, 9000, 50, 51, 1051], facts(0, 9, None, -8, -7), Section(0, 0), Section(2, 9000))
    assert seconds_of(index, START_US) == [0, 9, None, None, None]
    assert seconds_of(index, START_US, {2: START_US + 100_000_000}) == [0, 9, None, 100, 101]
    assert seconds_of(index, None, {2: START_US}) == [None, None, None, 0, 1]


def test_video_goes_by_media_time() -> None:
    assert seconds_of(index_of([500, 1500], None), START_US) == [0, 1]


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 pictures, taken_us has shape"):
        PictureFacts((EXIF, EXIF), np.zeros(1, dtype=np.int64), np.zeros((2, 2), dtype=np.int32))
