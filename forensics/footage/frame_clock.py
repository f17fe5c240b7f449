"""Instant of every frame by the camera's own clock, as far as it is known.

The start time of an evidence holds for its first section. How long a recording paused before another section, or by
how much a clock was set back, is in no file: the frames of a later section have no instant until a person states when
the section begins. A still for which no time is recorded has no instant: its media time is only its place in the order.
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
        start_us: instant of media time zero, of stills that of the first picture that has a time; None if unknown.
        section_starts: instants of the first frame of later sections, of stills of the first one that has a time, as
            far as stated, by the number of the section; the first section is number 1.
    """
    own_us, is_timed = _recorded_times(index)
    us, is_known = np.zeros(index.n_frames, dtype=np.int64), np.zeros(index.n_frames, dtype=bool)
    section = index.sections_of(np.arange(index.n_frames))
    for number, at_us in {**section_starts, 1: start_us}.items():
        frames = np.flatnonzero((section == number) & is_timed)
        if at_us is not None and len(frames):
            origin_us = 0 if number == 1 else own_us[frames[0]]
            us[frames] = own_us[frames] - origin_us + at_us
            is_known[frames] = True
    return FrameClock(us, is_known)


def _recorded_times(index: PacketIndex) -> tuple[Int64Array, BoolArray]:
    """Return the time of each frame in microseconds as recorded, (F,) int64, and whether one is recorded."""
    if index.pictures is None:
        return index.media_us, np.ones(index.n_frames, dtype=bool)
    return index.pictures.taken_us, index.pictures.is_timed
