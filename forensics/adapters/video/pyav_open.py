"""Opens one named video with PyAV and nothing else: no playlist, no second file, no network except its object store.

Three independent safeguards: the demuxer must be on the list `FORMATS`, whose containers hold their own pictures; the
file is opened here and PyAV reads it only through its file object, under a name with the only permitted protocol, so
no part of the name is taken for another file, an option or a pattern; QuickTime references to other files stay off.
"""

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import av
import av.error
from av.bitstream import BitStreamFilterContext
from av.codec.context import Flags
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from forensics.adapters.store.checked_file import disk_failure, open_footage, size_of_footage
from forensics.adapters.video.containers.mov_header import lacks_header, unpacked_header_bytes
from forensics.errors import UnreadableFootage
from forensics.place import Place

__all__ = [
    "FORMATS",
    "MAX_DELAYED_PIXELS",
    "MAX_PIXELS",
    "NOT_SEEKABLE",
    "choose_stream",
    "demux",
    "open_decoder",
    "open_file",
    "rate_of",
]

# Containers that hold their own pictures. Playlists, concat scripts and image sequences refer to other files and are
# left out.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    "avi",
    "mpegts",
    "mpeg",
    "h264",
    "hevc",
    "mjpeg",
    "m4v",
    "mpegvideo",
    "flv",
    "asf",
    "dv",
    "mxf",
    "ivf",
    "nut",
    "gif",
    "dhav",
    "hxvs",
    "mpjpeg",
    "obu",
    "jpeg_pipe",
)

# Of one picture. Larger ones are not decoded: a few bytes can state a size that needs hundreds of megabytes.
MAX_PIXELS = 8192 * 8192
# Of larger pictures, as damage may state, a decoder does not hold back more than it must: each takes 25 MiB or more.
MAX_DELAYED_PIXELS = 4096 * 4096
_LARGEST_PACKED_HEADER_BYTES = 64 << 20

_NO_HEADER = (
    "an MP4 or QuickTime file without its header (moov), which is written last: it was cut short, or its recorder lost "
    "power; its pictures may be there, and a repair tool may bring them back"
)

# Demuxers that do not seek exactly: their files are read through a remuxed working copy.
NOT_SEEKABLE = frozenset(
    {"mpegts", "mpeg", "h264", "hevc", "mjpeg", "m4v", "mpegvideo", "dv", "dhav", "hxvs", "mpjpeg", "jpeg_pipe", "obu"}
)

# What files are that no demuxer on the list reads, by their first bytes.
_OTHER_FORMATS = (
    (0, b"OggS", "an Ogg file"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG or APNG picture"),
    (8, b"WEBP", "a WebP picture"),
    (0, bytes.fromhex("b7d800203749da11a64e0007e95ead8d"), "a WTV recording of Windows Media Center"),
    (0, b".RMF", "a RealMedia file"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"BM", "a BMP picture"),
)
_LONGEST_HEAD_BYTES = 32


def open_file(path: Place, **options: str) -> InputContainer:
    """Open the container at `path`, its edit lists ignored unless `options` says otherwise.

    Args:
        path: one file, on a disk or in a store.
        options: demuxer options, which override the defaults.

    Raises:
        UnreadableFootage: with reason missing, no_permission, empty, too_large, no_header, not_media or unreadable.
        DecoderLost: the disk fails; also raised later, by any read from the container.
    """
    settings = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(FORMATS),
        "enable_drefs": "0",
        "use_absolute_path": "0",
        "ignore_editlist": "1",
        "correct_ts_overflow": "0",
        "max_pixels": str(MAX_PIXELS),
        **options,
    }
    try:
        if size_of_footage(path) == 0:
            raise UnreadableFootage(path, "empty", "the file has no bytes")
        unpacked = unpacked_header_bytes(path)
        if unpacked > _LARGEST_PACKED_HEADER_BYTES:
            raise UnreadableFootage(path, "too_large", f"its packed header says that it unpacks to {unpacked} bytes")
        return av.open(open_footage(path), "r", options=settings, metadata_errors="replace")
    except FileNotFoundError as error:
        raise UnreadableFootage(path, "missing", "there is no such file") from error
    except PermissionError as error:
        raise UnreadableFootage(path, "no_permission", "this user may not read the file") from error
    except (av.error.InvalidDataError, ValueError) as error:
        if lacks_header(path):
            raise UnreadableFootage(path, "no_header", _NO_HEADER) from error
        raise UnreadableFootage(path, "not_media", _describe_other(path) or _no_container(error)) from error
    except av.error.FFmpegError as error:
        raise UnreadableFootage(path, "unreadable", _error_text(error)) from error
    except OSError as error:
        raise disk_failure(path, error) from error


def _describe_other(path: Place) -> str:
    """Return what a file is that is not read as video; empty if its first bytes are not known."""
    head = open_footage(path).read(_LONGEST_HEAD_BYTES)
    found = next((name for at, mark, name in _OTHER_FORMATS if head[at : at + len(mark)] == mark), "")
    if not found:
        return ""
    advice = "put stills into a folder and give the folder" if "picture" in found else "convert it with ffmpeg first"
    return f"{found}, which is not read as video; {advice}"


def _no_container(error: BaseException) -> str:
    return f"no known video container ({_error_text(error)})"


def _error_text(error: BaseException) -> str:
    """Return the system's error text where there is one, else the error as text."""
    return str(getattr(error, "strerror", None) or error)


def choose_stream(container: InputContainer, path: Place, stream_index: int | None) -> VideoStream:
    """Return the video stream to read: the one asked for, else the default one, else the largest.

    Raises:
        UnreadableFootage: there is no such stream, no video, or no decoder for it.
    """
    streams = [stream for stream in container.streams.video if not _is_cover_picture(stream)]
    if stream_index is not None:
        named = [stream for stream in streams if stream.index == stream_index]
        if not named:
            known = ", ".join(str(stream.index) for stream in streams) or "none"
            raise UnreadableFootage(path, "no_such_stream", f"no video stream {stream_index}; there are: {known}")
        streams = named
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no streams"
        raise UnreadableFootage(path, "no_video", f"the file holds no video ({kinds})")
    decodable = [stream for stream in streams if _has_decoder(stream)]
    if not decodable:
        raise UnreadableFootage(path, "no_decoder", "the video is encrypted, or its codec is unknown here")
    return min(decodable, key=lambda stream: (not _is_default(stream), -stream.width * stream.height, stream.index))


def _has_decoder(stream: VideoStream) -> bool:
    context: Any = stream.codec_context
    return context is not None


def _is_cover_picture(stream: VideoStream) -> bool:
    return bool(stream.disposition & stream.disposition.__class__.attached_pic)


def _is_default(stream: VideoStream) -> bool:
    return bool(stream.disposition & stream.disposition.__class__.default)


def demux(container: InputContainer, *streams: Stream) -> "Iterator[Packet[Any]]":
    """Yield the packets of some streams, or of all; a stream that begins inside the file is left out.

    PyAV does not know such a stream and fails on it when the end is reached. Where an encoder packed two pictures into
    one packet and left the next one empty, as DivX does, each packet gets its own picture.

    Raises:
        FFmpegError: the demuxer fails.
    """
    unpackers = _unpackers(container)
    with contextlib.suppress(IndexError):
        packets = container.demux(*streams)
        yield from (_unpacked(packets, unpackers) if unpackers else packets)


def _unpackers(container: InputContainer) -> dict[int, BitStreamFilterContext]:
    """Return a filter for each stream whose packets may hold two pictures, by the index of the stream."""
    return {
        stream.index: BitStreamFilterContext("mpeg4_unpack_bframes", stream)
        for stream in container.streams.video
        if stream.codec_context is not None and stream.codec_context.name == "mpeg4"
    }


def _unpacked(
    packets: "Iterator[Packet[Any]]", unpackers: dict[int, BitStreamFilterContext]
) -> "Iterator[Packet[Any]]":
    """Yield each packet with one picture; a filter keeps the second one for the empty packet that follows."""
    for packet in packets:
        unpacker = unpackers.get(packet.stream_index) if packet.size else None
        if unpacker is None:
            yield packet
            continue
        stream = packet.stream
        for single in unpacker.filter(packet):
            single.stream = stream
            yield single


def open_decoder(stream: VideoStream, *, is_strict: bool = True) -> VideoCodecContext:
    """Return a new decoder for the stream, which has seen nothing yet: one thread, tags kept, no guessed delay.

    A decoder that is flushed keeps parameter sets, tables and the memory of its pictures. Only a new one gives the same
    pictures whatever was read before. It costs 25 microseconds and the first use of its memory.

    Without the longest delay that the format allows, a decoder of H.264 guesses it from the frames it has seen.

    Args:
        stream: of an open container.
        is_strict: whether an error replaces a concealed picture.
    """
    with av.open(os.devnull, "w", format="null") as holder:  # only an output makes a decoder with all parameters
        context: Any = holder.add_stream_from_template(stream, opaque=True).codec_context
    context.codec_tag = stream.codec_context.codec_tag
    n_pixels = stream.width * stream.height
    context.thread_count = 1
    context.thread_type = "NONE"
    context.flags |= Flags.copy_opaque
    context.options = {
        "max_pixels": str(MAX_PIXELS),
        **({"err_detect": "crccheck+explode"} if is_strict else {}),
        **({"strict": "strict"} if context.name == "h264" and n_pixels <= MAX_DELAYED_PIXELS else {}),
    }
    return cast("VideoCodecContext", context)


def rate_of(stream: VideoStream) -> Fraction | None:
    """Return the frames per second that the stream states, the codec's figure before the container's; None if none."""
    for rate in (stream.codec_context.framerate, stream.average_rate, stream.guessed_rate):
        if rate:
            return Fraction(rate)
    return None
