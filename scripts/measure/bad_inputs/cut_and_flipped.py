"""Files that lost their end, and files with turned bits: what bad disks, cables and copies make."""

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import av

from scripts.measure.bad_inputs.bad_file import BadFile, by_number, by_time
from scripts.measure.bad_inputs.originals import ORIGINALS, PAIRS, Workshop
from testing.painted.encode import PAL, Recipe, encode

__all__ = ["cut_files", "flipped_files", "whole_files"]

_CUT = (
    *("h264_mp4", "fragmented_mp4", "mjpeg_mov", "h264_mkv", "vp9_webm", "mpeg4_avi", "mjpeg_avi", "h264_ts"),
    *("mpeg2_mpg", "h264_flv", "mpeg2_mxf", "vp8_ivf", "wmv2_asf", "mpeg4_nut", "raw_264", "gif_gif"),
)
_KEPT = (0.002, 0.05, 0.3, 0.6, 0.9, 0.999)
# Where the file has no clock, a lost picture moves those behind it: only what is cut off at the end moves nothing.
_NO_CLOCK = frozenset({"h264_avi", "mpeg4_avi", "mpeg4_b_avi", "mjpeg_avi", "raw_264", "raw_265"})
# What is cut off behind this share of a file is no picture, but an index of them.
_ONLY_AN_INDEX = 0.99
# Whatever is cut off between two packets, or fragments, of these, they say nothing of it.
_SILENT = frozenset({"h264_ts", "mpeg2_mpg", "mpeg4_nut", "raw_264", "fragmented_mp4"})
_NUMBERS_OF = {name: by_number(list(range(90))) for name in ("mpeg4_avi", "mjpeg_avi")}
_UNTOLD = _NO_CLOCK | {"gif_gif"}
_TURNED_BITS = (1, 4, 16, 64)
_BURST_BYTES = 300
_N_IN_PICTURES, _N_ANYWHERE = 5, 3


def whole_files() -> Iterator[BadFile]:
    """The files that the bad ones are made of: what rejects these would pass unseen among files that are bad."""
    for name in PAIRS:
        numbers = by_number(list(range(90))) if name in _NO_CLOCK else by_time(ORIGINALS[name])
        # its encoder states 90000 frames/s, which nobody believes
        is_sound = name != "raw_264"
        yield BadFile("nothing wrong", name, partial(_cut, name=name, kept=1), numbers, is_sound=is_sound)


def cut_files() -> Iterator[BadFile]:
    """Six lengths of each container, and of an MP4 whose header comes first."""
    for kept in _KEPT:
        for name in _CUT:
            numbers = None if name == "raw_264" else _NUMBERS_OF.get(name) or by_time(ORIGINALS[name])
            is_short = kept < _ONLY_AN_INDEX and name not in _SILENT
            cut = partial(_cut, name=name, kept=kept)
            yield BadFile("truncation", f"{name}-{kept}", cut, numbers, is_known_short=is_short)
        yield BadFile(
            "truncation",
            f"header_first_mp4-{kept}",
            partial(_cut_header_first, kept=kept),
            by_time(ORIGINALS["h264_mp4"]),
            is_known_short=kept < _ONLY_AN_INDEX,
        )


def _cut(shop: Workshop, *, name: str, kept: float) -> Path:
    path = shop.original_path(name)
    content = path.read_bytes()
    return shop.write(path.name, content[: max(1, int(len(content) * kept))])


def _cut_header_first(shop: Workshop, *, kept: float) -> Path:
    content = shop.built("header_first_mp4", _header_first).read_bytes()
    return shop.write("header_first.mp4", content[: int(len(content) * kept)])


def _header_first(folder: Path) -> Path:
    recipe = Recipe(options={"preset": "ultrafast", "bf": "2"}, container_options={"movflags": "faststart"})
    return encode(folder / "header_first.mp4", recipe, [number / PAL for number in range(90)])


def flipped_files(seed: int) -> Iterator[BadFile]:
    """For each container and codec some with turned bits in the pictures alone, some with turned bits anywhere."""
    for name in PAIRS:
        numbers = None if name in _UNTOLD else by_time(ORIGINALS[name])
        for nth in range(_N_IN_PICTURES):
            build = partial(_flipped, name=name, damage=partial(_in_pictures, chance=f"{seed}-{name}-{nth}", nth=nth))
            yield BadFile("flips in pictures", f"{name}-{nth}", build, numbers, may_stand_still=True)
        for nth in range(_N_ANYWHERE):
            build = partial(_flipped, name=name, damage=partial(_anywhere, chance=f"{seed}-{name}-any-{nth}", nth=nth))
            yield BadFile("flips anywhere", f"{name}-{nth}", build)


def _flipped(shop: Workshop, *, name: str, damage: Callable[[Path], bytes]) -> Path:
    path = shop.original_path(name)
    return shop.write(path.name, damage(path))


def _in_pictures(path: Path, *, chance: str, nth: int) -> bytes:
    """Damage in the packets' own bytes: the container and its clock stay whole."""
    drawn, content = random.Random(chance), bytearray(path.read_bytes())
    places = [place for start, stop in _payloads(path) for place in range(start, stop)]
    if nth < len(_TURNED_BITS):
        for _ in range(_TURNED_BITS[nth]):
            content[drawn.choice(places)] ^= 1 << drawn.randrange(8)
    else:
        start = drawn.randrange(len(places) - _BURST_BYTES)
        for place in places[start : start + _BURST_BYTES]:
            content[place] = drawn.randrange(256)
    return bytes(content)


def _payloads(path: Path) -> Iterator[tuple[int, int]]:
    """Byte ranges that hold nothing but pictures."""
    content = path.read_bytes()
    if path.suffix == ".ts":
        yield from _ts_payloads(content)
        return
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    reached = 0
    for packet in packets:
        # a muxer that cuts packets into pieces leaves their first bytes whole
        start = content.find(packet[:400], reached)
        if start >= 0:
            reached = start + len(packet[:400])
            yield start, reached


def _ts_payloads(content: bytes) -> Iterator[tuple[int, int]]:
    """Of packets of the video that neither begin a picture, where its time stands, nor carry a clock."""
    for start in range(0, len(content) - 187, 188):
        flags = int.from_bytes(content[start + 1 : start + 4], "big")
        is_video, begins, has_clock = flags >> 8 & 0x1FFF == 0x100, flags >> 22 & 1, flags >> 5 & 1
        if is_video and not begins and not has_clock:
            yield start + 4, start + 188


def _anywhere(path: Path, *, chance: str, nth: int) -> bytes:
    """Damage to any byte, the first ones most likely: there the headers lie."""
    drawn, content = random.Random(chance), bytearray(path.read_bytes())
    for _ in range((1, 12, 80)[nth]):
        reach = drawn.choice((64, 1024, len(content)))
        content[drawn.randrange(min(reach, len(content)))] ^= 1 << drawn.randrange(8)
    return bytes(content)
