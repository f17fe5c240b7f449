"""Check of MPEG-1 and MPEG-2 picture times against the display order stored in the pictures.

A program stream gives a pts for some pictures only; demuxers interpolate the others from their neighbours. Where bytes
were lost, the interpolation is wrong and no error is reported. Each picture header holds its temporal reference, the
display position in its group, so the pts of a group can be checked against it. A picture is shown for at least one
frame of the stated rate and at most one and a half (film on discs), so a pts that is wrong by one frame is detected.

If the display positions of such a group are complete, no picture was lost: its pts are wrong, as some muxers write
them for small pictures. Otherwise a picture is missing, and the pts of the others cannot be known. Behind a group with
wrong pts, whole groups may be late or early by a frame or two; they are wrong as well if that ends soon.

A transport stream states the pts of each picture. There, pts that increase in display order are right: a recorder
dropped frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

__all__ = ["Contradictions", "PictureOrder", "find_contradictions", "parse_picture_order"]

_GROUP_START, _PICTURE_START = b"\x00\x00\x01\xb8", b"\x00\x00\x01\x00"
# The temporal reference has ten bits.
_MAX_GROUP_PICTURES = 1024
# A shift of more groups than this, or by more frames, is believed.
_MAX_SHIFTED_GROUPS, _MAX_SHIFT_FRAMES = 8, 2
_TOLERANCE_TICKS = 2


@dataclass(frozen=True, slots=True)
class PictureOrder:
    """Display position of one picture, read from its header.

    Attributes:
        starts_group: whether its packet starts a group of pictures, in which temporal references restart at 0.
        temporal_reference: display position in the group.
    """

    starts_group: bool
    temporal_reference: int


def parse_picture_order(packet: bytes) -> PictureOrder | None:
    """Return the display position of the packet's picture; None if the packet holds none.

    >>> parse_picture_order(b"\\x00\\x00\\x01\\x00\\x01\\x4f")
    PictureOrder(starts_group=False, temporal_reference=5)
    """
    start = packet.find(_PICTURE_START)
    header = packet[start + 4 : start + 6]
    if start < 0 or len(header) < 2:
        return None
    return PictureOrder(0 <= packet.find(_GROUP_START) < start, int.from_bytes(header, "big") >> 6)


@dataclass(frozen=True, slots=True)
class Contradictions:
    """Pictures in groups in which a pts contradicts the display order.

    Attributes:
        mistimed: packet numbers of groups in which every picture is there.
        incomplete: packet numbers of groups in which a picture is missing.
    """

    mistimed: tuple[int, ...]
    incomplete: tuple[int, ...]


def find_contradictions(
    orders: Sequence[PictureOrder | None],
    pts: Sequence[int | None],
    time_base: Fraction,
    rate: Fraction,
    *,
    are_stated: bool = False,
) -> Contradictions:
    """Return the pictures of every group in which a pts contradicts the display order of the pictures.

    Args:
        orders: of each packet, in file order.
        pts: ticks of each packet, in file order; None where it has none.
        time_base: seconds of one tick.
        rate: frames per second stated by the stream.
        are_stated: whether the file states each pts; otherwise the demuxer guesses some.
    """
    groups = [
        _examine(numbers, orders, pts, 1 / (rate * time_base), are_stated=are_stated)
        for numbers in _split_into_groups(orders)
    ]
    shifted = _find_shifted(groups, 1 / (rate * time_base))
    wrong = [group for group in groups if group.is_mistimed or group in shifted]
    missing = [group for group in groups if group.is_incomplete]
    mistimed, incomplete = (tuple(number for group in found for number in group.numbers) for found in (wrong, missing))
    return Contradictions(mistimed, incomplete)


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of pictures.

    Attributes:
        numbers: of its packets, in file order.
        is_mistimed: whether a pts contradicts the display order, and every picture is there.
        is_incomplete: whether a pts contradicts the display order, and a picture is missing.
        offset_ticks: pts of its first shown picture, less the time of that many frames as lie before the group; None
            if its pictures are not one frame apart each.
    """

    numbers: range
    is_mistimed: bool
    is_incomplete: bool
    offset_ticks: Fraction | None


def _examine(
    numbers: range,
    orders: Sequence[PictureOrder | None],
    pts: Sequence[int | None],
    frame_ticks: Fraction,
    *,
    are_stated: bool,
) -> _Group:
    """Compare the pts of one group with its display order."""
    known = ((orders[number], pts[number]) for number in numbers)
    timed = sorted((order.temporal_reference, at) for order, at in known if order is not None and at is not None)
    if len(timed) <= _MAX_GROUP_PICTURES and not _times_agree(timed, frame_ticks):
        is_complete = _is_complete([orders[n] for n in numbers])
        is_right = are_stated and is_complete and all(at < later for (_, at), (_, later) in pairwise(timed))
        return _Group(numbers, is_complete and not is_right, not is_complete, None)
    offsets = [at - (numbers.start + reference) * frame_ticks for reference, at in timed]
    is_steady = bool(offsets) and max(offsets) - min(offsets) <= _TOLERANCE_TICKS
    return _Group(numbers, False, False, offsets[0] if is_steady else None)


def _find_shifted(groups: Sequence[_Group], frame_ticks: Fraction) -> list[_Group]:
    """Return the groups behind mistimed ones that are late or early by up to two frames, if that ends soon."""
    shifted, pending = list[_Group](), list[_Group]()
    usual: Fraction | None = None
    is_behind_mistimed = False
    for group in groups:
        if group.is_mistimed:
            is_behind_mistimed = usual is not None
            continue
        shift = None if usual is None or group.offset_ticks is None else abs(group.offset_ticks - usual)
        if shift is not None and is_behind_mistimed and len(pending) < _MAX_SHIFTED_GROUPS:
            if _TOLERANCE_TICKS < shift <= _MAX_SHIFT_FRAMES * frame_ticks + _TOLERANCE_TICKS:
                pending.append(group)
                continue
            if shift <= _TOLERANCE_TICKS:
                shifted += pending
        usual, pending, is_behind_mistimed = group.offset_ticks, [], False
    return shifted + pending


def _is_complete(orders: Sequence[PictureOrder | None]) -> bool:
    """Whether the display positions are those of a group without a missing picture."""
    return sorted(order.temporal_reference for order in orders if order is not None) == list(range(len(orders)))


def _split_into_groups(orders: Sequence[PictureOrder | None]) -> Iterator[range]:
    """Yield the packet numbers of each group of pictures."""
    starts = [number for number, order in enumerate(orders) if order is not None and order.starts_group]
    for start, stop in zip([0, *starts], [*starts, len(orders)], strict=True):
        yield range(start, stop)


def _times_agree(timed: list[tuple[int, int]], ticks_per_frame: Fraction) -> bool:
    """Whether the pts increase as the temporal references do, within one tick."""
    for (reference, at), (next_reference, next_at) in pairwise(timed):
        n_frames = next_reference - reference
        if not n_frames * ticks_per_frame - 1 <= next_at - at <= n_frames * ticks_per_frame * 3 / 2 + 1:
            return False
    return True
