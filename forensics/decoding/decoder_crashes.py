"""Reading on behind what kills the decoder.

Where the child crashes, or is busy without end, the footage may have done it, or what the child had done before. So
the groups of pictures from there on are read anew, each alone in a fresh child with no other work. What is handed out
then is as good as any other frame, for a group is decoded by a decoder that knows nothing of the others. A group whose
child is lost twice at the same frame is poisonous: its frames from there on are gaps, settled for good. After a few
groups that are not, reading goes on as before.

A kill, a wait or a full memory proves nothing, and comes through as `DecoderLost`.
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

# Frames that the child may have been ahead of the last one it handed out: its slots, and those that it held back.
_FRAMES_AHEAD = 64
_LOST_ALONE = 2


def read_past_crashes(
    child: DecodingChild,
    footage: Footage,
    index: PacketIndex,
    view: View,
    wanted: Int64Array,
    watch: MotionGate | None = None,
) -> Iterator[Item]:
    """One item for every wanted number, in order, see `FrameReader.read`, whatever the footage does to the decoder.

    Args:
        child: decodes; replaced by a fresh one where it was lost.
        footage: what to open.
        index: its addresses.
        view: the size wanted.
        wanted: (N,) int64, strictly increasing.
        watch: follows what is handed out, so that a fresh child goes on with what the lost one knew.

    Raises:
        DecoderLost: the child was lost, and nothing says that the footage did it.
    """

    def read(numbers: Int64Array) -> Iterator[Item]:
        for item in child.read(footage, index, view, numbers, watch):
            if watch is not None:
                _follow(watch, item, index)
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
            n_ahead = _FRAMES_AHEAD
            for group in _groups(index, wanted[n_read:]):
                yield from _read_alone(child, read, group)
                n_read, n_ahead = n_read + len(group), n_ahead - len(group)
                if n_ahead <= 0:
                    break


def _follow(watch: MotionGate, item: Item, index: PacketIndex) -> None:
    glimpse = item.glimpse if isinstance(item, Frame) else item
    if isinstance(glimpse, GateResult):
        watch.follow(glimpse, int(index.media_us[glimpse.number]))


def _groups(index: PacketIndex, wanted: Int64Array) -> list[Int64Array]:
    """The wanted numbers of each group of pictures."""
    places = np.searchsorted(index.keyframes, wanted, side="right")
    return np.split(wanted, np.flatnonzero(np.diff(places)) + 1)


def _read_alone(
    child: DecodingChild, read: Callable[[Int64Array], Iterator[Item]], group: Int64Array
) -> Iterator[Item]:
    """The frames of one group of pictures, each time in a child that has done nothing else."""
    waiting, n_lost, reason, detail = deque(group.tolist()), 0, "", ""
    while waiting and n_lost < _LOST_ALONE:
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
