"""Healthy files as recorders and people make them: joined, with clocks that jump, with fields, dropped or mirrored.

Each is written from painted packets by a muxer or by hand, and names the numbers of its frames in order, their times
and its sections. That is the truth; the ffmpeg command line agrees on numbers and order.
"""

import io
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
from PIL import Image

from testing.painted.encode import PAL, Recipe, encode
from testing.painted.field_coded import field_coded_file, field_coded_stream, field_packets
from testing.painted.picture import paint

__all__ = ["RECORDED", "Recorded"]

_TS_PACKET_BYTES, _CLOCK_HZ = 188, 90_000
_FRAME_TICKS = 3600
_FRAME_US = 40_000
_NO_B = {"preset": "ultrafast", "bf": "0"}
_B = {"preset": "ultrafast", "bf": "2"}
# Of MPEG-4 part 2: the start code of a picture, its type, one that is not coded, and how DivX announces packing.
_START_OF_PICTURE, _B_PICTURE = b"\0\0\1\xb6", 2
_EMPTY_PICTURE = _START_OF_PICTURE + b"\x50\x40\0"
_DIVX_MARK = b"\0\0\1\xb2DivX503b1393p"
_AVI_OPTIONS = {"libx264": _NO_B, "mpeg4": {}}
_REFRESH = {"preset": "ultrafast", "x264-params": "intra-refresh=1:keyint=25:bframes=0:threads=1"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One kind of healthy file.

    Attributes:
        name: unique.
        build: writes the file into a folder and returns its path.
        numbers: painted numbers of its frames, in order.
        section_starts: frames at which sections begin, without the first.
        media_us: media time of every frame, in microseconds; empty if it is not checked.
        assumed_rate: for files without times.
        remark: a part of the remark that ingest makes.
    """

    name: str
    build: Callable[[Path], Path]
    numbers: Sequence[int]
    section_starts: tuple[int, ...] = ()
    media_us: Sequence[int] = field(default=())
    assumed_rate: Fraction | None = None
    remark: str = ""


def _steady(n_frames: int) -> range:
    """Return the media times of frames at 25 frames/s."""
    return range(0, n_frames * _FRAME_US, _FRAME_US)


def _clip(path: Path, numbers: range, recipe: Recipe, start_s: int | Fraction = 0) -> Path:
    """Encode painted numbers at 25 frames/s, the first one at `start_s`."""
    times = [Fraction(start_s) + place / PAL for place in range(len(numbers))]
    return encode(path, recipe, times, first_number=numbers.start)


def _join(path: Path, parts: Iterable[Path]) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def _joined(folder: Path, suffix: str, recipe: Recipe, starts_s: Sequence[int | Fraction]) -> Path:
    """Join clips of 45 frames byte by byte, whose clocks begin at `starts_s`."""
    parts = [
        _clip(folder / f"part_{number}.{suffix}", range(45 * number, 45 * number + 45), recipe, start_s)
        for number, start_s in enumerate(starts_s)
    ]
    return _join(folder / f"joined.{suffix}", parts)


def _ts(options: dict[str, str]) -> Recipe:
    return Recipe(options=options, gop=15, container_options={"mpegts_copyts": "1"})


_FRAGMENTED = Recipe(options=_B, gop=15, container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof"})


def _with_clock(
    folder: Path, shift_ticks: Callable[[int], int], start_s: int = 10, options: dict[str, str] = _NO_B
) -> Path:
    """Write a transport stream of 90 frames and move the clock of every picture by `shift_ticks` of its number.

    The pictures are counted as they are stored.
    """
    path = _clip(folder / "clock.ts", range(90), _ts(options), start_s)
    content = bytearray(path.read_bytes())
    number = 0
    for at in range(0, len(content), _TS_PACKET_BYTES):
        pes = content.find(b"\0\0\1\xe0", at + 4, at + _TS_PACKET_BYTES)
        if content[at + 1] & 0x40 and pes > 0:
            _move_stamps(content, pes, shift_ticks(number))
            number += 1
    path.write_bytes(bytes(content))
    return path


def _move_stamps(content: bytearray, pes: int, ticks: int) -> None:
    """Add ticks to the pts and dts of one packetised picture."""
    n_stamps = {2: 1, 3: 2}.get(content[pes + 7] >> 6, 0)
    for place in range(n_stamps):
        at = pes + 9 + 5 * place
        moved = (_read_stamp(content, at) + ticks) % (1 << 33)
        content[at] = content[at] & 0xF1 | moved >> 29 & 0x0E
        content[at + 1 : at + 3] = (moved >> 14 & 0xFFFE | 1).to_bytes(2, "big")
        content[at + 3 : at + 5] = (moved << 1 & 0xFFFE | 1).to_bytes(2, "big")


def _read_stamp(content: bytearray, at: int) -> int:
    middle, last = (int.from_bytes(content[place : place + 2], "big") >> 1 for place in (at + 1, at + 3))
    return (content[at] >> 1 & 7) << 30 | middle << 15 | last


def _avi(folder: Path, codec: str, chunks: Callable[[list[bytes]], list[bytes]], rate: int, scale: int) -> Path:
    """Write an AVI of 40 frames by hand, with the chunks, rate and scale that are given."""
    recipe = (
        Recipe("mjpeg", pixel_format="yuvj420p") if codec == "mjpeg" else Recipe(codec, _AVI_OPTIONS[codec], gop=20)
    )
    raw = _clip(folder / "source.avi", range(40), recipe)
    with av.open(str(raw)) as source:
        packets = [(bytes(packet), packet.is_keyframe) for packet in source.demux(video=0) if packet.size]
    keys = {data for data, is_key in packets if is_key}
    tag = {"libx264": b"H264", "mpeg4": b"FMP4", "mjpeg": b"MJPG"}[codec]
    data = chunks([packet for packet, _ in packets])
    path = folder / "recorded.avi"
    path.write_bytes(_avi_bytes(data, keys, tag, rate, scale))
    return path


def _avi_bytes(data: Sequence[bytes], keys: set[bytes], tag: bytes, rate: int, scale: int) -> bytes:
    main = struct.pack("<14I", 1_000_000 * scale // rate, 0, 0, 0x10, len(data), 0, 1, 1 << 17, 160, 96, 0, 0, 0, 0)
    stream = struct.pack(
        "<4s4sIHHIIIIIIII4H", b"vids", tag, 0, 0, 0, 0, scale, rate, 0, len(data), 1 << 17, 0, 0, 0, 0, 160, 96
    )
    picture = struct.pack("<IiiHH4sIiiII", 40, 160, 96, 1, 24, tag, 160 * 96 * 3, 0, 0, 0, 0)
    movie, index = b"", b""
    for chunk in data:
        index += b"00dc" + struct.pack("<III", 16 if chunk in keys else 0, 4 + len(movie), len(chunk))
        movie += _chunk(b"00dc", chunk)
    headers = _list(b"hdrl", _chunk(b"avih", main) + _list(b"strl", _chunk(b"strh", stream) + _chunk(b"strf", picture)))
    body = b"AVI " + headers + _list(b"movi", movie) + _chunk(b"idx1", index)
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _list(name: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", name + content)


def _dropped(packets: list[bytes]) -> list[bytes]:
    """Put 50 empty chunks, of frames that the recorder dropped, after 20 frames."""
    return [*packets[:20], *[b""] * 50, *packets[20:]]


def _packed(folder: Path) -> Path:
    """Write an AVI of 40 frames as DivX does: a B-frame lies in the packet before its own, which is nearly empty."""
    source = _clip(folder / "source.avi", range(40), Recipe("mpeg4", {"bf": "1"}))
    with av.open(str(source)) as container:
        packets = [(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    data: list[bytes] = []
    for picture, is_key in packets:
        start = picture.index(_START_OF_PICTURE)
        if picture[start + 4] >> 6 == _B_PICTURE:
            data[-1] += picture
            data.append(_EMPTY_PICTURE)
        else:
            data.append(picture[:start] + _DIVX_MARK * is_key + picture[start:])
    path = folder / "packed.avi"
    path.write_bytes(_avi_bytes(data, {each for each in data if _DIVX_MARK in each}, b"DX50", 25, 1))
    return path


_DROPPED_US = [*_steady(20), *(time + 70 * _FRAME_US for time in _steady(20))]


def _fields(folder: Path, suffix: str, *, in_pairs: bool) -> Path:
    """Write field-coded H.264 into a container, both fields of a frame in one packet or in one each."""
    return field_coded_file(folder / f"fields.{suffix}", field_packets(50), in_pairs=in_pairs)


def _h264_packets(folder: Path, n_frames: int) -> list[tuple[bytes, bool]]:
    """Return the packets of a raw stream, and whether each is a keyframe."""
    raw = _clip(folder / "source.264", range(n_frames), Recipe(options=_NO_B, gop=25, container="h264"))
    with av.open(str(raw)) as source:
        return [(bytes(packet), packet.is_keyframe) for packet in source.demux(video=0) if packet.size]


def _dahua(folder: Path) -> Path:
    """Write 50 frames as a Dahua recorder does, from 10:00:00 on the first of May 2026 by its clock."""
    content, at = b"", (26 << 26) | (5 << 22) | (1 << 17) | (10 << 12)
    extension = struct.pack("<8B", 0x80, 0, 160 // 8, 96 // 8, 0x81, 0, 2, 25)
    for number, (data, is_key) in enumerate(_h264_packets(folder, 50)):
        n_bytes, time_ms = 24 + len(extension) + len(data) + 8, number * 40
        head = struct.pack("<4sBBBB", b"DHAV", 0xFD if is_key else 0xFC, 0, 0, 0)
        head += struct.pack("<IIIHBB", number, n_bytes, at + time_ms // 1000, time_ms & 0xFFFF, len(extension), 0)
        content += head + extension + data + b"dhav" + struct.pack("<I", n_bytes)
    path = folder / "recorded.dav"
    path.write_bytes(content)
    return path


def _hxvs(folder: Path) -> Path:
    """Write 50 frames with the heads of cameras that put HXVF before every frame."""
    content = struct.pack("<4sIII", b"HXVS", 160, 96, 0)
    for number, (data, is_key) in enumerate(_h264_packets(folder, 50)):
        content += struct.pack("<4sIII", b"HXVF", len(data), number * 40, is_key) + data
    path = folder / "recorded.264"
    path.write_bytes(content)
    return path


def _jpegs(folder: Path, *, in_parts: bool) -> Path:
    """Write 30 JPEG pictures end to end, or as the parts of a stream that a camera sends to a browser."""
    content = b""
    for number in range(30):
        buffer = io.BytesIO()
        Image.fromarray(paint(number, 160, 96)).save(buffer, "JPEG", quality=90)
        head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {buffer.tell()}\r\n\r\n"
        content += (head.encode() + buffer.getvalue() + b"\r\n") if in_parts else buffer.getvalue()
    path = folder / f"camera.{'mjpg' if in_parts else 'mjpeg'}"
    path.write_bytes(content)
    return path


def _one(suffix: str, recipe: Recipe, n_frames: int = 90) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        return _clip(folder / f"one.{suffix}", range(n_frames), recipe)

    return build


_REFRESHED = Recipe(options=_REFRESH, gop=25)
_ALL, _FIFTY = range(90), range(50)

RECORDED: tuple[Recorded, ...] = (
    *(
        Recorded(f"intra refresh in {suffix}", _one(suffix, _REFRESHED), _ALL, media_us=_steady(90))
        for suffix in ("ts", "mp4", "mkv", "avi")
    ),
    Recorded(
        "intra refresh, raw",
        _one("264", Recipe(options=_REFRESH, gop=25, container="h264")),
        _ALL,
        media_us=_steady(90),
        assumed_rate=PAL,
    ),
    Recorded(
        "fields, raw",
        lambda folder: field_coded_stream(folder / "fields.264", 50),
        _FIFTY,
        media_us=_steady(50),
        assumed_rate=PAL,
    ),
    *(
        Recorded(
            f"fields in {suffix}, {'both in one packet' if in_pairs else 'one a packet'}",
            partial(_fields, suffix=suffix, in_pairs=in_pairs),
            _FIFTY,
            media_us=_steady(50),
        )
        for suffix, in_pairs in (("ts", False), ("ts", True), ("mkv", False), ("mkv", True), ("mp4", True))
    ),
    *(
        Recorded(
            f"{suffix} joined, {name}",
            partial(_joined, suffix=suffix, recipe=recipe, starts_s=starts_s),
            _ALL,
            section_starts=(45,),
            media_us=_steady(90),
            remark="2 sections: the clock of the file jumps back by",
        )
        for suffix, recipe in (
            ("ts", _ts(_B)),
            ("mpg", Recipe("mpeg2video", {"bf": "2"}, gop=15)),
            ("mkv", Recipe(options=_B, gop=15)),
            ("mp4", _FRAGMENTED),
        )
        for name, starts_s in (("each clock starting anew", (0, 0)), ("overlapping", (0, Fraction(4, 5))))
    ),
    Recorded(
        "ts joined, three clocks starting anew",
        partial(_joined, suffix="ts", recipe=_ts(_B), starts_s=(0, 0, 0)),
        range(135),
        section_starts=(45, 90),
        media_us=_steady(135),
        remark="3 sections: the clock of the file jumps back by",
    ),
    Recorded(
        "ts joined, clocks continuing",
        partial(_joined, suffix="ts", recipe=_ts(_B), starts_s=(10, 10 + Fraction(45, 25))),
        _ALL,
        media_us=_steady(90),
    ),
    *(
        Recorded(
            f"ts, clock set back by {seconds} s",
            partial(_with_clock, shift_ticks=lambda n, back=seconds: -back * _CLOCK_HZ * (n >= 40), start_s=start_s),
            _ALL,
            section_starts=(40,),
            media_us=_steady(90),
            remark=f"jumps back by {seconds - 1 / 25:.3f} s at frame 40",
        )
        for seconds, start_s in ((1, 10), (90, 100))
    ),
    *(
        Recorded(
            f"ts, clock leaps by {hundredths / 100:g} s inside a group with B-frames",
            partial(
                _with_clock,
                shift_ticks=lambda n, ticks=hundredths * _CLOCK_HZ // 100: ticks * (n >= 38),
                start_s=100,
                options=_B,
            ),
            _ALL,
            section_starts=(37,) if hundredths < 0 else (),
            media_us=[n * _FRAME_US + max(0, hundredths) * 10_000 * (n >= 37) for n in range(90)],
            remark="jumps back by" if hundredths < 0 else "",
        )
        for hundredths in (-9000, -100, 50, 500)
    ),
    Recorded(
        "ts, clock wraps",
        partial(_with_clock, shift_ticks=lambda n: (1 << 33) - 10 * _CLOCK_HZ - 40 * _FRAME_TICKS),
        _ALL,
        media_us=_steady(90),
    ),
    *(
        Recorded(
            f"AVI with dropped frames, {codec}",
            partial(_avi, codec=codec, chunks=_dropped, rate=25, scale=1),
            range(40),
            media_us=_DROPPED_US,
        )
        for codec in ("mpeg4", "mjpeg", "libx264")
    ),
    *(
        Recorded(
            f"AVI of {rate}/{scale} frames/s, its codec says 25, {codec}",
            partial(_avi, codec=codec, chunks=list, rate=rate, scale=scale),
            range(40),
            media_us=[round(n * 1_000_000 * scale / rate) for n in range(40)],
            remark="" if codec == "mjpeg" else f"the AVI states {Fraction(rate, scale)} frames/s and its codec 25",
        )
        for codec, rate, scale in (("mpeg4", 8, 1), ("libx264", 8, 1), ("mpeg4", 1, 60), ("mjpeg", 1, 60))
    ),
    *(
        Recorded(f"AVI, {name}", _one("avi", recipe, 40), range(40), media_us=_steady(40))
        for name, recipe in (
            ("DivX 3", Recipe("msmpeg4", gop=15)),
            ("WMV 2", Recipe("wmv2", gop=15)),
            ("Cinepak", Recipe("cinepak", gop=15, pixel_format="rgb24")),
            ("VP8", Recipe("libvpx", gop=15)),
        )
    ),
    Recorded("AVI, DivX with packed B-frames", _packed, range(40), media_us=_steady(40)),
    *(
        Recorded(
            f"mkv joined, {name}",
            partial(_joined, suffix="mkv", recipe=Recipe(codec, gop=15), starts_s=(0, 0)),
            _ALL,
            section_starts=(45,),
            media_us=_steady(90),
            remark="2 sections: the clock of the file jumps back by",
        )
        for name, codec in (("VP8", "libvpx"), ("AV1", "libsvtav1"), ("DivX 3", "msmpeg4"))
    ),
    *(
        Recorded(f"ASF, {name}, B-frames", _one("asf", Recipe(codec, options, gop=15)), _ALL, media_us=_steady(90))
        for name, codec, options in (("H.264", "libx264", _B), ("MPEG-4", "mpeg4", {"bf": "2"}))
    ),
    Recorded("Dahua .dav", _dahua, _FIFTY, media_us=_steady(50), remark="its first frame states 2026-05-01 10:00:00"),
    Recorded("HXVS", _hxvs, _FIFTY, media_us=_steady(50)),
    Recorded("multipart MJPEG", partial(_jpegs, in_parts=True), range(30), media_us=_steady(30), assumed_rate=PAL),
    Recorded("JPEGs end to end", partial(_jpegs, in_parts=False), range(30), media_us=_steady(30), assumed_rate=PAL),
)
