"""From coarse to fine: what lies between two looks, and when it is looked at more closely.

The gate (`forensics.gate`) says which frames are looked at first. Then:

1. A still frame inherits the boxes of the look before it: it is *carried*, or *skipped* where there were none.
2. Frames that moved wait until the next look. If everybody who is followed at one look is found again at the other,
   and nobody else is there, they are *skipped*: whoever was in them is in both looks.
3. Otherwise somebody came, left, or two of them might be mistaken for each other. Then the frame in the middle is
   looked at, and both halves are asked the same; a few frames are looked at all. So the first and the last frame of
   somebody are known to the frame, and where people cross every frame is looked at.

Followed is whoever reached the score that starts a track, and goes on to be until nothing is found of them any more.
What becomes of a frame depends on its window alone.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from forensics.coverage import State
from forensics.detections import Boxes
from forensics.frames import Frame, Gap, Item
from forensics.gate import Glimpse, Sight
from forensics.overlap import grown, overlaps, reach_after
from forensics.timeline import BoolArray, Int64Array

__all__ = ["SAMPLED", "STATIC", "CloserRules", "Finding", "findings"]

STATIC: Final = "static"
SAMPLED: Final = "sampled"

# So few frames are all looked at: a score that wavers at the picture's border would mislead a search by halves.
_ALL_OF: Final = 6
_LEAST_OVERLAP: Final = 0.15
_MISTAKEN_FROM: Final = 0.3
_AS_BEFORE: Final = "the picture was as before again"


@dataclass(frozen=True, slots=True)
class CloserRules:
    """Who is followed from look to look.

    Attributes:
        follow_score: boxes from here up are somebody; what starts a track must not be below.
    """

    follow_score: float


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What became of one frame that was decoded.

    Attributes:
        glimpse: what the gate said of it.
        state: detected, carried or skipped.
        boxes: what was seen, or is carried; none where it was skipped.
        reason: ``static`` or ``sampled``; empty where it was looked at.
        detail: between which looks it was passed over.
    """

    glimpse: Glimpse
    state: State
    boxes: Boxes | None = None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What is known of a frame.

    Attributes:
        number: of the frame.
        at_us: its media time.
        boxes: what was seen.
        is_followed: (N,) bool, which of them are somebody.
    """

    number: int
    at_us: int
    boxes: Boxes
    is_followed: BoolArray


def findings(
    items: Iterable[Item], look: Callable[[Frame], Boxes], *, media_us: Int64Array, rules: CloserRules
) -> Iterator[Finding | Gap]:
    """Exactly one `Finding` or `Gap` for every item, not always in their order.

    Args:
        items: of whole windows, in order, as a watch lets a reader hand them out; pixels are copied where they wait.
        look: the boxes of one frame.
        media_us: (N,) int64, media time of every frame of the evidence.
        rules: who is followed.
    """
    return _Closer(look, media_us, rules).through(items)


class _Closer:
    """Goes through the items; knows the last look, and the frames that moved since."""

    def __init__(self, look: Callable[[Frame], Boxes], media_us: Int64Array, rules: CloserRules) -> None:
        self._look = look
        self._media_us = media_us
        self._rules = rules
        self._before: _Look | None = None
        self._waiting: list[Frame] = []

    def through(self, items: Iterable[Item]) -> Iterator[Finding | Gap]:
        for item in items:
            if isinstance(item, Gap):
                yield item
            elif isinstance(item, Glimpse):
                yield from self._carried(item)
            else:
                yield from self._seen(item)
        yield from self._closed()

    def _carried(self, glimpse: Glimpse) -> Iterator[Finding]:
        """A still frame: it is as the last look was, and so ends what moved before it."""
        before = self._before
        assert before is not None
        yield from _passed_over(self._waiting, _AS_BEFORE)
        self._waiting = []
        self._before = replace(before, number=glimpse.number, at_us=int(self._media_us[glimpse.number]))
        if len(before.boxes):
            yield Finding(glimpse, State.CARRIED, before.boxes, STATIC)
        else:
            yield Finding(glimpse, State.SKIPPED, None, STATIC)

    def _seen(self, frame: Frame) -> Iterator[Finding]:
        glimpse = _glimpse(frame)
        if glimpse.begins_window:
            yield from self._closed()
        if glimpse.sight is Sight.MOVED and self._before is not None:
            self._waiting.append(replace(frame, rgb=frame.rgb.copy()))
        else:
            yield from self._looked_at(frame)

    def _closed(self) -> Iterator[Finding]:
        """The last frame that moved is looked at, for nothing comes after it that could tell of it."""
        if self._waiting:
            yield from self._looked_at(self._waiting.pop())
        self._before = None

    def _looked_at(self, frame: Frame) -> Iterator[Finding]:
        now = self._now(frame)
        yield _detected(frame, now)
        waiting, self._waiting = self._waiting, []
        self._before = now if self._before is None else (yield from self._between(self._before, waiting, now))

    def _between(self, before: _Look, waiting: Sequence[Frame], after: _Look) -> Generator[Finding, None, _Look]:
        """What becomes of the frames between two looks; returns the second with all who are followed."""
        followed, is_clear, overlap = self._followed(before, after)
        if is_clear:
            yield from _passed_over(waiting, _between_words(before, followed, overlap))
            return followed
        if len(waiting) <= _ALL_OF:
            for frame in waiting:
                now = self._now(frame)
                yield _detected(frame, now)
                before, _, _ = self._followed(before, now)
            return self._followed(before, after)[0]
        middle = len(waiting) // 2
        now = self._now(waiting[middle])
        yield _detected(waiting[middle], now)
        now = yield from self._between(before, waiting[:middle], now)
        return (yield from self._between(now, waiting[middle + 1 :], after))

    def _now(self, frame: Frame) -> _Look:
        boxes = self._look(frame)
        is_followed: BoolArray = boxes.score >= self._rules.follow_score
        return _Look(frame.number, int(self._media_us[frame.number]), boxes, is_followed)

    def _followed(self, before: _Look, after: _Look) -> tuple[_Look, bool, float]:
        """The later look with all who are followed; whether nobody came, left or may be mistaken; the least overlap."""
        overlap = _overlap(before, after)  # (N, M)
        partner = _partners(overlap)
        links = np.flatnonzero(before.is_followed & (partner >= 0))
        is_continued = np.zeros(len(after.boxes), dtype=np.bool_)
        is_continued[partner[links]] = True
        is_followed = after.is_followed | is_continued
        has_gone = len(links) < np.count_nonzero(before.is_followed)
        has_come = np.any(is_followed & ~is_continued)
        near = overlap[before.is_followed][:, is_followed] >= _MISTAKEN_FROM
        is_mistakable = np.any(near.sum(axis=0) > 1) or np.any(near.sum(axis=1) > 1)
        least = float(overlap[links, partner[links]].min()) if len(links) else 1.0
        return replace(after, is_followed=is_followed), not (has_gone or has_come or is_mistakable), least


def _glimpse(frame: Frame) -> Glimpse:
    if frame.glimpse is None:
        raise ValueError(f"frame {frame.number} was handed out by a reader that nobody watches")
    return frame.glimpse


def _detected(frame: Frame, look: _Look) -> Finding:
    return Finding(_glimpse(frame), State.DETECTED, look.boxes)


def _passed_over(frames: Sequence[Frame], detail: str) -> Iterator[Finding]:
    for frame in frames:
        yield Finding(_glimpse(frame), State.SKIPPED, None, SAMPLED, detail)


def _between_words(before: _Look, after: _Look, overlap: float) -> str:
    """Why the frames between two looks could be passed over."""
    n_followed = int(np.count_nonzero(after.is_followed))
    found = f"{n_followed} followed, least overlap {overlap:.2f}" if n_followed else "nobody there"
    return f"between {before.number} and {after.number}: {found}"


def _overlap(before: _Look, after: _Look) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """(N, M) in [0, 1], how well each box of one look may be each of the other; 0 for another class."""
    reach = reach_after((after.at_us - before.at_us) / 1e6)
    found = overlaps(grown(before.boxes.xyxy, reach), grown(after.boxes.xyxy, reach))
    return np.where(before.boxes.class_index[:, None] == after.boxes.class_index[None, :], found, 0.0)


def _partners(overlap: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> Int64Array:
    """(N,) the column that is each row's best while the row is the column's best; -1 where there is none.

    >>> _partners(np.array([[0.9, 0.2], [0.8, 0.1]])).tolist()
    [0, -1]
    """
    n_rows, n_columns = overlap.shape
    if not n_rows or not n_columns:
        return np.full(n_rows, -1, dtype=np.int64)
    column = overlap.argmax(axis=1)
    rows = np.arange(n_rows)
    is_mutual = (overlap.argmax(axis=0)[column] == rows) & (overlap[rows, column] >= _LEAST_OVERLAP)
    return np.where(is_mutual, column, -1).astype(np.int64)
