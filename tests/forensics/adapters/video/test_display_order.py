"""Healthy files whose times do not say in which order pictures are shown: every frame is right and in its place."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, View
from testing.painted.encode import PAL, Packets, Recipe, copy, encode
from testing.painted.picture import number_in, paint

_N_FRAMES = 90
_TIMES = [number / PAL for number in range(_N_FRAMES)]
_RECIPES = {
    "H.264 with a pyramid": Recipe(options={"x264-params": "bframes=3:b-pyramid=normal"}, gop=25),
    "H.264 with open groups": Recipe(options={"x264-params": "bframes=3:open-gop=1"}, gop=25),
    "HEVC": Recipe("libx265", {"x265-params": "keyint=25:bframes=4:log-level=none"}),
    "MPEG-4": Recipe("mpeg4", {"bf": "2"}, gop=25),
    "MPEG-2": Recipe("mpeg2video", {"bf": "2"}, gop=15),
}


def index(path: Path) -> Indexed:
    return index_file(path, working_copy=path.with_name("copy"))


def painted_numbers(indexed: Indexed) -> list[int]:
    items = open_reader(indexed.footage, indexed.index, View(160, 160)).read(np.arange(indexed.index.n_frames))
    return [number_in(item.rgb) if isinstance(item, Frame) else -1 for item in items]


def leap_at(cut: int, seconds: Fraction) -> Callable[[Packets], Packets]:
    """Move the clock of all packets from one on."""

    def choose(packets: Packets) -> Packets:
        for number, packet in enumerate(packets):
            ticks = int((100 + seconds * (number >= cut)) / packet.time_base)
            packet.pts += ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        return packets

    return choose


def as_stored(packets: Packets) -> Packets:
    """State for each picture when it is stored, as muxers do that know no order."""
    for number, packet in enumerate(packets):
        packet.pts = packet.dts = int(number / PAL / packet.time_base)
    return packets


@pytest.mark.parametrize("seconds", [Fraction(1, 25), Fraction(1, 10), Fraction(1, 5), Fraction(1)])
@pytest.mark.parametrize("cut", [25, 26, 27, 38, 75])
@pytest.mark.parametrize("name", _RECIPES)
def test_a_clock_that_leaps_inside_a_group_costs_no_frame(
    name: str, cut: int, seconds: Fraction, tmp_path: Path
) -> None:
    whole = encode(tmp_path / "whole.mkv", _RECIPES[name], _TIMES)
    indexed = index(copy(whole, tmp_path / "gate.mkv", choose=leap_at(cut, seconds)))
    assert painted_numbers(indexed) == list(range(_N_FRAMES))
    assert np.all(np.diff(indexed.index.media_us) > 0)


def test_a_group_without_end_in_which_the_clock_leaps_is_ordered(tmp_path: Path) -> None:
    recipe = Recipe(options={"x264-params": "bframes=3:keyint=infinite:scenecut=0"}, gop=10_000)
    whole = encode(tmp_path / "whole.mkv", recipe, _TIMES)
    indexed = index(copy(whole, tmp_path / "gate.mkv", choose=leap_at(38, Fraction(1))))
    assert painted_numbers(indexed) == list(range(_N_FRAMES))


@pytest.mark.parametrize("suffix", ["mkv", "mov", "nut"])
@pytest.mark.parametrize("name", [name for name in _RECIPES if name != "MPEG-2"])
def test_times_in_the_order_of_storage_are_given_to_the_frames_in_their_order(
    name: str, suffix: str, tmp_path: Path
) -> None:
    whole = encode(tmp_path / f"whole.{suffix}", _RECIPES[name], _TIMES)
    indexed = index(copy(whole, tmp_path / f"gate.{suffix}", choose=as_stored))
    assert painted_numbers(indexed) == list(range(_N_FRAMES))
    assert np.abs(indexed.index.media_us - np.arange(_N_FRAMES) * 40_000).max() <= 1000
    assert indexed.shortfall == ""


@pytest.mark.parametrize("suffix", ["avi", "mov", "nut"])
def test_every_frame_has_the_palette_that_only_the_first_packet_states(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"gate.{suffix}"
    palette = np.stack([*[np.arange(255, -1, -1, dtype=np.uint8)] * 3, np.full(256, 255, dtype=np.uint8)], axis=1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "pal8"
        for number in range(30):
            gray = 255 - paint(number, 160, 96).mean(axis=2).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray((gray, palette), format="pal8")
            frame.pts = number
            container.mux(stream.encode(frame))
    indexed = index(path)
    assert painted_numbers(indexed) == list(range(30))
    for number in (17, 3, 29):
        (item,) = open_reader(indexed.footage, indexed.index, View(160, 160)).read(np.array([number]))
        assert isinstance(item, Frame)
        assert number_in(item.rgb) == number


@pytest.mark.parametrize("padding", [bytes(40_000), b"\xff" * 40_044])
@pytest.mark.parametrize("suffix", ["ts", "gif"])
def test_padding_behind_the_end_is_no_damage(suffix: str, padding: bytes, tmp_path: Path) -> None:
    recipe = Recipe("gif", pixel_format="rgb8") if suffix == "gif" else _RECIPES["H.264 with a pyramid"]
    path = encode(tmp_path / f"gate.{suffix}", recipe, _TIMES)
    path.write_bytes(path.read_bytes() + padding)
    indexed = index(path)
    assert (indexed.shortfall, len(indexed.index.damaged)) == ("", 0)
    assert painted_numbers(indexed) == list(range(_N_FRAMES))
