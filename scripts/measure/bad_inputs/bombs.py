"""Decompression bombs: small pictures, archives and streams that unpack to gigabytes."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
from PIL import Image

from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.originals import Workshop

__all__ = ["bombs"]

_MIB = 1 << 20


def bombs() -> Iterator[BadFile]:
    """Yield each bomb: in a folder or a zip of stills, as an archive, or as a stream of a video file."""
    for name, (file, make) in _PICTURES.items():
        yield BadFile("bombs", f"{name}-in_a_folder", partial(_in_a_folder, name, file, make))
        yield BadFile("bombs", f"{name}-in_a_zip", partial(_in_a_zip, name, file, make))
    for name, build in _ARCHIVES.items():
        yield BadFile("bombs", name, build)
    for name, build in _STREAMS.items():
        yield BadFile("bombs", name, build)


def _in_a_folder(name: str, file: str, make: Callable[[], bytes], shop: Workshop) -> Path:
    shop.write(f"trap/{file}", _bomb_bytes(name, make, shop))
    return shop.folder / "trap"


def _in_a_zip(name: str, file: str, make: Callable[[], bytes], shop: Workshop) -> Path:
    path = shop.folder / "trap.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            zipfile.ZipInfo(file, (2026, 5, 1, 10, 0, 0)), _bomb_bytes(name, make, shop), zipfile.ZIP_DEFLATED
        )
    return path


def _bomb_bytes(name: str, make: Callable[[], bytes], shop: Workshop) -> bytes:
    """Return the bytes of a bomb, which is built only once because that may take seconds."""

    def build(folder: Path) -> Path:
        (folder / "bomb").write_bytes(make())
        return folder / "bomb"

    return shop.built(f"bomb_{name}", build).read_bytes()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width_px: int, height_px: int, *, bits: int = 8, colour: int = 2, extra: bytes = b"") -> bytes:
    """Return a complete black PNG of any size, with extra chunks before its pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width_px * channels * bits + 7) // 8)
    packer, packed = zlib.compressobj(9), []
    for _ in range(height_px):
        packed.append(packer.compress(row))
    packed.append(packer.flush())
    header = struct.pack(">IIBBBBB", width_px, height_px, bits, colour, 0, 0, 0)
    whole = _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", b"".join(packed)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + whole


def _text_chunks() -> bytes:
    """Return ten text chunks that unpack to 64 MiB each."""
    packed = zlib.compress(bytes(64 * _MIB), 9)
    return _chunk(b"zTXt", b"Comment\0\0" + packed) * 10


def _profile_chunk() -> bytes:
    return _chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(512 * _MIB), 9))


def _saved(width_px: int, height_px: int, mode: str, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    Image.new(mode, (width_px, height_px)).save(data, kind, **options)
    return data.getvalue()


def _lying_jpeg(width_px: int, height_px: int, *, progressive: bool) -> bytes:
    """Return a small JPEG with a large size in its header."""
    content = _saved(64, 64, "RGB", "JPEG", progressive=progressive)
    at = content.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    return content[: at + 5] + struct.pack(">HH", height_px, width_px) + content[at + 9 :]


_PICTURES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "png_400_megapixels": ("1.png", partial(_png, 20_000, 20_000)),
    "png_190_megapixels": ("1.png", partial(_png, 19_000, 10_000)),
    "png_100_megapixels_deep": ("1.png", partial(_png, 10_000, 10_000, bits=16, colour=6)),
    "png_60_megapixels_clear": ("1.png", partial(_png, 8_000, 7_500, colour=6)),
    "png_180_megapixels_of_bits": ("1.png", partial(_png, 18_000, 10_000, bits=1, colour=0)),
    "png_60_megapixels_grey_16": ("1.png", partial(_png, 8_000, 7_500, bits=16, colour=0)),
    "png_a_line_of_2_gigapixels": ("1.png", partial(_png, 200_000_000, 1, bits=1, colour=0)),
    "png_text": ("1.png", lambda: _png(16, 16, extra=_text_chunks())),
    "png_profile": ("1.png", lambda: _png(16, 16, extra=_profile_chunk())),
    "jpeg_4_gigapixels": ("1.jpg", partial(_lying_jpeg, 65_500, 65_500, progressive=False)),
    "jpeg_190_megapixels": ("1.jpg", partial(_lying_jpeg, 19_000, 10_000, progressive=False)),
    "jpeg_progressive_190_megapixels": ("1.jpg", partial(_lying_jpeg, 19_000, 10_000, progressive=True)),
    "jpeg_whole_progressive_100_megapixels": (
        "1.jpg",
        partial(_saved, 10_000, 10_000, "RGB", "JPEG", progressive=True, subsampling=0),
    ),
    "webp_268_megapixels": ("1.webp", partial(_saved, 16_383, 4_000, "RGB", "WEBP", method=0)),
    "tiff_190_megapixels": ("1.tif", partial(_saved, 19_000, 10_000, "L", "TIFF", compression="tiff_lzw")),
    "tiff_60_megapixels_of_numbers": ("1.tif", partial(_saved, 8_000, 7_500, "I", "TIFF", compression="tiff_lzw")),
    "tiff_60_megapixels_of_floats": ("1.tif", partial(_saved, 8_000, 7_500, "F", "TIFF", compression="tiff_lzw")),
    "tiff_fax_190_megapixels": ("1.tif", partial(_saved, 19_000, 10_000, "1", "TIFF", compression="group4")),
}


def _zip_of_zeros(n_mib: int, file: str, shop: Workshop) -> Path:
    """Write a zip with one member of so many MiB of zeros."""
    path = shop.folder / "zeros.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(file, "w", force_zip64=True) as member,
    ):
        for _ in range(n_mib):
            member.write(bytes(_MIB))
    return path


def _zip_of_many(n_members: int, shop: Workshop) -> Path:
    path = shop.folder / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(n_members):
            archive.writestr(f"{number}.png", b"")
    return path


def _zip_of_overlaps(shop: Workshop) -> Path:
    """Write a zip with two hundred directory entries for the same member of 64 MiB."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("000.png", bytes(64 * _MIB))
    content = data.getvalue()
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry, n_entries = content[start:end], 200
    entries = b"".join(entry.replace(b"000.png", b"%03d.png" % number) for number in range(n_entries))
    tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, n_entries, n_entries, len(entries), start, 0)
    return shop.write("overlaps.zip", content[:start] + entries + tail)


def _zip_in_zip(shop: Workshop) -> Path:
    content = b""
    for depth in range(6):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("1.png", bytes(_MIB))
            for number in range(4):
                archive.writestr(f"{depth}{number}.zip", content or bytes(_MIB))
        content = data.getvalue()
    return shop.write("nested.zip", content)


def _lying_member(shop: Workshop) -> Path:
    """Write a zip with a member that states 16 bytes but unpacks to 64 MiB."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", bytes(64 * _MIB))
    content = bytearray(data.getvalue())
    for mark, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", content, content.index(mark) + offset, 16)
    return shop.write("lying.zip", bytes(content))


_ARCHIVES: dict[str, Callable[[Workshop], Path]] = {
    "zip_of_2_gigabytes": partial(_zip_of_zeros, 2048, "1.png"),
    "zip_of_1000_megabytes": partial(_zip_of_zeros, 1000, "1.png"),
    "zip_of_600_megabytes_of_tiff": partial(_zip_of_zeros, 600, "1.tif"),
    "zip_of_200_megabytes_of_webp": partial(_zip_of_zeros, 200, "1.webp"),
    "zip_of_50000_members": partial(_zip_of_many, 50_000),
    "zip_of_overlaps": _zip_of_overlaps,
    "zip_in_zip": _zip_in_zip,
    "zip_member_that_lies": _lying_member,
}


def _packed_header(claimed: int, real: int, shop: Workshop) -> Path:
    """Write an MP4 with a compressed header; `cmov` states its unpacked size."""
    packed = zlib.compress(bytes(real), 9)
    body = _box(b"dcom", b"zlib") + _box(b"cmvd", struct.pack(">I", claimed) + packed)
    return shop.write("packed.mov", _box(b"ftyp", b"qt  \0\0\2\0qt  ") + _box(b"moov", _box(b"cmov", body)))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def _muxed(suffix: str, codec: str, size: tuple[int, int], content: Callable[[], bytes], shop: Workshop) -> Path:
    """Write a video file with the same picture in ten frames."""
    path, picture = shop.folder / f"stream.{suffix}", content()
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "rgb24" if codec == "png" else "yuvj420p"
        for number in range(10):
            packet = av.Packet(picture)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 25), True
            packet.pts = packet.dts = number
            container.mux(packet)
    return path


def _large_video(suffix: str, codec: str, size: tuple[int, int], shop: Workshop) -> Path:
    """Write four encoded black frames of this size; they are encoded only once."""
    name = f"large_{codec}_{suffix}_{size[0]}"
    content = shop.built(name, partial(_encode_large, suffix, codec, size)).read_bytes()
    return shop.write(f"large.{suffix}", content)


def _encode_large(suffix: str, codec: str, size: tuple[int, int], folder: Path) -> Path:
    path = folder / f"large.{suffix}"
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "rgb8" if codec == "gif" else "yuv420p"
        stream.codec_context.thread_count = 1
        for number in range(4):
            frame = av.VideoFrame(*size, stream.pix_fmt)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _many_streams(n_streams: int, shop: Workshop) -> Path:
    path = shop.folder / "streams.mkv"
    with av.open(str(path), "w") as container:
        for _ in range(n_streams):
            stream = container.add_stream("mjpeg", rate=25)
            stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        container.start_encoding()
    return path


_STREAMS: dict[str, Callable[[Workshop], Path]] = {
    "packed_header_of_4_gigabytes": partial(_packed_header, 0xFFFFFFF0, _MIB),
    "packed_header_of_1_gigabyte": partial(_packed_header, 1 << 30, 1 << 30),
    "packed_header_of_200_megabytes": partial(_packed_header, 200 * _MIB, 200 * _MIB),
    "png_stream_16k": partial(_muxed, "mov", "png", (16_000, 12_000), partial(_png, 16_000, 12_000)),
    "png_stream_that_says_it_is_small": partial(_muxed, "mov", "png", (160, 96), partial(_png, 16_000, 12_001)),
    "png_stream_of_text": partial(_muxed, "mov", "png", (16, 16), lambda: _png(16, 16, extra=_text_chunks())),
    "jpeg_stream_65k": partial(
        _muxed, "mkv", "mjpeg", (64, 64), partial(_lying_jpeg, 65_500, 65_500, progressive=False)
    ),
    "jpeg_stream_19k": partial(
        _muxed, "mkv", "mjpeg", (64, 64), partial(_lying_jpeg, 19_000, 10_000, progressive=False)
    ),
    "jpeg_stream_progressive": partial(
        _muxed, "mkv", "mjpeg", (64, 64), partial(_lying_jpeg, 19_000, 10_000, progressive=True)
    ),
    "h264_16k": partial(_large_video, "mp4", "libx264", (16_000, 8_000)),
    "h264_16k_ts": partial(_large_video, "ts", "libx264", (16_000, 8_000)),
    "h264_8k": partial(_large_video, "mkv", "libx264", (8_192, 4_320)),
    "mpeg4_8k": partial(_large_video, "avi", "mpeg4", (8_000, 8_000)),
    "gif_16k": partial(_large_video, "gif", "gif", (16_000, 16_000)),
    "streams_120": partial(_many_streams, 120),
}
