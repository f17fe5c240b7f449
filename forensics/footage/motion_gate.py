"""Motion gate: selects the frames that must be detected, from luma alone, before any box is known.

The rule:

1. Time is divided into windows that start on keyframes. The evidence alone fixes them, not the chunks. The first frame
   of a window is detected, and the gate starts there without any memory.
2. Every other frame is compared with the last frame that was to be detected, as a small luma picture. The median change
   over all cells is subtracted, so that a light that is switched on, a drifting exposure or a keyframe pulse is no
   movement. The camera noise is estimated from the same picture, as the spread of the changes over all cells. A block
   of two by two cells counts as changed if its mean change exceeds three times that noise, within bounds: a change of
   16 levels always counts, a change below 6 never does.
3. A frame without such a change is still. Slow movement adds up, because the comparison is with a detected frame.
4. After the first movement, a frame is detected `step_us` later, whatever happens in between, and becomes the new
   reference. So rain, leaves and clocks in the picture cost detections, but hide nobody.
5. After `step_us` without movement since such a frame, one more frame is detected. So a person who stands still, and
   whom the last detection missed, is found before the next window.

`forensics.sampling.refinement` decides about the frames between two detected frames.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.footage.shot_cuts import LumaGridArray
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = [
    "GATE_SIDE_PX",
    "GateDecision",
    "GateResult",
    "GateRules",
    "LumaArray",
    "MotionGate",
    "change_between",
    "possible_chunk_starts",
    "window_starts",
]

LumaArray = npt.NDArray[np.uint8]

# Longer side of the small luma picture: a person that a 640-pixel network can detect covers several cells.
GATE_SIDE_PX: Final = 160

_LEVELS: Final = 256
# Bounds of the threshold, in levels, and its factor over the noise.
_MIN_THRESHOLD: Final = 6.0
_MAX_THRESHOLD: Final = 16.0
_NOISE_FACTOR: Final = 3.0
# Standard deviation per median absolute deviation of normally distributed noise.
_DEVIATION_PER_MEDIAN: Final = 1.4826
# Frames that wait between two detected frames are held in memory.
_MAX_WAITING: Final = 64


class GateDecision(StrEnum):
    """Decision of the gate on one frame: detect it, or leave it to refinement as moved or still."""

    DETECT = "detect"
    MOVED = "moved"
    STILL = "still"


@dataclass(frozen=True, slots=True)
class GateRules:
    """Parameters of the gate and of its refinement.

    Attributes:
        window_us: media time after which the gate starts anew, at the next keyframe.
        step_us: media time from the first movement to the next detected frame, and from there to the frame that is
            detected once the movement has ended.
        follow_score: score from which a box is followed from one sampled frame to the next.
        start_score: score that starts a track; until a followed box has reached it, every frame is detected.
    """

    window_us: int
    step_us: int
    follow_score: float
    start_score: float


@dataclass(frozen=True, slots=True, eq=False)
class GateResult:
    """Decision of the gate on one frame, with the measurements behind it.

    Attributes:
        number: frame number.
        decision: whether to detect the frame, or that it moved or is still.
        change: change against the reference frame, in units of the threshold; NaN if there is no reference.
        luma_grid: (64,) uint8, see `forensics.footage.shot_cuts`.
        luma: (h, w) uint8, the reference for later frames; None unless the frame is to be detected.
    """

    number: int
    decision: GateDecision
    change: float
    luma_grid: LumaGridArray
    luma: LumaArray | None = None

    @property
    def is_window_start(self) -> bool:
        """Whether the frame starts a window, without a reference to compare it with."""
        return bool(np.isnan(self.change))


def window_starts(index: PacketIndex, window_us: int) -> Int64Array:
    """Return the frames where windows start: frame 0, and the first keyframe at or after each multiple of `window_us`.

    Returns:
        (W,) int64 frame numbers, strictly increasing.

    >>> from fractions import Fraction
    >>> index = PacketIndex(np.arange(9), np.arange(9) % 2 == 0, np.ones(9, int), np.zeros(9, bool), Fraction(1))
    >>> window_starts(index, 3_000_000).tolist()
    [0, 4, 6]
    """
    keyframes = index.keyframes
    multiple = np.maximum.accumulate(index.media_us[keyframes]) // window_us
    is_start = np.ones(len(keyframes), dtype=np.bool_)
    is_start[1:] = np.diff(multiple) > 0
    starts: Int64Array = keyframes[is_start]
    return starts


def possible_chunk_starts(index: PacketIndex, rules: GateRules | None) -> Int64Array:
    """Return the frames where a chunk may start without changing any result: (P,) int64, frame 0 first.

    Args:
        index: packet index of the evidence.
        rules: parameters of the gate; None if the run has no gate.
    """
    return index.keyframes if rules is None else window_starts(index, rules.window_us)


def change_between(before: LumaArray, now: LumaArray) -> float:
    """Return the largest local change between two luma pictures, in units of the threshold: 1 or more is movement.

    Args:
        before: (h, w) uint8, at least 2 by 2.
        now: of the same shape.

    >>> dark = np.full((4, 4), 50, np.uint8)
    >>> change_between(dark, dark + np.uint8(40))
    0.0
    """
    difference = now.astype(np.int16) - before  # (h, w)
    difference -= np.int16(_median(difference + _LEVELS) - _LEVELS)
    noise = _DEVIATION_PER_MEDIAN * _median(np.abs(difference))
    # (h - 1, w - 1), sums over two by two cells
    pairs = difference[1:] + difference[:-1]
    blocks = pairs[:, 1:] + pairs[:, :-1]
    largest = int(np.abs(blocks).max()) / 4
    return largest / min(max(_MIN_THRESHOLD, _NOISE_FACTOR * noise), _MAX_THRESHOLD)


def _median(levels: npt.NDArray[np.int16]) -> int:
    """Return the lower median of non-negative integers, by counting: there are few levels and many cells.

    >>> _median(np.array([[3, 0], [1, 9]], dtype=np.int16))
    1
    """
    counts = np.cumsum(np.bincount(levels.ravel()))
    return int(np.searchsorted(counts, (levels.size + 1) // 2))


class MotionGate:
    """Decides frame by frame, in presentation order, which frames of one evidence must be detected.

    The decision on a frame depends on the frames of its window alone.

    Args:
        rules: parameters of the gate.
        starts: (W,) int64, frames where windows start.
    """

    def __init__(self, rules: GateRules, starts: Int64Array) -> None:
        self._rules = rules
        self._starts = starts
        self._window = -1
        self._reference: LumaArray | None = None
        self._previous_us = 0
        # time of the last frame before the current movement
        self._movement_us: int | None = None
        # time from which one more frame is detected once the movement has ended
        self._settles_us: int | None = None
        self._n_waiting = 0

    def decide(self, number: int, at_us: int, luma: LumaArray, luma_grid: LumaGridArray) -> GateResult:
        """Return the decision on the next frame, and record it.

        Args:
            number: frame number, higher than that of the call before.
            at_us: media time of the frame.
            luma: (h, w) uint8.
            luma_grid: (64,) uint8.
        """
        reference = self._reference
        if self._window_of(number) != self._window or reference is None or reference.shape != luma.shape:
            result = GateResult(number, GateDecision.DETECT, float("nan"), luma_grid, luma)
        else:
            change = change_between(reference, luma)
            decision = self._decision(at_us, has_moved=change >= 1)
            kept_luma = luma if decision is GateDecision.DETECT else None
            result = GateResult(number, decision, change, luma_grid, kept_luma)
        self.record(result, at_us)
        return result

    def _decision(self, at_us: int, *, has_moved: bool) -> GateDecision:
        since_us = self._previous_us if self._movement_us is None and has_moved else self._movement_us
        if since_us is not None and (at_us - since_us >= self._rules.step_us or self._n_waiting >= _MAX_WAITING):
            return GateDecision.DETECT
        if has_moved:
            return GateDecision.MOVED
        has_settled = self._settles_us is not None and at_us >= self._settles_us
        return GateDecision.DETECT if has_settled else GateDecision.STILL

    def record(self, result: GateResult, at_us: int) -> None:
        """Update the state by the decision on the next frame, also if a gate in another process made it."""
        if result.decision is GateDecision.DETECT:
            is_after_movement = self._movement_us is not None and not result.is_window_start
            self._settles_us = at_us + self._rules.step_us if is_after_movement else None
            self._window = self._window_of(result.number)
            self._reference, self._movement_us, self._n_waiting = result.luma, None, 0
        elif self._movement_us is None and result.decision is GateDecision.MOVED:
            self._movement_us, self._settles_us = self._previous_us, None
        self._n_waiting += self._movement_us is not None
        self._previous_us = at_us

    def _window_of(self, number: int) -> int:
        return int(np.searchsorted(self._starts, number, side="right"))
