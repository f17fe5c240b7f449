"""Runner with worker processes: each holds one opened stage, and a bounded number of items is in flight.

A worker that dies, or does not answer for far longer than its item may take, costs one attempt of the item in progress.
The driver cannot always tell which item that was, because an answer can be lost with its worker. So the most likely
item is tried again on a worker of its own, and fails only if it kills that worker too. Items are taken from the
iterator only when workers need them, so the driver never holds more results than there are items in flight.

Only a worker that is ready gets items, so that a worker without room holds none back. A worker has a second item
waiting while there are enough items for all workers; the last items go to idle workers. The number of items left comes
from ``__length_hint__``, so that no item is taken early to find out.

Workers stay from stage to stage: a process that has loaded the libraries opens the next stage in a moment.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.reduction import ForkingPickler
from operator import length_hint
from typing import Any, Final

from forensics.digests import sha256_of_bytes
from pipelines.runners.stage_worker import Answered, Opened, Refused, WantsKey, could_not_start
from pipelines.runners.worker_port import AnswerLost, Died, Message, WorkerHost, WorkerLink
from pipelines.stages.port import CaseKey, Done, Failed, ItemT, ResultT, Stage, UsesGpu, patience

__all__ = ["WorkerPool"]

# Interval of the check for hanging workers.
_HANG_CHECK_S: Final = 5
# Interval of the query for the number of workers.
_QUERY_S: Final = 2
# Waiting time before a run reports that no worker has started.
_WAIT_S: Final = 30
# One item in progress and one waiting, so that no worker idles while the driver writes.
_IN_FLIGHT_PER_WORKER: Final = 2
# Workers that may die while they open a stage, before the run ends.
_MOST_DEATHS_OPENING: Final = 8


@dataclass(slots=True)
class _Pending:
    """An item without an outcome.

    Attributes:
        item: the item.
        tried: number of attempts so far.
        must_run_alone: whether it, or an item beside it, has killed a worker; then it gets a worker of its own.
    """

    item: Any
    tried: int = 0
    must_run_alone: bool = False


@dataclass(slots=True, eq=False)
class _Worker:
    """A worker as the driver knows it.

    Attributes:
        link: the worker.
        uses_gpu: whether it was started with a GPU.
        opened: digest of the stage that it has opened or is opening; empty if none.
        is_ready: whether that stage is open.
        n_outdated: number of answers to come that are about stages which it was asked to open before.
        in_flight: items handed to the worker, oldest first.
        last_answer_s: time of its last answer, or of its first item after an idle time.
    """

    link: WorkerLink
    uses_gpu: bool
    opened: str = ""
    is_ready: bool = False
    n_outdated: int = 0
    in_flight: deque[_Pending] = field(default_factory=deque)
    last_answer_s: float = 0.0

    def has_room_for(self, pending: _Pending) -> bool:
        """Return whether the item may be handed to this worker now."""
        if not self.is_ready:
            return False
        if pending.must_run_alone:
            return not self.in_flight
        is_reserved = any(held.must_run_alone for held in self.in_flight)
        return not is_reserved and len(self.in_flight) < _IN_FLIGHT_PER_WORKER


class WorkerPool:
    """Implements `Runner` with worker processes, which end with the `with` block.

    Args:
        host: where the workers run.
        retries: number of further attempts for an item that failed or lost its worker.
        stall_s: stall limit of a worker; `patience` gives the factor on it for the frames of its item.
        on_wait: called once per `map` with a message if no worker has started after half a minute.
    """

    def __init__(
        self,
        host: WorkerHost[Any],
        *,
        retries: int = 1,
        stall_s: float = 120,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.host = host
        self.retries = retries
        self.stall_s = stall_s
        self.on_wait = on_wait
        self.workers: list[_Worker] = []

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        self._keep(lambda _: False)
        self.host.close()

    def prepare(self, stage: Stage[Any, Any]) -> None:
        """See `Runner.prepare`; workers load what the stage needs while the caller does other work."""
        uses_gpu = _uses_gpu(stage)
        for _ in range(self.host.limit(uses_gpu=uses_gpu) - len(self.workers)):
            self.start_worker(uses_gpu=uses_gpu)
        digest = _digest_of(stage)
        for worker in self.workers:
            _open(worker, stage, digest)

    def map(
        self, stage: Stage[ItemT, ResultT], items: Iterable[ItemT], key: CaseKey | None = None
    ) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
        """See `Runner.map`; outcomes are yielded as they are ready."""
        uses_gpu = _uses_gpu(stage)
        self._keep(lambda worker: worker.uses_gpu is uses_gpu)
        try:
            yield from _Mapping(self, stage, key).run(iter(items))
        finally:
            self._keep(lambda worker: not worker.in_flight)

    def start_worker(self, *, uses_gpu: bool) -> _Worker:
        """Start a worker without a stage."""
        worker = _Worker(self.host.start(uses_gpu=uses_gpu), uses_gpu)
        self.workers.append(worker)
        return worker

    def _keep(self, is_kept: Callable[[_Worker], bool]) -> None:
        """Kill the other workers."""
        for worker in [each for each in self.workers if not is_kept(each)]:
            worker.link.kill()
            self.workers.remove(worker)


def _digest_of(stage: Stage[Any, Any]) -> str:
    """Return the digest of the stage as it is sent to workers; equal digests mean equal stages."""
    return sha256_of_bytes(bytes(ForkingPickler.dumps(stage)))


def _uses_gpu(stage: Stage[Any, Any]) -> bool:
    return isinstance(stage, UsesGpu) and stage.uses_gpu


def _open(worker: _Worker, stage: Stage[Any, Any], digest: str) -> None:
    """Let a worker open a stage, unless it is the one that it has."""
    if worker.opened != digest:
        worker.n_outdated += bool(worker.opened and not worker.is_ready)
        worker.opened, worker.is_ready = digest, False
        worker.link.open(stage)


class _Mapping:
    """One `map`: the stage, its items, and which worker holds which of them."""

    def __init__(self, pool: WorkerPool, stage: Stage[Any, Any], key: CaseKey | None) -> None:
        self._pool = pool
        self._stage = stage
        self._digest = _digest_of(stage)
        self._key = key
        self._uses_gpu = _uses_gpu(stage)
        self._is_exhausted = False
        self._n_died_opening = 0
        self._to_retry: deque[_Pending] = deque()
        self._hang_checked_s = time.monotonic()
        self._limit, self._queried_s = 0, -math.inf
        self._report_wait_at_s = time.monotonic() + _WAIT_S

    @property
    def _workers(self) -> list[_Worker]:
        """Workers with this stage, open or not yet."""
        return [each for each in self._pool.workers if each.opened == self._digest]

    def run(self, items: Iterator[Any]) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Hand out items and yield their outcomes until none is left."""
        while True:
            self._start_workers(items)
            self._hand_out(items)
            is_busy = any(worker.in_flight for worker in self._workers)
            if not is_busy and not self._to_retry and not self._n_left(items):
                return
            waiting = {worker.link: worker for worker in self._workers if worker.in_flight or not worker.is_ready}
            for link, message in self._pool.host.wait(list(waiting), _QUERY_S):
                yield from self._receive(waiting[link], message)
            if time.monotonic() > self._hang_checked_s + _HANG_CHECK_S:
                yield from self._end_hanging()
            self._report_wait()

    def _report_wait(self) -> None:
        """Report once that no worker has started, if that takes too long."""
        if any(worker.is_ready for worker in self._workers):
            self._report_wait_at_s = math.inf
        elif time.monotonic() > self._report_wait_at_s:
            self._report_wait_at_s = math.inf
            room = self._pool.host.describe_room(uses_gpu=self._uses_gpu)
            self._pool.on_wait(f"no worker has started yet: {room}")

    def _n_left(self, items: Iterator[Any]) -> int:
        """Return how many items were not yet taken; more than there are workers if the iterator does not know."""
        return 0 if self._is_exhausted else length_hint(items, len(self._workers) + 1)

    def _take(self, items: Iterator[Any]) -> _Pending | None:
        """Take the next item; None if there is none."""
        for item in items:
            return _Pending(item)
        self._is_exhausted = True
        return None

    def _start_workers(self, items: Iterator[Any]) -> None:
        """Let as many workers open the stage as there may be and items are left; start those that are missing."""
        if time.monotonic() > self._queried_s + _QUERY_S:
            self._limit, self._queried_s = self._pool.host.limit(uses_gpu=self._uses_gpu), time.monotonic()
        mine = self._workers
        n_items = self._n_left(items) + len(self._to_retry) + sum(len(worker.in_flight) for worker in mine)
        others = [worker for worker in self._pool.workers if worker.opened != self._digest]
        for _ in range(min(self._limit, n_items) - len(mine)):
            worker = others.pop() if others else self._pool.start_worker(uses_gpu=self._uses_gpu)
            _open(worker, self._stage, self._digest)

    def _hand_out(self, items: Iterator[Any]) -> None:
        """Hand out items, retries first, until no worker has room for the next one."""
        while worker := self._choose_worker(
            self._to_retry[0] if self._to_retry else _Pending(None), self._n_left(items)
        ):
            pending = self._to_retry.popleft() if self._to_retry else self._take(items)
            if pending is None:
                return
            self._submit(pending, worker)

    def _choose_worker(self, pending: _Pending, n_left: int) -> _Worker | None:
        """Return the worker with room and the fewest items; a busy one only while there are items for all workers."""
        able = [worker for worker in self._workers if worker.has_room_for(pending)]
        worker = min(able, key=lambda candidate: len(candidate.in_flight), default=None)
        if worker is not None and worker.in_flight and n_left <= len(self._workers):
            return None
        return worker

    def _submit(self, pending: _Pending, worker: _Worker) -> None:
        if not worker.in_flight:
            worker.last_answer_s = time.monotonic()
        pending.tried += 1
        worker.in_flight.append(pending)
        worker.link.do(pending.item)

    def _receive(self, worker: _Worker, message: Message) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Take a message of a worker; yield the outcomes that it settles.

        Raises:
            ForensicsError: the worker cannot open the stage.
            ValueError: the stage needs the key of the case, and none was given.
        """
        worker.last_answer_s = time.monotonic()
        if worker.n_outdated and not isinstance(message, Died):
            worker.n_outdated -= 1
            return
        match message:
            case Opened():
                worker.is_ready = True
            case WantsKey(public_key):
                if self._key is None:
                    raise ValueError(f"the stage {self._stage.name} needs the key of the case, but none was given")
                worker.link.send_key(self._key.encrypted_for(public_key))
            case Refused(error):
                raise error
            case Died(detail):
                yield from self._worker_lost(worker, "worker_died", detail)
            case Answered(outcome):
                yield from self._settle(worker.in_flight.popleft(), outcome)
            case AnswerLost(detail):
                pending = worker.in_flight.popleft()
                yield from self._settle(pending, Failed(pending.item, "result_lost", detail, pending.tried))

    def _settle(
        self, pending: _Pending, outcome: Done[Any, Any] | Failed[Any]
    ) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Yield the outcome of an item, unless the item is tried again."""
        if isinstance(outcome, Done):
            yield outcome
        elif pending.tried <= self._pool.retries:
            self._to_retry.append(pending)
        else:
            yield Failed(pending.item, outcome.error, outcome.detail, pending.tried)

    def _end_hanging(self) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Kill workers that have not answered for longer than their item may take."""
        self._hang_checked_s = now = time.monotonic()
        for worker in [each for each in self._workers if each.in_flight]:
            limit_s = self._pool.stall_s * patience(self._stage.frames_in(worker.in_flight[0].item))
            if now - worker.last_answer_s > limit_s:
                worker.link.kill()
                yield from self._worker_lost(worker, "worker_hung", f"it said nothing for {limit_s:g} s")

    def _worker_lost(self, worker: _Worker, error: str, detail: str) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Remove a dead worker and settle its items.

        The oldest item counts as the cause and loses an attempt; the rest is handed out again.
        """
        self._pool.workers.remove(worker)
        if not worker.in_flight:
            self._n_died_opening += not worker.is_ready
            if self._n_died_opening > _MOST_DEATHS_OPENING:
                raise could_not_start(detail)
            return
        oldest, *others = worker.in_flight
        for pending in reversed(others):
            pending.tried -= 1
            self._to_retry.appendleft(pending)
        oldest.must_run_alone = True
        if others and oldest.tried > self._pool.retries:
            self._to_retry.append(oldest)  # one more attempt alone: another item may be the cause
        else:
            yield from self._settle(oldest, Failed(oldest.item, error, detail))
