"""Packets of one stream with all that their decoder needs to know."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from forensics.adapters.video.bitstreams.parameter_sets import insertion_for
from forensics.adapters.video.indexing.pyav_packets import Packets, demux_until_error

__all__ = ["demux_complete"]


def demux_complete(
    container: InputContainer, stream: VideoStream, packets: Packets
) -> "Iterator[tuple[int, Packet[Any]]]":
    """Yield the number of each packet of a stream, and the packet; end at the first error.

    If the parameters of the decoder change inside the stream, each keyframe is preceded by those that hold for it.

    Args:
        container: just opened.
        stream: of the container.
        packets: its pictures, as they were demuxed before.
    """
    numbered = enumerate(demux_until_error(container, stream.index))
    if not packets.setups:
        yield from numbered
        return
    codec, waiting = stream.codec_context.name, deque(packets.setups)
    insertion = insertion_for(codec, bytes(stream.codec_context.extradata or b""))
    for number, packet in numbered:
        while waiting and packets.first_packet[waiting[0].first_picture] <= number:
            insertion = insertion_for(codec, waiting.popleft().extradata)
        yield number, _preceded(packet, insertion) if packet.is_keyframe else packet


def _preceded(packet: "Packet[Any]", insertion: bytes) -> "Packet[Any]":
    """Return the packet with some bytes in front."""
    complete: Packet[Any] = Packet(insertion + bytes(packet))
    complete.stream, complete.time_base = packet.stream, packet.time_base
    complete.pts, complete.dts, complete.duration = packet.pts, packet.dts, packet.duration
    complete.is_keyframe = True
    return complete
