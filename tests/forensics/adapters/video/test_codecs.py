"""Every codec that can be written here: in AVI, where frames are ordered by decoding, and in joined Matroska files."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.footage.frames import Frame, View
from testing.painted.check import differences
from testing.painted.encode import PAL, Recipe, encode
from testing.painted.picture import number_in

# Name of the encoder and pixel format of its pictures.
_ANYWHERE = {
    **dict.fromkeys(("libx264", "libsvtav1", "libvpx", "libvpx-vp9", "mpeg2video", "mpeg4", "msmpeg4"), "yuv420p"),
    **dict.fromkeys(("ffv1", "snow", "jpeg2000"), "yuv420p"),
    "mjpeg": "yuvj420p",
}
_IN_AVI = {
    **_ANYWHERE,
    **dict.fromkeys(("msmpeg4v2", "wmv1", "wmv2", "flv", "ffvhuff", "asv1", "mpeg1video", "h263p"), "yuv420p"),
    **dict.fromkeys(("huffyuv", "speedhq"), "yuv422p"),
    **dict.fromkeys(("cfhd", "v210"), "yuv422p10le"),
    **dict.fromkeys(("cinepak", "png"), "rgb24"),
    "amv": "yuvj420p",
    "magicyuv": "gbrp",
    "zmbv": "bgr0",
    "svq1": "yuv410p",
    "msvideo1": "rgb555le",
}
_IN_MATROSKA = {**_ANYWHERE, "libx265": "yuv420p", "prores_ks": "yuv422p10le"}
_IN_QUICKTIME = {
    **dict.fromkeys(("libx264", "libx265", "libvpx-vp9", "libsvtav1", "mpeg2video", "mpeg4", "msmpeg4"), "yuv420p"),
    **dict.fromkeys(("cinepak", "qtrle", "png"), "rgb24"),
    **dict.fromkeys(("prores_ks", "cfhd"), "yuv422p10le"),
    "svq1": "yuv410p",
    "mjpeg": "yuvj420p",
}
_NOT_IN_QUICKTIME = frozenset({"libvpx-vp9", "libsvtav1"})
_N_FRAMES = 24


def clip(path: Path, codec: str, pixel_format: str, *, first_number: int = 0) -> Path:
    recipe = Recipe(codec, {"bf": "0"} if codec == "libx264" else {}, pixel_format=pixel_format)
    times = [Fraction(number) / PAL for number in range(_N_FRAMES)]
    return encode(path, recipe, times, first_number=first_number)


@pytest.mark.parametrize("codec", _IN_AVI)
def test_every_codec_is_read_from_avi(codec: str, tmp_path: Path) -> None:
    assert differences(clip(tmp_path / "one.avi", codec, _IN_AVI[codec]), range(_N_FRAMES), seed=0) == []


@pytest.mark.parametrize("has_flags", [True, False])
@pytest.mark.parametrize("codec", _IN_QUICKTIME)
def test_every_codec_is_read_from_quicktime_with_and_without_its_flags(
    codec: str, has_flags: bool, tmp_path: Path
) -> None:
    suffix = "mp4" if codec in _NOT_IN_QUICKTIME else "mov"
    path = clip(tmp_path / f"one.{suffix}", codec, _IN_QUICKTIME[codec])
    if not has_flags:  # without the list of keyframes, every picture counts as one
        path.write_bytes(path.read_bytes().replace(b"stss", b"free"))
    assert differences(path, range(_N_FRAMES), seed=0) == []


@pytest.mark.parametrize("codec", _IN_AVI)
def test_no_frame_is_wrong_or_lost_in_an_avi_without_its_index(codec: str, tmp_path: Path) -> None:
    path = clip(tmp_path / "cut.avi", codec, _IN_AVI[codec])
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"idx1")])
    indexed = index_file(path, working_copy=tmp_path / "copy")
    read = open_reader(indexed.footage, indexed.index, View()).read
    for request in (np.arange(_N_FRAMES), *([number] for number in range(_N_FRAMES))):
        items = list(read(np.array(request)))
        assert [number_in(item.rgb) if isinstance(item, Frame) else item for item in items] == list(request)


@pytest.mark.parametrize("codec", _IN_MATROSKA)
def test_every_codec_is_read_from_joined_files(codec: str, tmp_path: Path) -> None:
    firsts = (0, _N_FRAMES)
    parts = [clip(tmp_path / f"{first}.mkv", codec, _IN_MATROSKA[codec], first_number=first) for first in firsts]
    joined = tmp_path / "joined.mkv"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert differences(joined, range(2 * _N_FRAMES), seed=0, section_starts=[_N_FRAMES]) == []
