"""Loop of every stage of a run: map the items that have no part through the runner, and store the parts."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import length_hint
from typing import Generic, TypeAlias, TypeVar

import pyarrow as pa

from forensics.tables.files import encode_table
from forensics.tables.outcomes import Failure
from pipelines.run.cancellation import StopRequest
from pipelines.run.context import RunContext, RunLedger
from pipelines.stages.port import WORKER_LOST, Done, Failed, Stage, WorkItem

__all__ = ["Outcome", "Part", "StageTask", "run_stage"]

WorkT = TypeVar("WorkT", bound=WorkItem)
Part: TypeAlias = pa.Table | bytes
"""Result of a unit of work: a table, or the bytes of a sealed one."""

Outcome = Done[WorkT, Part] | Failed[WorkT]


@dataclass(frozen=True, slots=True)
class StageTask(Generic[WorkT]):
    """One stage of a run and everything it has to do.

    Attributes:
        stage: the stage that is executed.
        items: all units of work whose input exists, including those done by earlier commands.
        counted_in: the unit of progress, in the plural.
        size: returns the number of these units in an item.
        reads_footage: whether items with missing or altered footage are left out.
        name_in_failures: returns the name of a failed item in `failures`.
        retry_lost_with: the stage that retries items whose worker died or hung; None if they have failed.
        on_outcome: called with each outcome before it is stored.
        on_part: called with each part after it is stored.
    """

    stage: Stage[WorkT, Part]
    items: Sequence[WorkT]
    counted_in: str
    size: Callable[[WorkT], int] = lambda _: 1
    reads_footage: bool = True
    name_in_failures: Callable[[WorkT], str] = lambda _: "whole evidence"
    retry_lost_with: Stage[WorkT, Part] | None = None
    on_outcome: Callable[[Outcome[WorkT]], None] = lambda _: None
    on_part: Callable[[Part], None] = lambda _: None


def run_stage(context: RunContext, ledger: RunLedger, task: StageTask[WorkT]) -> list[WorkT]:
    """Store a part for every item that has none, and record those that failed; returns the items worked on."""
    waiting = [item for item in task.items if not context.has_part(task.stage.name, item.unit)]
    todo = _with_footage(context, waiting) if task.reads_footage else waiting
    if todo:
        for outcome in _outcomes(context, ledger, task, todo, n_done=len(task.items) - len(waiting)):
            task.on_outcome(outcome)
            _store(context, ledger, task, outcome)
    if task.reads_footage:
        context.metrics.items_refused(task.stage.name, len(waiting) - len(todo))
    return todo


def _with_footage(context: RunContext, items: Iterable[WorkT]) -> list[WorkT]:
    """Return the items whose footage may be decoded; each recording is checked once."""
    items = list(items)
    evidence = {item.evidence.evidence_id: item.evidence for item in items}
    admitted = {evidence_id for evidence_id, item in evidence.items() if context.footage.admits(item)}
    return [item for item in items if item.evidence.evidence_id in admitted]


def _outcomes(
    context: RunContext, ledger: RunLedger, task: StageTask[WorkT], items: Sequence[WorkT], *, n_done: int
) -> Iterator[Outcome[WorkT]]:
    """Yield one outcome for every item; items whose worker was lost are tried again last, by another stage."""
    lost = []
    for outcome in _map(context, ledger, task, task.stage, items, n_done):
        if task.retry_lost_with is not None and isinstance(outcome, Failed) and outcome.error in WORKER_LOST:
            lost.append(outcome.item)
        else:
            yield outcome
    if task.retry_lost_with is not None and lost:
        yield from _map(context, ledger, task, task.retry_lost_with, lost, n_done=0)


def _store(context: RunContext, ledger: RunLedger, task: StageTask[WorkT], outcome: Outcome[WorkT]) -> None:
    """Write the part or record the failure; discards the result if the footage changed while it was read."""
    item, stage = outcome.item, task.stage.name
    if task.reads_footage and not context.footage.still_admits(item.evidence):
        return
    if isinstance(outcome, Done):
        context.records.store(context.plan.folder.part(stage, item.unit), _encoded(outcome.result))
        task.on_part(outcome.result)
    else:
        ledger.failures[stage, item.unit] = Failure(
            item.evidence.evidence_id,
            stage,
            task.name_in_failures(item),
            outcome.attempts,
            outcome.error,
            outcome.detail,
        )


def _encoded(part: Part) -> bytes:
    return encode_table(part) if isinstance(part, pa.Table) else part


def _map(
    context: RunContext,
    ledger: RunLedger,
    task: StageTask[WorkT],
    stage: Stage[WorkT, Part],
    items: Sequence[WorkT],
    n_done: int,
) -> Iterator[Outcome[WorkT]]:
    """Yield the runner's outcomes, timed and reported; no item is started after a request to stop."""
    asked_s, spans = time.time(), list[_Span]()
    context.progress.begin(stage.name, sum(map(task.size, items)), task.counted_in)
    context.metrics.begin(stage.name, len(items), n_done)
    handed_out = _UntilStopped(items, context.stop, lambda: context.metrics.item_started(stage.name))
    for outcome in context.runner.map(stage, handed_out, context.key):
        context.progress.advance(task.size(outcome.item))
        context.metrics.item_ended(stage.name, outcome, task.size(outcome.item), task.counted_in)
        if isinstance(outcome, Done):
            spans.append(_Span(outcome.began_s, outcome.seconds, outcome.cpu_s))
            ledger.peak_bytes = max(ledger.peak_bytes, outcome.peak_bytes)
        yield outcome
    context.progress.end()
    ledger.figures[stage.name] = _time_spent(asked_s, spans)
    context.stop.raise_if_made()


class _UntilStopped(Iterator[WorkT]):
    """Yields items until a request to stop, and knows how many are left."""

    def __init__(self, items: Sequence[WorkT], stop: StopRequest, on_item: Callable[[], None]) -> None:
        self._items = iter(items)
        self._stop = stop
        self._on_item = on_item

    def __next__(self) -> WorkT:
        if self._stop.is_made:
            raise StopIteration
        item = next(self._items)
        self._on_item()
        return item

    def __length_hint__(self) -> int:
        return 0 if self._stop.is_made else length_hint(self._items)


@dataclass(frozen=True, slots=True)
class _Span:
    """When a worker was busy with an item, and its processor time."""

    began_s: float
    seconds: float
    cpu_s: float


def _time_spent(asked_s: float, spans: list[_Span]) -> dict[str, float]:
    """Return the seconds before the first item, from then to the end of the last, and of all workers together."""
    began = min((span.began_s for span in spans), default=asked_s)
    ended = max((span.began_s + span.seconds for span in spans), default=asked_s)
    return {
        "startup_seconds": round(began - asked_s, 3),
        "working_seconds": round(ended - began, 3),
        "busy_seconds": round(sum(span.seconds for span in spans), 3),
        "cpu_seconds": round(sum(span.cpu_s for span in spans), 3),
    }
