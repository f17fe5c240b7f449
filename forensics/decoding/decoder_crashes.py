"""Continuation after footage that crashes the decoder.

If the child crashes or exceeds its processor time, the footage may be the cause, or what the child decoded before. So
the groups of pictures from there on are read again, each alone in a fresh child. The frames are the same as in any
other read, because the decoder is flushed between groups. If the child is lost twice at the same frame of a group, the
frames of the group from there on become gaps for good. After a few groups without a loss, reading continues as before.

A kill, a timeout or a full memory proves nothing about the footage and is raised as `DecoderLost`.
"""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from forensics.decoding.child import DecodingChild
from forensics.errors import DecoderLost
from forensics.footage.evidence import Footage
from forensics.footage.frames import Frame, Gap, Item, View
from forensics.footage.motion_gate import GateResult, MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["read_past_crashes"]

# How far the child may have decoded ahead of the last frame it returned: its slots, and the frames it held back.
_MAX_FRAMES_AHEAD = 64
_MAX_LOSSES_ALONE = 2


def read_past_crashes(
    child: DecodingChild,
    footage: Footage,
    index: PacketIndex,
    view: View,
    wanted: Int64Array,
    gate: MotionGate | None = None,
) -> Iterator[Item]:
    """Yield one item for every wanted frame, in order, see `FrameReader.read`, even if the footage crashes the decoder.

    Args:
        child: the decoding child; restarted whenever it is lost.
        footage: what to open.
        index: its packet index.
        view: size to scale to, and whether damaged frames are shown.
        wanted: (N,) int64 frame numbers, strictly increasing.
        gate: motion gate, updated with every item, so that a fresh child continues from the state of the lost one.

    Raises:
        DecoderLost: the child was lost, and nothing indicates that the footage caused it.
    """

    def read(numbers: Int64Array) -> Iterator[Item]:
        for item in child.read(footage, index, view, numbers, gate):
            if gate is not None:
                _sync_gate(gate, item, index)
            yield item

    n_read = 0
    while n_read < len(wanted):
        try:
            for item in read(wanted[n_read:]):
                n_read += 1
                yield item
        except DecoderLost as lost:
            if not lost.blames_footage:
                raise
            n_ahead = _MAX_FRAMES_AHEAD
            for group in _split_into_groups(index, wanted[n_read:]):
                yield from _read_group_alone(child, read, group)
                n_read, n_ahead = n_read + len(group), n_ahead - len(group)
                if n_ahead <= 0:
                    break


def _sync_gate(gate: MotionGate, item: Item, index: PacketIndex) -> None:
    """Record the gate's result for the item in this process's gate."""
    gate_result = item.gate_result if isinstance(item, Frame) else item
    if isinstance(gate_result, GateResult):
        gate.record(gate_result, int(index.media_us[gate_result.number]))


def _split_into_groups(index: PacketIndex, wanted: Int64Array) -> list[Int64Array]:
    """Return the wanted frame numbers of each group of pictures."""
    places = np.searchsorted(index.keyframes, wanted, side="right")
    return np.split(wanted, np.flatnonzero(np.diff(places)) + 1)


def _read_group_alone(
    child: DecodingChild, read: Callable[[Int64Array], Iterator[Item]], group: Int64Array
) -> Iterator[Item]:
    """Yield the wanted frames of one group of pictures, each attempt in a fresh child."""
    waiting, n_lost, reason, detail = deque(group.tolist()), 0, "", ""
    while waiting and n_lost < _MAX_LOSSES_ALONE:
        child.close()
        try:
            for item in read(np.array(waiting, dtype=np.int64)):
                waiting.popleft()
                n_lost = 0
                yield item
        except DecoderLost as lost:
            if not lost.blames_footage:
                raise
            n_lost, reason, detail = n_lost + 1, lost.reason, lost.detail
    for number in waiting:
        yield Gap(number, f"decoder_{reason}", f"alone in a fresh decoder, twice: {detail}")
