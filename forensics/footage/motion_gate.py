"""Which frames a detector need not look at: decided frame by frame from their light alone, before any box is known.

The rule:

1. Time is cut into windows at keyframes that the evidence fixes, never where the work is cut. The first frame of a
   window is looked at, and whatever the gate knows begins anew there.
2. Every other frame is compared with the last one that was to be looked at, as a small picture of its light. What all
   cells have in common is taken out, so a light that is switched on, an exposure that drifts or a keyframe's pulse is
   no movement. The camera's noise is taken from the frame itself: the spread of the changes over all cells. A change
   counts where two by two cells together exceed three times that noise, within bounds: a change of 16 levels counts
   in the noisiest picture, one of less than 6 in none.
3. A frame without such a change is still. Since it is compared with a frame that was looked at, slow movement adds up.
4. Once something moved, the next look follows `step_us` later, whatever happens meanwhile, and that frame is what
   later ones are compared with. So rain, leaves and clocks in the picture cost looks, and never hide anybody.
5. Once nothing moved for `step_us` after such a look, one more settles it: somebody whom the last look at the movement
   missed, and who stands still since, is not unseen until the next window.

What lies between two looks, and whether it is looked at more closely, is told by `forensics.sampling.refinement`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.footage.shot_cuts import GlanceArray
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = [
    "GATE_SIDE_PX",
    "GateDecision",
    "GateResult",
    "GateRules",
    "LumaArray",
    "MotionGate",
    "change_between",
    "cut_places",
    "windows",
]

LumaArray = npt.NDArray[np.uint8]

# The longer side of the small picture: a person whom a network of 640 pixels can find covers several cells.
GATE_SIDE_PX: Final = 160

_LEVELS: Final = 256
_LEAST_CHANGE: Final = 6.0
_MOST_NOISE: Final = 16.0
_NOISES: Final = 3.0
_DEVIATIONS_PER_MEDIAN: Final = 1.4826
# What waits between two looks is held in memory.
_MOST_WAITING: Final = 64


class GateDecision(StrEnum):
    """What the gate says of a frame."""

    LOOK = "look"
    MOVED = "moved"
    STILL = "still"


@dataclass(frozen=True, slots=True)
class GateRules:
    """How the gate decides.

    Attributes:
        window_us: media time after which everything begins anew, at the next keyframe.
        step_us: from the first movement to the next look, and from the last such look to the one that settles it.
        follow_score: boxes from here up are somebody, who is followed from look to look.
        start_score: what starts a track; until somebody who is followed has reached it, every frame is looked at.
    """

    window_us: int
    step_us: int
    follow_score: float
    start_score: float


@dataclass(frozen=True, slots=True, eq=False)
class GateResult:
    """What the gate says of one frame, and why.

    Attributes:
        number: of the frame.
        sight: whether it is to be looked at, moved, or is still.
        change: against the last frame that was to be looked at; 1 is the least that counts. NaN where there is none.
        glance: (64,) uint8, the frame at a glance, see `forensics.footage.shot_cuts`.
        luma: (h, w) uint8, what later frames are compared with; only where it is to be looked at.
    """

    number: int
    sight: GateDecision
    change: float
    glance: GlanceArray
    luma: LumaArray | None = None

    @property
    def begins_window(self) -> bool:
        """Whether there was nothing to compare it with."""
        return bool(np.isnan(self.change))


def windows(index: PacketIndex, window_us: int) -> Int64Array:
    """Where windows begin: frame 0, and the first keyframe at or after each multiple of `window_us`.

    Returns:
        (W,) int64 frame numbers, strictly increasing.

    >>> from fractions import Fraction
    >>> index = PacketIndex(np.arange(9), np.arange(9) % 2 == 0, np.ones(9, int), np.zeros(9, bool), Fraction(1))
    >>> windows(index, 3_000_000).tolist()
    [0, 4, 6]
    """
    keyframes = index.keyframes
    multiple = np.maximum.accumulate(index.media_us[keyframes]) // window_us
    begins = np.ones(len(keyframes), dtype=np.bool_)
    begins[1:] = np.diff(multiple) > 0
    starts: Int64Array = keyframes[begins]
    return starts


def cut_places(index: PacketIndex, rules: GateRules | None) -> Int64Array:
    """Where work on an evidence may be cut without changing what comes of it: (P,) int64, frame 0 first.

    Args:
        index: of the evidence.
        rules: of the gate; None where there is none.
    """
    return index.keyframes if rules is None else windows(index, rules.window_us)


def change_between(before: LumaArray, now: LumaArray) -> float:
    """How much the second picture differs from the first, 1 being the least that counts.

    Args:
        before: (h, w) uint8, at least 2 by 2.
        now: of the same shape.

    >>> dark = np.full((4, 4), 50, np.uint8)
    >>> change_between(dark, dark + np.uint8(40))
    0.0
    """
    difference = now.astype(np.int16) - before  # (h, w)
    difference -= np.int16(_median(difference + _LEVELS) - _LEVELS)
    deviation = _DEVIATIONS_PER_MEDIAN * _median(np.abs(difference))
    # (h - 1, w - 1), four cells together
    pairs = difference[1:] + difference[:-1]
    fours = pairs[:, 1:] + pairs[:, :-1]
    strongest = int(np.abs(fours).max()) / 4
    return strongest / min(max(_LEAST_CHANGE, _NOISES * deviation), _MOST_NOISE)


def _median(levels: npt.NDArray[np.int16]) -> int:
    """The lower median of whole numbers from 0, counted instead of sorted: there are few levels and many cells.

    >>> _median(np.array([[3, 0], [1, 9]], dtype=np.int16))
    1
    """
    counts = np.cumsum(np.bincount(levels.ravel()))
    return int(np.searchsorted(counts, (levels.size + 1) // 2))


class MotionGate:
    """Goes through the frames of one evidence in order; what it says of a frame depends on its window alone.

    Args:
        rules: how it decides.
        starts: (W,) int64, where windows begin.
    """

    def __init__(self, rules: GateRules, starts: Int64Array) -> None:
        self._rules = rules
        self._starts = starts
        self._window = -1
        self._reference: LumaArray | None = None
        self._before_us = 0
        self._since_us: int | None = None
        self._settles_us: int | None = None
        self._n_waiting = 0

    def judge(self, number: int, at_us: int, luma: LumaArray, glance: GlanceArray) -> GateResult:
        """What becomes of the next frame.

        Args:
            number: of the frame, higher than the one before.
            at_us: its media time.
            luma: (h, w) uint8.
            glance: (64,) uint8.
        """
        reference = self._reference
        if self._window_of(number) != self._window or reference is None or reference.shape != luma.shape:
            glimpse = GateResult(number, GateDecision.LOOK, float("nan"), glance, luma)
        else:
            change = change_between(reference, luma)
            sight = self._sight(at_us, has_moved=change >= 1)
            glimpse = GateResult(number, sight, change, glance, luma if sight is GateDecision.LOOK else None)
        self.follow(glimpse, at_us)
        return glimpse

    def _sight(self, at_us: int, *, has_moved: bool) -> GateDecision:
        since_us = self._before_us if self._since_us is None and has_moved else self._since_us
        if since_us is not None and (at_us - since_us >= self._rules.step_us or self._n_waiting >= _MOST_WAITING):
            return GateDecision.LOOK
        if has_moved:
            return GateDecision.MOVED
        return GateDecision.LOOK if self._settles_us is not None and at_us >= self._settles_us else GateDecision.STILL

    def follow(self, glimpse: GateResult, at_us: int) -> None:
        """Take over what another watch, in another process, said of the next frame."""
        if glimpse.sight is GateDecision.LOOK:
            is_after_movement = self._since_us is not None and not glimpse.begins_window
            self._settles_us = at_us + self._rules.step_us if is_after_movement else None
            self._window = self._window_of(glimpse.number)
            self._reference, self._since_us, self._n_waiting = glimpse.luma, None, 0
        elif self._since_us is None and glimpse.sight is GateDecision.MOVED:
            self._since_us, self._settles_us = self._before_us, None
        self._n_waiting += self._since_us is not None
        self._before_us = at_us

    def _window_of(self, number: int) -> int:
        return int(np.searchsorted(self._starts, number, side="right"))
