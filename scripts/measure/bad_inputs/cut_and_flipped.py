"""Truncated files and files with flipped bits, as bad disks, cables and copies produce them."""

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import av

from scripts.measure.bad_inputs.bad_file import BadFile, numbers_in_order, numbers_of_kind
from scripts.measure.bad_inputs.originals import ORIGINALS, PAIRS, Workshop
from testing.painted.encode import PAL, Recipe, encode

__all__ = ["cut_files", "flipped_files", "whole_files"]

_CUT = (
    *("h264_mp4", "fragmented_mp4", "mjpeg_mov", "h264_mkv", "vp9_webm", "mpeg4_avi", "mjpeg_avi", "h264_ts"),
    *("mpeg2_mpg", "h264_flv", "mpeg2_mxf", "vp8_ivf", "wmv2_asf", "mpeg4_nut", "raw_264", "gif_gif"),
)
_KEPT = (0.002, 0.05, 0.3, 0.6, 0.9, 0.999)
# In files without timestamps, a lost picture shifts all later ones; only truncation at the end shifts nothing.
_NO_CLOCK = frozenset({"h264_avi", "mpeg4_avi", "mpeg4_b_avi", "mjpeg_avi", "raw_264", "raw_265"})
# Truncation after this share of a file loses no picture, only the index at the end.
_ONLY_AN_INDEX = 0.99
# Truncation of these between two packets or fragments cannot be detected.
_UNDETECTABLE = frozenset({"h264_ts", "mpeg2_mpg", "mpeg4_nut", "raw_264", "fragmented_mp4"})
_NUMBERS_OF = {name: numbers_in_order(list(range(90))) for name in ("mpeg4_avi", "mjpeg_avi")}
_WITHOUT_NUMBERS = _NO_CLOCK | {"gif_gif"}
_FLIPPED_BITS = (1, 4, 16, 64)
_BURST_BYTES = 300
_N_IN_PICTURES, _N_ANYWHERE = 5, 3


def whole_files() -> Iterator[BadFile]:
    """Yield the intact files that bad files are made from, which must be accepted."""
    for name in PAIRS:
        numbers = numbers_in_order(list(range(90))) if name in _NO_CLOCK else numbers_of_kind(ORIGINALS[name])
        # its encoder states 90000 frames/s, which is ignored as impossible
        is_sound = name != "raw_264"
        yield BadFile("intact files", name, partial(_cut, name=name, kept=1), numbers, is_sound=is_sound)


def cut_files() -> Iterator[BadFile]:
    """Yield each container, and an MP4 with its header first, truncated to six lengths."""
    for kept in _KEPT:
        for name in _CUT:
            numbers = None if name == "raw_264" else _NUMBERS_OF.get(name) or numbers_of_kind(ORIGINALS[name])
            is_short = kept < _ONLY_AN_INDEX and name not in _UNDETECTABLE
            cut = partial(_cut, name=name, kept=kept)
            yield BadFile("truncation", f"{name}-{kept}", cut, numbers, is_known_short=is_short)
        yield BadFile(
            "truncation",
            f"header_first_mp4-{kept}",
            partial(_cut_header_first, kept=kept),
            numbers_of_kind(ORIGINALS["h264_mp4"]),
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
    """Yield, for each container and codec, files with bit flips in pictures only and files with bit flips anywhere."""
    for name in PAIRS:
        numbers = None if name in _WITHOUT_NUMBERS else numbers_of_kind(ORIGINALS[name])
        for nth in range(_N_IN_PICTURES):
            build = partial(
                _write_flipped, name=name, damage=partial(_flip_in_pictures, rng_seed=f"{seed}-{name}-{nth}", nth=nth)
            )
            yield BadFile("bit flips in pictures", f"{name}-{nth}", build, numbers, may_stand_still=True)
        for nth in range(_N_ANYWHERE):
            build = partial(
                _write_flipped, name=name, damage=partial(_flip_anywhere, rng_seed=f"{seed}-{name}-any-{nth}", nth=nth)
            )
            yield BadFile("bit flips anywhere", f"{name}-{nth}", build)


def _write_flipped(shop: Workshop, *, name: str, damage: Callable[[Path], bytes]) -> Path:
    path = shop.original_path(name)
    return shop.write(path.name, damage(path))


def _flip_in_pictures(path: Path, *, rng_seed: str, nth: int) -> bytes:
    """Damage only bytes of packets; the container and its timestamps stay intact."""
    rng, content = random.Random(rng_seed), bytearray(path.read_bytes())
    places = [place for start, stop in _payloads(path) for place in range(start, stop)]
    if nth < len(_FLIPPED_BITS):
        for _ in range(_FLIPPED_BITS[nth]):
            content[rng.choice(places)] ^= 1 << rng.randrange(8)
    else:
        start = rng.randrange(len(places) - _BURST_BYTES)
        for place in places[start : start + _BURST_BYTES]:
            content[place] = rng.randrange(256)
    return bytes(content)


def _payloads(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the byte ranges that hold only pictures."""
    content = path.read_bytes()
    if path.suffix == ".ts":
        yield from _ts_payloads(content)
        return
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    reached = 0
    for packet in packets:
        # a muxer that splits packets leaves their first bytes together
        start = content.find(packet[:400], reached)
        if start >= 0:
            reached = start + len(packet[:400])
            yield start, reached


def _ts_payloads(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the payload of video packets that neither start a picture, with its time, nor carry a clock."""
    for start in range(0, len(content) - 187, 188):
        flags = int.from_bytes(content[start + 1 : start + 4], "big")
        is_video, begins, has_clock = flags >> 8 & 0x1FFF == 0x100, flags >> 22 & 1, flags >> 5 & 1
        if is_video and not begins and not has_clock:
            yield start + 4, start + 188


def _flip_anywhere(path: Path, *, rng_seed: str, nth: int) -> bytes:
    """Damage any byte, most likely the first ones, where the headers are."""
    rng, content = random.Random(rng_seed), bytearray(path.read_bytes())
    for _ in range((1, 12, 80)[nth]):
        reach = rng.choice((64, 1024, len(content)))
        content[rng.randrange(min(reach, len(content)))] ^= 1 << rng.randrange(8)
    return bytes(content)
