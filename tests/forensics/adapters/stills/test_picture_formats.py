"""Which files of a folder or ZIP archive are pictures: by suffix, and where a name leaves a doubt, by content.

The suffixes are written down here as cameras and phones use them; AppleDouble and AppleSingle are those of RFC 1740.
"""

import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from forensics.adapters.stills.album import is_stills, open_album
from forensics.adapters.stills.picture_formats import READ_SUFFIXES, UNREAD_SUFFIXES, name_unread_format
from forensics.adapters.stills.stills_reader import index_stills
from testing.painted.not_footage import APPLE_DOUBLE, APPLE_SINGLE, HEIC
from testing.painted.stills import AND_ZIP, Pack, brightest, folder_of, frames, still, zip_of

READ = ("jpg", "JPG", "jpeg", "jpe", "jfif", "JFIF", "mpo", "png", "bmp", "tif", "tiff", "webp")
UNREAD = (
    *("heic", "HEIC", "heif", "hif", "avif", "jxl", "jp2", "jxr"),
    *("dng", "nef", "cr2", "CR3", "arw", "raf", "orf", "rw2", "pef", "srw", "gpr"),
)

both = pytest.mark.parametrize("pack", AND_ZIP)


def pair(*greys: int) -> bytes:
    """One file with several pictures, as cameras with two lenses write it."""
    images, data = [Image.new("L", (16, 8), grey) for grey in greys], BytesIO()
    images[0].save(data, "MPO", save_all=True, append_images=images[1:])
    return data.getvalue()


@both
@pytest.mark.parametrize("suffix", READ)
def test_formats_that_are_read(tmp_path: Path, pack: Pack, suffix: str) -> None:
    indexed = index_stills(pack(tmp_path / "stills", {f"in/a.{suffix}": still(90), "b.txt": still(200)}))
    assert brightest(frames(indexed)) == [pytest.approx(90, abs=2)]
    assert (indexed.shortfall, indexed.remark) == ("", "")


@both
@pytest.mark.parametrize("suffix", UNREAD)
def test_formats_that_are_named(tmp_path: Path, pack: Pack, suffix: str) -> None:
    indexed = index_stills(pack(tmp_path / "stills", {"a.jpg": still(90), f"in/b.{suffix}": still(200)}))
    assert brightest(frames(indexed)) == [pytest.approx(90, abs=2)]
    assert f"1 pictures are not read, because of their format (1 .{suffix.lower()})" in indexed.remark


def test_no_format_is_read_and_named() -> None:
    assert not READ_SUFFIXES & UNREAD_SUFFIXES


@both
def test_pictures_with_several_inside_are_read_under_any_name(tmp_path: Path, pack: Pack) -> None:
    indexed = index_stills(pack(tmp_path / "stills", {"a.mpo": pair(60, 90), "b.jpg": pair(120, 150, 180)}))
    assert brightest(frames(indexed)) == [pytest.approx(60, abs=2), pytest.approx(120, abs=2)]
    assert indexed.remark.startswith("3 further pages, frames or pictures in 2 files are not read")


@both
def test_the_suffix_of_a_jpeg_on_something_else_is_a_gap(tmp_path: Path, pack: Pack) -> None:
    indexed = index_stills(pack(tmp_path / "stills", {"a.jpg": still(90), "b.jfif": HEIC}))
    assert indexed.index.n_frames == 2
    assert "1 of 2 pictures cannot be read, the first is b.jfif" in indexed.shortfall


# --- files that macOS writes beside others


@both
@pytest.mark.parametrize("content", [APPLE_DOUBLE, APPLE_SINGLE])
def test_companions_are_no_pictures(tmp_path: Path, pack: Pack, content: bytes) -> None:
    others = {"._a.jpg": content, "__MACOSX/in/._b.JPG": content, "._c.heic": content}
    indexed = index_stills(pack(tmp_path / "stills", {"a.jpg": still(90), **others}))
    assert brightest(frames(indexed)) == [pytest.approx(90, abs=2)]
    assert (indexed.shortfall, indexed.remark) == ("", "")


@both
def test_a_picture_under_the_name_of_a_companion_is_read(tmp_path: Path, pack: Pack) -> None:
    pictures = {"._a.jpg": still(30), "in/._b.png": still(90, kind="PNG"), "c.jpg": still(150)}
    indexed = index_stills(pack(tmp_path / "stills", {**pictures, "._d.heic": b"\0\0\0\x18ftypheic", "._c.jpg": b""}))
    grey = dict(zip(indexed.picture_names, brightest(frames(indexed)), strict=True))
    assert grey == {"._a.jpg": 30, "in/._b.png": 90, "c.jpg": 150, "._c.jpg": -1}
    assert "(1 .heic)" in indexed.remark
    assert "1 of 4 pictures cannot be read, the first is ._c.jpg" in indexed.shortfall


def test_the_bytes_of_a_companion_under_another_name_are_a_broken_picture(tmp_path: Path) -> None:
    indexed = index_stills(folder_of(tmp_path, {"a.jpg": still(30), "b.jpg": APPLE_DOUBLE}))
    assert "1 of 2 pictures cannot be read, the first is b.jpg" in indexed.shortfall


def test_a_folder_of_companions_alone_holds_no_stills(tmp_path: Path) -> None:
    assert not is_stills(folder_of(tmp_path / "a", {"._a.jpg": APPLE_DOUBLE}))
    assert not is_stills(zip_of(tmp_path / "a.zip", {"._a.jpg": APPLE_DOUBLE}))
    assert is_stills(folder_of(tmp_path / "b", {"._a.jpg": still(9)}))


@pytest.mark.timeout(20)
def test_pipes_and_links_are_not_opened_to_see_what_they_are(tmp_path: Path) -> None:
    outside = folder_of(tmp_path / "outside", {"a.jpg": APPLE_DOUBLE}) / "a.jpg"
    folder = folder_of(tmp_path / "stills", {"a.jpg": still(30)})
    os.mkfifo(folder / "._b.jpg")
    (folder / "._c.jpg").symlink_to(outside)
    with open_album(folder) as album:
        assert [picture.name for picture in album.pictures] == ["a.jpg"]
        assert album.n_refused == 1


# --- formats by their first bytes


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\0\0\0\x24ftypheic\0\0\0\0mif1", "HEIC"),
        (b"\0\0\0\x18ftypheix", "HEIC"),
        (b"\0\0\0\x18ftypmif1", "HEIC"),
        (b"\0\0\0\x18ftypmsf1", "HEIC"),
        (b"\0\0\0\x20ftypavif", "AVIF"),
        (b"\0\0\0\x2cftypavis", "AVIF"),
        (b"\0\0\0\x18ftypcrx ", "Canon raw"),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "JPEG 2000"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mif1", ""),
        (b"\0\0\0\x14ftypqt  ", ""),
        (b"heic", ""),
        (b"", ""),
    ],
)
def test_formats_by_their_first_bytes(start: bytes, name: str) -> None:
    assert name_unread_format(start) == name


def test_a_real_avif_is_named(tmp_path: Path) -> None:
    for name, options in (("still", {}), ("moving", {"save_all": True, "append_images": [Image.new("RGB", (16, 16))]})):
        data = BytesIO()
        Image.new("RGB", (16, 16), "red").save(data, "AVIF", **options)
        assert name_unread_format(data.getvalue()[:32]) == "AVIF", name
