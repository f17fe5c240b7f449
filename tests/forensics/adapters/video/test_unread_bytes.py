"""What a demuxer passes over is named: damaged bytes, and pictures behind damage that it does not find again."""

from pathlib import Path
from random import Random
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from forensics.adapters.video.containers.byte_coverage import Coverage
from forensics.adapters.video.containers.mov_header import MOV
from forensics.adapters.video.containers.unread_bytes import (
    describe_unread,
    find_headers,
    find_unread,
    may_mislead_seeks,
)
from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Gap, View
from testing.painted.encode import PAL, Recipe, encode

_N_FRAMES = 60
_SEEDS = range(25)
_B = {"preset": "ultrafast", "bf": "2"}
_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
_MATROSKA = "matroska,webm"


def recording(folder: Path, name: str, **recipe: Any) -> Path:
    return encode(folder / name, Recipe(**recipe), [number / PAL for number in range(_N_FRAMES)])


def index(path: Path) -> Indexed:
    return index_file(path, working_copy=path.with_name("copy"))


def damage(content: bytes, random: Random) -> bytes:
    """Content with one stretch overwritten, zeroed, removed or inserted; its ends stay as they are."""
    at, n_bytes = random.randrange(len(content) // 20, len(content) * 19 // 20), random.choice([1, 4, 60, 500, 3000])
    n_bytes = min(n_bytes, len(content) - at - len(content) // 30)
    head, middle, tail = content[:at], content[at : at + n_bytes], content[at + n_bytes :]
    junk = random.randbytes(n_bytes)
    return head + random.choice([junk, bytes(n_bytes), b"", junk + middle]) + tail


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("gate.mkv", {"options": _B}),
        ("gate.webm", {"codec": "libvpx"}),
        ("gate.flv", {"options": _B}),
        ("gate.mp4", {"options": _B, "container_options": _FRAGMENTED}),
        ("gate.ts", {"options": _B}),
    ],
)
def test_no_damage_takes_frames_away_in_silence(name: str, recipe: dict[str, Any], tmp_path: Path) -> None:
    content = recording(tmp_path, name, **recipe).read_bytes()
    assert index(tmp_path / name).shortfall == ""
    n_short = 0
    for seed in _SEEDS:
        path = tmp_path / f"{seed}-{name}"
        path.write_bytes(damage(content, Random(seed)))
        try:
            found = index(path)
        except UnreadableFootage:
            continue
        n_short += found.index.n_frames < _N_FRAMES
        if found.index.n_frames < _N_FRAMES and not found.shortfall:
            items = open_reader(found.footage, found.index, View(32, 32)).read(np.arange(found.index.n_frames))
            assert any(isinstance(item, Gap) for item in items), seed
    assert n_short > 0


def test_behind_damage_the_second_of_two_joined_files_is_named_and_never_read_in_place_of_the_first(
    tmp_path: Path,
) -> None:
    content = bytearray(recording(tmp_path, "gate.mkv", options=_B).read_bytes())
    joined = tmp_path / "joined.mkv"
    joined.write_bytes(content + content)
    assert (index(joined).index.n_frames, index(joined).shortfall) == (2 * _N_FRAMES, "")
    middle = len(content) // 2
    content[middle : middle + 60] = bytes(60)
    joined.write_bytes(content + content)
    found = index(joined)
    assert found.index.n_frames < _N_FRAMES
    assert "bytes are damaged or hold pictures that could not be reached, in 2 places" in found.shortfall
    assert found.working_copy_sha256 is not None


def test_sixteen_transport_packets_that_are_zeroed_break_no_counter_and_are_found(tmp_path: Path) -> None:
    path = recording(tmp_path, "gate.ts", options=_B)
    content = bytearray(path.read_bytes())
    start = len(content) // 188 // 2 * 188
    content[start : start + 16 * 188] = bytes(16 * 188)
    path.write_bytes(content)
    assert "packets are damaged" in index(path).shortfall


def test_space_that_a_recorder_set_aside_at_the_end_is_no_damage(tmp_path: Path) -> None:
    path = recording(tmp_path, "gate.mp4", options=_B, container_options=_FRAGMENTED)
    path.write_bytes(path.read_bytes() + bytes(100_000))
    assert index(path).shortfall == ""


# ---- fragmented MP4 joined byte by byte


def joined(folder: Path, first: dict[str, Any], second: dict[str, Any]) -> Indexed:
    recipes = (("a.mp4", first), ("b.mp4", second))
    parts = [recording(folder, name, **{"options": _B, **recipe}) for name, recipe in recipes]
    path = folder / "joined.mp4"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return index(path)


def fragmented(flags: str = "default_base_moof", timescale: str = "90000") -> dict[str, Any]:
    movflags = f"frag_keyframe+empty_moov+{flags}"
    return {"container_options": {"movflags": movflags, "video_track_timescale": timescale}}


def test_a_joined_file_with_the_same_clock_and_codec_is_read_on(tmp_path: Path) -> None:
    found = joined(tmp_path, fragmented(), fragmented())
    assert (found.index.n_frames, len(found.index.damaged), found.shortfall) == (2 * _N_FRAMES, 0, "")


@pytest.mark.parametrize("change", ["times of 64 bits", "another clock of the sound"])
def test_the_setup_of_a_joined_file_is_that_of_its_video_alone(change: str, tmp_path: Path) -> None:
    mdhd = b"mdhd" + bytes(12) + (90_000).to_bytes(4, "big")
    long_mdhd = b"mdhd\1" + bytes(range(19)) + (90_000).to_bytes(4, "big")
    sound = b"trak" + b"mdhd" + bytes(12) + (8_000).to_bytes(4, "big") + b"hdlr" + bytes(8) + b"soun"
    avcc = (16).to_bytes(4, "big") + b"avcC" + b"\1\2\3\4\xff\xe0\0\0"
    video = b"trak" + mdhd + b"hdlr" + bytes(8) + b"vide" + avcc
    other = sound + video if change == "another clock of the sound" else video.replace(mdhd, long_mdhd)
    path = tmp_path / "joined.mp4"
    path.write_bytes(b"".join(box(b"ftyp", b"isom") + box(b"moov", each) for each in (video, other)))
    first, second = find_headers(path, MOV, Coverage())
    assert (first.kind, first.extradata) == (second.kind, second.extradata)
    assert second.start > first.start


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(fragmented(), fragmented(timescale="12800"), id="another clock"),
        pytest.param(fragmented(), {**fragmented(), "codec": "libx265", "options": {}}, id="another codec"),
        # each fragment states where its pictures lay in its own file: those of the first file would be shown again
        pytest.param(fragmented("omit_tfhd_offset"), fragmented("frag_keyframe"), id="offsets of its own file"),
    ],
)
def test_no_frame_of_a_joined_file_is_read_with_the_header_of_the_first(
    first: dict[str, Any], second: dict[str, Any], tmp_path: Path
) -> None:
    found = joined(tmp_path, first, second)
    numbers = np.arange(found.index.n_frames)
    items = list(open_reader(found.footage, found.index, View(32, 32)).read(numbers))
    assert not any(isinstance(item, Gap) for item in items[:_N_FRAMES])
    assert all(isinstance(item, Gap) for item in items[_N_FRAMES:])
    assert "another file is joined to its end" in found.shortfall
    assert "write them to a file of their own" in found.shortfall


# ---- blocks that are smaller or larger than what they hold


def block(kind: int, n_bytes: int) -> bytes:
    return bytes([kind, 0x40 | n_bytes >> 8, n_bytes & 255]) + b"\x81\0\0\x80" + b"\xa3" * (n_bytes - 4)


CLUSTER = b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" + b"\xe7\x81\0"
CUES = b"\x1c\x53\xbb\x6b\x90" + bytes(16)


def unread(folder: Path, content: bytes, packets: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    path = folder / "gate.mkv"
    path.write_bytes(content)
    coverage = Coverage()
    for position, size in packets:
        coverage.add(cast("Any", SimpleNamespace(pos=position, size=size)))
    return find_unread(path, _MATROSKA, coverage)


@pytest.mark.parametrize("n_claimed", [[30], [196], [200], [260], [40, 40, 40]])
def test_a_block_ends_where_it_says_however_large_its_packets_are(n_claimed: list[int], tmp_path: Path) -> None:
    content = CLUSTER + block(0xA3, 200) + CLUSTER + block(0xA3, 100) + CUES
    first, second = len(CLUSTER) + 3, 2 * len(CLUSTER) + 3 + 200 + 3
    packets = [*((first, size) for size in n_claimed), (second, 96)]
    assert unread(tmp_path, content, packets) == ()
    assert unread(tmp_path, content, packets[:-1]) == ((second - 3, len(content)),)


def matroska_head(scale: bytes) -> bytes:
    track = element(0xAE, element(0x83, b"\1") + element(0x86, b"V_VP8") + element(0x63A2, bytes(40)))
    info = element(0x1549A966, element(0x2AD7B1, scale) if scale else b"")
    return element(0x1A45DFA3, b"") + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + info + element(0x1654AE6B, track)


def element(kind: int, content: bytes) -> bytes:
    return kind.to_bytes((kind.bit_length() + 7) // 8, "big") + bytes([0x80 | len(content)]) + content


def test_a_clock_that_is_not_stated_is_the_usual_one(tmp_path: Path) -> None:
    part = CLUSTER + block(0xA3, 100)
    heads = [matroska_head(scale) for scale in (b"", b"\x0f\x42\x40", b"\x01")]
    content = b"".join(head + part for head in heads)
    path = tmp_path / "joined.mkv"
    path.write_bytes(content)
    coverage, end = Coverage(), 0
    for head in heads:
        end += len(head) + len(part)
        coverage.add(cast("Any", SimpleNamespace(pos=end - 100, size=96)))
    first, same, other = find_headers(path, _MATROSKA, coverage)
    assert first.kind == same.kind != other.kind
    assert same.start == len(heads[0]) + len(part)


def test_an_empty_block_is_a_frame_that_did_not_change_and_a_group_is_walked_through(tmp_path: Path) -> None:
    group = b"\xa0\x40\x6b" + block(0xA1, 100)[:3] + block(0xA1, 100)[3:] + b"\x9b\x81\x28" + b"\xfb\x81\0"
    content = CLUSTER + block(0xA3, 4) + group + block(0xA3, 50)
    first = len(CLUSTER) + 7 + 3 + 3
    last = len(CLUSTER) + 7 + len(group) + 3
    assert unread(tmp_path, content, [(first, 96), (last, 46)]) == ()


@pytest.mark.parametrize("seed", range(60))
def test_no_bytes_end_a_walk_with_an_error(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    marks = [
        CLUSTER,
        CUES,
        block(0xA3, 60),
        b"moof",
        b"\0\0\0\x18ftyp",
        b"FLV\1",
        b"HXVF",
        b"DHAV",
        b"GIF89a",
        b"\xec\x80" * 40,
    ]
    content = b"".join(random.choice([random.choice(marks), random.randbytes(random.randrange(40))]) for _ in range(60))
    path = tmp_path / "any"
    path.write_bytes(content)
    coverage = Coverage()
    for position in sorted(random.sample(range(len(content)), 5)):
        coverage.add(cast("Any", SimpleNamespace(pos=position, size=random.randrange(30))))
    for container in (_MATROSKA, "flv", "hxvs", "dhav", "nut", "gif", MOV):
        ranges = find_unread(path, container, coverage)
        assert all(0 <= start < stop <= len(content) for start, stop in ranges), container
        find_headers(path, container, coverage)
        may_mislead_seeks(path, container, ranges)


def test_very_many_tiny_elements_are_given_up(tmp_path: Path) -> None:
    content = CLUSTER + block(0xA3, 50) + b"\xec\x80" * 300_000
    started = monotonic()
    assert unread(tmp_path, content, [(len(CLUSTER) + 3, 46)]) != ()
    assert monotonic() - started < 5


def test_places_are_told_with_their_bytes() -> None:
    assert describe_unread(()) == ""
    assert describe_unread([(10, 30)]) == (
        "20 bytes are damaged or hold pictures that could not be reached, from byte 10 on"
    )
    assert describe_unread([(10, 30), (50, 55)]).endswith("in 2 places, first at 10")
    assert describe_unread([(10, 30), (50, 55)]).startswith("25 bytes")
    assert describe_unread([(10, 11)]).startswith("1 byte is damaged or holds")
