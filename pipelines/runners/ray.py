"""Workers as actors of a Ray cluster, which may run on many machines."""

import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any

from forensics.errors import CannotStart
from pipelines.runners.cluster_cleanup import find_dead_server
from pipelines.runners.ray_cluster import RayCluster, ray
from pipelines.runners.stage_worker import Refused, StageWorker, could_not_start
from pipelines.runners.worker_port import AnswerLost, Died, Message
from pipelines.stages.port import Stage

__all__ = ["RayCluster", "RayHost", "RayWorker"]


class RayWorker:
    """One actor; implements `WorkerLink`.

    Args:
        actor: its handle.

    Attributes:
        requests: references of its answers that have not been received, oldest first.
    """

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self.requests: deque[Any] = deque()

    def open(self, stage: Stage[Any, Any]) -> None:
        """See `WorkerLink`."""
        self.requests.append(self._actor.open.remote(stage))

    def send_key(self, encrypted: bytes) -> None:
        """See `WorkerLink`."""
        self.requests.append(self._actor.receive_key.remote(encrypted))

    def do(self, item: Any) -> None:
        """See `WorkerLink`."""
        self.requests.append(self._actor.do.remote(item))

    def receive(self) -> Message:
        """Return the answer to its oldest request, which must have come."""
        try:
            answer: Message = ray.get(self.requests.popleft())
        except ray.exceptions.ObjectLostError as error:
            return AnswerLost(_first_line(error))
        except ray.exceptions.RayActorError as error:
            if getattr(error, "actor_init_failed", False):
                return Refused(could_not_start(str(error)))
            return Died(_first_line(error))
        except ray.exceptions.RayTaskError as error:
            return Refused(could_not_start(str(error)))
        return answer

    def kill(self) -> None:
        """See `WorkerLink`; those of a dead cluster end by themselves."""
        if not find_dead_server():
            ray.kill(self._actor)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


class RayHost:
    """A cluster, connected with the first worker and left at the end; implements `WorkerHost`.

    Args:
        cluster: the cluster; None if the caller has connected it and leaves it.
        workers: number of workers; None for one per processor of the cluster, also of hosts that join later. There is
            at most one per GPU for work that uses GPUs.
        cpus_per_worker: processors that each worker reserves.
        hardware: the instruction set that every worker must have, because others differ in last digits; None allows a
            mixture.
    """

    def __init__(
        self,
        cluster: RayCluster | None,
        workers: int | None,
        *,
        cpus_per_worker: float = 1.0,
        hardware: str | None = None,
    ) -> None:
        self._cluster = cluster
        self._workers = workers
        self._cpus_per_worker = cpus_per_worker
        self._hardware = hardware
        self._connected = contextlib.ExitStack()

    def connect(self) -> None:
        """Connect to the cluster, unless this has been done.

        Raises:
            CannotStart: it does not answer, or refuses the token.
        """
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            self._connected.enter_context(cluster)

    def limit(self, *, uses_gpu: bool) -> int:
        """See `WorkerHost`."""
        self.connect()
        has = ray.cluster_resources()  # type: ignore[no-untyped-call]
        wanted = self._workers or max(1, int(has.get("CPU", 0) / self._cpus_per_worker))
        if not uses_gpu:
            return wanted
        n_gpus = int(has.get("GPU", 0))
        if not n_gpus:
            raise CannotStart(
                "the Ray cluster has no GPU", "add a machine with a GPU to the cluster, or leave out detect.device=cuda"
            )
        return min(wanted, n_gpus)

    def start(self, *, uses_gpu: bool) -> RayWorker:
        """See `WorkerHost`."""
        self.connect()
        actor: Any = ray.remote(StageWorker).options(
            num_cpus=self._cpus_per_worker, num_gpus=int(uses_gpu), max_restarts=0
        )
        return RayWorker(actor.remote(self._hardware))

    def wait(self, links: Sequence[RayWorker], timeout_s: float) -> list[tuple[RayWorker, Message]]:
        """See `WorkerHost`."""
        by_request = {link.requests[0]: link for link in links}
        ready, _ = ray.wait(list(by_request), num_returns=1, timeout=timeout_s)
        _require_servers()
        return [(by_request[reference], by_request[reference].receive()) for reference in ready]

    def describe_room(self, *, uses_gpu: bool) -> str:
        """See `WorkerHost`."""
        needs = {"CPU": self._cpus_per_worker} | ({"GPU": 1} if uses_gpu else {})
        has, free = ray.cluster_resources(), ray.available_resources()  # type: ignore[no-untyped-call]
        room = (
            f"{free.get(kind, 0):g} of {has.get(kind, 0):g} {kind} free, each worker needs {n:g}"
            for kind, n in needs.items()
        )
        return f"{', '.join(room)}; workers start as soon as the cluster has room"

    def close(self) -> None:
        """See `WorkerHost`."""
        self._connected.close()


def _require_servers() -> None:
    """Raise `CannotStart` if a server of the local cluster is dead."""
    dead = find_dead_server()
    if dead:
        raise CannotStart(f"Ray's {dead} died", "run the same command again to continue")
