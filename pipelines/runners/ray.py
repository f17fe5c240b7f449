"""Ray: long-lived actors, each holding one opened stage, and a bounded number of items in flight.

A worker that dies, or says nothing for far longer than its item may take, costs one retry of the item it was
busy with. Which one that was is not always told: an answer can be lost with its worker. So the one in doubt is
tried again with a worker of its own, and only what dies alone is given up. The driver never holds more results
than are in flight; items are drawn as workers need them.

Only a worker that is ready is given items, so that one for which the cluster has no room holds nothing back. A worker
has a second item waiting as long as there are enough for all; the last ones go to whoever is free. How many are left
is what the items say of themselves (``__length_hint__``): none is drawn to find out.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any

from forensics.errors import CannotStart, ForensicsError
from pipelines.runners.cluster_cleanup import dead_server
from pipelines.runners.ray_cluster import connected, ray
from pipelines.runners.ray_worker import Actor, Pending, Worker, answer_of, refuse_unopened
from pipelines.stages.port import Done, Failed, ItemT, OnGpu, ResultT, Stage, patience

__all__ = ["RayRunner", "connected"]

# How long nobody may answer before workers are looked at, how often the cluster is asked how large it is, and when a
# run says that no worker has begun.
_LOOK_S = 5
_ASK_S = 2
_WAIT_S = 30


@dataclass(frozen=True, slots=True)
class RayRunner:
    """Fills `Runner` with actors on the connected cluster.

    Attributes:
        workers: how many actors; None for one on every processor that the cluster has, now and later. Of a stage that
            uses GPUs no more than there are GPUs.
        retries: how often an item is tried again, whether it failed or lost its worker.
        stall_s: ten times that long, and once more for every ten frames of its item, a worker may say nothing.
        cpus_per_worker: what each actor reserves.
        hardware: the instruction set that every worker must have, since others give other last
            digits; None allows a mixture.
        on_wait: told once for each `map` in whose first half minute the cluster had no room for a worker.
    """

    workers: int | None
    retries: int = 1
    stall_s: float = 120
    cpus_per_worker: float = 1.0
    hardware: str | None = None
    on_wait: Callable[[str], None] = field(default=lambda _: None, compare=False)

    def map(
        self, stage: Stage[ItemT, ResultT], items: Iterable[ItemT]
    ) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
        """See `Runner.map`; results come as they are ready."""
        pool = _Pool(stage, self)
        try:
            yield from pool.run(iter(items))
        finally:
            pool.close()


class _Pool:
    """The actors of one `map` and what each of them holds."""

    def __init__(self, stage: Stage[Any, Any], runner: RayRunner) -> None:
        self._stage = stage
        self._runner = runner
        self._uses_gpu = isinstance(stage, OnGpu) and stage.uses_gpu
        self._remote = ray.remote(Actor).options(
            num_cpus=runner.cpus_per_worker, num_gpus=int(self._uses_gpu), max_restarts=0
        )
        self._is_drained = False
        self._again: deque[Pending] = deque()
        self._workers: list[Worker] = []
        self._looked_s = time.monotonic()
        self._most, self._asked_s = 0, -math.inf
        self._waits_till_s = time.monotonic() + _WAIT_S

    def run(self, items: Iterator[Any]) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Keep every worker supplied until nothing is left."""
        while True:
            self._hire(items)
            self._supply(items)
            busy = {reference: worker for worker in self._workers for reference in worker.in_flight}
            if not busy and not self._again and not self._n_left(items):
                return
            joining = {worker.ready: worker for worker in self._workers if not worker.is_ready}
            ready, _ = ray.wait([*busy, *joining], num_returns=1, timeout=_ASK_S)
            _require_servers()
            if ready and ready[0] in joining:
                self._joined(joining[ready[0]])
            elif ready:
                yield from self._collected(ready[0], busy[ready[0]])
            if time.monotonic() > self._looked_s + _LOOK_S:
                yield from self._hanging_ended()
            self._tell_of_waiting()

    def _tell_of_waiting(self) -> None:
        if any(worker.is_ready for worker in self._workers):
            self._waits_till_s = math.inf
        elif time.monotonic() > self._waits_till_s:
            self._waits_till_s = math.inf
            self._runner.on_wait(f"no worker has begun yet: {_room(self._runner, uses_gpu=self._uses_gpu)}")

    def _n_left(self, items: Iterator[Any]) -> int:
        """How many items nobody has drawn; enough for everybody where they do not say."""
        return 0 if self._is_drained else length_hint(items, len(self._workers) + 1)

    def _drawn(self, items: Iterator[Any]) -> Pending | None:
        for item in items:
            return Pending(item)
        self._is_drained = True
        return None

    def _hire(self, items: Iterator[Any]) -> None:
        """As many workers as there may be, and as there is work for; the cluster begins them when it has room."""
        if time.monotonic() > self._asked_s + _ASK_S:
            self._most, self._asked_s = _most_workers(self._runner, uses_gpu=self._uses_gpu), time.monotonic()
        n_items = self._n_left(items) + len(self._again) + sum(len(worker.in_flight) for worker in self._workers)
        for _ in range(min(self._most, n_items) - len(self._workers)):
            actor: Any = self._remote.remote(self._stage, self._runner.hardware)
            self._workers.append(Worker(actor, actor.ready.remote()))

    def _joined(self, worker: Worker) -> None:
        """The worker is ready, or will never be."""
        try:
            ray.get(worker.ready)
        except ray.exceptions.RayActorError as error:
            refuse_unopened(error)
            self._workers.remove(worker)  # its machine died first
        else:
            worker.heard_s = time.monotonic()

    def _supply(self, items: Iterator[Any]) -> None:
        """Hand out items, those that come back first, until no worker has room for the next one."""
        while worker := self._next_for(self._again[0] if self._again else Pending(None), self._n_left(items)):
            pending = self._again.popleft() if self._again else self._drawn(items)
            if pending is None:
                return
            self._submit(pending, worker)

    def _next_for(self, pending: Pending, n_left: int) -> Worker | None:
        """The worker with least to do that has room; a second item only where one stays left for everybody."""
        able = [worker for worker in self._workers if worker.is_ready and worker.has_room_for(pending)]
        worker = min(able, key=lambda candidate: len(candidate.in_flight), default=None)
        if worker is not None and worker.in_flight and n_left <= len(self._workers):
            return None
        return worker

    def _submit(self, pending: Pending, worker: Worker) -> None:
        if not worker.in_flight:
            worker.heard_s = time.monotonic()
        pending.tried += 1
        worker.in_flight[worker.actor.do.remote(pending.item)] = pending

    def _collected(self, reference: Any, worker: Worker) -> Iterator[Done[Any, Any] | Failed[Any]]:
        pending = worker.in_flight[reference]
        try:
            outcome = answer_of(reference, pending)
        except ray.exceptions.RayActorError as error:
            refuse_unopened(error)
            yield from self._worker_lost(worker, "worker_died", str(error).splitlines()[0])
            return
        worker.heard_s = time.monotonic()
        del worker.in_flight[reference]
        yield from self._judged(pending, outcome)

    def _judged(
        self, pending: Pending, outcome: Done[Any, Any] | Failed[Any] | ForensicsError
    ) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """The outcome, unless the item is tried again."""
        if isinstance(outcome, ForensicsError):
            raise outcome
        if isinstance(outcome, Done):
            yield outcome
        elif pending.tried <= self._runner.retries:
            self._again.append(pending)
        else:
            yield Failed(pending.item, outcome.error, outcome.detail, pending.tried)

    def _hanging_ended(self) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """End workers that have said nothing for longer than what they are busy with may take."""
        self._looked_s = time.monotonic()
        for worker in [each for each in self._workers if each.in_flight]:
            busy_with = next(iter(worker.in_flight.values()))
            limit_s = self._runner.stall_s * patience(self._stage.frames_in(busy_with.item))
            if worker.silent_s() > limit_s:
                ray.kill(worker.actor)
                yield from self._worker_lost(worker, "worker_hung", f"it said nothing for {limit_s:g} s")

    def _worker_lost(self, worker: Worker, error: str, detail: str) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Forget the worker. What it had answered counts, the oldest of the rest is in doubt, others go back."""
        self._workers.remove(worker)
        unanswered = []
        for reference, pending in worker.in_flight.items():
            try:
                outcome = answer_of(reference, pending)
            except ray.exceptions.RayActorError:
                unanswered.append(pending)
            else:
                yield from self._judged(pending, outcome)
        if not unanswered:
            return
        doubted, *innocent = unanswered
        for pending in reversed(innocent):
            pending.tried -= 1
            self._again.appendleft(pending)
        doubted.is_doubted = True
        if innocent and doubted.tried > self._runner.retries:
            self._again.append(doubted)  # it was not alone: its neighbour may have been the one
        else:
            yield from self._judged(doubted, Failed(doubted.item, error, detail))

    def close(self) -> None:
        """End all workers; those of a cluster that died end by themselves."""
        for worker in self._workers if not dead_server() else ():
            ray.kill(worker.actor)


def _most_workers(runner: RayRunner, *, uses_gpu: bool) -> int:
    """How many workers there may be now.

    Raises:
        CannotStart: each needs a GPU, and the cluster has none.
    """
    has = ray.cluster_resources()  # type: ignore[no-untyped-call]
    wanted = runner.workers or max(1, int(has.get("CPU", 0) / runner.cpus_per_worker))
    if not uses_gpu:
        return wanted
    n_gpus = int(has.get("GPU", 0))
    if not n_gpus:
        raise CannotStart("the Ray cluster has no GPU", "join a machine with one, or leave out detect.device=cuda")
    return min(wanted, n_gpus)


def _room(runner: RayRunner, *, uses_gpu: bool) -> str:
    """What a worker needs, and what the cluster has of it."""
    needs = {"CPU": runner.cpus_per_worker} | ({"GPU": 1} if uses_gpu else {})
    has, free = ray.cluster_resources(), ray.available_resources()  # type: ignore[no-untyped-call]
    told = (f"{free.get(kind, 0):g} of {has.get(kind, 0):g} {kind} free, each needs {n:g}" for kind, n in needs.items())
    return f"{', '.join(told)}; it begins as soon as the cluster has room"


def _require_servers() -> None:
    """Return only if the local cluster, if there is one, is alive."""
    dead = dead_server()
    if dead:
        raise CannotStart(f"Ray's {dead} died", "run the same command again: it goes on")
