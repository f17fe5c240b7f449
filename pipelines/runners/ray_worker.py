"""A Ray worker: the actor in its own process, and its state in the driver."""

import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from forensics.errors import CannotStart, ForensicsError
from forensics.hardware import instruction_set
from pipelines.runners.attempt import attempt
from pipelines.runners.ray_cluster import ray
from pipelines.stages.key_transfer import WorkerStage
from pipelines.stages.port import Done, Failed, Stage

__all__ = ["Actor", "Pending", "Worker", "get_answer", "raise_if_unopened", "unopened_error"]

# One item in progress and one waiting, so that no worker idles while the driver writes.
_IN_FLIGHT_PER_WORKER = 2


class Actor:
    """Holds one opened stage in a worker process."""

    def __init__(self, stage: Stage[Any, Any], hardware: str | None) -> None:
        self._refusal: ForensicsError | None = None
        self._stage = WorkerStage(stage)
        self._work: Callable[[Any], Any]
        try:
            _require_hardware(hardware)
            if self._stage.public_key is None:
                self._work = self._stage.open(None)
        except ForensicsError as error:
            self._refusal = error

    def ready(self) -> bytes | None:
        """Return once the stage is open, or cannot be opened; a stage that waits for the key returns a public key."""
        return None if self._refusal else self._stage.public_key

    def receive_key(self, encrypted: bytes) -> None:
        """Open the stage with the key of the case, encrypted for the public key."""
        try:
            self._work = self._stage.open(encrypted)
        except ForensicsError as error:
            self._refusal = error

    def do(self, item: Any) -> Done[Any, Any] | Failed[Any] | ForensicsError:
        """Process an item with one attempt; returns an error if the stage cannot be opened."""
        return self._refusal or attempt(self._work, item, tries=1)


def _require_hardware(wanted: str | None) -> None:
    here = instruction_set()
    if wanted is not None and here != wanted:
        raise CannotStart(
            f"the processor of worker {socket.gethostname()} is {here!r}, the run was started on {wanted!r}; "
            "the last digits of scores and boxes may differ",
            "remove such machines from the cluster, or allow a mixture with --set run.mixed_hardware=true",
        )


@dataclass(slots=True)
class Pending:
    """An item without an outcome.

    Attributes:
        item: the item.
        tried: number of attempts so far.
        must_run_alone: whether it, or an item beside it, has killed a worker; then it gets a worker of its own.
    """

    item: Any
    tried: int = 0
    must_run_alone: bool = False


@dataclass(slots=True)
class Worker:
    """A worker as the driver knows it.

    Attributes:
        actor: handle of the actor.
        ready: reference that is resolved when the stage is open, or waits for the key of the case.
        in_flight: items handed to the worker, by the reference of their outcome, oldest first.
        last_answer_s: time of its last answer, or of its first item after an idle time; infinite until it is ready.
    """

    actor: Any
    ready: Any
    in_flight: dict[Any, Pending] = field(default_factory=dict)
    last_answer_s: float = math.inf

    @property
    def is_ready(self) -> bool:
        """Whether its stage is open."""
        return self.last_answer_s != math.inf

    def silent_s(self) -> float:
        """Return the seconds since its last answer; 0 before it is ready."""
        return max(0.0, time.monotonic() - self.last_answer_s)

    def has_room_for(self, pending: Pending) -> bool:
        """Return whether the item may be handed to this worker now."""
        if pending.must_run_alone:
            return not self.in_flight
        is_reserved = any(held.must_run_alone for held in self.in_flight.values())
        return not is_reserved and len(self.in_flight) < _IN_FLIGHT_PER_WORKER


def raise_if_unopened(error: "ray.exceptions.RayActorError") -> None:
    """Raise `CannotStart` if the worker could not load its stage; return if it died."""
    if getattr(error, "actor_init_failed", False):
        raise unopened_error(error) from error


def unopened_error(error: Exception) -> CannotStart:
    """Return the error for a worker that could not load its stage."""
    return CannotStart(f"a worker could not start its stage of the job: {error}", "see `forensics doctor`")


def get_answer(reference: Any, pending: Pending) -> Any:
    """Return the worker's answer for an item; an answer that was lost with its machine counts as a failed attempt."""
    try:
        return ray.get(reference)
    except ray.exceptions.ObjectLostError as error:
        return Failed(pending.item, "result_lost", str(error).splitlines()[0], pending.tried)
