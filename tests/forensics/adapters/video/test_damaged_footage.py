"""Damaged footage: frames that are returned are right, and do not depend on where reading started."""

import hashlib
import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.errors import UnreadableFootage
from forensics.footage.chunks import boundaries
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, Gap, View
from forensics.footage.timeline import Int64Array, PacketIndex
from scripts.measure.bad_inputs.originals import ORIGINALS
from testing.painted import KINDS
from testing.painted.picture import number_in

_KINDS = ("h264_mp4", "h264_no_b_mp4", "h264_open_gop_mp4", "h264_mkv", "h264_ts", "hevc_mp4", "mpeg4_mp4")
_SEEDS = range(6)


def _damage(source: Path, target: Path, seed: int) -> Path:
    """A copy with a few hundred bytes in its middle overwritten, or some bits turned."""
    chance, data = random.Random(seed), bytearray(source.read_bytes())
    middle = range(len(data) // 8, len(data) * 7 // 8)
    if seed % 2:
        for _ in range(12):
            data[chance.choice(middle)] ^= 1 << chance.randrange(8)
    else:
        start = chance.choice(middle)
        data[start : start + 300] = chance.randbytes(300)
    target.write_bytes(data[: source.stat().st_size])
    return target


def _outcomes(
    indexed: Indexed, ranges: list[Int64Array], *, shows_damaged: bool = False
) -> dict[int, tuple[str, str, int | None]]:
    """Return for every frame its kind or the reason of its gap, a digest or the detail, and its painted number."""
    reader = open_reader(indexed.footage, indexed.index, View(shows_damaged=shows_damaged))
    return {
        item.number: (str(item.doubt or "frame"), hashlib.sha256(item.rgb.tobytes()).hexdigest(), number_in(item.rgb))
        if isinstance(item, Frame)
        else (item.reason, item.detail, None)
        for wanted in ranges
        for item in reader.read(wanted)
    }


@pytest.mark.parametrize("name", [kind.name for kind in KINDS if kind.name in _KINDS])
def test_frames_of_damaged_footage_are_right_and_do_not_depend_on_where_reading_starts(
    name: str, tmp_path: Path
) -> None:
    whole = next(kind for kind in KINDS if kind.name == name).build(tmp_path)
    n_read = 0
    for seed in _SEEDS:
        damaged = _damage(whole, tmp_path / f"{seed}-{whole.name}", seed)
        try:
            indexed = index_file(damaged, working_copy=tmp_path / f"copy-{seed}")
        except UnreadableFootage:
            continue
        frames = np.arange(indexed.index.n_frames)
        edges = boundaries(indexed.index, indexed.index.keyframes, chunk_us=1).tolist()
        at_once = _outcomes(indexed, [frames])
        by_group = _outcomes(indexed, [np.arange(start, stop) for start, stop in pairwise(edges)])
        singly = _outcomes(indexed, [frames[place : place + 1] for place in range(0, len(frames), 7)])
        assert at_once == by_group
        assert singly == {number: at_once[number] for number in singly}
        n_read += sum(what == "frame" for what, _, _ in at_once.values())
    assert n_read


@pytest.mark.parametrize("name", ["h264_mkv", "h264_open_mkv", "hevc_ts", "mpeg4_mp4", "mpeg2_mpg", "mjpeg_avi"])
def test_damaged_frames_are_shown_on_request_with_the_gap_that_they_would_be(name: str, tmp_path: Path) -> None:
    whole = next(kind for kind in KINDS if kind.name == name).build(tmp_path)
    n_shown = 0
    for seed in _SEEDS:
        damaged = _damage(whole, tmp_path / f"{seed}-{whole.name}", seed)
        indexed = index_file(damaged, working_copy=tmp_path / f"copy-{seed}")
        frames = np.arange(indexed.index.n_frames)
        edges = boundaries(indexed.index, indexed.index.keyframes, chunk_us=1).tolist()
        hidden, shown = (_outcomes(indexed, [frames], shows_damaged=shows) for shows in (False, True))
        changed = [number for number in hidden if shown[number] != hidden[number]]
        for number in changed:
            reason, detail, _ = hidden[number]
            assert shown[number][0] == str(Gap(number, reason, detail))
        by_group = [np.arange(start, stop) for start, stop in pairwise(edges)]
        assert _outcomes(indexed, by_group, shows_damaged=True) == shown
        singly = [frames[number : number + 1] for number in changed[::5]]
        assert _outcomes(indexed, singly, shows_damaged=True) == {number: shown[number] for number in changed[::5]}
        n_shown += len(changed)
    assert n_shown > 5


_TELLS_ITS_END = (
    *("h264_mkv", "h264_open_mkv", "vp9_webm", "vfr_mkv", "mpeg4_avi", "mjpeg_avi", "h264_flv", "mpeg2_mxf"),
    *("wmv2_asf", "vp8_ivf", "gif_gif", "h264_ts", "hevc_ts"),
)


@pytest.mark.parametrize("name", _TELLS_ITS_END)
def test_a_cut_end_is_reported_where_the_container_states_its_length(name: str, tmp_path: Path) -> None:
    """One frame may be: that which was stored last, and is shown before another."""
    path = ORIGINALS[name].build(tmp_path)
    whole, data = index_file(path, working_copy=tmp_path / "copy"), path.read_bytes()
    assert whole.shortfall == ""
    n_short = 0
    for place in range(1, 60):
        path.write_bytes(data[: len(data) * place // 60 + 1])
        try:
            indexed = index_file(path, working_copy=tmp_path / "copy")
        except UnreadableFootage:
            continue
        n_lost = whole.index.n_frames - indexed.index.n_frames
        n_short += n_lost > 1
        assert n_lost <= 1 or indexed.shortfall, f"{n_lost} frames are missing after {place} of 60 parts"
    assert n_short > 20


def test_a_transport_stream_cut_between_two_packets_looks_whole(tmp_path: Path) -> None:
    """Nothing in the file shows the loss; one byte more does."""
    path = ORIGINALS["h264_ts"].build(tmp_path)
    data = path.read_bytes()
    for n_bytes, is_told in ((len(data) // 188 // 2 * 188, False), (len(data) // 188 // 2 * 188 + 1, True)):
        path.write_bytes(data[:n_bytes])
        assert ("the last transport packet" in index_file(path, working_copy=tmp_path / "c").shortfall) == is_told


_UNIT_BYTES = {"h264_ts": 188, "hevc_ts": 188, "mpeg2_mpg": 2048}


def _without_units(source: Path, target: Path, seed: int, unit_bytes: int) -> Path:
    """A copy that lacks some of the units it was sent or stored in."""
    chance, data = random.Random(seed), source.read_bytes()
    units = [data[start : start + unit_bytes] for start in range(0, len(data), unit_bytes)]
    for _ in range(chance.choice((1, 1, 2, 5))):
        del units[chance.randrange(8, len(units))]
    target.write_bytes(b"".join(units))
    return target


def _number_at(index: PacketIndex, frame: int) -> int:
    """The painted number that belongs there: the first picture of the clip is in every copy."""
    return round((int(index.pts[frame]) - int(index.pts[0])) * index.time_base * Fraction(25))


@pytest.mark.parametrize("name", _UNIT_BYTES)
def test_frames_that_depend_on_lost_units_are_gaps(name: str, tmp_path: Path) -> None:
    whole = next(kind for kind in KINDS if kind.name == name).build(tmp_path)
    n_read = n_gaps = 0
    for seed in range(25):
        damaged = _without_units(whole, tmp_path / f"{seed}-{whole.name}", seed, _UNIT_BYTES[name])
        indexed = index_file(damaged, working_copy=tmp_path / f"copy-{seed}")
        for item in open_reader(indexed.footage, indexed.index, View()).read(np.arange(indexed.index.n_frames)):
            if isinstance(item, Frame):
                assert number_in(item.rgb) == _number_at(indexed.index, item.number), (seed, item.number)
                n_read += 1
            n_gaps += not isinstance(item, Frame)
    assert n_read > 2 * n_gaps, "most of the clip is still handed out"
    assert n_gaps
