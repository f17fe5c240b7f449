"""From coarse to fine: what lies between two looks, and when it is looked at more closely.

The gate (`forensics.footage.motion_gate`) says which frames are looked at first. Then:

1. A still frame inherits the boxes of the look before it: it is *carried*, or *skipped* where there were none.
2. Frames that moved wait until the next look. If everybody who is followed at one look is found again at the other,
   about where their speed would have led them, and nobody else is there, they are *skipped*: whoever was in them is in
   both looks, and a tracker knows them again.
3. Otherwise somebody came, left, turned, has been too faint to start a track so far, or two of them might be mistaken
   for each other. Then the frame in the middle is looked at, and both halves are asked the same; the last few frames
   are all looked at.
4. Where somebody came or left between two neighbours, the frames before or after are looked at until two in a row,
   and a tenth of a second, show nothing of them: a score that wavers at the picture's border hides no first or last
   frame. That reaches back behind the look before, and on behind the next. At the borders of a window, behind which
   nobody looks, the same is done for whatever is found there at all.

So the first and the last frame of whoever is found steadily are known to the frame, and where people cross every frame
is looked at; docs/gate.md says whom that does not find. Other rules than these need another number
in `forensics.methods`. What becomes of a frame depends on its window alone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np

from forensics.detection.detections import Boxes
from forensics.footage.coverage import State
from forensics.footage.frames import Frame, Gap, Item
from forensics.footage.motion_gate import GateDecision, GateResult, GateRules
from forensics.footage.timeline import Int64Array
from forensics.sampling.linking import LinkStep, SampledFrame, link_frames, same_bodies

__all__ = ["SAMPLED", "STATIC", "FrameOutcome", "refine"]

STATIC: Final = "static"
SAMPLED: Final = "sampled"

# So few frames are all looked at: who hides behind another for a moment would mislead a search by halves.
_ALL_OF: Final = 6
_LEAVES_NO_TRACE: Final = 2
_LEAVES_NO_TRACE_US: Final = 100_000
_AS_BEFORE: Final = "the picture was as before again"


@dataclass(frozen=True, slots=True, eq=False)
class FrameOutcome:
    """What became of one frame that was decoded.

    Attributes:
        glimpse: what the gate said of it.
        state: detected, carried or skipped.
        boxes: what was seen, or is carried; none where it was skipped.
        reason: ``static`` or ``sampled``; empty where it was looked at.
        detail: between which looks it was passed over.
    """

    glimpse: GateResult
    state: State
    boxes: Boxes | None = None
    reason: str = ""
    detail: str = ""


@dataclass(slots=True, eq=False)
class _Held:
    """A frame whose fate is open.

    Attributes:
        glimpse: what the gate said of it.
        frame: its pixels, while nobody looked.
        look: what is known of it; of a still frame the look before.
        step: from the look before it; None where nothing was to be compared.
    """

    glimpse: GateResult
    frame: Frame | None = None
    look: SampledFrame | None = None
    step: LinkStep | None = None


def refine(
    items: Iterable[Item], look: Callable[[Frame], Boxes], *, media_us: Int64Array, rules: GateRules
) -> Iterator[FrameOutcome | Gap]:
    """Exactly one `FrameOutcome` or `Gap` for every item; a gap may come before what precedes it.

    Args:
        items: of whole windows, in order, as a watch lets a reader hand them out; pixels are copied where they wait.
        look: the boxes of one frame.
        media_us: (N,) int64, media time of every frame of the evidence.
        rules: who is followed, and what starts a track.
    """
    return _Closer(look, media_us, rules).through(items)


class _Closer:
    """Goes through the items, and holds the frames from the look before the last one on; the first is a look."""

    def __init__(self, look: Callable[[Frame], Boxes], media_us: Int64Array, rules: GateRules) -> None:
        self._look = look
        self._media_us = media_us
        self._rules = rules
        self._held: list[_Held] = []
        # of two looks many bodies are sought in a crowd
        self._same: dict[tuple[int, int, int, int], Int64Array] = {}
        self._last_look = 0
        self._is_closing = False

    def through(self, items: Iterable[Item]) -> Iterator[FrameOutcome | Gap]:
        """See `refine`."""
        for item in items:
            if isinstance(item, Gap):
                yield item
            elif isinstance(item, GateResult):
                yield from self._still(item)
            else:
                yield from self._moved(item)
        yield from self._closed()

    def _still(self, glimpse: GateResult) -> Iterator[FrameOutcome]:
        """It is as the last look was, and so ends what moved before it."""
        before = next(each.look for each in reversed(self._held) if each.look is not None)
        known = before.still_at(int(self._media_us[glimpse.number]))
        self._held.append(_Held(glimpse, look=known))
        self._look_closer()
        yield from self._let_go(len(self._held) - 1)

    def _moved(self, frame: Frame) -> Iterator[FrameOutcome]:
        glimpse = _glimpse(frame)
        if glimpse.begins_window:
            yield from self._closed()
        if glimpse.sight is GateDecision.MOVED and self._held:
            self._held.append(_Held(glimpse, frame=replace(frame, rgb=frame.rgb.copy())))
            return
        self._held.append(_Held(glimpse, frame=frame))
        yield from self._let_go(self._looked_at_the_last())

    def _closed(self) -> Iterator[FrameOutcome]:
        """The last frame that moved is looked at, for nothing comes after it that could tell of it."""
        if self._held and self._held[-1].look is None:
            self._show(len(self._held) - 1)
        self._is_closing = True
        self._look_closer()
        self._is_closing = False
        yield from self._let_go(len(self._held))

    def _looked_at_the_last(self) -> int:
        """Look at the frame that came last, and closer before it; what is before the look before is settled."""
        self._show(len(self._held) - 1)
        self._look_closer()
        settled, self._last_look = self._last_look, len(self._held) - 1
        return settled

    def _let_go(self, n_frames: int) -> Iterator[FrameOutcome]:
        """Tell what became of the first frames that are held."""
        for place in range(n_frames):
            held = self._held[place]
            yield _settled(held, held.look) if held.look is not None else self._passed_over(place)
        del self._held[:n_frames]
        self._same.clear()
        self._last_look = max(self._last_look - n_frames, 0)

    def _passed_over(self, place: int) -> FrameOutcome:
        before, following = self._look_before(place), self._next_look(place)
        assert following is not None
        detail = _between_words(self._known_at(before), self._held[following].step)
        return FrameOutcome(self._held[place].glimpse, State.SKIPPED, None, SAMPLED, detail)

    def _look_closer(self) -> None:
        """Look at frames until every two looks explain what lies between them."""
        place = 0
        while (following := self._next_look(place)) is not None:
            wanted = self._wanted(place, following)
            if not wanted:
                place = following
            else:
                place = min(place, self._look_before(wanted[0]))
                for each in wanted:
                    self._show(each)

    def _wanted(self, place: int, following: int) -> Sequence[int]:
        """The frames that must be looked at because of what two looks, one after the other, do not explain."""
        before, after, held = self._known_at(place), self._known_at(following), self._held[following]
        if after.number == before.number:
            if after.is_followed is not before.is_followed:
                held.look = before.still_at(after.at_us)
            is_starting = bool(np.any(before.is_followed & ~before.has_started))
            return range(place + 1, following) if is_starting else ()
        if held.step is None or held.step.before is not before or held.step.after is not after:
            held.step = link_frames(before, after, self._rules)
            held.look = held.step.after
        step = held.step
        n_between = following - place - 1
        if n_between and not step.is_clear:
            return range(place + 1, following) if n_between <= _ALL_OF else ((place + following) // 2,)
        if all(each.look is not None for each in self._held):
            return ()
        found = (self._trace(*edge) for edge in self._edges(place, following, step))
        return list(islice((wanted for wanted in found if wanted is not None), 1))

    def _edges(self, place: int, following: int, step: LinkStep) -> Iterator[tuple[int, int, int]]:
        """From which look and row, and in which direction, somebody's first or last frame is sought."""
        yield from ((following, row, -1) for row in step.came.tolist())
        yield from ((place, row, 1) for row in step.left.tolist())
        if self._is_closing and following == len(self._held) - 1:
            yield from ((following, row, -1) for row in step.faint_after.tolist())
        if self._held[place].glimpse.begins_window:
            yield from ((place, row, 1) for row in step.faint_before.tolist())

    def _trace(self, place: int, row: int, direction: int) -> int | None:
        """The next frame to look at on the way out from somebody's first or last frame."""
        here = self._known_at(place)
        n_without = 0
        while 0 <= (place := place + direction) < len(self._held):
            away_us = abs(int(self._media_us[self._held[place].glimpse.number]) - here.at_us)
            if n_without >= _LEAVES_NO_TRACE and away_us > _LEAVES_NO_TRACE_US:
                return None
            there = self._held[place].look
            if there is None:
                return None if n_without == 0 and self._goes_on(here, row, place, direction) else place
            found = self._same_body(here, row, there)
            if found < 0:
                n_without += 1
            else:
                here, row, n_without = there, found, 0
        return None

    def _goes_on(self, here: SampledFrame, row: int, place: int, direction: int) -> bool:
        """Whether the next look in this direction has the same body, so that what lies between is explained.

        Before somebody was followed nothing is: any frame may be the one with which a track begins.
        """
        stop = len(self._held) if direction > 0 else -1
        looks = (self._held[each].look for each in range(place, stop, direction))
        beyond = next((look for look in looks if look is not None), None)
        if beyond is None:
            return False
        found = self._same_body(here, row, beyond)
        return found >= 0 and (direction > 0 or bool(beyond.is_followed[found]))

    def _same_body(self, here: SampledFrame, row: int, there: SampledFrame) -> int:
        """The row of the other look that is the same body; -1 if none is."""
        pair = (here.number, here.at_us, there.number, there.at_us)
        if pair not in self._same:
            self._same[pair] = same_bodies(here, there)
        return int(self._same[pair][row])

    def _show(self, place: int) -> None:
        held = self._held[place]
        assert held.frame is not None
        boxes, number = self._look(held.frame), held.frame.number
        held.look = SampledFrame.first(number, int(self._media_us[number]), boxes, self._rules)
        held.frame = None

    def _known_at(self, place: int) -> SampledFrame:
        look = self._held[place].look
        assert look is not None
        return look

    def _next_look(self, place: int) -> int | None:
        return next((each for each in range(place + 1, len(self._held)) if self._held[each].look is not None), None)

    def _look_before(self, place: int) -> int:
        return next(each for each in range(place - 1, -1, -1) if self._held[each].look is not None)


def _glimpse(frame: Frame) -> GateResult:
    if frame.glimpse is None:
        raise ValueError(f"frame {frame.number} was handed out by a reader that nobody watches")
    return frame.glimpse


def _settled(held: _Held, look: SampledFrame) -> FrameOutcome:
    """What became of a frame that was looked at, or is as one that was."""
    if held.glimpse.sight is not GateDecision.STILL:
        return FrameOutcome(held.glimpse, State.DETECTED, look.boxes)
    if len(look.boxes):
        return FrameOutcome(held.glimpse, State.CARRIED, look.boxes, STATIC)
    return FrameOutcome(held.glimpse, State.SKIPPED, None, STATIC)


def _between_words(before: SampledFrame, step: LinkStep | None) -> str:
    """Why the frames between two looks could be passed over."""
    if step is None:
        return _AS_BEFORE
    n_followed = int(np.count_nonzero(step.after.is_followed))
    found = f"{n_followed} followed, least overlap {step.least_overlap:.2f}" if n_followed else "nobody followed"
    return f"between {before.number} and {step.after.number}: {found}"
