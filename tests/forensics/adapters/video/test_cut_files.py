"""Files cut out of a recording: gaps are only the frames that are built on what was cut, as ffmpeg shows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.footage.frames import Frame, View
from testing.painted.encode import PAL, Recipe, copy, encode, skip_to_keyframe
from testing.painted.picture import number_in
from testing.painted.random_files import decode_with_ffmpeg

_OPEN = "open-gop=1:keyint=12:bframes=3:scenecut=0"
_RECIPES = {
    "H.264, open groups": Recipe(options={"preset": "ultrafast", "x264-params": f"{_OPEN}:b-adapt=0:b-pyramid=none"}),
    "H.264, pyramid, 6 references": Recipe(
        options={"preset": "medium", "x264-params": f"{_OPEN}:b-pyramid=normal:ref=6"}
    ),
    "H.264, intra refresh": Recipe(
        options={"preset": "ultrafast", "x264-params": "intra-refresh=1:keyint=25:bframes=0"}, gop=25
    ),
    "HEVC, open groups": Recipe(
        "libx265", {"preset": "ultrafast", "x265-params": f"{_OPEN}:repeat-headers=1:pools=none:log-level=none"}
    ),
}


def from_keyframe(whole: Path) -> Path:
    return copy(whole, whole.with_name(f"cut{whole.suffix}"), choose=skip_to_keyframe(1))


def from_middle(whole: Path) -> Path:
    content = whole.read_bytes()
    cut = whole.with_name("cut.ts")
    cut.write_bytes(content[len(content) * 37 // 100 // 188 * 188 :])
    return cut


@pytest.mark.parametrize(("suffix", "cut"), [("mkv", from_keyframe), ("ts", from_keyframe), ("ts", from_middle)])
@pytest.mark.parametrize("codec", _RECIPES)
def test_only_frames_built_on_what_was_cut_are_gaps(
    codec: str, suffix: str, cut: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = cut(encode(tmp_path / f"whole.{suffix}", _RECIPES[codec], [n / PAL for n in range(90)]))
    decoded = decode_with_ffmpeg(path)
    if decoded is None:
        pytest.skip("the ffmpeg command line is not installed")
    indexed = index_file(path, working_copy=tmp_path / "copy")
    wanted = np.arange(indexed.index.n_frames)
    items = list(open_reader(indexed.footage, indexed.index, View()).read(wanted))
    numbers = [number_in(item.rgb) for item in items if isinstance(item, Frame)]
    expected = [number for picture in decoded if (number := number_in(picture)) is not None]
    assert numbers == expected
    assert all(isinstance(item, Frame) for item in items[-len(expected) :])
    reader = open_reader(indexed.footage, indexed.index, View())
    for number in np.random.default_rng(1).permutation(wanted)[:10].tolist():
        (alone,) = reader.read(np.array([number]))
        assert isinstance(alone, Frame) == isinstance(items[number], Frame)
