"""Wrong values in headers: frame counts, durations, rates of zero, and pictures of 32768 by 32768."""

import math
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scripts.measure.bad_inputs.bad_file import BadFile, Expected, numbers_of_kind
from scripts.measure.bad_inputs.originals import ORIGINALS, Workshop
from scripts.measure.bad_inputs.patching import overwrite, overwrite_after, overwrite_box_field, overwrite_element
from scripts.measure.bad_inputs.sequence_header import replace_size

__all__ = ["lying_headers"]

Change = Callable[[bytes], bytes]
_HUGE = 0xFFFFFFFF
_32K = 32_768


def lying_headers() -> Iterator[BadFile]:
    """Yield files with one wrong value each, in the header of a container or of the pictures themselves."""
    for original, changes, harmless in _CHANGES:
        for name, change in changes.items():
            # these leave the times of the packets unchanged, so every frame must still be right
            expected: Expected | None = numbers_of_kind(ORIGINALS[original]) if name in harmless else None
            yield BadFile(
                "wrong headers", f"{original}-{name}", partial(_write_changed, name=original, change=change), expected
            )


def _write_changed(shop: Workshop, *, name: str, change: Change) -> Path:
    path = shop.original_path(name)
    return shop.write(path.name, change(path.read_bytes()))


def _box(kind: bytes, offset: int, layout: str, *values: float) -> Change:
    return lambda content: overwrite_box_field(content, kind, offset, layout, *values)


def _element(name: str, layout: str, value: float) -> Change:
    return lambda content: overwrite_element(content, bytes.fromhex(name), struct.pack(layout, value))


def _after(mark: bytes, offset: int, layout: str, *values: float) -> Change:
    return lambda content: overwrite_after(content, mark, offset, struct.pack(layout, *values))


def _at(place: int, layout: str, *values: float) -> Change:
    return lambda content: overwrite(content, place, struct.pack(layout, *values))


_MP4: dict[str, Change] = {
    "movie_duration_0": _box(b"mvhd", 16, ">I", 0),
    "movie_duration_huge": _box(b"mvhd", 16, ">I", _HUGE),
    "movie_clock_0": _box(b"mvhd", 12, ">I", 0),
    "track_duration_huge": _box(b"tkhd", 20, ">I", _HUGE),
    "track_duration_0": _box(b"tkhd", 20, ">I", 0),
    "media_duration_huge": _box(b"mdhd", 16, ">I", _HUGE),
    "media_duration_0": _box(b"mdhd", 16, ">I", 0),
    "track_size_32k": _box(b"tkhd", 76, ">II", _32K << 16, _32K << 16),
    "track_size_0": _box(b"tkhd", 76, ">II", 0, 0),
    "picture_size_32k": _box(b"avc1", 24, ">HH", _32K, _32K),
    "picture_size_0": _box(b"avc1", 24, ">HH", 0, 0),
    "media_clock_0": _box(b"mdhd", 12, ">I", 0),
    "media_clock_1": _box(b"mdhd", 12, ">I", 1),
    "media_clock_huge": _box(b"mdhd", 12, ">I", _HUGE),
    "duration_of_frames_0": _box(b"stts", 12, ">I", 0),
    "duration_of_frames_huge": _box(b"stts", 12, ">I", 0x7FFFFFFF),
    "duration_of_frames_negative": _box(b"stts", 12, ">i", -3600),
    "times_of_too_many_frames": _box(b"stts", 8, ">I", 0x7FFFFFFF),
    "times_of_one_frame": _box(b"stts", 8, ">I", 1),
    "time_table_huge": _box(b"stts", 4, ">I", 0x0FFFFFFF),
    "size_table_huge": _box(b"stsz", 8, ">I", 0x0FFFFFFF),
    "all_frames_of_one_size": _box(b"stsz", 4, ">II", 1, 0x0FFFFFFF),
    "first_frame_of_2_gigabytes": _box(b"stsz", 12, ">I", 0x7FFFFFFF),
    "first_frame_of_no_bytes": _box(b"stsz", 12, ">I", 0),
    "chunk_table_huge": _box(b"stco", 4, ">I", 0x0FFFFFFF),
    "chunks_behind_the_end": _box(b"stco", 8, ">I", 0x7FFFFFFF),
    "chunks_in_the_header": _box(b"stco", 8, ">I", 0),
    "frames_per_chunk_huge": _box(b"stsc", 12, ">I", 0x7FFFFFFF),
    "keyframe_table_huge": _box(b"stss", 4, ">I", 0x0FFFFFFF),
    "keyframe_0": _box(b"stss", 8, ">I", 0),
    "reorder_table_huge": _box(b"ctts", 4, ">I", 0x0FFFFFFF),
    "reorder_by_days": _box(b"ctts", 12, ">i", 0x7FFFFFFF),
    "edit_starts_never": _box(b"elst", 12, ">i", 0x7FFFFFFF),
    "edit_lasts_for_ever": _box(b"elst", 8, ">I", _HUGE),
    "edit_rate_0": _box(b"elst", 16, ">I", 0),
    "edits_without_end": _box(b"elst", 4, ">I", 0x0FFFFFFF),
    "matrix_of_zeros": _box(b"tkhd", 40, ">9i", *[0] * 9),
    "matrix_of_noise": _box(b"tkhd", 40, ">9i", *[0x7FFFFFFF, -0x80000000, 3] * 3),
    "box_larger_than_the_file": lambda content: overwrite(
        content, content.index(b"mdat") - 4, struct.pack(">I", _HUGE)
    ),
    "box_of_no_size": lambda content: overwrite(content, content.index(b"trak") - 4, struct.pack(">I", 0)),
    "box_of_7_bytes": lambda content: overwrite(content, content.index(b"stbl") - 4, struct.pack(">I", 7)),
}
_MP4_HARMLESS = frozenset(
    name for name in _MP4 if name.startswith(("movie_duration", "track_", "media_dur", "picture_"))
)

_MKV: dict[str, Change] = {
    "duration_nan": _element("4489", ">d", math.nan),
    "duration_infinite": _element("4489", ">d", math.inf),
    "duration_0": _element("4489", ">d", 0),
    "duration_negative": _element("4489", ">d", -1),
    "duration_huge": _element("4489", ">d", 1e300),
    "clock_0": lambda content: overwrite_element(content, b"\x2a\xd7\xb1", b"\0\0\0"),
    "clock_of_1_ns": lambda content: overwrite_element(content, b"\x2a\xd7\xb1", b"\0\0\1"),
    "clock_of_16_ms": lambda content: overwrite_element(content, b"\x2a\xd7\xb1", b"\xff\xff\xff"),
    "segment_of_no_size": lambda content: overwrite_after(content, b"\x18\x53\x80\x67", 0, b"\x80"),
    "cluster_larger_than_the_file": lambda content: overwrite_after(
        content, b"\x1f\x43\xb6\x75", 0, b"\x08\xff\xff\xff"
    ),
    "track_number_0": lambda content: overwrite_after(content, b"\x16\x54\xae\x6b", 0, b"\x40\x01"),
    "codec_of_another_name": lambda content: content.replace(b"V_MPEG4/ISO/AVC", b"V_MPEGH/ISO/AVC", 1),
    "codec_of_no_name": lambda content: content.replace(b"V_MPEG4/ISO/AVC", b"X_NOBODY/KNOWS ", 1),
    "picture_size_32k": lambda content: _mkv_size(content, b"\x80\x00"),
    "picture_size_0": lambda content: _mkv_size(content, b"\x00\x00"),
    "header_version_huge": lambda content: overwrite_after(content, b"\x42\x86", 0, b"\x81\xff"),
}


def _mkv_size(content: bytes, size: bytes) -> bytes:
    """Replace width and height, which have one byte each, by the width with two bytes and a void element."""
    width = content.index(b"\xb0\x81\xa0\xba\x81\x60")
    # one element of two bytes; the remaining bytes become a void element
    return overwrite(content, width, b"\xb0\x82" + size + b"\xec\x80")


_AVI: dict[str, Change] = {
    "frame_time_0": _after(b"avih", 4, "<I", 0),
    "frame_time_huge": _after(b"avih", 4, "<I", _HUGE),
    "frame_count_0": _after(b"avih", 20, "<I", 0),
    "frame_count_huge": _after(b"avih", 20, "<I", _HUGE),
    "picture_size_32k": _after(b"avih", 36, "<II", _32K, _32K),
    "streams_none": _after(b"avih", 28, "<I", 0),
    "streams_many": _after(b"avih", 28, "<I", _HUGE),
    "rate_0_by_0": _after(b"strh", 24, "<II", 0, 0),
    "rate_0": _after(b"strh", 24, "<II", 1, 0),
    "rate_by_0": _after(b"strh", 24, "<II", 0, 25),
    "rate_huge": _after(b"strh", 24, "<II", 1, _HUGE),
    "rate_tiny": _after(b"strh", 24, "<II", _HUGE, 1),
    "stream_length_huge": _after(b"strh", 36, "<I", _HUGE),
    "stream_start_huge": _after(b"strh", 32, "<I", _HUGE),
    "sample_size_1": _after(b"strh", 48, "<I", 1),
    "bitmap_size_32k": _after(b"strf", 8, "<ii", _32K, _32K),
    "bitmap_size_negative": _after(b"strf", 8, "<ii", -160, -96),
    "index_huge": lambda content: overwrite(content, content.rindex(b"idx1") + 4, struct.pack("<I", 0x7FFFFFF0)),
    "list_larger_than_the_file": _after(b"RIFF", 0, "<I", _HUGE),
}
_FLV: dict[str, Change] = {
    "duration_nan": lambda content: _flv_number(content, b"duration", math.nan),
    "duration_infinite": lambda content: _flv_number(content, b"duration", math.inf),
    "duration_negative": lambda content: _flv_number(content, b"duration", -1e9),
    "duration_huge": lambda content: _flv_number(content, b"duration", 1e300),
    "rate_nan": lambda content: _flv_number(content, b"framerate", math.nan),
    "rate_0": lambda content: _flv_number(content, b"framerate", 0),
    "rate_huge": lambda content: _flv_number(content, b"framerate", 1e300),
    "width_32k": lambda content: _flv_number(content, b"width", _32K),
    "width_nan": lambda content: _flv_number(content, b"width", math.nan),
    "file_size_nan": lambda content: _flv_number(content, b"filesize", math.nan),
    "flags_without_video": lambda content: overwrite(content, 4, b"\4"),
    "header_of_4_gigabytes": lambda content: overwrite(content, 5, struct.pack(">I", _HUGE)),
}


def _flv_number(content: bytes, name: bytes, value: float) -> bytes:
    return overwrite_after(content, name + b"\0", 0, struct.pack(">d", value))


_IVF: dict[str, Change] = {
    "rate_0": _at(16, "<I", 0),
    "rate_by_0": _at(20, "<I", 0),
    "rate_0_by_0": _at(16, "<II", 0, 0),
    "rate_huge": _at(16, "<II", _HUGE, 1),
    "rate_tiny": _at(16, "<II", 1, _HUGE),
    "frame_count_0": _at(24, "<I", 0),
    "frame_count_huge": _at(24, "<I", _HUGE),
    "picture_size_32k": _at(12, "<HH", _32K, _32K),
    "picture_size_0": _at(12, "<HH", 0, 0),
    "first_frame_of_2_gigabytes": _at(32, "<I", 0x7FFFFFFF),
    "first_frame_of_no_bytes": _at(32, "<I", 0),
    "header_of_64_kilobytes": _at(6, "<H", 0xFFFF),
    "key_frame_of_16383": lambda content: overwrite_after(
        content, b"\x9d\x01\x2a", 0, struct.pack("<HH", 16_383, 16_383)
    ),
    "key_frame_of_0": lambda content: overwrite_after(content, b"\x9d\x01\x2a", 0, struct.pack("<HH", 0, 0)),
}
_MPEG2: dict[str, Change] = {
    "picture_size_4095": lambda content: overwrite_after(content, b"\0\0\1\xb3", 0, b"\xff\xff\xff"),
    "picture_size_0": lambda content: overwrite_after(content, b"\0\0\1\xb3", 0, b"\0\0\0"),
    "rate_0": lambda content: overwrite_after(content, b"\0\0\1\xb3", 3, b"\x10"),
    "rate_of_no_meaning": lambda content: overwrite_after(content, b"\0\0\1\xb3", 3, b"\x1f"),
}
_GIF: dict[str, Change] = {
    "canvas_65535": _at(6, "<HH", 0xFFFF, 0xFFFF),
    "canvas_0": _at(6, "<HH", 0, 0),
    "frame_outside_of_the_canvas": lambda content: _gif_frame(content, 0, 4000, 4000),
    "frame_larger_than_the_canvas": lambda content: _gif_frame(content, 4, 0xFFFF, 0xFFFF),
    "delay_0": lambda content: overwrite_after(content, b"\x21\xf9\x04", 1, struct.pack("<H", 0)),
    "delay_huge": lambda content: overwrite_after(content, b"\x21\xf9\x04", 1, struct.pack("<H", 0xFFFF)),
}


def _gif_frame(content: bytes, offset: int, first: int, second: int) -> bytes:
    """Replace the position or the size of the first frame, which follows its graphic control extension."""
    control = content.index(b"\x21\xf9\x04")
    return overwrite(content, content.index(b"\x2c", control + 8) + 1 + offset, struct.pack("<HH", first, second))


_RAW: dict[str, Change] = {
    f"picture_size_{width}x{height}": partial(replace_size, width_px=width, height_px=height)
    for width, height in ((32_768, 32_768), (16_384, 16_384), (8_192, 8_192), (65_536, 16), (16, 65_536), (16, 16))
}
_PNG: dict[str, Change] = {
    "picture_size_32k": _after(b"IHDR", 0, ">II", _32K, _32K),
    "picture_size_huge": _after(b"IHDR", 0, ">II", 0x7FFFFFFF, 0x7FFFFFFF),
    "picture_size_0": _after(b"IHDR", 0, ">II", 0, 0),
}
_JPEG: dict[str, Change] = {
    "picture_size_65500": _after(b"\xff\xc0", 3, ">HH", 65_500, 65_500),
    "picture_size_0": _after(b"\xff\xc0", 3, ">HH", 0, 0),
    "picture_size_1": _after(b"\xff\xc0", 3, ">HH", 1, 1),
}
_ASF: dict[str, Change] = {
    "play_time_huge": lambda content: overwrite_after(
        content, bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"), 48, b"\xff" * 8
    ),
    "packets_of_4_gigabytes": lambda content: overwrite_after(
        content, bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"), 76, b"\xff" * 8
    ),
    "packets_of_no_bytes": lambda content: overwrite_after(
        content, bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"), 76, b"\0" * 8
    ),
}

_CHANGES: tuple[tuple[str, dict[str, Change], frozenset[str]], ...] = (
    ("h264_mp4", _MP4, _MP4_HARMLESS),
    ("h264_mkv", _MKV, frozenset({"duration_nan", "duration_infinite", "duration_0", "duration_negative"})),
    ("mpeg4_avi", _AVI, frozenset()),
    ("h264_flv", _FLV, frozenset(_FLV) - {"header_of_4_gigabytes"}),
    ("vp8_ivf", _IVF, frozenset({"frame_count_0", "frame_count_huge", "picture_size_32k", "picture_size_0"})),
    ("mpeg2_mpg", _MPEG2, frozenset()),
    ("gif_gif", _GIF, frozenset()),
    ("raw_no_b_264", _RAW, frozenset()),
    ("h264_no_b_ts", _RAW, frozenset()),
    ("png_mov", _PNG, frozenset()),
    ("mjpeg_mkv", _JPEG, frozenset()),
    ("wmv2_asf", _ASF, frozenset()),
)
