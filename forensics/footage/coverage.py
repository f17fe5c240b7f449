"""Coverage of evidence: the state of every frame, as ranges that together cover all frames without overlap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from forensics.errors import CoverageBroken

__all__ = ["CoverageRange", "State", "check_complete", "merge_ranges"]


class State(StrEnum):
    """Outcome of one frame.

    A doubtful frame is damaged: objects were detected in what the decoder makes of it, which may be wrong.
    """

    DETECTED = "detected"
    DOUBTFUL = "doubtful"
    CARRIED = "carried"
    SKIPPED = "skipped"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class CoverageRange:
    """Frames [start, stop) of one evidence in one state.

    Attributes:
        start, stop: frame numbers, half-open.
        state: outcome of these frames.
        reason: one word; empty for detected frames; of a doubtful frame why it would be a gap.
        is_settled: False if the next run tries these frames again.
        detail: message of the decoder or the gate.
        change: largest change that the gate measured, in units of its threshold; None if it measured none.
    """

    start: int
    stop: int
    state: State
    reason: str = ""
    is_settled: bool = True
    detail: str = ""
    change: float | None = None


def merge_ranges(ranges: Iterable[CoverageRange]) -> list[CoverageRange]:
    """Merge adjacent ranges that differ only in position and change; keep the largest change.

    >>> merge_ranges([CoverageRange(0, 2, State.DETECTED), CoverageRange(2, 5, State.DETECTED)])[0].stop
    5
    """
    merged: list[CoverageRange] = []
    for each in ranges:
        last = merged[-1] if merged else None
        if last is not None and last.stop == each.start and _kind(last) == _kind(each):
            merged[-1] = replace(last, stop=each.stop, change=_larger(last.change, each.change))
        else:
            merged.append(each)
    return merged


def _larger(one: float | None, other: float | None) -> float | None:
    known = [change for change in (one, other) if change is not None]
    return max(known, default=None)


def _kind(each: CoverageRange) -> tuple[State, str, bool, str]:
    return (each.state, each.reason, each.is_settled, each.detail)


def check_complete(evidence_id: str, ranges: Sequence[CoverageRange], n_frames: int) -> None:
    """Check that every frame in [0, n_frames) lies in exactly one range and that the ranges are in order.

    Raises:
        CoverageBroken: a frame is missing or counted twice.
    """
    reached = 0
    for each in ranges:
        if each.start != reached or each.stop <= each.start:
            raise CoverageBroken(evidence_id, min(reached, each.start), n_frames)
        reached = each.stop
    if reached != n_frames:
        raise CoverageBroken(evidence_id, reached, n_frames)
