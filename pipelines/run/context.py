"""A run while it works: what its stages share, and how their items are handed out, timed and told of."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any

from forensics.decoding.child import Limits
from forensics.models.model_store import Model
from forensics.tables.outcomes import Failure
from pipelines.custody.case_document import Case
from pipelines.run.cancellation import StopRequest
from pipelines.run.footage_integrity import FootageChecker
from pipelines.run.metrics import RunMetrics
from pipelines.run.part_integrity import PartChecker
from pipelines.run.plan import RunPlan
from pipelines.run.progress import Progress
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.stages.port import Done, Failed, ItemT, ResultT, Runner, Stage

__all__ = ["Run", "mapped"]


@dataclass(slots=True)
class Run:
    """A run while it works."""

    case: Case
    settings: Settings
    model: Model
    plan: RunPlan
    runner: Runner
    progress: Progress
    stop: StopRequest
    parts: PartChecker
    metrics: RunMetrics
    recognition: Recognition | None = None
    failures: list[Failure] = field(default_factory=list)
    lost: dict[str, Failure] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    peak_bytes: int = 0
    guard: FootageChecker = field(default_factory=FootageChecker)

    @property
    def limits(self) -> Limits:
        """When a decoding child is given up."""
        run = self.settings.run
        return Limits(run.stall_s, self.settings.detect.hang_s, run.decoder_memory_bytes, run.cache_bytes)


def mapped(
    run: Run,
    stage: Stage[ItemT, ResultT],
    items: Sequence[ItemT],
    *,
    unit: str,
    size: Callable[[ItemT], int] = lambda _: 1,
    n_done: int = 0,
) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
    """The runner's results, timed and told of; once somebody asks to stop, nothing more is begun.

    Args:
        run: whose stage it is.
        stage: what is done.
        items: what it is done to; without any, nothing happens.
        unit: what progress is counted in.
        size: how many of them an item is.
        n_done: items that earlier commands did.
    """
    if not items:
        return
    asked_s, done = time.time(), list[_Span]()
    run.progress.begin(stage.name, sum(map(size, items)), unit)
    run.metrics.begin(stage.name, len(items), n_done)
    drawn = _UntilStopped(items, run.stop, lambda: run.metrics.drawn(stage.name))
    for outcome in run.runner.map(stage, drawn):
        run.progress.advance(size(outcome.item))
        run.metrics.answered(stage.name, outcome, size(outcome.item), unit)
        if isinstance(outcome, Done):
            done.append(_Span(outcome.began_s, outcome.seconds, outcome.cpu_s))
            run.peak_bytes = max(run.peak_bytes, outcome.peak_bytes)
        yield outcome
    run.progress.end()
    run.figures[stage.name] = _spent(asked_s, done)
    run.stop.obey()


class _UntilStopped(Iterator[ItemT]):
    """The items until somebody asks to stop, each told of; it says how many are left."""

    def __init__(self, items: Sequence[ItemT], stop: StopRequest, on_drawn: Callable[[], None]) -> None:
        self._items = iter(items)
        self._stop = stop
        self._on_drawn = on_drawn

    def __next__(self) -> ItemT:
        if self._stop.is_made:
            raise StopIteration
        item = next(self._items)
        self._on_drawn()
        return item

    def __length_hint__(self) -> int:
        return 0 if self._stop.is_made else length_hint(self._items)


@dataclass(frozen=True, slots=True)
class _Span:
    """When a worker was busy with an item, and what that cost."""

    began_s: float
    seconds: float
    cpu_s: float


def _spent(asked_s: float, done: list[_Span]) -> dict[str, float]:
    """Seconds until the first worker began, from there to the last end, and of all workers together."""
    began = min((span.began_s for span in done), default=asked_s)
    ended = max((span.began_s + span.seconds for span in done), default=asked_s)
    return {
        "startup_seconds": round(began - asked_s, 3),
        "working_seconds": round(ended - began, 3),
        "busy_seconds": round(sum(span.seconds for span in done), 3),
        "cpu_seconds": round(sum(span.cpu_s for span in done), 3),
    }
