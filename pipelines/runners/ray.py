"""Runner on a Ray cluster: long-lived actors with one opened stage each, and a bounded number of items in flight.

A worker that dies, or does not answer for far longer than its item may take, costs one attempt of the item in progress.
The driver cannot always tell which item that was, because an answer can be lost with its worker. So the most likely
item is tried again on a worker of its own, and fails only if it kills that worker too. Items are taken from the
iterator only when workers need them, so the driver never holds more results than there are items in flight.

Only a worker that is ready gets items, so that a worker without room in the cluster holds none back. A worker has a
second item waiting while there are enough items for all workers; the last items go to idle workers. The number of items
left comes from ``__length_hint__``, so that no item is taken early to find out.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any

from forensics.errors import CannotStart, ForensicsError
from pipelines.runners.cluster_cleanup import find_dead_server
from pipelines.runners.ray_cluster import RayCluster, ray
from pipelines.runners.ray_worker import Actor, Pending, Worker, get_answer, raise_if_unopened, unopened_error
from pipelines.stages.port import CaseKey, Done, Failed, ItemT, ResultT, Stage, UsesGpu, patience

__all__ = ["RayCluster", "RayRunner"]

# Interval of the check for hanging workers.
_HANG_CHECK_S = 5
# Interval of the query for the size of the cluster.
_QUERY_S = 2
# Waiting time before a run reports that no worker has started.
_WAIT_S = 30


@dataclass(frozen=True, slots=True)
class RayRunner:
    """Implements `Runner` with actors on the connected cluster.

    Attributes:
        workers: number of actors; None for one per processor of the cluster, also of hosts that join later. A stage
            that uses GPUs has at most one per GPU.
        retries: number of further attempts for an item that failed or lost its worker.
        stall_s: stall limit of a worker; `patience` gives the factor on it for the frames of its item.
        cpus_per_worker: processors that each actor reserves.
        hardware: the instruction set that every worker must have, because others differ in last digits; None allows a
            mixture.
        on_wait: called once per `map` with a message if no worker has started after half a minute.
    """

    workers: int | None
    retries: int = 1
    stall_s: float = 120
    cpus_per_worker: float = 1.0
    hardware: str | None = None
    on_wait: Callable[[str], None] = field(default=lambda _: None, compare=False)

    def map(
        self, stage: Stage[ItemT, ResultT], items: Iterable[ItemT], key: CaseKey | None = None
    ) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
        """See `Runner.map`; outcomes are yielded as they are ready."""
        pool = _Pool(stage, self, key)
        try:
            yield from pool.run(iter(items))
        finally:
            pool.close()


class _Pool:
    """The workers of one `map`, and the items that each of them holds."""

    def __init__(self, stage: Stage[Any, Any], runner: RayRunner, key: CaseKey | None) -> None:
        self._stage = stage
        self._key = key
        self._runner = runner
        self._uses_gpu = isinstance(stage, UsesGpu) and stage.uses_gpu
        self._remote = ray.remote(Actor).options(
            num_cpus=runner.cpus_per_worker, num_gpus=int(self._uses_gpu), max_restarts=0
        )
        self._is_exhausted = False
        self._to_retry: deque[Pending] = deque()
        self._workers: list[Worker] = []
        self._hang_checked_s = time.monotonic()
        self._max_workers, self._queried_s = 0, -math.inf
        self._report_wait_at_s = time.monotonic() + _WAIT_S

    def run(self, items: Iterator[Any]) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Hand out items and yield their outcomes until none is left."""
        while True:
            self._start_workers(items)
            self._hand_out(items)
            busy = {reference: worker for worker in self._workers for reference in worker.in_flight}
            if not busy and not self._to_retry and not self._n_left(items):
                return
            starting = {worker.ready: worker for worker in self._workers if not worker.is_ready}
            ready, _ = ray.wait([*busy, *starting], num_returns=1, timeout=_QUERY_S)
            _require_servers()
            if ready and ready[0] in starting:
                self._accept_worker(starting[ready[0]])
            elif ready:
                yield from self._collect(ready[0], busy[ready[0]])
            if time.monotonic() > self._hang_checked_s + _HANG_CHECK_S:
                yield from self._end_hanging()
            self._report_wait()

    def _report_wait(self) -> None:
        """Report once that no worker has started, if that takes too long."""
        if any(worker.is_ready for worker in self._workers):
            self._report_wait_at_s = math.inf
        elif time.monotonic() > self._report_wait_at_s:
            self._report_wait_at_s = math.inf
            self._runner.on_wait(f"no worker has started yet: {_describe_room(self._runner, uses_gpu=self._uses_gpu)}")

    def _n_left(self, items: Iterator[Any]) -> int:
        """Return how many items were not yet taken; more than there are workers if the iterator does not know."""
        return 0 if self._is_exhausted else length_hint(items, len(self._workers) + 1)

    def _take(self, items: Iterator[Any]) -> Pending | None:
        """Take the next item; None if there is none."""
        for item in items:
            return Pending(item)
        self._is_exhausted = True
        return None

    def _start_workers(self, items: Iterator[Any]) -> None:
        """Request workers, up to the limit and the number of items; the cluster starts them when it has room."""
        if time.monotonic() > self._queried_s + _QUERY_S:
            self._max_workers = _count_max_workers(self._runner, uses_gpu=self._uses_gpu)
            self._queried_s = time.monotonic()
        n_items = self._n_left(items) + len(self._to_retry) + sum(len(worker.in_flight) for worker in self._workers)
        for _ in range(min(self._max_workers, n_items) - len(self._workers)):
            actor: Any = self._remote.remote(self._stage, self._runner.hardware)
            self._workers.append(Worker(actor, actor.ready.remote()))

    def _accept_worker(self, worker: Worker) -> None:
        """Mark a worker as ready or send it the key that it waits for; remove it if it died while it started."""
        try:
            public_key = ray.get(worker.ready)
        except ray.exceptions.RayActorError as error:
            raise_if_unopened(error)
            self._workers.remove(worker)
        except ray.exceptions.RayTaskError as error:
            raise unopened_error(error) from error
        else:
            if public_key is None:
                worker.last_answer_s = time.monotonic()
            elif self._key is None:
                raise ValueError(f"the stage {self._stage.name} needs the key of the case, but none was given")
            else:
                worker.ready = worker.actor.receive_key.remote(self._key.encrypted_for(public_key))

    def _hand_out(self, items: Iterator[Any]) -> None:
        """Hand out items, retries first, until no worker has room for the next one."""
        while worker := self._choose_worker(
            self._to_retry[0] if self._to_retry else Pending(None), self._n_left(items)
        ):
            pending = self._to_retry.popleft() if self._to_retry else self._take(items)
            if pending is None:
                return
            self._submit(pending, worker)

    def _choose_worker(self, pending: Pending, n_left: int) -> Worker | None:
        """Return the worker with room and the fewest items; a busy one only while there are items for all workers."""
        able = [worker for worker in self._workers if worker.is_ready and worker.has_room_for(pending)]
        worker = min(able, key=lambda candidate: len(candidate.in_flight), default=None)
        if worker is not None and worker.in_flight and n_left <= len(self._workers):
            return None
        return worker

    def _submit(self, pending: Pending, worker: Worker) -> None:
        if not worker.in_flight:
            worker.last_answer_s = time.monotonic()
        pending.tried += 1
        worker.in_flight[worker.actor.do.remote(pending.item)] = pending

    def _collect(self, reference: Any, worker: Worker) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Yield the outcome of an item that a worker has answered, or of the items of a dead worker."""
        pending = worker.in_flight[reference]
        try:
            outcome = get_answer(reference, pending)
        except ray.exceptions.RayActorError as error:
            raise_if_unopened(error)
            yield from self._worker_lost(worker, "worker_died", str(error).splitlines()[0])
            return
        worker.last_answer_s = time.monotonic()
        del worker.in_flight[reference]
        yield from self._settle(pending, outcome)

    def _settle(
        self, pending: Pending, outcome: Done[Any, Any] | Failed[Any] | ForensicsError
    ) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Yield the outcome of an item, unless the item is tried again."""
        if isinstance(outcome, ForensicsError):
            raise outcome
        if isinstance(outcome, Done):
            yield outcome
        elif pending.tried <= self._runner.retries:
            self._to_retry.append(pending)
        else:
            yield Failed(pending.item, outcome.error, outcome.detail, pending.tried)

    def _end_hanging(self) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Kill workers that have not answered for longer than their item may take."""
        self._hang_checked_s = time.monotonic()
        for worker in [each for each in self._workers if each.in_flight]:
            oldest = next(iter(worker.in_flight.values()))
            limit_s = self._runner.stall_s * patience(self._stage.frames_in(oldest.item))
            if worker.silent_s() > limit_s:
                ray.kill(worker.actor)
                yield from self._worker_lost(worker, "worker_hung", f"it said nothing for {limit_s:g} s")

    def _worker_lost(self, worker: Worker, error: str, detail: str) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Remove a dead worker and settle its items.

        Outcomes that it returned before count. Of the others, the oldest counts as the cause and loses an attempt; the
        rest is handed out again.
        """
        self._workers.remove(worker)
        unanswered = []
        for reference, pending in worker.in_flight.items():
            try:
                outcome = get_answer(reference, pending)
            except ray.exceptions.RayActorError:
                unanswered.append(pending)
            else:
                yield from self._settle(pending, outcome)
        if not unanswered:
            return
        oldest, *others = unanswered
        for pending in reversed(others):
            pending.tried -= 1
            self._to_retry.appendleft(pending)
        oldest.must_run_alone = True
        if others and oldest.tried > self._runner.retries:
            self._to_retry.append(oldest)  # one more attempt alone: another item may be the cause
        else:
            yield from self._settle(oldest, Failed(oldest.item, error, detail))

    def close(self) -> None:
        """Kill all workers; those of a dead cluster end by themselves."""
        for worker in self._workers if not find_dead_server() else ():
            ray.kill(worker.actor)


def _count_max_workers(runner: RayRunner, *, uses_gpu: bool) -> int:
    """Return how many workers the cluster allows now.

    Raises:
        CannotStart: each worker needs a GPU, and the cluster has none.
    """
    has = ray.cluster_resources()  # type: ignore[no-untyped-call]
    wanted = runner.workers or max(1, int(has.get("CPU", 0) / runner.cpus_per_worker))
    if not uses_gpu:
        return wanted
    n_gpus = int(has.get("GPU", 0))
    if not n_gpus:
        raise CannotStart(
            "the Ray cluster has no GPU", "add a machine with a GPU to the cluster, or leave out detect.device=cuda"
        )
    return min(wanted, n_gpus)


def _describe_room(runner: RayRunner, *, uses_gpu: bool) -> str:
    """Return what a worker needs and what the cluster has, as text."""
    needs = {"CPU": runner.cpus_per_worker} | ({"GPU": 1} if uses_gpu else {})
    has, free = ray.cluster_resources(), ray.available_resources()  # type: ignore[no-untyped-call]
    room = (
        f"{free.get(kind, 0):g} of {has.get(kind, 0):g} {kind} free, each worker needs {n:g}"
        for kind, n in needs.items()
    )
    return f"{', '.join(room)}; workers start as soon as the cluster has room"


def _require_servers() -> None:
    """Raise `CannotStart` if a server of the local cluster is dead."""
    dead = find_dead_server()
    if dead:
        raise CannotStart(f"Ray's {dead} died", "run the same command again to continue")
