"""One video stream as demuxing finds it: its pictures, what the container states, and what is missing at its ends."""

from dataclasses import dataclass, replace
from fractions import Fraction

from av.container import InputContainer
from av.video.stream import VideoStream

from forensics.adapters.video.bitstreams.key_pictures import KeySource, key_source_of
from forensics.adapters.video.bitstreams.parameter_sets import can_be_inserted
from forensics.adapters.video.containers.joined_files import describe_joined, describe_later_video, find_joined
from forensics.adapters.video.containers.mov_header import MOV, find_boxes
from forensics.adapters.video.containers.truncation import find_truncation
from forensics.adapters.video.containers.unread_bytes import describe_unread, is_whole_gif
from forensics.adapters.video.indexing.avi_index import read_own_index
from forensics.adapters.video.indexing.first_frame import FirstFrame
from forensics.adapters.video.indexing.pyav_packets import Packets, read_packets
from forensics.adapters.video.pyav_open import choose_stream, open_file, rate_of
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Medium, Timing
from forensics.place import Place
from forensics.wording import counted

__all__ = ["DemuxedStream", "demux_stream", "describe_other_streams", "list_shortfalls"]

# In other formats the duration is estimated from the packets, or the header's frame count is more exact.
_FORMATS_STATING_DURATION = ("matroska,webm", "mxf", "flv")


@dataclass(frozen=True, slots=True)
class DemuxedStream:
    """One stream of a file, as demuxing found it.

    Attributes:
        path, stream_index: the file and the stream in it.
        stream_id: number of the stream in the container's own terms.
        packets: all pictures of the stream.
        key_source: who says which of them are key pictures.
        medium: what the container states.
        time_base: seconds of one tick.
        may_reorder: whether the codec shows pictures in another order than they are stored in.
        stated_end_us: end of the file that the header states; 0 if it states none that can be relied on.
        joined: byte offset of a joined file that is not read, or with the setup of the first; None without one.
        listed: position, time and size of each picture by the container's own index; None if that decides no seek.
    """

    path: Place
    stream_index: int
    stream_id: int
    packets: Packets
    key_source: KeySource
    medium: Medium
    time_base: Fraction
    may_reorder: bool
    stated_end_us: int
    joined: int | None
    listed: list[tuple[int, int, int]] | None


def demux_stream(path: Place, stream_index: int | None, first: FirstFrame) -> DemuxedStream:
    """Demux the chosen stream of a file.

    Args:
        path: one video file, on a disk or in a store.
        stream_index: the stream; None for the default one, else the largest.
        first: facts from its first frame.

    Raises:
        UnreadableFootage: it holds no pictures, or only a still.
    """
    with open_file(path) as container:
        stream = choose_stream(container, path, stream_index)
        listed = read_own_index(container, stream)
        packets = _without_unusable_setups(read_packets(container, stream, path), stream)
        codec = stream.codec_context.codec
        found = DemuxedStream(
            path,
            stream.index,
            stream.id,
            packets,
            key_source_of(codec.name, is_intra_only=codec.intra_only, are_all_flagged=bool(packets.is_key.all())),
            _describe_medium(container, stream, first, path),
            Fraction(stream.time_base or 1),
            bool(stream.codec_context.has_b_frames),
            _read_stated_end_us(container),
            _find_joined(path, container, packets),
            listed,
        )
    container_name = found.medium.container
    if container_name == "jpeg_pipe" and len(packets) == 1:
        raise UnreadableFootage(path, "a_still", "a single JPEG picture; put stills into a folder and give the folder")
    if not len(packets):
        detail = f"the video stream holds no packets ({packets.demux_error or 'empty'})"
        raise UnreadableFootage(path, "no_frames", detail)
    if container_name == "gif" and not is_whole_gif(path):
        packets.is_damaged[-1] = True
    if found.joined is not None:
        packets.is_damaged[packets.position >= found.joined] = True
    if found.key_source is KeySource.NOBODY:
        packets.is_key[1:] = False
    return found


def _without_unusable_setups(packets: Packets, stream: VideoStream) -> Packets:
    """Return the pictures; those behind a change of the setup are damaged if it cannot be put into them."""
    context = stream.codec_context
    if can_be_inserted(context.name, bytes(context.extradata or b""), packets.setups):
        return packets
    packets.is_damaged[packets.setups[0].first_picture :] = True
    return replace(packets, setups=())


def _find_joined(path: Place, container: InputContainer, packets: Packets) -> int | None:
    """Return the byte offset of a joined file that is not read, or not as it should be; None without one."""
    if packets.foreign_from is not None:
        return packets.foreign_from
    return find_joined(path, container.format.name, max(0, int((packets.position + packets.size).max(initial=0))))


def list_shortfalls(stream: DemuxedStream, packets: Packets) -> list[str]:
    """Describe what is missing or doubtful, and what lies behind the end of the file; one phrase each.

    Args:
        stream: the stream.
        packets: its pictures, with all damage that is known by now.
    """
    medium, path = stream.medium, stream.path
    found = [find_truncation(path, medium.container)]
    unread = packets.unread
    if medium.container == "mpegts":
        found.append(describe_later_video(path, stream.stream_id, max(0, int(packets.position.max()))))
    if stream.joined is not None:
        found.append(describe_joined(path, stream.joined))
        unread = tuple(each for each in unread if each[0] < stream.joined)
    found.append(describe_unread(unread))
    return [*filter(None, found), *_describe_losses(packets, medium.n_frames_from_header, stream.stated_end_us)]


def describe_other_streams(medium: Medium) -> list[str]:
    """Describe the video of a file that is not read; nothing without any."""
    if not medium.other_streams:
        return []
    numbers = ", ".join(map(str, medium.other_streams))
    return [
        f"the file holds more video, in stream {numbers}, which is not read; a case of its own can read it (--stream)"
    ]


def _describe_losses(packets: Packets, n_frames_from_header: int | None, stated_us: int = 0) -> list[str]:
    """Describe what is missing or doubtful, one phrase each; an empty list for a whole file.

    Args:
        packets: the packets found.
        n_frames_from_header: number of frames that the header states; None if it states none.
        stated_us: end of the file that the header states; 0 if it states none.
    """
    found = []
    n_units, tolerance = packets.n_header_units
    if packets.demux_error:
        found.append(packets.demux_error)
    if stated_us > packets.end_us + packets.end_tolerance_us:
        stated, there = stated_us / 1e6, packets.end_us / 1e6
        found.append(f"the header promises {stated:.2f} s, the packets end at {there:.2f} s")
    if n_frames_from_header is not None and not 0 <= n_frames_from_header - n_units <= tolerance:
        found.append(f"the header promises {n_frames_from_header} frames, {n_units} are there")
    n_without = int((~packets.has_pts).sum())
    if n_without:
        packets_have = counted(n_without, "packet has", "packets have")
        found.append(f"{packets_have} no pts and so no address")
    n_damaged = int(packets.is_damaged.sum())
    if n_damaged:
        packets_are = counted(n_damaged, "packet is", "packets are")
        found.append(f"{packets_are} damaged, or built on what is missing")
    return found


def _describe_medium(container: InputContainer, stream: VideoStream, first: FirstFrame, path: Place) -> Medium:
    """Return the container's and the stream's facts."""
    others = tuple(other.index for other in container.streams.video if other.index != stream.index)
    return Medium(
        container=container.format.name,
        codec=stream.codec_context.name,
        width_px=first.width_px,
        height_px=first.height_px,
        rotation_degrees=first.orientation.rotation_degrees,
        rate_stated=first.rate,
        rate_counted=None,
        n_frames_from_header=_read_stated_frames(container, stream, path),
        timing=Timing.CONTAINER,
        other_streams=others,
    )


def _read_stated_frames(container: InputContainer, stream: VideoStream, path: Place) -> int | None:
    """Return the number of frames that the header states; MXF states its duration in frames.

    The header of an MP4 with fragments counts the frames before them only.
    """
    if container.format.name == MOV and any(box.kind == b"moof" for box in find_boxes(path)):
        return None
    if container.format.name == "mxf" and stream.duration and stream.time_base == 1 / (rate_of(stream) or 1):
        return stream.duration
    return stream.frames or None


def _read_stated_end_us(container: InputContainer) -> int:
    """Return the end of the file that the header states, in microseconds; 0 if it states none that can be relied on."""
    if container.format.name not in _FORMATS_STATING_DURATION or container.duration is None:
        return 0
    return int(container.duration)
