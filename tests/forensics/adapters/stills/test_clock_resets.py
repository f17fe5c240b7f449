"""Numbered pictures of a camera whose clock falls back; the truth is the order in which they are numbered."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from forensics.adapters.stills.stills_reader import index_stills
from testing.painted.stills import Tag, brightest, folder_of, frames, milliseconds, set_file_time, stamp, still

SUMMER, FACTORY = datetime(2026, 5, 1, 10), datetime(2010, 1, 1)
DAY = timedelta(days=1)


def series(moments: list[datetime], prefix: str = "IMG_", first: int = 1) -> dict[str, bytes]:
    return {f"{prefix}{first + n:04}.JPG": still(5 * n, {Tag.ORIGINAL: stamp(at)}) for n, at in enumerate(moments)}


def hourly(start: datetime, n_pictures: int) -> list[datetime]:
    return [start + timedelta(hours=n) for n in range(n_pictures)]


def test_a_reset_keeps_the_order_of_the_names(tmp_path: Path) -> None:
    indexed = index_stills(folder_of(tmp_path, series(hourly(SUMMER, 7) + hourly(FACTORY, 5))))
    assert brightest(frames(indexed)) == pytest.approx([5 * n for n in range(12)], abs=2)
    assert [section.start for section in indexed.index.sections] == [0, 7]
    assert "jumps back by 5964 days at IMG_0008.JPG (from 2026-05-01T16:00:00 to 2010-01-01T00:00:00)" in indexed.remark
    assert "5 of 12 pictures, from this one on, follow in the order of their names" in indexed.remark
    assert indexed.index.pts.tolist()[7] == milliseconds(FACTORY) - milliseconds(SUMMER)
    assert (indexed.index.media_us[7:] > indexed.index.media_us[6]).all()
    assert indexed.shortfall == ""


def test_a_clock_that_returns_has_its_own_time_again(tmp_path: Path) -> None:
    moments = [*hourly(SUMMER, 5), *hourly(FACTORY, 4), *hourly(SUMMER + DAY, 11)]
    indexed = index_stills(folder_of(tmp_path, series(moments)))
    assert indexed.picture_names == tuple(f"IMG_{n:04}.JPG" for n in range(1, 21))
    assert [section.start for section in indexed.index.sections] == [0, 5, 9]
    assert indexed.index.media_us[9] == 86_400_000_000


def test_equal_stamps_of_two_sections_are_two_addresses(tmp_path: Path) -> None:
    moments = [*hourly(SUMMER, 2), *hourly(SUMMER - 800 * DAY, 2), *hourly(SUMMER - 800 * DAY + DAY * 800, 7)]
    indexed = index_stills(folder_of(tmp_path, series(moments)))
    assert len(indexed.index.sections) > 1
    assert not indexed.index.is_ambiguous.any()


@pytest.mark.parametrize("seed", range(40))
def test_random_resets(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    clock, moments, resets = SUMMER, list[datetime](), list[int]()
    for number in range(chance.randint(2, 50)):
        if number and len(resets) < max(1, number // 25) and chance.random() < 0.15:
            clock -= timedelta(days=chance.randint(366, 9000))
            resets.append(number)
        moments.append(clock)
        clock += timedelta(seconds=chance.choice([0, 1, 30, 600, 40_000]))
    indexed = index_stills(folder_of(tmp_path, series(moments, chance.choice(["IMG_", "DCIM/100MEDIA/", "cam-7 "]))))
    assert brightest(frames(indexed)) == pytest.approx([min(5 * n, 255) for n in range(len(moments))], abs=2), seed
    if not resets:
        assert (indexed.index.sections, indexed.remark) == ((), ""), seed
        return
    assert [section.start for section in indexed.index.sections] == [0, *resets], seed
    assert indexed.remark.count("the camera was probably reset") == len(resets), seed
    for start, stop in zip([0, *resets], [*resets, len(moments)], strict=True):
        stated = [milliseconds(at) - milliseconds(moments[start]) for at in moments[start:stop]]
        found = (indexed.index.pts[start:stop] - indexed.index.pts[start]).tolist()
        assert all(0 <= a - b < len(moments) for a, b in zip(found, stated, strict=True)), seed


@pytest.mark.parametrize("days", [2, 40, 360])
def test_a_smaller_fall_is_only_reported(tmp_path: Path, days: int) -> None:
    indexed = index_stills(folder_of(tmp_path, series(hourly(SUMMER, 4) + hourly(SUMMER - days * DAY, 3))))
    assert [name[4:8] for name in indexed.picture_names] == ["0005", "0006", "0007", "0001", "0002", "0003", "0004"]
    assert "at IMG_0005.JPG (from 2026-05-01T13:00:00" in indexed.remark
    assert "the pictures are in the order of their times" in indexed.remark
    assert len(indexed.index.sections) == 0


def test_a_counter_that_starts_anew_is_no_fall(tmp_path: Path) -> None:
    moments = [SUMMER + n * 20 * DAY for n in range(30)]
    pictures = series(moments[:10], first=9990) | {
        f"IMG_{n + 1:04}.JPG": still(5 * (n + 10), {Tag.ORIGINAL: stamp(at)}) for n, at in enumerate(moments[10:])
    }
    indexed = index_stills(folder_of(tmp_path, pictures))
    assert brightest(frames(indexed)) == pytest.approx([5 * n for n in range(30)], abs=2)
    assert (indexed.index.sections, indexed.remark) == ((), "")


def test_shuffled_numbers_show_no_order(tmp_path: Path) -> None:
    moments = [SUMMER + 400 * n * DAY for n in range(12)]
    random.Random(3).shuffle(moments)
    indexed = index_stills(folder_of(tmp_path, series(moments)))
    assert indexed.index.pts.tolist() == [400 * 86_400_000 * n for n in range(12)]
    assert len(indexed.index.sections) == 0
    assert "such places in name order" in indexed.remark


def test_names_of_other_pictures_show_no_order(tmp_path: Path) -> None:
    pictures = {
        "old/1.jpg": still(1, {Tag.ORIGINAL: stamp(SUMMER)}),
        "scan/2.jpg": still(9, {Tag.ORIGINAL: stamp(FACTORY)}),
    }
    indexed = index_stills(folder_of(tmp_path, pictures))
    assert indexed.picture_names == ("scan/2.jpg", "old/1.jpg")
    assert indexed.remark == ""


def test_a_clock_that_is_set_forwards_is_reported(tmp_path: Path) -> None:
    indexed = index_stills(folder_of(tmp_path, series(hourly(FACTORY, 3) + hourly(SUMMER, 4))))
    assert "jumps ahead by 5964 days at IMG_0004.JPG" in indexed.remark
    assert "the times of the 3 pictures before it are wrong" in indexed.remark
    assert len(indexed.index.sections) == 0


def test_a_fall_outside_of_the_series_shows_that_names_are_no_order(tmp_path: Path) -> None:
    pictures = series(hourly(SUMMER, 4) + hourly(FACTORY, 4))
    scan = {"scan.jpg": still(200, {Tag.ORIGINAL: stamp(FACTORY - 3000 * DAY)})}
    indexed = index_stills(folder_of(tmp_path, pictures | scan))
    assert [name[:8] for name in indexed.picture_names[:2]] == ["scan.jpg", "IMG_0005"]
    assert "at IMG_0005.JPG" in indexed.remark
    assert "the pictures are in the order of their times" in indexed.remark


def test_names_with_a_time_are_no_counter(tmp_path: Path) -> None:
    moments = {f"{at:%Y-%m-%d %I-%M-%S %p}.jpg": at for at in (datetime(2026, 5, 1, 12, 30), datetime(2026, 5, 1, 13))}
    indexed = index_stills(
        folder_of(tmp_path, {name: still(9, {Tag.ORIGINAL: stamp(at)}) for name, at in moments.items()})
    )
    assert indexed.picture_names == tuple(moments)
    assert indexed.remark == ""


def test_file_times_are_no_clock_of_a_camera(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {f"IMG_{n:04}.JPG": still(5 * n) for n in range(6)})
    for number, file in enumerate(sorted(folder.iterdir(), reverse=True)):
        set_file_time(file, milliseconds(FACTORY + 400 * number * DAY))
    indexed = index_stills(folder)
    assert indexed.picture_names[0] == "IMG_0005.JPG"
    assert (indexed.index.sections, indexed.remark) == ((), "")
