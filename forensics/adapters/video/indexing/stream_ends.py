"""When the streams of a file end, by their packets."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from av.packet import Packet

from forensics.footage.timeline import Int64Array

__all__ = ["StreamEnds", "estimate_end"]

# Containers round times to a millisecond, and sound and picture end at slightly different times.
_END_TOLERANCE_US = 20_000


@dataclass(slots=True)
class StreamEnds:
    """Ends of the packets of all streams so far; a packet without a duration lasts as long as the one before it."""

    _last: dict[int, int] = field(default_factory=dict)
    _ends: dict[int, int] = field(default_factory=dict)
    _time_bases: dict[int, Fraction] = field(default_factory=dict)

    def add(self, packet: "Packet[Any]") -> None:
        """Add the next packet."""
        at, stream = packet.pts if packet.pts is not None else packet.dts, packet.stream_index
        if at is None:
            return
        end = at + (packet.duration or max(0, at - self._last.get(stream, at)))
        self._last[stream] = at
        if end > self._ends.get(stream, -1):
            self._ends[stream] = end
        if stream not in self._time_bases:
            self._time_bases[stream] = Fraction(packet.time_base)

    @property
    def us(self) -> int:
        """The latest end in microseconds; 0 without any time."""
        return max((int(end * self._time_bases[stream] * 1_000_000) for stream, end in self._ends.items()), default=0)


def estimate_end(end_us: int, pts: Int64Array, time_base: Fraction, *, lacks_durations: bool) -> tuple[int, int]:
    """Return the end of the picture in microseconds, and how far a stated end may exceed it without a lost frame.

    Args:
        end_us: end of the last packet of any stream.
        pts: (N,) int64 ticks of the video stream.
        time_base: seconds of one tick.
        lacks_durations: whether packets state no duration; then the last one may last as long as the longest.
    """
    if len(pts) < 2:
        return end_us, _END_TOLERANCE_US
    steps = np.diff(np.sort(pts))
    usual_us, longest_us = (int(each * time_base * 1_000_000) for each in (int(np.median(steps)), int(steps.max())))
    if lacks_durations:
        return max(end_us, int(int(pts.max()) * time_base * 1_000_000) + usual_us), max(_END_TOLERANCE_US, longest_us)
    return end_us, max(_END_TOLERANCE_US, usual_us // 2)
