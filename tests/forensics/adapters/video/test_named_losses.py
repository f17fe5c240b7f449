"""What is in a file and is not read is named: joined chapters, later streams, other formats."""

from pathlib import Path

import pytest
from PIL import Image

from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Indexed
from testing.painted.encode import PAL, Recipe, encode

_TIMES = [n / PAL for n in range(45)]
_H264 = Recipe(options={"preset": "ultrafast", "bf": "2"}, gop=15)
_WMV = Recipe("wmv2", gop=15)


def index(path: Path) -> Indexed:
    return index_file(path, working_copy=path.with_name("copy"))


@pytest.mark.parametrize(("suffix", "recipe"), [("mp4", _H264), ("mov", _H264), ("flv", _H264), ("wmv", _WMV)])
def test_a_second_file_behind_the_first_is_named_with_its_bytes(suffix: str, recipe: Recipe, tmp_path: Path) -> None:
    first = encode(tmp_path / f"first.{suffix}", recipe, _TIMES)
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(first.read_bytes() * 2)
    n_bytes = first.stat().st_size
    expected = f"another file is joined to its end: {n_bytes} bytes from byte {n_bytes} on are not read"
    assert expected in index(joined).shortfall
    assert index(first).shortfall == ""


def test_a_video_whose_identifier_changes_is_named(tmp_path: Path) -> None:
    first = encode(tmp_path / "first.ts", _H264, _TIMES)
    options = {"mpegts_start_pid": "0x200", "mpegts_pmt_start_pid": "0x1100"}
    second = encode(tmp_path / "second.ts", Recipe(options=_H264.options, gop=15, container_options=options), _TIMES)
    joined = tmp_path / "joined.ts"
    for n_before in (1, 300):  # the second one within and behind what a demuxer looks at first
        joined.write_bytes(first.read_bytes() * n_before + second.read_bytes())
        indexed = index(joined)
        assert indexed.index.n_frames == 45 * n_before
        assert "the video has another identifier (512, before: 256) and is not read" in indexed.shortfall


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (b"OggS" + bytes(60), "an Ogg file"),
        (b"RIFF" + bytes(4) + b"WEBP" + bytes(60), "a WebP picture"),
        (bytes.fromhex("b7d800203749da11a64e0007e95ead8d") + bytes(60), "a WTV recording"),
    ],
)
def test_other_formats_are_named(head: bytes, named: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(head)
    with pytest.raises(UnreadableFootage, match=named) as caught:
        index(path)
    assert caught.value.reason == "not_media"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_a_picture_that_is_named_as_a_video_is_a_picture(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    Image.new("RGB", (64, 48), (90, 120, 30)).save(path, kind)
    with pytest.raises(UnreadableFootage, match=r"picture.*; put stills into a folder and give the folder"):
        index(path)
