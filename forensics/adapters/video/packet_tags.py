"""Tags that a decoder carries from a packet to its picture, so that a picture is known whatever its pts says.

PyAV finds a tag by the address of the object and forgets it when the first picture with that object is freed. So each
tag is an object of its own, never a number that Python may share.
"""

from typing import Any

from av.packet import Packet
from av.video.frame import VideoFrame

__all__ = ["number_tagged", "tag_packet"]


class _Tag:
    """The number of one packet."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def tag_packet(packet: "Packet[Any]", number: int) -> None:
    """Tag a packet with a number, before it is decoded."""
    packet.opaque = _Tag(number)


def number_tagged(frame: VideoFrame) -> int | None:
    """Return the number with which the packet of a decoded frame was tagged; None if the decoder lost it."""
    tag = frame.opaque
    return tag.number if isinstance(tag, _Tag) else None
