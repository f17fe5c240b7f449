"""Which frames were looked at, and why the others were not: complete, without overlap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from forensics.errors import CoverageBroken

__all__ = ["CoverageRange", "State", "check_complete", "merge_ranges"]


class State(StrEnum):
    """What became of a frame."""

    DETECTED = "detected"
    CARRIED = "carried"
    SKIPPED = "skipped"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class CoverageRange:
    """Frames [start, stop) of one evidence in one state.

    Attributes:
        start, stop: frame numbers, half-open.
        state: what became of them.
        reason: one word; empty for detected frames.
        is_settled: False where the next run tries again.
        detail: what the decoder or the gate said.
        change: the largest that the gate measured in them, 1 being the least that counts; None where it measured none.
    """

    start: int
    stop: int
    state: State
    reason: str = ""
    is_settled: bool = True
    detail: str = ""
    change: float | None = None


def merge_ranges(stretches: Iterable[CoverageRange]) -> list[CoverageRange]:
    """Neighbours that differ in nothing but their place and their change become one.

    >>> merge_ranges([CoverageRange(0, 2, State.DETECTED), CoverageRange(2, 5, State.DETECTED)])[0].stop
    5
    """
    result: list[CoverageRange] = []
    for stretch in stretches:
        last = result[-1] if result else None
        if last is not None and last.stop == stretch.start and _kind(last) == _kind(stretch):
            result[-1] = replace(last, stop=stretch.stop, change=_larger(last.change, stretch.change))
        else:
            result.append(stretch)
    return result


def _larger(one: float | None, other: float | None) -> float | None:
    known = [change for change in (one, other) if change is not None]
    return max(known, default=None)


def _kind(stretch: CoverageRange) -> tuple[State, str, bool, str]:
    return (stretch.state, stretch.reason, stretch.is_settled, stretch.detail)


def check_complete(evidence_id: str, stretches: Sequence[CoverageRange], n_frames: int) -> None:
    """Every frame in [0, n_frames) lies in exactly one stretch, and they stand in order.

    Raises:
        CoverageBroken: they do not.
    """
    reached = 0
    for stretch in stretches:
        if stretch.start != reached or stretch.stop <= stretch.start:
            raise CoverageBroken(evidence_id, min(reached, stretch.start), n_frames)
        reached = stretch.stop
    if reached != n_frames:
        raise CoverageBroken(evidence_id, reached, n_frames)
