"""Whether the times of MPEG-1 and MPEG-2 pictures agree with the order that the pictures state themselves.

Program streams state a time for some pictures only; the others are guessed from their neighbours, and where bytes
were lost the guess is wrong without an error. Each picture tells its place in its group (its temporal reference),
so the times of a group can be held against it. A picture is shown for at least one frame of the stated rate and for
at most one and a half (films on discs), so a time that is off by a frame is found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

__all__ = ["PictureOrder", "find_contradictions", "picture_order"]

_GROUP_START, _PICTURE_START = b"\x00\x00\x01\xb8", b"\x00\x00\x01\x00"
# Counted with ten bits.
_LARGEST_GROUP = 1024


@dataclass(frozen=True, slots=True)
class PictureOrder:
    """What one picture says of its place.

    Attributes:
        starts_group: its packet begins a group, in which places are counted anew.
        place: in the group, in the order in which pictures are shown.
    """

    starts_group: bool
    place: int


def picture_order(packet: bytes) -> PictureOrder | None:
    """What the packet's picture says; None where it holds none.

    >>> picture_order(b"\\x00\\x00\\x01\\x00\\x01\\x4f")
    PictureOrder(starts_group=False, place=5)
    """
    start = packet.find(_PICTURE_START)
    header = packet[start + 4 : start + 6]
    if start < 0 or len(header) < 2:
        return None
    return PictureOrder(0 <= packet.find(_GROUP_START) < start, int.from_bytes(header, "big") >> 6)


def find_contradictions(
    orders: Sequence[PictureOrder | None], pts: Sequence[int | None], time_base: Fraction, rate: Fraction
) -> Iterator[int]:
    """Numbers of the packets of every group in which some time contradicts the order of its pictures.

    Args:
        orders: of each packet, in the order of the file.
        pts: ticks, parallel; None where there is none.
        time_base: seconds of one tick.
        rate: frames per second as the stream states them.
    """
    for group in _groups(orders):
        told = sorted((order.place, at) for n in group if (order := orders[n]) and (at := pts[n]) is not None)
        if len(told) <= _LARGEST_GROUP and not _agree(told, 1 / (rate * time_base)):
            yield from group


def _groups(orders: Sequence[PictureOrder | None]) -> Iterator[range]:
    starts = [number for number, order in enumerate(orders) if order is not None and order.starts_group]
    for start, stop in zip([0, *starts], [*starts, len(orders)], strict=True):
        yield range(start, stop)


def _agree(told: list[tuple[int, int]], ticks_per_frame: Fraction) -> bool:
    """Whether each time lies as far behind the one before as the places say, within a tick."""
    for (place, at), (next_place, next_at) in pairwise(told):
        n_frames = next_place - place
        if not n_frames * ticks_per_frame - 1 <= next_at - at <= n_frames * ticks_per_frame * 3 / 2 + 1:
            return False
    return True
