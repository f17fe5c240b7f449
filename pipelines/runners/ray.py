"""Ray: long-lived actors, each holding one opened stage, and a bounded number of items in flight.

A worker that dies, or says nothing for far longer than its item may take, costs one retry of the item it was
busy with. Which one that was is not always told: an answer can be lost with its worker. So the one in doubt is
tried again with a worker of its own, and only what dies alone is given up. The driver never holds more results
than are in flight; items are drawn as workers need them. This is the only module that imports ray.
"""

import contextlib
import logging
import math
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.errors import CannotStart, ForensicsError
from forensics.hardware import instruction_set
from pipelines.runners.afterlife import Undertaker, dead_server
from pipelines.runners.attempt import attempt
from pipelines.stages.port import Done, Failed, ItemT, OnGpu, ResultT, Stage, patience

# Ray reads these when it is imported. Whoever reaches an open cluster's ports runs code, so every
# cluster has a token: the one in the environment, the one in the user's file, or a fresh one.
os.environ.setdefault("RAY_AUTH_MODE", "token")
if not (Path.home() / ".ray" / "auth_token").exists() and "RAY_AUTH_TOKEN_PATH" not in os.environ:
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # the job is what the machine is for

import ray
import ray.exceptions
from ray._private import ray_constants

__all__ = ["RayRunner", "connected"]

# One item being worked on and one waiting, so that no worker idles while the driver writes.
_IN_FLIGHT_PER_WORKER = 2
_OBJECT_STORE_BYTES = 128 << 20
# How long nobody may answer before workers are looked at.
_LOOK_S = 5
_ANSWER_S = 10
_LOOPBACK = "127.0.0.1"
# Ray lets workers import from the folder where the driver is, and footage may lie there beside a file like numpy.py.
_NOBODYS_MODULES = "/"
# Sockets and logs of a local cluster lie in a private folder; names of sockets may not be long.
_SHORT_FOLDER = "/tmp" if Path("/tmp").is_dir() else None


@dataclass(frozen=True, slots=True)
class RayRunner:
    """Fills `Runner` with actors on the connected cluster.

    Attributes:
        workers: how many actors, and no more than there are GPUs of a stage that uses them.
        retries: how often an item is tried again, whether it failed or lost its worker.
        stall_s: ten times that long, and once more for every ten frames of its item, a worker may say nothing.
        cpus_per_worker: what each actor reserves.
        hardware: the instruction set that every worker must have, since others give other last
            digits; None allows a mixture.
    """

    workers: int
    retries: int = 1
    stall_s: float = 120
    cpus_per_worker: float = 1.0
    hardware: str | None = None

    def map(
        self, stage: Stage[ItemT, ResultT], items: Iterable[ItemT]
    ) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
        """See `Runner.map`; results come as they are ready."""
        pool = _Pool(stage, self)
        try:
            yield from pool.run(iter(items))
        finally:
            pool.close()


class _Actor:
    """Lives in a worker process."""

    def __init__(self, stage: Stage[Any, Any], hardware: str | None) -> None:
        self._refusal: ForensicsError | None = None
        try:
            _require_hardware(hardware)
            self._work: Callable[[Any], Any] = stage.open()
        except ForensicsError as error:
            self._refusal = error

    def ready(self) -> None:
        """Answered once the stage is open, or cannot be opened."""

    def do(self, item: Any) -> Done[Any, Any] | Failed[Any] | ForensicsError:
        """One try; the driver decides about another. An error means that the stage cannot be opened."""
        return self._refusal or attempt(self._work, item, tries=1)


def _require_hardware(wanted: str | None) -> None:
    here = instruction_set()
    if wanted is not None and here != wanted:
        raise CannotStart(
            f"worker {socket.gethostname()} is {here!r}, the run was begun on {wanted!r}: last digits may differ",
            "keep such machines out of the cluster, or allow them with --set run.mixed_hardware=true",
        )


@dataclass(slots=True)
class _Pending:
    """An item that has no outcome yet; `is_doubted` once a worker died of it, or of its neighbour."""

    item: Any
    tried: int = 0
    is_doubted: bool = False


@dataclass(slots=True)
class _Worker:
    """An actor, what it holds, when it was last heard of, and what it answers once the cluster had room for it."""

    actor: Any
    ready: Any
    in_flight: dict[Any, _Pending] = field(default_factory=dict)
    heard_s: float = math.inf

    def silent_s(self) -> float:
        """How long it has said nothing since it was ready; 0 before."""
        if self.heard_s == math.inf and ray.wait([self.ready], timeout=0)[0]:
            self.heard_s = time.monotonic()
        return max(0.0, time.monotonic() - self.heard_s)

    def has_room_for(self, pending: _Pending) -> bool:
        """One in doubt wants to be alone."""
        if pending.is_doubted:
            return not self.in_flight
        is_taken = any(held.is_doubted for held in self.in_flight.values())
        return not is_taken and len(self.in_flight) < _IN_FLIGHT_PER_WORKER


class _Pool:
    """The actors of one `map` and what each of them holds."""

    def __init__(self, stage: Stage[Any, Any], runner: RayRunner) -> None:
        self._stage = stage
        self._runner = runner
        uses_gpu = isinstance(stage, OnGpu) and stage.uses_gpu
        self._n_workers = min(runner.workers, _n_gpus()) if uses_gpu else runner.workers
        self._remote = ray.remote(_Actor).options(
            num_cpus=runner.cpus_per_worker, num_gpus=int(uses_gpu), max_restarts=0
        )
        self._again: deque[_Pending] = deque()
        self._workers: list[_Worker] = []
        self._looked_s = time.monotonic()

    def run(self, items: Iterator[Any]) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Keep every worker supplied until nothing is left."""
        while True:
            self._supply(items)
            waiting = {reference: worker for worker in self._workers for reference in worker.in_flight}
            if not waiting:
                return
            ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_LOOK_S)
            _require_servers()
            if ready:
                yield from self._collected(ready[0], waiting[ready[0]])
            if time.monotonic() > self._looked_s + _LOOK_S:
                yield from self._hanging_ended()

    def _supply(self, items: Iterator[Any]) -> None:
        """Hand out items, those that come back first, until no worker has room for the next one."""
        while self._has_room_for(self._again[0] if self._again else _Pending(None)):
            pending = self._again.popleft() if self._again else self._drawn(items)
            if pending is None:
                return
            self._submit(pending)

    def _drawn(self, items: Iterator[Any]) -> _Pending | None:
        for item in items:
            return _Pending(item)
        return None

    def _has_room_for(self, pending: _Pending) -> bool:
        may_have_more = len(self._workers) < self._n_workers
        return may_have_more or any(worker.has_room_for(pending) for worker in self._workers)

    def _submit(self, pending: _Pending) -> None:
        """Give the item to the worker with least to do; a new worker while there may be more of them."""
        if len(self._workers) < self._n_workers and all(worker.in_flight for worker in self._workers):
            actor: Any = self._remote.remote(self._stage, self._runner.hardware)
            self._workers.append(_Worker(actor, actor.ready.remote()))
        able = [worker for worker in self._workers if worker.has_room_for(pending)]
        worker = min(able, key=lambda candidate: len(candidate.in_flight))
        if not worker.in_flight and worker.heard_s != math.inf:
            worker.heard_s = time.monotonic()
        pending.tried += 1
        worker.in_flight[worker.actor.do.remote(pending.item)] = pending

    def _collected(self, reference: Any, worker: _Worker) -> Iterator[Done[Any, Any] | Failed[Any]]:
        pending = worker.in_flight[reference]
        try:
            outcome = _answer(reference, pending)
        except ray.exceptions.RayActorError as error:
            if getattr(error, "actor_init_failed", False):
                raise CannotStart(f"a worker could not load the stage: {error}", "see `forensics doctor`") from error
            yield from self._worker_lost(worker, "worker_died", str(error).splitlines()[0])
            return
        worker.heard_s = time.monotonic()
        del worker.in_flight[reference]
        yield from self._judged(pending, outcome)

    def _judged(
        self, pending: _Pending, outcome: Done[Any, Any] | Failed[Any] | ForensicsError
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

    def _worker_lost(self, worker: _Worker, error: str, detail: str) -> Iterator[Done[Any, Any] | Failed[Any]]:
        """Forget the worker. What it had answered counts, the oldest of the rest is in doubt, others go back."""
        self._workers.remove(worker)
        unanswered = []
        for reference, pending in worker.in_flight.items():
            try:
                outcome = _answer(reference, pending)
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


def _n_gpus() -> int:
    """How many the cluster has.

    Raises:
        CannotStart: none.
    """
    n_gpus = int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
    if not n_gpus:
        raise CannotStart("the Ray cluster has no GPU", "join a machine with one, or leave out detect.device=cuda")
    return n_gpus


def _answer(reference: Any, pending: _Pending) -> Any:
    """What the worker said of an item; an answer that was lost with its machine is one failed try."""
    try:
        return ray.get(reference)
    except ray.exceptions.ObjectLostError as error:
        return Failed(pending.item, "result_lost", str(error).splitlines()[0], pending.tried)


def _require_servers() -> None:
    """Return only if the local cluster, if there is one, is alive."""
    dead = dead_server()
    if dead:
        raise CannotStart(f"Ray's {dead} died", "run the same command again: it goes on")


def _require_listener(address: str) -> None:
    """Return only if something accepts connections at ``host:port``: Ray itself asks for many minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()


class connected:  # noqa: N801 - reads as what it is: `with connected(...)`
    """A cluster for the length of a block: the one at `address`, else a local one that ends with it.

    Args:
        address: of a running cluster; None starts a local one on loopback with `workers` processors.
        workers: how many actors will run.

    Raises:
        CannotStart: nothing answers at the address, or the token is refused.
    """

    def __init__(self, address: str | None, workers: int) -> None:
        self._address = address
        self._workers = workers
        self._own_folder: Path | None = None
        self._undertaker: Undertaker | None = None

    def __enter__(self) -> None:
        try:
            with contextlib.chdir(_NOBODYS_MODULES):
                self._begin()
        except BaseException:
            self.__exit__()
            raise

    def _begin(self) -> None:
        try:
            if self._address is None:
                self._start_local()
            else:
                _require_listener(self._address)
                ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
        except CannotStart:
            raise
        except Exception as error:  # ray raises many kinds, all of which mean that there is no cluster for us
            raise self._no_cluster(str(error).splitlines()[0]) from error

    def _no_cluster(self, said: str) -> CannotStart:
        if self._address is None:
            return CannotStart(f"no local Ray cluster could be begun ({said})", "try again, or use --runner serial")
        return CannotStart(
            f"no Ray cluster answers at {self._address} ({said})",
            "check the address and RAY_AUTH_TOKEN, or leave out --ray to run on this machine",
        )

    def _start_local(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        self._own_folder = Path(tempfile.mkdtemp(prefix="forensics-", dir=_SHORT_FOLDER))
        self._undertaker = Undertaker(self._own_folder)
        with _bound_to_loopback():
            ray.init(
                address="local",  # else it would join whatever cluster runs on this machine
                num_cpus=self._workers,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address=_LOOPBACK,
                _temp_dir=str(self._own_folder / "ray"),  # which Ray opens to everybody
            )
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # ray's own handler leaves with exit code 1, and nothing on record
        if ray.get_runtime_context().gcs_address.rpartition(":")[0] != _LOOPBACK:
            raise CannotStart("Ray would listen beyond this machine", "use another version of Ray, or --runner serial")

    def __exit__(self, *_: object) -> None:
        has_died = bool(dead_server())
        ray.shutdown()
        if self._undertaker is not None and has_died:
            self._undertaker.bury()
        elif self._undertaker is not None:
            self._undertaker.dismiss()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)


@contextlib.contextmanager
def _bound_to_loopback() -> Iterator[None]:
    """Ray takes an address of the network instead of loopback, and then listens on all of them, unless told so here."""
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
