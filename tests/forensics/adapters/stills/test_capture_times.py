"""Capture times of folders in which pictures state different times; the truth is written into the pictures."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from forensics.adapters.stills.stills_reader import index_stills
from forensics.footage.evidence import Timing
from testing.painted.stills import Tag, brightest, folder_of, frames, milliseconds, set_file_time, stamp, still, zip_of

NOON = datetime(2026, 5, 1, 12)
MINUTE = timedelta(minutes=1)
LATER_COPY_MS = 1_790_000_000_000


def numbered(*tags: dict[int, str]) -> dict[str, bytes]:
    return {f"IMG_{number:04}.JPG": still(10 * number, each) for number, each in enumerate(tags)}


def minutes(pts_ms: list[int]) -> list[float]:
    return [at / 60_000 for at in pts_ms]


# --- offsets from UTC


@pytest.mark.parametrize("tag", [Tag.OFFSET_ORIGINAL, Tag.OFFSET, Tag.OFFSET_DIGITIZED])
def test_the_night_in_which_clocks_are_set_back(tmp_path: Path, tag: int) -> None:
    walls = [("02:30", 2), ("02:40", 2), ("02:50", 2), ("02:05", 1), ("02:15", 1), ("02:25", 1)]
    tags = [{Tag.ORIGINAL: f"2026:10:25 {wall}:00", tag: f"+0{hours}:00"} for wall, hours in walls]
    indexed = index_stills(folder_of(tmp_path, numbered(*tags)))
    assert indexed.picture_names == tuple(f"IMG_{number:04}.JPG" for number in range(6))
    assert minutes(indexed.index.pts.tolist()) == [0, 10, 20, 35, 45, 55]
    assert "first picture 2026-10-25T00:30:00 UTC, by the offsets in EXIF" in indexed.reader_reason
    assert indexed.remark == ""


def test_without_offsets_a_clock_that_is_set_back_is_reported(tmp_path: Path) -> None:
    tags = [{Tag.ORIGINAL: f"2026:10:25 02:{minute}:00"} for minute in (30, 40, 50, 15, 25)]
    indexed = index_stills(folder_of(tmp_path, numbered(*tags)))
    assert minutes(indexed.index.pts.tolist()) == [0, 10, 15, 25, 35]
    assert (
        "jumps back by 35 minutes at IMG_0003.JPG (from 2026-10-25T02:50:00 to 2026-10-25T02:15:00)" in indexed.remark
    )


@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_a_missing_offset_is_that_of_a_neighbour(tmp_path: Path, missing: int) -> None:
    walls = [("02:30", 2), ("02:40", 2), ("02:50", 2), ("02:05", 1), ("02:15", 1), ("02:25", 1)]
    tags = [{Tag.ORIGINAL: f"2026:10:25 {wall}:00", Tag.OFFSET_ORIGINAL: f"+0{hours}:00"} for wall, hours in walls]
    del tags[missing][Tag.OFFSET_ORIGINAL]
    indexed = index_stills(folder_of(tmp_path, numbered(*tags)))
    assert minutes(indexed.index.pts.tolist()) == [0, 10, 20, 35, 45, 55]
    assert "1 of 6 pictures state no offset from UTC and take that of their neighbours" in indexed.remark
    assert f"the first is IMG_000{missing}.JPG" in indexed.remark


def test_the_offset_of_a_later_change_is_not_that_of_the_picture(tmp_path: Path) -> None:
    changed = {Tag.ORIGINAL: "2026:05:01 12:10:00", Tag.CHANGED: "2026:12:01 09:00:00", Tag.OFFSET: "+01:00"}
    whole = {Tag.ORIGINAL: "2026:05:01 12:00:00", Tag.OFFSET_ORIGINAL: "+02:00"}
    indexed = index_stills(folder_of(tmp_path, numbered(whole, changed)))
    assert minutes(indexed.index.pts.tolist()) == [0, 10]
    assert "1 of 2 pictures state no offset from UTC" in indexed.remark


@pytest.mark.parametrize(("text", "hours"), [("-03:30", -3.5), ("+05:45", 5.75), ("Z", 0), ("+0900", 9)])
def test_every_offset_is_subtracted(tmp_path: Path, text: str, hours: float) -> None:
    indexed = index_stills(folder_of(tmp_path, numbered({Tag.ORIGINAL: stamp(NOON), Tag.OFFSET_ORIGINAL: text})))
    instant = NOON - timedelta(hours=hours)
    assert f"first picture {instant.isoformat()} UTC" in indexed.reader_reason


@pytest.mark.parametrize("text", ["   :  ", "+15:00", "east", ""])
def test_what_is_no_offset_is_none(tmp_path: Path, text: str) -> None:
    indexed = index_stills(folder_of(tmp_path, numbered({Tag.ORIGINAL: stamp(NOON), Tag.OFFSET_ORIGINAL: text})))
    assert "no time zone" in indexed.reader_reason


# --- a picture without the time of the others


def test_one_picture_without_exif_leaves_the_exif_of_the_others(tmp_path: Path) -> None:
    tags = [{Tag.ORIGINAL: stamp(NOON + number * MINUTE)} for number in range(20)]
    folder = folder_of(tmp_path, {**numbered(*tags), "IMG_0007.png": still(255, kind="PNG")})
    for number, file in enumerate(sorted(folder.iterdir(), reverse=True)):
        set_file_time(file, LATER_COPY_MS + 1000 * number)
    indexed = index_stills(folder)
    assert indexed.medium.timing is Timing.EXIF
    pts = indexed.index.pts.tolist()
    assert minutes(pts[:8] + pts[9:]) == list(range(20))
    assert (indexed.picture_names[8], pts[8]) == ("IMG_0007.png", 7 * 60_000 + 1)
    assert "times of 21 pictures: 20 from EXIF, 1 beside a neighbour in name order" in indexed.reader_reason
    assert "1 of 21 pictures have no time by the clock of EXIF" in indexed.remark
    assert "the first is IMG_0007.png (file time 2026-09-21T" in indexed.remark
    assert indexed.shortfall == ""


@pytest.mark.parametrize(("zone", "expected_ms"), [(timedelta(0), 270_000), (timedelta(hours=-2), 269_000)])
def test_a_file_time_counts_if_file_times_show_the_clock_of_exif(
    tmp_path: Path, zone: timedelta, expected_ms: int
) -> None:
    tags = [{Tag.ORIGINAL: stamp(NOON + number * MINUTE)} for number in range(10)]
    folder = folder_of(tmp_path, {**numbered(*tags), "site.png": still(255, kind="PNG")})
    for number in range(10):
        set_file_time(folder / f"IMG_{number:04}.JPG", milliseconds(NOON + number * MINUTE + zone) + 1000)
    set_file_time(folder / "site.png", milliseconds(NOON + 4.5 * MINUTE + zone))
    indexed = index_stills(folder)
    assert indexed.picture_names[5] == "site.png"
    assert indexed.index.pts[5] == expected_ms
    assert "1 of 11 pictures have no time from EXIF: file times used" in indexed.remark
    assert "as the 10 pictures that have both show" in indexed.remark
    assert "10 from EXIF, 1 from file times" in indexed.reader_reason


def test_files_that_were_copied_in_one_second_show_nothing(tmp_path: Path) -> None:
    tags = [{Tag.ORIGINAL: stamp(NOON + timedelta(seconds=number))} for number in range(10)]
    folder = folder_of(tmp_path, {**numbered(*tags), "site.png": still(255, kind="PNG")})
    for file in folder.iterdir():
        set_file_time(file, milliseconds(NOON))
    assert "placed beside their neighbours" in index_stills(folder).remark


def test_the_time_in_a_name_stands_in_for_exif(tmp_path: Path) -> None:
    tags = [{Tag.ORIGINAL: stamp(NOON + number * MINUTE)} for number in range(4)]
    indexed = index_stills(folder_of(tmp_path, {**numbered(*tags), "A 2026-05-01 at 12.01.30 PM.png": still(255)}))
    assert minutes(indexed.index.pts.tolist()) == [0, 1, 1.5, 2, 3]
    assert "file names used, assumed to show the same clock" in indexed.remark


def test_names_that_contradict_exif_time_nothing(tmp_path: Path) -> None:
    pictures = {f"2020010{n}_10000{n}.jpg": still(0, {Tag.ORIGINAL: stamp(NOON + n**2 * MINUTE)}) for n in range(1, 6)}
    indexed = index_stills(folder_of(tmp_path, {**pictures, "20200109_100000.jpg": still(255)}))
    assert indexed.picture_names[-1] == "20200109_100000.jpg"
    assert indexed.index.pts[-1] == indexed.index.pts[-2] + 1
    assert "(calendar time in the name 2020-01-09T10:00:00 not used)" in indexed.remark


def test_names_of_another_day_are_no_time_zone(tmp_path: Path) -> None:
    pictures = {
        f"20260503_12000{n}.jpg": still(0, {Tag.ORIGINAL: stamp(NOON + timedelta(seconds=n))}) for n in range(5)
    }
    indexed = index_stills(folder_of(tmp_path, {**pictures, "20260503_120009.jpg": still(255)}))
    assert indexed.index.pts.tolist() == [0, 1000, 2000, 3000, 4000, 4001]


@pytest.mark.parametrize("has_offset", [True, False])
def test_an_epoch_is_the_clock_of_exif_only_in_utc(tmp_path: Path, has_offset: bool) -> None:
    zone = {Tag.OFFSET_ORIGINAL: "+02:00"} if has_offset else {}
    tags = [{Tag.ORIGINAL: stamp(NOON + number * MINUTE), **zone} for number in range(4)]
    epoch = milliseconds(NOON - timedelta(hours=2) + 1.5 * MINUTE)
    indexed = index_stills(folder_of(tmp_path, {**numbered(*tags), f"z{epoch}.jpg": still(255)}))
    expected = [0, 60_000, 90_000, 120_000, 180_000] if has_offset else [0, 60_000, 120_000, 180_000, 180_001]
    assert indexed.index.pts.tolist() == expected
    assert ("assumed to show the same clock" if has_offset else "beside their neighbours") in indexed.remark


def test_a_neighbour_is_in_the_same_folder(tmp_path: Path) -> None:
    pictures = {"a/1.jpg": still(10, {Tag.ORIGINAL: stamp(NOON)}), "b/0.jpg": still(255)}
    pictures |= {f"b/{n}.jpg": still(20, {Tag.ORIGINAL: stamp(NOON + n * MINUTE)}) for n in (5, 6)}
    assert index_stills(folder_of(tmp_path, pictures)).index.pts.tolist() == [0, 300_000, 300_001, 360_000]


def test_most_pictures_choose_the_clock(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, numbered(*[{}] * 5, {Tag.ORIGINAL: stamp(NOON)}))
    for number, file in enumerate(sorted(folder.iterdir())):
        set_file_time(file, LATER_COPY_MS + 60_000 * number)
    indexed = index_stills(folder)
    assert indexed.medium.timing is Timing.FILE_TIME
    assert minutes(indexed.index.pts.tolist()) == [0, 1, 2, 3, 4, 5]
    assert "1 of 6 pictures have an EXIF time that is not used, because most have none" in indexed.remark


def test_unreadable_pictures_do_not_choose_the_clock(tmp_path: Path) -> None:
    indexed = index_stills(
        folder_of(tmp_path, {**numbered({Tag.ORIGINAL: stamp(NOON)}), "a.jpg": b"", "b.jpg": b"junk"})
    )
    assert indexed.medium.timing is Timing.EXIF
    assert indexed.remark == ""
    assert indexed.shortfall.startswith("2 of 3 pictures cannot be read")


# --- the fields of EXIF


@pytest.mark.parametrize(("tag", "words"), [(Tag.CHANGED, "EXIF DateTime"), (Tag.DIGITIZED, "EXIF DateTimeDigitized")])
def test_any_field_alone_is_used(tmp_path: Path, tag: int, words: str) -> None:
    pictures = {f"{9 - n}.jpg": still(50 * n, {tag: stamp(NOON + n * MINUTE), Tag.SUBSECOND: "5"}) for n in range(3)}
    indexed = index_stills(folder_of(tmp_path, pictures))
    assert indexed.medium.timing is Timing.EXIF
    assert indexed.picture_names == ("9.jpg", "8.jpg", "7.jpg")
    assert minutes(indexed.index.pts.tolist()) == [0, 1, 2]
    assert indexed.reader_reason.startswith(f"times from {words}, first picture 2026-05-01T12:00:00")
    assert ("12:00:00.500" in indexed.reader_reason) is (tag == Tag.CHANGED)


def test_fields_are_tried_in_their_order(tmp_path: Path) -> None:
    later, last = stamp(NOON + timedelta(days=1)), stamp(NOON + timedelta(days=2))
    tags = [
        {Tag.ORIGINAL: stamp(NOON), Tag.DIGITIZED: later, Tag.CHANGED: last},
        {Tag.DIGITIZED: later, Tag.CHANGED: last},
    ]
    tags += [{Tag.ORIGINAL: "0000:00:00 00:00:00", Tag.CHANGED: stamp(NOON + timedelta(days=3))}]
    for number, expected in enumerate(["2026-05-01", "2026-05-02", "2026-05-04"]):
        indexed = index_stills(folder_of(tmp_path / str(number), numbered(tags[number])))
        assert f"first picture {expected}T12:00:00" in indexed.reader_reason


def test_a_field_that_programs_changed_times_no_other_picture(tmp_path: Path) -> None:
    tags = [{Tag.ORIGINAL: stamp(NOON + n * MINUTE), Tag.CHANGED: stamp(NOON + n**3 * MINUTE * 99)} for n in range(5)]
    indexed = index_stills(folder_of(tmp_path, numbered(*tags, {Tag.CHANGED: stamp(NOON + timedelta(days=99))})))
    assert indexed.index.pts[-1] == 4 * 60_000 + 1
    assert "EXIF time 2026-08-08T12:00:00 not used" in indexed.remark


def test_pictures_with_different_fields_are_one_recording(tmp_path: Path) -> None:
    fields = [Tag.ORIGINAL, Tag.CHANGED, Tag.ORIGINAL, Tag.DIGITIZED, Tag.ORIGINAL, Tag.CHANGED]
    tags = [{tag: stamp(NOON + number * MINUTE)} for number, tag in enumerate(fields)]
    indexed = index_stills(folder_of(tmp_path, numbered(*tags)))
    assert minutes(indexed.index.pts.tolist()) == [0, 1, 2, 3, 4, 5]
    counts = "times of 6 pictures: 3 from EXIF, 1 from EXIF DateTimeDigitized, 2 from EXIF DateTime"
    assert counts in indexed.reader_reason


# --- every kind of container reads the same


def test_a_zip_has_the_same_order(tmp_path: Path) -> None:
    tags = [{Tag.ORIGINAL: f"2026:10:25 02:{m}:00", Tag.OFFSET: zone} for m, zone in ((50, "+02:00"), (10, "+01:00"))]
    pictures = {**numbered(*tags), "z.png": still(255, kind="PNG")}
    from_zip, from_folder = (
        index_stills(zip_of(tmp_path / "a.zip", pictures)),
        index_stills(folder_of(tmp_path / "b", pictures)),
    )
    assert minutes(from_zip.index.pts.tolist()[:2]) == [0, 20]
    assert from_zip.index.pts.tolist() == from_folder.index.pts.tolist()
    assert brightest(frames(from_zip)) == brightest(frames(from_folder))
    assert re.sub(r"\(.*?\)", "", from_zip.remark) == re.sub(r"\(.*?\)", "", from_folder.remark)


def test_bad_names_are_text_in_remarks(tmp_path: Path) -> None:
    indexed = index_stills(folder_of(tmp_path, {**numbered({Tag.ORIGINAL: stamp(NOON)}), "caf\udce9.jpg": still(9)}))
    assert "the first is caf\\xe9.jpg" in indexed.remark
    indexed.remark.encode()
