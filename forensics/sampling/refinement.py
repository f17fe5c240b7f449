"""Refinement after the motion gate: decides which frames between two sampled frames must be detected as well.

The gate (`forensics.footage.motion_gate`) chooses the frames that are detected first. A frame whose boxes are known is
sampled. Then:

1. A still frame inherits the boxes of the sampled frame before it: it is *carried*, or *skipped* if there are no boxes.
2. Frames that moved wait for the next sampled frame. They are *skipped* if every followed body continues from one
   sampled frame to the next, about where its speed predicts it, and no other body is there: then both sampled frames
   show every body that was between them, and a tracker can follow it.
3. Otherwise a body appeared, disappeared or turned, has not reached the score that starts a track, or can be confused
   with another one. Then the frame in the middle is detected, and both halves are refined likewise; few remaining
   frames are all detected.
4. Where a body appeared or disappeared between two neighbours, frames are detected outward until two in a row, and a
   tenth of a second, show nothing of it: so a wavering score at the picture's border hides no first or last frame.
   This search passes sampled frames on both sides. At the borders of a gate window, beyond which no frame is detected,
   it is made for boxes that are not followed too.

So the first and the last frame of every steadily detected body are exact, and every frame in which people cross is
detected. docs/gate.md names the bodies that this does not find. The outcome of a frame depends on its gate window
alone. Other rules need another number in `forensics.methods`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import pairwise
from typing import Final

import numpy as np

from forensics.detection.detections import Boxes
from forensics.footage.coverage import State
from forensics.footage.frames import Frame, Gap, Item
from forensics.footage.motion_gate import GateDecision, GateResult, GateRules
from forensics.footage.timeline import Int64Array
from forensics.sampling.linking import LinkStep, SampledFrame, link_frames, linked_rows

__all__ = ["SAMPLED", "STATIC", "FrameOutcome", "refine"]

STATIC: Final = "static"
SAMPLED: Final = "sampled"

# So few frames are all detected: a body that is hidden for a moment would mislead a bisection.
_DETECT_ALL: Final = 6
# The search for a first or last frame ends after more empty frames and more time than this.
_EMPTY_FRAMES: Final = 2
_EMPTY_US: Final = 100_000
_AS_BEFORE: Final = "the picture was as before again"
# More than the sampled frames that are open at any time, see `MotionGate`.
_CACHED_LINKS: Final = 256


@dataclass(frozen=True, slots=True, eq=False)
class FrameOutcome:
    """Outcome of one decoded frame.

    Attributes:
        gate_result: decision of the gate.
        state: detected, carried or skipped.
        boxes: detected or carried boxes; None for a skipped frame.
        reason: ``static`` or ``sampled``; empty for a detected frame.
        detail: for ``sampled``, the sampled frames around it and what they show.
    """

    gate_result: GateResult
    state: State
    boxes: Boxes | None = None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _OpenFrame:
    """A frame whose outcome is open.

    Attributes:
        gate_result: decision of the gate.
        at_us: media time.
        frame: the picture, until it is detected; None for a still frame.
        sample: the boxes, once known; of a still frame those of the sampled frame before it.
    """

    gate_result: GateResult
    at_us: int
    frame: Frame | None = None
    sample: SampledFrame | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Consecutive frames whose outcome is open; the first one is sampled.

    Attributes:
        frames: in presentation order.
        last_chosen: position of the last frame that the gate chose.
        is_complete: whether no other frame follows in the gate window.
    """

    frames: tuple[_OpenFrame, ...] = ()
    last_chosen: int = 0
    is_complete: bool = False

    def sampled_positions(self) -> list[int]:
        """Return the positions of the sampled frames."""
        return [position for position, each in enumerate(self.frames) if each.sample is not None]

    def append(self, frame: _OpenFrame) -> "_Window":
        """Return the window with one more frame."""
        return replace(self, frames=(*self.frames, frame))

    def with_samples(self, samples: Mapping[int, SampledFrame]) -> "_Window":
        """Return the window with the boxes of the frames at some positions, without their pictures."""
        frames = list(self.frames)
        for position, sample in samples.items():
            frames[position] = replace(frames[position], frame=None, sample=sample)
        return replace(self, frames=tuple(frames))

    def release(self, n_frames: int) -> "_Window":
        """Return the window without its first frames."""
        return _Window(self.frames[n_frames:], max(self.last_chosen - n_frames, 0))


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Two consecutive sampled frames of a window.

    Attributes:
        start, stop: their positions.
        before, after: the frames, linked to those before them.
        step: the link between them; None if the later one is still and inherits the boxes of the earlier one.
    """

    start: int
    stop: int
    before: SampledFrame
    after: SampledFrame
    step: LinkStep | None


@dataclass(frozen=True, slots=True)
class _Request:
    """Frames that must be detected.

    Attributes:
        positions: increasing.
        resume: position of the sampled frame from which the window is searched again afterwards.
    """

    positions: Sequence[int]
    resume: int


class _Links:
    """Links between sampled frames, each computed once: a window is searched many times."""

    def __init__(self, rules: GateRules) -> None:
        cached = lru_cache(maxsize=_CACHED_LINKS)
        self.link: Callable[[SampledFrame, SampledFrame], LinkStep] = cached(partial(link_frames, rules=rules))
        self.carry: Callable[[SampledFrame, int], SampledFrame] = cached(SampledFrame.carried_to)
        self.rows: Callable[[SampledFrame, SampledFrame], Int64Array] = cached(linked_rows)

    def pairs(self, window: _Window) -> Iterator[_Pair]:
        """Yield each two consecutive sampled frames of a window, linked from the first one on."""
        before = window.frames[0].sample if window.frames else None
        for start, stop in pairwise(window.sampled_positions()):
            sample = window.frames[stop].sample
            assert before is not None
            assert sample is not None
            if sample.number == before.number:
                step, after = None, self.carry(before, sample.at_us)
            else:
                step = self.link(before, sample)
                after = step.after
            yield _Pair(start, stop, before, after, step)
            before = after


def frames_to_detect(window: _Window, links: _Links, start: int = 0) -> _Request | None:
    """Return the frames that the first unexplained pair of sampled frames requires; None if all are explained.

    Args:
        window: the open frames.
        links: links between sampled frames.
        start: position of a sampled frame; earlier pairs are not examined.
    """
    linked: dict[int, SampledFrame] = {}
    for pair in links.pairs(window):
        linked |= {pair.start: pair.before, pair.stop: pair.after}
        positions = _Search(window, links, linked).required_by(pair) if pair.start >= start else ()
        if positions:
            sampled_before = max(each for each in window.sampled_positions() if each < positions[0])
            return _Request(positions, min(pair.start, sampled_before))
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """Searches a window for the frames that one pair of sampled frames requires.

    Attributes:
        window: the open frames.
        links: links between sampled frames.
        linked: the linked frames up to the pair, by position.
    """

    window: _Window
    links: _Links
    linked: Mapping[int, SampledFrame]

    def required_by(self, pair: _Pair) -> Sequence[int]:
        """Return the positions of the frames that must be detected, increasing; empty if the pair is explained."""
        between, step = range(pair.start + 1, pair.stop), pair.step
        if step is None:
            can_start_track = bool(np.any(pair.before.is_followed & ~pair.before.has_started))
            return between if can_start_track else ()
        if between and not step.is_clear:
            return between if len(between) <= _DETECT_ALL else ((pair.start + pair.stop) // 2,)
        if all(each.sample is not None for each in self.window.frames):
            return ()
        traced = (self._trace(*end) for end in self._open_ends(pair, step))
        return next(((position,) for position in traced if position is not None), ())

    def _open_ends(self, pair: _Pair, step: LinkStep) -> Iterator[tuple[int, int, int]]:
        """Yield (position, row, direction) of each box beyond which a first or last frame must be searched."""
        yield from ((pair.stop, row, -1) for row in step.appeared.tolist())
        yield from ((pair.start, row, 1) for row in step.disappeared.tolist())
        if self.window.is_complete and pair.stop == len(self.window.frames) - 1:
            yield from ((pair.stop, row, -1) for row in step.faint_appeared.tolist())
        if self.window.frames[pair.start].gate_result.is_window_start:
            yield from ((pair.start, row, 1) for row in step.faint_disappeared.tolist())

    def _trace(self, position: int, row: int, direction: int) -> int | None:
        """Return the next frame to detect from a first or last frame outward; None if its end is certain."""
        here = self.window.frames[position].sample
        assert here is not None
        n_empty = 0
        while 0 <= (position := position + direction) < len(self.window.frames):
            there = self.window.frames[position]
            if n_empty >= _EMPTY_FRAMES and abs(there.at_us - here.at_us) > _EMPTY_US:
                return None
            if there.sample is None:
                return None if n_empty == 0 and self._continues(here, row, position, direction) else position
            found = int(self.links.rows(here, there.sample)[row])
            if found < 0:
                n_empty += 1
            else:
                here, row, n_empty = there.sample, found, 0
        return None

    def _continues(self, here: SampledFrame, row: int, position: int, direction: int) -> bool:
        """Whether the next sampled frame in this direction shows the same body, which explains the frames between.

        Backwards it must be followed there: before, any frame may be the one that starts the track.
        """
        stop = len(self.window.frames) if direction > 0 else -1
        samples = ((each, self.window.frames[each].sample) for each in range(position, stop, direction))
        beyond, sample = next(((each, sample) for each, sample in samples if sample is not None), (-1, None))
        if sample is None:
            return False
        found = int(self.links.rows(here, sample)[row])
        return found >= 0 and (direction > 0 or bool(self.linked[beyond].is_followed[found]))


def refine(
    items: Iterable[Item], detect: Callable[[Frame], Boxes], *, media_us: Int64Array, rules: GateRules
) -> Iterator[FrameOutcome | Gap]:
    """Yield exactly one `FrameOutcome` or `Gap` for every item; a gap may come before the frames that precede it.

    Args:
        items: of complete gate windows, in order, from a reader with a gate; pictures that must wait are copied.
        detect: returns the boxes of one frame.
        media_us: (N,) int64, media time of every frame of the evidence.
        rules: scores from which a box is followed and starts a track.
    """
    return _Refiner(detect, media_us, rules).run(items)


@dataclass(slots=True, eq=False)
class _Refiner:
    """Goes through the items, detects what the open frames require, and yields outcomes once they are certain."""

    detect: Callable[[Frame], Boxes]
    media_us: Int64Array
    rules: GateRules
    window: _Window = field(default_factory=_Window)
    links: _Links = field(init=False)

    def __post_init__(self) -> None:
        self.links = _Links(self.rules)

    def run(self, items: Iterable[Item]) -> Iterator[FrameOutcome | Gap]:
        """Yield the outcome of every item, see `refine`."""
        for item in items:
            if isinstance(item, Gap):
                yield item
            elif isinstance(item, GateResult):
                yield from self._add_still(item)
            else:
                yield from self._add_frame(item)
        yield from self._close_window()

    def _add_still(self, gate_result: GateResult) -> Iterator[FrameOutcome]:
        """Add a still frame, which has the boxes of the last sampled frame and so ends the movement before it."""
        last = self.window.frames[self.window.sampled_positions()[-1]].sample
        assert last is not None
        at_us = self._media_time(gate_result.number)
        self.window = self.window.append(_OpenFrame(gate_result, at_us, sample=replace(last, at_us=at_us)))
        self._detect_required()
        yield from self._release(len(self.window.frames) - 1)

    def _add_frame(self, frame: Frame) -> Iterator[FrameOutcome]:
        gate_result = _gate_result_of(frame)
        if gate_result.is_window_start:
            yield from self._close_window()
        at_us = self._media_time(frame.number)
        if gate_result.decision is GateDecision.MOVED and self.window.frames:
            copied = replace(frame, rgb=frame.rgb.copy())
            self.window = self.window.append(_OpenFrame(gate_result, at_us, copied))
            return
        self.window = self.window.append(_OpenFrame(gate_result, at_us, frame))
        last = len(self.window.frames) - 1
        self._detect([last])
        self._detect_required()
        # a search may still go back to the chosen frame before this one, but not further
        n_certain, self.window = self.window.last_chosen, replace(self.window, last_chosen=last)
        yield from self._release(n_certain)

    def _close_window(self) -> Iterator[FrameOutcome]:
        """Detect the last frame, because nothing after it explains it, and release all frames."""
        last = len(self.window.frames) - 1
        if self.window.frames and self.window.frames[last].sample is None:
            self._detect([last])
        self.window = replace(self.window, is_complete=True)
        self._detect_required()
        yield from self._release(last + 1)

    def _detect_required(self) -> None:
        """Detect frames until every pair of sampled frames explains the frames between them."""
        start = 0
        while (request := frames_to_detect(self.window, self.links, start)) is not None:
            self._detect(request.positions)
            start = request.resume

    def _detect(self, positions: Sequence[int]) -> None:
        self.window = self.window.with_samples({each: self._sample(self.window.frames[each]) for each in positions})

    def _sample(self, each: _OpenFrame) -> SampledFrame:
        assert each.frame is not None
        return SampledFrame.unlinked(each.frame.number, each.at_us, self.detect(each.frame), self.rules)

    def _release(self, n_frames: int) -> Iterator[FrameOutcome]:
        """Yield the outcomes of the first frames, and keep the link of the first one that stays."""
        pairs = list(self.links.pairs(self.window))
        linked = {pair.stop: pair.after for pair in pairs}
        yield from _outcomes(self.window.frames[:n_frames], pairs)
        if n_frames in linked:
            self.window = self.window.with_samples({n_frames: linked[n_frames]})
        self.window = self.window.release(n_frames)

    def _media_time(self, number: int) -> int:
        return int(self.media_us[number])


def _gate_result_of(frame: Frame) -> GateResult:
    if frame.gate_result is None:
        raise ValueError(f"frame {frame.number} has no gate decision; read it with a gate")
    return frame.gate_result


def _outcomes(frames: Sequence[_OpenFrame], pairs: Iterable[_Pair]) -> Iterator[FrameOutcome]:
    """Yield the outcome of each of the first frames of a window."""
    pair_around = {position: pair for pair in pairs for position in range(pair.start + 1, pair.stop)}
    for position, each in enumerate(frames):
        if each.sample is not None:
            yield _sampled_outcome(each.gate_result, each.sample.boxes)
        else:
            detail = _skip_detail(pair_around[position])
            yield FrameOutcome(each.gate_result, State.SKIPPED, None, SAMPLED, detail)


def _sampled_outcome(gate_result: GateResult, boxes: Boxes) -> FrameOutcome:
    """Return the outcome of a frame that was detected, or that is still."""
    if gate_result.decision is not GateDecision.STILL:
        return FrameOutcome(gate_result, State.DETECTED, boxes)
    if len(boxes):
        return FrameOutcome(gate_result, State.CARRIED, boxes, STATIC)
    return FrameOutcome(gate_result, State.SKIPPED, None, STATIC)


def _skip_detail(pair: _Pair) -> str:
    """Return why the frames between two sampled frames could be skipped."""
    if pair.step is None:
        return _AS_BEFORE
    n_followed = int(np.count_nonzero(pair.after.is_followed))
    found = f"{n_followed} followed, least overlap {pair.step.min_iou:.2f}" if n_followed else "nobody followed"
    return f"between {pair.before.number} and {pair.after.number}: {found}"
