"""Pages, frames and pictures that are not read are named with their number."""

import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from forensics.adapters.stills.folder_digest import digest_stills
from forensics.adapters.stills.stills_reader import index_stills, is_stills
from forensics.adapters.stills.tiff_pages import count_tiff_pages
from forensics.errors import UnreadableFootage
from testing.painted.stills import AND_ZIP, Pack, folder_of, frames, still, zip_of


def pages(kind: str, n_pages: int, **options: object) -> bytes:
    images = [Image.new("RGB", (16, 8), (60 + 40 * page, 0, 0)) for page in range(n_pages)]
    data = BytesIO()
    images[0].save(data, kind, save_all=True, append_images=images[1:], **options)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("scan.tif", "TIFF", {}),
        ("scan.tiff", "TIFF", {"big_tiff": True}),
        ("move.webp", "WEBP", {}),
        ("move.png", "PNG", {}),
        ("pair.jpg", "MPO", {}),
    ],
)
@pytest.mark.parametrize("n_pages", [1, 2, 5])
@pytest.mark.parametrize("pack", AND_ZIP)
def test_further_pages_are_named(
    tmp_path: Path, name: str, kind: str, options: dict[str, bool], n_pages: int, pack: Pack
) -> None:
    indexed = index_stills(pack(tmp_path / "stills", {"a.jpg": still(9), name: pages(kind, n_pages, **options)}))
    assert indexed.index.n_frames == 2
    assert indexed.shortfall == ""
    if n_pages == 1:
        assert indexed.remark == ""
    else:
        counted = f"{n_pages - 1} further pages, frames or pictures in 1 files are not read"
        assert indexed.remark.startswith(counted)
        assert f"the first file is {name}" in indexed.remark


def test_a_chain_of_pages_ends(tmp_path: Path) -> None:
    directory = struct.pack("<HI", 0, 8)
    assert count_tiff_pages(BytesIO(b"II*\0" + struct.pack("<I", 8) + directory), 1000) == 1
    many = b"".join(struct.pack("<HI", 0, 8 + 6 * (page + 1)) for page in range(5000))
    assert count_tiff_pages(BytesIO(b"II*\0" + struct.pack("<I", 8) + many), 1000) == 1000
    assert count_tiff_pages(BytesIO(b"II"), 1000) == 1
    data = pages("TIFF", 3)
    assert count_tiff_pages(BytesIO(data[: len(data) // 2]), 1000) < 3
    assert count_tiff_pages(BytesIO(data), 1000) == 3


@pytest.mark.parametrize("pack", AND_ZIP)
def test_formats_that_are_not_read_are_counted(tmp_path: Path, pack: Pack) -> None:
    others = {"b.HEIC": b"x", "in/c.heic": b"x", "d.avif": b"x", "e.CR2": b"x", "g.txt": b"x"}
    indexed = index_stills(pack(tmp_path / "stills", {"a.jpg": still(9), **others}))
    assert indexed.remark == (
        "4 pictures are not read, because of their format (1 .avif, 1 .cr2, 2 .heic): keep the originals, and give "
        "copies converted to JPEG with their EXIF"
    )
    assert (indexed.index.n_frames, len(frames(indexed)), indexed.shortfall) == (1, 1, "")


def test_they_are_no_part_of_the_digest(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a.jpg": still(9)})
    before = digest_stills(folder)
    folder_of(folder, {"b.heic": b"x", "c.jxl": b"x"})
    assert digest_stills(folder) == before


def test_a_zip_of_nothing_else_says_so(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"a.heic": b"x", "b.heic": b"x"})
    assert is_stills(path)
    with pytest.raises(UnreadableFootage) as caught:
        index_stills(path)
    assert caught.value.reason == "no_media"
    assert "2 pictures are not read, because of their format (2 .heic)" in caught.value.detail
    assert not is_stills(folder_of(tmp_path / "folder", {"a.heic": b"x"}))
