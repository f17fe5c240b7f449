"""Folders and zips of stills: their order, times, pixels and gaps."""

import hashlib
import os
import random
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from forensics.adapters.stills import pixels
from forensics.adapters.stills.folder_digest import digest_stills
from forensics.adapters.stills.stills_reader import index_stills, is_stills, open_reader
from forensics.errors import IntegrityBroken, UnreadableFootage
from forensics.footage.evidence import Reader, Timing
from forensics.footage.frames import Frame, Gap, View
from testing.painted.stills import brightest, folder_of, frames, zip_of

WIDTH, HEIGHT = 32, 16


def picture(
    grey: int = 100,
    *,
    taken: str = "",
    subsecond: str = "",
    orientation: int = 1,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    kind: str = "JPEG",
) -> bytes:
    """A grey picture whose left half is black, with EXIF where asked."""
    image = Image.new("RGB", size, (grey, grey, grey))
    image.paste((0, 0, 0), (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x010F] = "painted"
    if orientation != 1:
        exif[0x0112] = orientation
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    if subsecond:
        exif.get_ifd(0x8769)[0x9291] = subsecond
    # As bytes: TIFFs would leave the times out otherwise.
    return encoded(image, kind, exif=exif.tobytes())


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    data = BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def close_to(expected: int) -> object:
    return pytest.approx(expected, abs=4)


# --- what counts as stills


@pytest.mark.parametrize("name", ["a.jpg", "deep/below/A.JPEG", "a.Png", "a.bmp", "a.TIF", "a.tiff", "a.webp"])
def test_folder_and_zip_with_a_picture_are_stills(tmp_path: Path, name: str) -> None:
    assert is_stills(folder_of(tmp_path / "folder", {name: b""}))
    assert is_stills(zip_of(tmp_path / "some.archive", {name: b""}))


def test_what_holds_no_picture_is_not_stills(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "folder", {"a.mp4": b"x", "notes.jpg.txt": b"", "._a.jpg": b"\0\5\x16\7"})
    assert not is_stills(folder)
    assert not is_stills(zip_of(tmp_path / "a.zip", {"a.txt": b"", "__MACOSX/._a.jpg": b"\0\5\x16\7"}))
    assert not is_stills(tmp_path / "absent")
    glued = tmp_path / "video.mp4"
    glued.write_bytes(b"ftyp" + zip_of(tmp_path / "b.zip", {"a.jpg": b""}).read_bytes())
    assert not is_stills(glued)


@pytest.mark.parametrize("pictures", [{}, {"a.txt": b""}, {"a.jpg": b"", "b.jpg": b"no picture"}])
def test_no_readable_picture_is_no_media(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnreadableFootage) as caught:
        index_stills(folder_of(tmp_path / "folder", pictures))
    assert caught.value.reason == "no_media"


# --- times and order


def test_exif_times_order_the_pictures(tmp_path: Path) -> None:
    indexed = index_stills(
        folder_of(
            tmp_path,
            {
                "a.jpg": picture(200, taken="2021:05:31 08:25:40"),
                "b.jpg": picture(100, taken="2021:05:31 08:25:38", subsecond="25"),
                "c.png": picture(150, taken="2021:05:31 08:25:39", kind="PNG"),
            },
        )
    )
    assert indexed.index.pts.tolist() == [0, 750, 1750]
    assert indexed.index.is_key.all()
    assert not indexed.index.is_hidden.any()
    assert indexed.index.size.tolist() == [(tmp_path / name).stat().st_size for name in ("b.jpg", "c.png", "a.jpg")]
    assert indexed.medium.timing is Timing.EXIF
    assert (indexed.medium.container, indexed.medium.codec) == ("folder", "jpeg")
    assert (indexed.medium.rate_stated, indexed.medium.n_frames_from_header) == (None, None)
    assert indexed.footage.reader is Reader.STILLS
    assert indexed.shortfall == ""
    assert indexed.reader_reason == (
        "times from EXIF, first picture 2021-05-31T08:25:38.250 by the camera's own clock, no time zone"
    )
    assert brightest(frames(indexed)) == [close_to(100), close_to(150), close_to(200)]


@pytest.mark.parametrize(
    "names",
    [
        ("20210531082538.jpg", "20210531082540.jpg"),
        ("2021-05-31_08-25-38.jpg", "2021-05-31_08-25-40.jpg"),
        ("2021-05-31T08:25:38.250.jpg", "2021-05-31T08:25:40.250.jpg"),
        ("cam9_20210531-082538_001.jpg", "cam9_20210531-082540_001.jpg"),
        ("2021-05-31/08.25.38.jpg", "2021-05-31/08.25.40.jpg"),
        ("1622449538.jpg", "1622449540.jpg"),
        ("snap_1622449538123.jpg", "snap_1622449540123.jpg"),
    ],
)
def test_file_names_are_times(tmp_path: Path, names: tuple[str, str]) -> None:
    indexed = index_stills(folder_of(tmp_path, dict.fromkeys(names, picture())))
    assert indexed.medium.timing is Timing.FILE_NAME
    assert indexed.index.pts.tolist() == [0, 2000]
    assert "first picture 2021-05-31T08:25:38" in indexed.reader_reason


@pytest.mark.parametrize("name", ["2021-13-31_08-25-38.jpg", "2021053108.jpg", "20210231082538.jpg", "IMG_0001.jpg"])
def test_numbers_that_are_no_time_are_not_taken_for_one(tmp_path: Path, name: str) -> None:
    assert index_stills(folder_of(tmp_path, {name: picture()})).medium.timing is Timing.FILE_TIME


def test_all_times_come_from_one_source_and_the_reason_is_recorded(tmp_path: Path) -> None:
    indexed = index_stills(
        folder_of(
            tmp_path,
            {
                "20210531082538.jpg": picture(taken="1999:01:01 00:00:00"),
                "20210531082539.jpg": picture(),
                "20210531082540.jpg": picture(taken="0000:00:00 00:00:00"),
            },
        )
    )
    assert indexed.medium.timing is Timing.FILE_NAME
    assert indexed.index.pts.tolist() == [0, 1000, 2000]
    assert "2 of 3 pictures have no EXIF time: file names used" in indexed.reader_reason


def test_file_times_come_last(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a.jpg": picture(200), "b.jpg": picture(100)})
    os.utime(folder / "a.jpg", ns=(0, 1_622_449_539_500_000_000))
    os.utime(folder / "b.jpg", ns=(0, 1_622_449_538_000_000_000))
    indexed = index_stills(folder)
    assert indexed.medium.timing is Timing.FILE_TIME
    assert indexed.index.pts.tolist() == [0, 1500]
    assert "first picture 2021-05-31T08:25:38 UTC, and copying may have changed it" in indexed.reader_reason
    assert brightest(frames(indexed)) == [close_to(100), close_to(200)]


def test_a_burst_takes_the_next_free_milliseconds_in_name_order(tmp_path: Path) -> None:
    same = "2021:05:31 08:25:38"
    indexed = index_stills(
        folder_of(
            tmp_path,
            {
                "img10.jpg": picture(210, taken=same),
                "img9.jpg": picture(90, taken=same),
                "img11.jpg": picture(30, taken=same, subsecond="001"),
                "img1.jpg": picture(150, taken="2021:05:31 08:25:39"),
            },
        )
    )
    assert indexed.index.pts.tolist() == [0, 1, 2, 1000]
    assert "2 pictures share an instant" in indexed.reader_reason
    assert indexed.shortfall == ""
    assert brightest(frames(indexed)) == [close_to(90), close_to(210), close_to(30), close_to(150)]


# --- pictures that cannot be read


def test_unreadable_pictures_keep_their_place(tmp_path: Path) -> None:
    whole = picture(taken="2021:05:31 08:25:38")
    indexed = index_stills(
        folder_of(
            tmp_path,
            {
                "1.jpg": whole,
                "2.jpg": b"",
                "3.jpg": picture(taken="2021:05:31 08:25:50"),
                "4.jpg": b"not a picture",
            },
        )
    )
    assert indexed.medium.timing is Timing.EXIF
    assert indexed.index.pts.tolist() == [0, 1, 12_000, 12_001]
    assert indexed.shortfall.startswith("2 of 4 pictures cannot be read, the first is 2.jpg (")
    read = frames(indexed)
    assert [type(one) for one in read] == [Frame, Gap, Frame, Gap]
    assert [one.number for one in read] == [0, 1, 2, 3]
    assert isinstance(read[1], Gap)
    assert read[1].reason == "decode_error"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_a_truncated_picture_is_a_gap(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Other libraries set this for the whole process.
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    indexed = index_stills(folder_of(tmp_path, {"1.jpg": picture(), "2.jpg": data[: len(data) // 2]}))
    gap = frames(indexed)[1]
    assert isinstance(gap, Gap)
    assert gap.reason == "decode_error"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP"])
def test_the_upper_part_of_a_truncated_picture_is_shown_on_request(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    indexed = index_stills(folder_of(tmp_path, {"1.jpg": data, "2.jpg": data[: len(data) // 2]}))
    gap = frames(indexed)[1]
    whole, shown = frames(indexed, View(shows_damaged=True))
    assert isinstance(whole, Frame)
    assert isinstance(shown, Frame)
    assert (whole.doubt, shown.doubt) == (None, gap)
    rows = slice(0, 8) if kind != "BMP" else slice(48, 64)  # stored from the lowest row on
    assert np.array_equal(shown.rgb[rows], whole.rgb[rows])
    assert not np.array_equal(shown.rgb, whole.rgb)


def test_damaged_exif_leaves_the_pixels(tmp_path: Path) -> None:
    data = bytearray(picture(100, taken="2021:05:31 08:25:38"))
    start = data.index(b"Exif\0\0") + 6
    data[start + 8 : start + 30] = b"\xff" * 22
    indexed = index_stills(folder_of(tmp_path, {"1.jpg": bytes(data)}))
    assert indexed.medium.timing is Timing.FILE_TIME
    assert brightest(frames(indexed)) == [close_to(100)]


def huge_png() -> bytes:
    """A header that promises 400 megapixels, and almost nothing behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    indexed = index_stills(folder_of(tmp_path, {"1.png": huge_png(), "2.jpg": picture(100)}))
    assert "1 pictures are larger than 200000000 pixels" in indexed.shortfall
    gap, frame = frames(indexed)
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.number) == ("too_large", 0)
    assert isinstance(frame, Frame)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_between_pillows_limit_and_ours_pictures_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert brightest(frames(index_stills(folder_of(tmp_path, {"1.jpg": picture(100)})))) == [close_to(100)]
    monkeypatch.setattr(pixels, "MAX_PIXELS", 10)
    gap = frames(index_stills(tmp_path))[0]
    assert isinstance(gap, Gap)
    assert gap.reason == "too_large"


# --- pixels


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "black_half"),
    [(1, "left"), (2, "right"), (3, "right"), (4, "left"), (5, "top"), (6, "top"), (7, "bottom"), (8, "bottom")],
)
def test_pictures_are_upright(tmp_path: Path, kind: str, orientation: int, black_half: str) -> None:
    data = picture(200, orientation=orientation, kind=kind)
    indexed = index_stills(folder_of(tmp_path, {"1.jpg": data}))
    turned = orientation >= 5
    size = (HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT)
    assert (indexed.medium.width_px, indexed.medium.height_px) == size
    assert indexed.medium.rotation_degrees == 0
    for view, scale in ((View(), 1), (View(8, 8), 4)):
        (frame,) = frames(indexed, view)
        assert isinstance(frame, Frame)
        assert (frame.width_px, frame.height_px) == size
        assert frame.rgb.shape == (size[1] // scale, size[0] // scale, 3)
        halves = {
            "left": frame.rgb[:, : frame.rgb.shape[1] // 2 - 1],
            "right": frame.rgb[:, frame.rgb.shape[1] // 2 + 1 :],
            "top": frame.rgb[: frame.rgb.shape[0] // 2 - 1],
            "bottom": frame.rgb[frame.rgb.shape[0] // 2 + 1 :],
        }
        assert [name for name, half in halves.items() if half.max() < 40] == [black_half]


def test_mixed_sizes_keep_their_own(tmp_path: Path) -> None:
    indexed = index_stills(
        folder_of(
            tmp_path,
            {"1.jpg": picture(size=(64, 32)), "2.jpg": picture(size=(10, 40)), "3.png": picture(size=(64, 32))},
        )
    )
    assert (indexed.medium.width_px, indexed.medium.height_px) == (64, 32)
    read = [frame for frame in frames(indexed, View(16, 16)) if isinstance(frame, Frame)]
    assert [(frame.width_px, frame.height_px) for frame in read] == [(64, 32), (10, 40), (64, 32)]
    assert [frame.rgb.shape for frame in read] == [(8, 16, 3), (16, 4, 3), (8, 16, 3)]


def deep_grey() -> Image.Image:
    return Image.fromarray(np.full((4, 4), 200 << 8 | 17, dtype=np.uint16))


def see_through() -> Image.Image:
    image = Image.new("RGBA", (4, 4), (10, 20, 30, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    return image


def palette() -> Image.Image:
    return Image.new("RGB", (4, 4), (10, 20, 30)).quantize(4)


@pytest.mark.parametrize(
    ("image", "kind", "corner", "middle"),
    [
        (deep_grey(), "PNG", (200, 200, 200), (200, 200, 200)),
        (deep_grey(), "TIFF", (200, 200, 200), (200, 200, 200)),
        (see_through(), "PNG", (255, 255, 255), (10, 20, 30)),
        (palette(), "PNG", (10, 20, 30), (10, 20, 30)),
        (Image.new("1", (4, 4), 1), "PNG", (255, 255, 255), (255, 255, 255)),
        (Image.new("L", (4, 4), 77), "BMP", (77, 77, 77), (77, 77, 77)),
        (Image.new("CMYK", (4, 4), (255, 0, 0, 0)), "JPEG", (0, 255, 255), (0, 255, 255)),
        (Image.fromarray(np.eye(4, dtype=np.float32)), "TIFF", (255, 255, 255), (0, 0, 0)),
    ],
    ids=["16-bit png", "16-bit tiff", "alpha", "palette", "bits", "grey", "cmyk", "float"],
)
def test_every_kind_of_pixel_becomes_rgb(
    tmp_path: Path, image: Image.Image, kind: str, corner: tuple[int, ...], middle: tuple[int, ...]
) -> None:
    (frame,) = frames(index_stills(folder_of(tmp_path, {"1.png": encoded(image, kind)})))
    assert isinstance(frame, Frame)
    assert frame.rgb.dtype == np.uint8
    assert frame.rgb[0, 0].tolist() == pytest.approx(corner, abs=2)
    assert frame.rgb[1, 2].tolist() == pytest.approx(middle, abs=2)


def test_scaled_reading_repeats_to_the_byte(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    indexed = index_stills(folder_of(tmp_path, {"1.jpg": encoded(Image.fromarray(noise), "JPEG")}))
    first, second = (frames(indexed, View(64, 64))[0] for _ in range(2))
    assert isinstance(first, Frame)
    assert isinstance(second, Frame)
    assert first.rgb.shape == (48, 64, 3)
    assert first.rgb.tobytes() == second.rgb.tobytes()


def test_any_part_can_be_read(tmp_path: Path) -> None:
    names = {f"2021053108250{second}.jpg": picture(100 + 10 * second) for second in range(6)}
    indexed = index_stills(folder_of(tmp_path, names))
    read = list(open_reader(indexed.footage, indexed.index, View()).read(np.array([1, 4])))
    assert [(frame.number, frame.pts) for frame in read if isinstance(frame, Frame)] == [(1, 1000), (4, 4000)]
    assert brightest(read) == [close_to(110), close_to(140)]


# --- zips


def test_a_zip_reads_like_its_folder(tmp_path: Path) -> None:
    pictures = {
        "in/b.jpg": picture(100, taken="2021:05:31 08:25:38"),
        "in/a.tif": picture(200, taken="2021:05:31 08:25:40", kind="TIFF"),
        "in/c.webp": picture(150, taken="2021:05:31 08:25:39", kind="WEBP"),
    }
    from_folder = index_stills(folder_of(tmp_path / "folder", pictures))
    from_zip = index_stills(zip_of(tmp_path / "a.zip", pictures))
    assert from_zip.medium.container == "zip"
    assert from_zip.index.pts.tolist() == from_folder.index.pts.tolist() == [0, 1000, 2000]
    assert from_zip.index.size.tolist() == from_folder.index.size.tolist()
    assert brightest(frames(from_zip)) == brightest(frames(from_folder))


def test_zip_entries_have_times(tmp_path: Path) -> None:
    indexed = index_stills(zip_of(tmp_path / "a.zip", {"a.jpg": picture()}))
    assert indexed.medium.timing is Timing.FILE_TIME
    assert "first picture 2021-05-31T08:25:38 by the packer's clock" in indexed.reader_reason


def test_zip_entries_without_a_time_stay_in_name_order(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("b.jpg", "a.jpg"):
            archive.writestr(zipfile.ZipInfo(name, (1980, 0, 0, 0, 0, 0)), picture(100 if name == "a.jpg" else 200))
    indexed = index_stills(path)
    assert indexed.medium.timing is Timing.ASSUMED
    assert indexed.index.pts.tolist() == [0, 1]
    assert indexed.reader_reason.startswith("no times: pictures are in name order")
    assert brightest(frames(indexed)) == [close_to(100), close_to(200)]


@pytest.mark.parametrize("name", ["../out.jpg", "/etc/out.jpg", "a/../../out.jpg", "..\\out.jpg", "C:\\out.jpg"])
def test_members_that_lead_out_are_left_out(tmp_path: Path, name: str) -> None:
    indexed = index_stills(zip_of(tmp_path / "a.zip", {name: picture(), "a.jpg": picture(100)}))
    assert indexed.index.n_frames == 1
    assert "1 members of the zip have names that lead out of it" in indexed.shortfall
    assert len(list(tmp_path.iterdir())) == 1


def test_encrypted_and_damaged_members_are_gaps(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.jpg": picture(100), "2.jpg": picture(), "3.jpg": picture()})
    data = bytearray(path.read_bytes())
    places = [place for place in range(len(data)) if data[place : place + 4] == b"PK\x01\x02"]
    data[places[1] + 8] |= 1
    data[places[2] + 16] ^= 0xFF
    local = [place for place in range(len(data)) if data[place : place + 4] == b"PK\x03\x04"]
    data[local[1] + 6] |= 1
    path.write_bytes(bytes(data))
    indexed = index_stills(path)
    assert "the first is 2.jpg (" in indexed.shortfall
    assert "encrypted" in indexed.shortfall
    assert [type(one) for one in frames(indexed)] == [Frame, Gap, Gap]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("seed", range(20))
def test_a_changed_bit_in_a_member_is_a_gap_however_it_is_packed(tmp_path: Path, method: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path, pictures = tmp_path / "a.zip", {"1.jpg": picture(100), "2.bmp": encoded(Image.fromarray(noise), "BMP")}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in pictures.items():
            archive.writestr(name, data)
        member = archive.getinfo("2.bmp")
    packed, chance = bytearray(path.read_bytes()), random.Random(seed)
    start = member.header_offset + 30 + len(member.filename)
    packed[chance.randrange(start, start + member.compress_size)] ^= 1 << chance.randrange(8)
    path.write_bytes(packed)
    good, bad = sorted(frames(index_stills(path)), key=lambda one: isinstance(one, Gap))
    assert (type(good), type(bad)) == (Frame, Gap), seed
    assert isinstance(bad, Gap)
    assert bad.reason == "decode_error"


def test_a_torn_zip_is_not_media(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.jpg": picture()})
    path.write_bytes(path.read_bytes()[:-40])
    assert not is_stills(path)
    with pytest.raises(UnreadableFootage) as caught:
        index_stills(path)
    assert caught.value.reason == "not_media"


# --- integrity


def test_pictures_that_are_not_those_of_the_index_stop_the_reader(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"20210531082538.jpg": picture(), "20210531082539.jpg": picture()})
    indexed = index_stills(folder)
    extra = folder / "20210531082540.jpg"
    extra.write_bytes(picture())
    with pytest.raises(IntegrityBroken, match="3 pictures, the index has 2"):
        frames(indexed)
    extra.unlink()
    reader = open_reader(indexed.footage, indexed.index, View())
    (folder / "20210531082539.jpg").rename(folder / "20210531082541.jpg")
    with pytest.raises(IntegrityBroken, match="sizes or times"):
        frames(indexed)
    with pytest.raises(IntegrityBroken, match=r"20210531082539\.jpg is gone"):
        list(reader.read(np.array([0, 1])))
    (folder / "20210531082539.jpg").write_bytes(picture() + b"more")
    with pytest.raises(IntegrityBroken, match="bytes, the index says"):
        list(reader.read(np.array([0, 1])))


def test_digest_is_over_sorted_names_and_digests(tmp_path: Path) -> None:
    pictures = {"b.jpg": b"two", "a/z.png": b"one", "notes.txt": b"left out"}
    lines = sorted(
        f"{name} {hashlib.sha256(data).hexdigest()}\n" for name, data in pictures.items() if not name.endswith("txt")
    )
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert digest_stills(folder_of(tmp_path, pictures)) == (digest, 6)


# --- real pictures


@pytest.mark.models
def test_bursts_of_a_real_camera_trap(shared: Path) -> None:
    folder = shared / "wildlife" / "burst"
    if not folder.is_dir():
        pytest.skip(f"needs the camera trap's bursts at {folder}")
    indexed = index_stills(folder)
    assert indexed.index.n_frames == 6
    assert indexed.medium.timing is Timing.EXIF
    assert indexed.index.pts.tolist()[:3] == [0, 1, 1000]
    assert "first picture 2010-08-19T18:24:57" in indexed.reader_reason
    read = frames(indexed, View(640, 640))
    assert [frame.rgb.shape for frame in read if isinstance(frame, Frame)] == [(480, 640, 3)] * 6
