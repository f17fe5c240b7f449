"""Recordings in which the parameters of the decoder change: each frame is that of the part it comes from."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from forensics.adapters.video.bitstreams.h264_syntax import split_units
from forensics.adapters.video.bitstreams.inband_setup import START_BYTES, InbandSetup
from forensics.adapters.video.bitstreams.parameter_sets import can_be_inserted, insertion_for
from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, View
from testing.painted.encode import PAL, Recipe, encode

_N_FRAMES = 40
_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "video_track_timescale": "90000"}
_SETTINGS = {
    "fast": Recipe(options={"preset": "ultrafast", "bf": "2"}),
    "small": Recipe(options={"preset": "medium", "x264-params": "cabac=1:8x8dct=1:ref=3"}),
    "wide": Recipe(options={"preset": "medium"}, width_px=320, height_px=192),
    "hevc": Recipe("libx265", {"x265-params": "keyint=12:log-level=none"}),
    "hevc10": Recipe("libx265", {"x265-params": "keyint=12:log-level=none"}, pixel_format="yuv420p10le"),
}


def recording(folder: Path, settings: str, suffix: str) -> Path:
    recipe = _SETTINGS[settings]
    options = _FRAGMENTED if suffix == "mp4" else {}
    path = folder / f"{settings}.{suffix}"
    return encode(
        path,
        Recipe(
            recipe.codec,
            recipe.options,
            container_options=options,
            width_px=recipe.width_px,
            height_px=recipe.height_px,
            pixel_format=recipe.pixel_format,
        ),
        [number / PAL for number in range(_N_FRAMES)],
    )


def index(path: Path) -> Indexed:
    return index_file(path, working_copy=path.with_name(f"{path.name}-copy"), assumed_rate=PAL)


def pictures(indexed: Indexed, *, one_by_one: bool = False) -> list[np.ndarray | None]:
    numbers = np.arange(indexed.index.n_frames)
    requests = np.split(numbers, len(numbers)) if one_by_one else [numbers]
    read = open_reader(indexed.footage, indexed.index, View(160, 160)).read
    return [item.rgb if isinstance(item, Frame) else None for request in requests for item in read(request)]


def end_to_end(parts: list[Path]) -> bytes:
    return b"".join(part.read_bytes() for part in parts)


def restarted(parts: list[Path]) -> bytes:
    """An FLV whose encoder was started anew: the second file's tags behind those of the first, 1.6 s later."""
    first, second = (part.read_bytes() for part in parts)
    later = [tag for tag in tags(second) if tag[0] != 18]
    return first + b"".join(
        tag[:4] + (int.from_bytes(tag[4:7], "big") + 1600).to_bytes(3, "big") + tag[7:] for tag in later
    )


def stated_once(parts: list[Path]) -> bytes:
    """The parts end to end, each with its parameter sets in front of its first picture alone."""
    return b"".join(_without_repetitions(part.read_bytes(), is_hevc="hevc" in part.name) for part in parts)


def _without_repetitions(content: bytes, *, is_hevc: bool) -> bytes:
    kept, seen = b"", set[bytes]()
    for unit in split_units(content, 0):
        is_set = (unit[0] >> 1 & 63) in (32, 33, 34) if is_hevc else unit[0] & 31 in (7, 8)
        if not (is_set and unit in seen):
            kept += b"\0\0\0\1" + unit
        seen |= {unit} if is_set else set()
    return kept


def tags(content: bytes) -> Iterator[bytes]:
    at = 13
    while at < len(content):
        stop = at + 11 + int.from_bytes(content[at + 1 : at + 4], "big") + 4
        yield content[at:stop]
        at = stop


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize(
    ("suffix", "join"),
    [("flv", restarted), ("mkv", end_to_end), ("mp4", end_to_end), ("ts", end_to_end), ("h264", stated_once)],
)
@pytest.mark.parametrize(
    "settings", [("fast", "small"), ("small", "fast"), ("fast", "wide"), ("hevc", "hevc10"), ("small", "small")]
)
def test_each_frame_is_that_of_its_part(
    settings: tuple[str, str], suffix: str, join: Callable[[list[Path]], bytes], one_by_one: bool, tmp_path: Path
) -> None:
    if suffix == "flv" and "hevc" in settings:
        pytest.skip("FLV holds no HEVC")
    suffix = "hevc" if suffix == "h264" and "hevc" in settings else suffix
    parts = [recording(tmp_path, each, suffix) for each in settings]
    path = tmp_path / f"joined.{suffix}"
    path.write_bytes(join(parts))
    indexed = index(path)
    truth = [picture for part in parts for picture in pictures(index(part))]
    found = pictures(indexed, one_by_one=one_by_one)
    assert (len(found), indexed.shortfall) == (2 * _N_FRAMES, "")
    for number, (picture, true) in enumerate(zip(found, truth, strict=True)):
        np.testing.assert_array_equal(picture, true, err_msg=f"frame {number}")


def test_a_joined_file_of_another_codec_is_named_and_its_frames_are_gaps(tmp_path: Path) -> None:
    path = tmp_path / "joined.mkv"
    path.write_bytes(end_to_end([recording(tmp_path, "fast", "mkv"), recording(tmp_path, "hevc", "mkv")]))
    indexed = index(path)
    found = pictures(indexed)
    assert [picture is None for picture in found] == [False] * _N_FRAMES + [True] * _N_FRAMES
    assert "another file is joined to its end" in indexed.shortfall


def test_parameters_with_other_lengths_or_of_other_codecs_cannot_be_inserted() -> None:
    avc = bytes.fromhex("01640028ff e1 0002 6764 01 0001 68")
    short_lengths = avc[:4] + b"\xfd" + avc[5:]
    assert insertion_for("h264", avc) == bytes.fromhex("00000002 6764 00000001 68")
    for unusable in (b"", b"\0\0\0\1g", avc[:9], short_lengths):
        assert insertion_for("h264", unusable) == b""
    assert insertion_for("vp9", avc) == b""
    assert can_be_inserted("vp9", b"", ())


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg2video", "mpeg4", "vp9"])
@pytest.mark.parametrize("seed", range(40))
def test_no_bytes_of_a_header_or_picture_end_with_an_error(codec: str, seed: int) -> None:
    random = Random(seed)
    extradata = random.choice([b"", b"\1"]) + random.randbytes(random.randrange(40))
    setup = InbandSetup(codec, extradata)
    for _ in range(5):
        start = random.choice([b"\0\0\0\1", b"\0\0\1\xb3", b"\0\0\1\x20", b""])
        picture = start + random.randbytes(random.randrange(60))
        setup.may_state(picture[:START_BYTES])
        assert setup.add(picture) in (True, False)
    assert isinstance(insertion_for(codec, extradata), bytes)


def test_parameters_behind_a_delimiter_are_seen() -> None:
    setup = InbandSetup("h264", b"")
    delimiter, other = b"\0\0\0\1\x09\xf0", b"\0\0\0\1\x67"
    assert setup.add(other + b"first")
    assert setup.may_state(delimiter + other + b"second")
    assert not setup.may_state(delimiter + b"\0\0\0\1\x41 a picture")
    assert setup.add(delimiter + other + b"second")
    assert not setup.add(b"\0\0\0\1\x65 a keyframe that lacks what holds for it")
