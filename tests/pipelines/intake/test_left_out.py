"""What of a folder or prefix is not ingested, and why; the suffixes are those that cameras and phones write."""

from pathlib import Path
from typing import Any

import pytest

from forensics.adapters.store import object_store
from forensics.place import StoreObject
from pipelines.intake.footage_paths import expand_paths, find_left_out
from testing.commands import Call
from testing.painted.not_footage import APPLE_DOUBLE
from testing.painted.stills import folder_of

_JPEG = bytes.fromhex("ffd8ffe0 00104a46 494600") + bytes(40)
_MP4 = b"\0\0\0\x18ftypisom" + bytes(40)
_MACOS = "macOS companion (._ name)"


class _Store:
    """Replaces the store of fsspec by objects in memory."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self._content = content

    def find(self, url: str) -> list[str]:
        return [each.removeprefix("s3://") for each in self._content if each.startswith(url)]

    def cat_file(self, url: str, start: int, end: int) -> Any:
        if not self._content[url]:
            raise OSError("InvalidRange")
        return self._content[url][start:end]


@pytest.mark.parametrize(
    "suffix",
    ["heic", "HEIF", "hif", "avif", "jxl", "jp2", "dng", "NEF", "cr2", "cr3", "arw", "raf", "orf", "rw2", "pef"],
)
@pytest.mark.parametrize("beside", [{}, {"a.jpg": _JPEG}, {"a.mp4": _MP4}])
def test_pictures_that_are_not_read_are_named_with_what_to_do(
    tmp_path: Path, suffix: str, beside: dict[str, bytes]
) -> None:
    folder = folder_of(tmp_path / "footage", {**beside, f"x.{suffix}": b"anything"})
    (left_out,) = find_left_out((folder,))
    assert str(left_out) == (
        f"not ingested from {folder}: 1 .{suffix.lower()}, such as x.{suffix}; keep the originals, and give copies "
        "converted to JPEG with their EXIF"
    )


@pytest.mark.parametrize("suffix", ["jpg", "jpe", "jfif", "mpo", "png", "bmp", "tif", "webp"])
def test_pictures_that_are_read_are_not_named(tmp_path: Path, suffix: str) -> None:
    folder = folder_of(tmp_path / "footage", {f"x.{suffix}": b"anything"})
    assert find_left_out((folder,)) == []
    assert [each.place for each in expand_paths((folder,), is_one_camera=True)] == [folder]


def test_companions_of_macos_are_known_by_content_on_a_disk(tmp_path: Path) -> None:
    content = {"._a.jpg": APPLE_DOUBLE, "._b.jpg": _JPEG, "._c.mp4": APPLE_DOUBLE, "._d.mp4": _MP4}
    folder = folder_of(tmp_path / "footage", content)
    (left_out,) = find_left_out((folder,))
    assert (left_out.kind, left_out.number) == (_MACOS, 2)
    found = [each.place for each in expand_paths((folder,), is_one_camera=True)]
    assert found == [folder / "._d.mp4", folder]


def test_companions_of_macos_are_known_by_content_in_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    root = "s3://archive/export/"
    names = {"._c.mp4": APPLE_DOUBLE, "._d.mp4": _MP4, "._e.mp4": b"", "f.mp4": APPLE_DOUBLE}
    store = _Store({root + name: content for name, content in names.items()})
    monkeypatch.setattr(object_store, "_open_store", lambda: store)
    (left_out,) = find_left_out((StoreObject(root),))
    assert (left_out.kind, left_out.names) == (_MACOS, ("._c.mp4",))
    found = [each.place.name for each in expand_paths((StoreObject(root),), is_one_camera=True)]
    assert found == ["._d.mp4", "._e.mp4", "f.mp4"]


def test_a_folder_of_nothing_but_unread_pictures_says_what_to_do(call: Call, empty_case: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "phone", {"a.HEIC": b"x", "b.heic": b"x", "c.jxl": b"x", "._a.heic": APPLE_DOUBLE})
    answer = call("ingest", empty_case, folder, "--camera", "g", "--json")
    (source,) = answer.json["sources"]
    assert (answer.code, source["verdict"]) == (4, "rejected")
    assert source["reason"] == (
        "no_media: the folder holds no video, and no picture with any bytes; 3 pictures are not read, because of their "
        "format (2 .heic, 1 .jxl): keep the originals, and give copies converted to JPEG with their EXIF"
    )


def test_a_folder_of_nothing_says_so(call: Call, empty_case: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "phone", {"a.txt": b"x"})
    answer = call("ingest", empty_case, folder, "--camera", "g", "--json")
    (source,) = answer.json["sources"]
    assert source["reason"] == "no_media: the folder holds no video, and no picture with any bytes"
