"""Instant of every frame by the camera's own clock, as far as it is known.

The start time of an evidence holds for its first section. How long a recording paused before another section, or by
how much a clock was set back, is in no file: the frames of a later section have no instant until a person states when
the section begins.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex

__all__ = ["FrameClock", "frame_clock"]


@dataclass(frozen=True, slots=True, eq=False)
class FrameClock:
    """Instants of frames by the camera's own clock.

    Attributes:
        us: (F,) int64 microseconds since 1970 UTC, valid where known.
        is_known: (F,) bool.
    """

    us: Int64Array
    is_known: BoolArray


def frame_clock(index: PacketIndex, start_us: int | None, section_starts: Mapping[int, int]) -> FrameClock:
    """Return the instant of every frame of an evidence.

    Args:
        index: packet index of the evidence.
        start_us: instant of media time zero; None if unknown.
        section_starts: instants of the first frame of later sections, as far as stated, by the number of the section;
            the first section is number 1.
    """
    starts = [section.start for section in index.sections] or [0]
    us, is_known = np.zeros(index.n_frames, dtype=np.int64), np.zeros(index.n_frames, dtype=bool)
    for number, (start, stop) in enumerate(zip(starts, [*starts[1:], index.n_frames], strict=True), 1):
        origin_us, at_us = (0, start_us) if number == 1 else (int(index.media_us[start]), section_starts.get(number))
        if at_us is not None:
            us[start:stop] = index.media_us[start:stop] - origin_us + at_us
            is_known[start:stop] = True
    return FrameClock(us, is_known)
