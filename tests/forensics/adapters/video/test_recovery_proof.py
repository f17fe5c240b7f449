"""Recovery points are used only where a sample of the file proves them exact."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from forensics.adapters.footage_index import index_footage
from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.indexing.recovery_proof import without_false_recoveries
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.footage.frames import Frame, View
from testing.painted.encode import PAL, Recipe, encode
from testing.painted.picture import number_in

_REFRESH = {"preset": "ultrafast", "x264-params": "intra-refresh=1:keyint=25:bframes=0"}


# A message that pictures are right from this one on.
_FALSE_CLAIM = b"\0\0\0\1\6\6\1\xc4\x80"


@pytest.fixture
def refreshed(tmp_path: Path) -> Path:
    """Make a clip with one IDR picture, and recovery points after which 10 frames are not right yet."""
    return encode(tmp_path / "refresh.mp4", Recipe(options=_REFRESH, gop=25), [n / PAL for n in range(120)])


def test_true_recovery_points_are_used(refreshed: Path) -> None:
    indexed = index_footage(refreshed, working_copy=refreshed.with_name("w"), stream_index=None, assumed_rate=None)
    assert indexed.index.keyframes.tolist() == [0, 25, 50, 75, 100]
    assert indexed.index.decoding_starts.tolist() == [0, 0, 0, 25, 50]


def with_false_recovery_points(path: Path) -> Path:
    """Write a raw clip of one picture that never changes, and claim every 6th P picture to be a recovery point."""
    picture = np.random.default_rng(1).integers(0, 256, (96, 160, 3), dtype=np.uint8)
    content = b""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 160, 96, "yuv420p", Fraction(1, 25)
    context.options = {"preset": "ultrafast", "x264-params": "keyint=250:bframes=0"}
    packets = [context.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")) for _ in range(60)]
    for number, packet in enumerate([each for some in [*packets, context.encode(None)] for each in some]):
        content += (_FALSE_CLAIM if number and number % 6 == 0 else b"") + bytes(packet)
    path.write_bytes(content)
    return path


def test_false_recovery_points_are_not(tmp_path: Path) -> None:
    indexed = index_file(with_false_recovery_points(tmp_path / "false.264"), working_copy=tmp_path / "copy")
    assert indexed.index.recovery_frames is not None
    assert indexed.index.recovery_frames.tolist()[:3] == [-1, 0, 0]
    proven = without_false_recoveries(indexed)
    assert proven.index.recovery_frames is None
    assert proven.index.keyframes.tolist() == [0]
    assert "recovery points are not exact" in proven.reader_reason


@pytest.mark.parametrize("number", [30, 55, 119])
def test_a_frame_behind_recovery_points_is_that_of_the_whole_file(refreshed: Path, number: int) -> None:
    indexed = index_footage(
        refreshed, working_copy=refreshed.with_name("w"), stream_index=None, assumed_rate=Fraction(25)
    )
    whole = [
        item.rgb.copy() if isinstance(item, Frame) else None
        for item in open_reader(indexed.footage, indexed.index, View()).read(np.arange(120))
    ]
    (alone,) = open_reader(indexed.footage, indexed.index, View()).read(np.array([number]))
    assert isinstance(alone, Frame)
    assert number_in(alone.rgb) == number
    assert np.array_equal(alone.rgb, whole[number])
