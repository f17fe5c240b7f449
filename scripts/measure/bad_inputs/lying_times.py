"""Wrong timestamps: duplicate, backward, negative, wrapped, missing, and gaps of hours.

They overwrite the times of intact files in place, or are muxed again if the times are in a table. So the painted number
of each time is still known.
"""

import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av

from scripts.measure.bad_inputs.bad_file import BadFile, Expected, numbers_at_times, numbers_in_order
from scripts.measure.bad_inputs.originals import Workshop
from scripts.measure.bad_inputs.patching import overwrite
from testing.painted.encode import copy

__all__ = ["lying_times"]

_FRAME_MS = 40
_N_FRAMES = 48
_HOUR_MS = 3_600_000
_TS_WRAP_MS = (1 << 33) // 90
_TICKS_PER_MS = 90
Milliseconds = tuple[int, ...]
Writer = Callable[[bytes, int, int, int], bytes]


def _times(time_of: Callable[[int], int]) -> Milliseconds:
    return tuple(time_of(number) for number in range(_N_FRAMES))


_NEAR: dict[str, Milliseconds] = {
    "duplicate_one": _times(lambda n: _FRAME_MS * (n - (n == 31))),
    "duplicate_five": _times(lambda n: _FRAME_MS * (20 if 20 <= n < 25 else n)),
    "duplicate_pairs": _times(lambda n: _FRAME_MS * (n - n % 2)),
    "duplicate_all": _times(lambda n: 0),
    "backward_once": _times(lambda n: _FRAME_MS * n - (420 if n == 20 else 0)),
    "backward_saw": _times(lambda n: _FRAME_MS * (n + 4 - 2 * (n % 5))),
    "backward_half": _times(lambda n: _FRAME_MS * (n + 24 if n < 24 else n - 24)),
    "backward_all": _times(lambda n: _FRAME_MS * (47 - n)),
}
_HOURS: dict[str, Milliseconds] = {
    "gap_of_an_hour": _times(lambda n: _FRAME_MS * n + (_HOUR_MS if n >= 24 else 0)),
    "gaps_of_hours": _times(lambda n: _FRAME_MS * n + _HOUR_MS * (n // 12)),
    "every_frame_an_hour": _times(lambda n: _HOUR_MS // 3 * n),
    "one_frame_hours_ahead": _times(lambda n: _FRAME_MS * n + (5 * _HOUR_MS if n == 20 else 0)),
}
_NEGATIVE: dict[str, Milliseconds] = {
    "negative_first_second": _times(lambda n: _FRAME_MS * n - 1000),
    "negative_all": _times(lambda n: _FRAME_MS * n - 10_000),
    "negative_one": _times(lambda n: -_FRAME_MS if n == 20 else _FRAME_MS * n),
    "negative_hours": _times(lambda n: _FRAME_MS * n - 5 * _HOUR_MS),
}
_WRAPPED: dict[str, dict[str, Milliseconds]] = {
    "h264_no_b_ts": {
        "wrapped_in_the_middle": _times(lambda n: _TS_WRAP_MS + _FRAME_MS * (n - 24)),
        "wrapped_at_the_end": _times(lambda n: _TS_WRAP_MS + _FRAME_MS * (n - 47)),
        "jump_of_a_day": _times(lambda n: _FRAME_MS * n + (24 * _HOUR_MS if n >= 24 else 0)),
    },
    "h264_flv": {
        "wrapped_31_bits": _times(lambda n: (1 << 31) + _FRAME_MS * (n - 24)),
        "wrapped_32_bits": _times(lambda n: (1 << 32) + _FRAME_MS * (n - 24)),
        "wrapped_24_bits": _times(lambda n: (1 << 24) + _FRAME_MS * (n - 24)),
    },
    "vp8_ivf": {
        "wrapped_31_bits": _times(lambda n: _FRAME_MS * ((1 << 31) + n - 24)),
        "wrapped_33_bits": _times(lambda n: _FRAME_MS * ((1 << 33) + n - 24)),
        "wrapped_63_bits": _times(lambda n: _FRAME_MS * ((1 << 63) + n - 24)),
        "gap_of_a_century": _times(lambda n: _FRAME_MS * (n + (25 * 86400 * 36525 if n >= 24 else 0))),
        "gap_of_all_time": _times(lambda n: _FRAME_MS * n + ((1 << 62) // _TICKS_PER_MS if n >= 24 else 0)),
        "gap_of_too_many_microseconds": _times(
            lambda n: _FRAME_MS * n + ((1 << 61) // _TICKS_PER_MS if n >= 24 else 0)
        ),
    },
}
_MISSING: dict[str, Callable[[int], bool]] = {
    "missing_one": lambda n: n == 20,
    "missing_every_third": lambda n: n % 3 == 2,
    "missing_three_of_four": lambda n: n % 4 != 0,
    "missing_first": lambda n: n < 6,
    "missing_last": lambda n: n >= 40,
    "missing_all": lambda n: True,
}
_FURTHER: dict[str, dict[str, Milliseconds]] = {
    "h264_no_b_mkv": {name: times for name, times in _NEGATIVE.items() if name != "negative_hours"},
    "h264_no_b_ts": {**_HOURS, **_WRAPPED["h264_no_b_ts"]},
    "h264_flv": {**_HOURS, **_NEGATIVE, **_WRAPPED["h264_flv"]},
    "vp8_ivf": {**_HOURS, **_NEGATIVE, **_WRAPPED["vp8_ivf"]},
}
# The muxer aborts the process on these.
_NUT_ABORTS = frozenset({"duplicate_all", "backward_half", "backward_all", "one_frame_hours_ahead"})
_MUXED_AGAIN: dict[str, dict[str, Milliseconds]] = {
    "mpeg4_nut": {name: times for name, times in {**_NEAR, **_HOURS}.items() if name not in _NUT_ABORTS},
    "h264_no_b_mkv": {**_HOURS, "negative_hours": _NEGATIVE["negative_hours"]},
    "h264_mov": _NEAR,
}
# Times that do not fit into their field, and jumps that look like a wrap: the result of reading is not specified.
_UNSPECIFIED = frozenset(
    {"wrapped_31_bits", "wrapped_32_bits", "wrapped_33_bits", "wrapped_63_bits", "jump_of_a_day"} | {"gap_of_all_time"}
)
# No recording spans so many years: its frames are timed in order.
_NOT_BELIEVED = frozenset({"gap_of_a_century", "gap_of_too_many_microseconds"})
# The codec may reorder, and the order of the times is not that of the decoder.
_ORDERED_BY_DECODER = frozenset({("h264_mov", "backward_saw")})
# Fields without a sign, or readers that treat a time below zero as missing.
_WITHOUT_SIGN = frozenset(
    {("h264_flv", "negative_one"), ("h264_flv", "negative_first_second")}
    | {("h264_no_b_mkv", name) for name in _NEGATIVE if name != "negative_hours"}
)


def lying_times() -> Iterator[BadFile]:
    """Yield every kind of wrong times in every container that can hold it."""
    for original, write in _WRITERS.items():
        for name, times in {**_NEAR, **_FURTHER[original]}.items():
            expected = _expected(original, name, times)
            yield BadFile(
                "wrong times", f"{original}-{name}", partial(_overwrite_times, original, write, times), expected
            )
    for name, is_missing in _MISSING.items():
        yield BadFile("wrong times", f"h264_no_b_ts-{name}", partial(_remove_ts_times, "h264_no_b_ts", is_missing))
        yield BadFile("wrong times", f"hevc_ts-{name}", partial(_remove_ts_times, "hevc_ts", is_missing))
    for original, known in _MUXED_AGAIN.items():
        for name, times in known.items():
            is_decoded = (original, name) in _ORDERED_BY_DECODER
            expected = numbers_in_order(list(range(_N_FRAMES))) if is_decoded else _by_milliseconds(times)
            yield BadFile("wrong times", f"{original}-{name}-muxed", partial(_mux_again, original, times), expected)


def _expected(original: str, name: str, times: Milliseconds) -> Expected | None:
    if name in _UNSPECIFIED or (original, name) in _WITHOUT_SIGN:
        return None
    return numbers_in_order(list(range(_N_FRAMES))) if name in _NOT_BELIEVED else _by_milliseconds(times)


def _by_milliseconds(times: Milliseconds) -> Expected:
    return numbers_at_times(tuple(Fraction(at, 1000) for at in times))


def _overwrite_times(original: str, write: Writer, times: Milliseconds, shop: Workshop) -> Path:
    path = shop.original_path(original)
    content = path.read_bytes()
    for number, at in enumerate(_packet_positions(path)):
        content = write(content, at, number, times[number])
    return shop.write(path.name, content)


def _packet_positions(path: Path) -> Iterator[int]:
    """Yield the position in the file at which each packet starts."""
    content, reached = path.read_bytes(), 0
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                # transport packets split frames; the first bytes are together
                head = bytes(packet)[:100]
                reached = content.index(head, reached)
                yield reached


def _in_mkv(content: bytes, at: int, number: int, time_ms: int) -> bytes:
    """Write the time of a block: 16 bits, relative to its cluster."""
    cluster = content.rindex(b"\x1f\x43\xb6\x75", 0, at)
    stamp = content.index(b"\xe7", cluster + 5)
    length = content[stamp + 1] & 0x7F
    base = int.from_bytes(content[stamp + 2 : stamp + 2 + length], "big")
    return overwrite(content, at - 3, struct.pack(">h", time_ms - base))


def _in_ts(content: bytes, at: int, number: int, time_ms: int) -> bytes:
    """Write the times in the header of the PES packet of this frame."""
    header = content.rindex(b"\0\0\1\xe0", 0, at)
    content = overwrite(content, header + 9, _stamp(content[header + 7] >> 6, time_ms * _TICKS_PER_MS))
    return (
        overwrite(content, header + 14, _stamp(1, time_ms * _TICKS_PER_MS))
        if content[header + 7] >> 6 == 3
        else content
    )


def _stamp(mark: int, ticks: int) -> bytes:
    """Encode a time of 33 bits with marker bits, as in transport and program streams."""
    ticks %= 1 << 33
    high, middle, low = ticks >> 30, ticks >> 15 & 0x7FFF, ticks & 0x7FFF
    return bytes([mark << 4 | high << 1 | 1]) + struct.pack(">HH", middle << 1 | 1, low << 1 | 1)


def _in_flv(content: bytes, at: int, number: int, time_ms: int) -> bytes:
    """Write the time of the tag of this frame: 24 bits and then the 8 high bits."""
    stamp = struct.pack(">I", time_ms % (1 << 32))
    return overwrite(content, at - 12, stamp[1:] + stamp[:1])


def _in_ivf(content: bytes, at: int, number: int, time_ms: int) -> bytes:
    """Write the time of the frame: 64 bits, in ticks of the stated rate."""
    return overwrite(content, at - 8, struct.pack("<Q", time_ms * _TICKS_PER_MS % (1 << 64)))


_WRITERS: dict[str, Writer] = {
    "h264_no_b_mkv": _in_mkv,
    "h264_no_b_ts": _in_ts,
    "h264_flv": _in_flv,
    "vp8_ivf": _in_ivf,
}


def _remove_ts_times(original: str, is_missing: Callable[[int], bool], shop: Workshop) -> Path:
    """Remove the times from the headers of the chosen frames."""
    path = shop.original_path(original)
    content, at, number = path.read_bytes(), 0, 0
    while (at := content.find(b"\0\0\1\xe0", at)) >= 0:
        if is_missing(number):
            length = content[at + 8]
            content = overwrite(content, at + 7, bytes([content[at + 7] & 0x3F, length]) + b"\xff" * length)
        at, number = at + 4, number + 1
    return shop.write(path.name, content)


def _mux_again(original: str, times: Milliseconds, shop: Workshop) -> Path:
    """Write a stream copy with these times; decode times rise below all of them, so that the muxer accepts them."""
    path = shop.original_path(original)

    def choose(packets: list[av.Packet]) -> list[av.Packet]:
        for number, packet in enumerate(packets):
            packet.pts = round(Fraction(times[number], 1000) / packet.time_base)
            packet.dts = number - len(packets) + round(Fraction(min(0, *times), 1000) / packet.time_base)
        return packets

    return copy(path, shop.folder / path.name, choose=choose, options={"avoid_negative_ts": "disabled"})
