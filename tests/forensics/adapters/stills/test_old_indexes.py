"""Indexes that earlier versions wrote still open; their order is written down here, not computed."""

import hashlib
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from forensics.adapters.stills.folder_digest import digest_stills, earlier_digest
from forensics.adapters.stills.stills_reader import index_stills, open_reader
from forensics.errors import IntegrityBroken
from forensics.footage.evidence import Footage, Reader
from forensics.footage.frames import Frame, View
from forensics.footage.timeline import PacketIndex
from testing.painted.stills import AND_ZIP, Pack, Tag, brightest, folder_of, set_file_time, still

CLOCK_CHANGE = {
    "1.jpg": still(10, {Tag.ORIGINAL: "2026:10:25 02:50:00", Tag.OFFSET_ORIGINAL: "+02:00"}),
    "2.jpg": still(90, {Tag.ORIGINAL: "2026:10:25 02:10:00", Tag.OFFSET_ORIGINAL: "+01:00"}),
    "3.jpg": still(170, {Tag.ORIGINAL: "2026:10:25 02:30:00", Tag.OFFSET_ORIGINAL: "+01:00"}),
}
ONE_WITHOUT = {
    "1.jpg": still(10, {Tag.ORIGINAL: "2026:05:01 12:00:00"}),
    "2.jpg": still(90, {Tag.ORIGINAL: "2026:05:01 12:01:00"}),
    "3.png": still(170, kind="PNG"),
}
CHANGED_ALONE = {
    "1.jpg": still(10, {Tag.CHANGED: "2026:05:01 12:01:00"}),
    "2.jpg": still(90, {Tag.CHANGED: "2026:05:01 12:00:00"}),
}
AFTERNOON = {"2026-05-01 01-00-00 PM.jpg": still(10), "2026-05-01 11-00-00 AM.jpg": still(90)}
RESET = {
    "1.jpg": still(10, {Tag.ORIGINAL: "2026:05:01 12:00:00"}),
    "2.jpg": still(90, {Tag.ORIGINAL: "2010:01:01 00:00:00"}),
}
FIVE_S, MINUTE, HOUR = 5000, 60_000, 3_600_000
RESET_MS = (datetime(2026, 5, 1, 12) - datetime(2010, 1, 1)) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("pictures", "order", "pts"),
    [
        (CLOCK_CHANGE, ["2.jpg", "3.jpg", "1.jpg"], [0, 20 * MINUTE, 40 * MINUTE]),
        (ONE_WITHOUT, ["3.png", "2.jpg", "1.jpg"], [0, FIVE_S, 2 * FIVE_S]),
        (CHANGED_ALONE, ["2.jpg", "1.jpg"], [0, FIVE_S]),
        (AFTERNOON, ["2026-05-01 01-00-00 PM.jpg", "2026-05-01 11-00-00 AM.jpg"], [0, 10 * HOUR]),
        (RESET, ["2.jpg", "1.jpg"], [0, RESET_MS]),
    ],
    ids=["clock change", "one without EXIF", "DateTime", "12-hour names", "reset"],
)
def test_each_frame_is_the_picture_it_was(
    tmp_path: Path, pictures: dict[str, bytes], order: list[str], pts: list[int]
) -> None:
    folder = folder_of(tmp_path, pictures)
    # Copied in reverse order, so that only file times order them like this.
    for number, name in enumerate(sorted(pictures, reverse=True)):
        set_file_time(folder / name, 1_790_000_000_000 + FIVE_S * number)
    shown = np.ones(len(pts), dtype=bool)
    sizes = np.array([len(pictures[name]) for name in order], dtype=np.int64)
    index = PacketIndex(np.array(pts, dtype=np.int64), shown, sizes, ~shown, Fraction(1, 1000))
    read = list(open_reader(Footage(folder, Reader.STILLS, 0, 0), index, View()).read(np.arange(len(pts))))
    expected = [{"1": 10, "2": 90, "3": 170}.get(name[0]) for name in order]
    if pictures is AFTERNOON:
        expected = [10, 90]
    assert [int(frame.rgb.max()) for frame in read if isinstance(frame, Frame)] == pytest.approx(expected, abs=3)
    current = index_stills(folder)
    assert list(current.picture_names) != order or current.index.pts.tolist() != pts
    assert current.index.sections


def test_an_index_whose_order_never_changed_is_the_same(tmp_path: Path) -> None:
    whole = {name: still(9, {Tag.ORIGINAL: f"2026:05:01 12:0{n}:00"}) for n, name in enumerate(("b.jpg", "a.jpg"))}
    assert index_stills(folder_of(tmp_path, whole)).index.sections == ()


@pytest.mark.parametrize("pack", AND_ZIP)
def test_pictures_that_earlier_versions_did_not_know_are_no_frames_of_their_indexes(tmp_path: Path, pack: Pack) -> None:
    old = {"2.jpg": still(90), "4.png": still(170, kind="PNG")}
    path = pack(tmp_path / "stills", {"._1.jpg": still(10), "3.jfif": still(130), "5.jpe": still(210), **old})
    for file in path.glob("*"):
        set_file_time(file, 1_790_000_000_000)
    sizes = np.array([len(data) for data in old.values()], dtype=np.int64)
    shown = np.ones(2, dtype=bool)
    index = PacketIndex(np.array([0, 1], dtype=np.int64), shown, sizes, ~shown, Fraction(1, 1000))
    read = list(open_reader(Footage(path, Reader.STILLS, 0, 0), index, View()).read(np.arange(2)))
    assert brightest(read) == [pytest.approx(90, abs=3), 170]
    assert index_stills(path).index.n_frames == 5


def test_the_digest_of_earlier_versions(tmp_path: Path) -> None:
    old, new = {"a.jpg": b"one", "in/b.PNG": b"two"}, {"c.jfif": b"three", "._d.jpg": b"four"}
    lines = "".join(f"{name} {hashlib.sha256(data).hexdigest()}\n" for name, data in old.items())
    assert earlier_digest(folder_of(tmp_path, old)) == ""
    before = digest_stills(tmp_path)[0]
    assert earlier_digest(folder_of(tmp_path, new)) == hashlib.sha256(lines.encode()).hexdigest() == before
    assert digest_stills(tmp_path)[0] != before


def test_a_picture_of_another_time_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, CLOCK_CHANGE)
    indexed = index_stills(folder)
    data = (folder / "1.jpg").read_bytes()
    (folder / "1.jpg").write_bytes(data.replace(b"02:50:00", b"02:40:00"))
    with pytest.raises(IntegrityBroken, match="sizes or times"):
        open_reader(indexed.footage, indexed.index, View())
