"""One of Ray's workers, in its own process and as the driver knows it."""

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
from pipelines.stages.port import Done, Failed, Stage

__all__ = ["Actor", "Pending", "Worker", "answer_of", "refuse_unopened"]

# One item being worked on and one waiting, so that no worker idles while the driver writes.
_IN_FLIGHT_PER_WORKER = 2


class Actor:
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
class Pending:
    """An item that has no outcome yet; `is_doubted` once a worker died of it, or of its neighbour."""

    item: Any
    tried: int = 0
    is_doubted: bool = False


@dataclass(slots=True)
class Worker:
    """An actor, what it holds, when it was last heard of, and what it answers once the cluster had room for it."""

    actor: Any
    ready: Any
    in_flight: dict[Any, Pending] = field(default_factory=dict)
    heard_s: float = math.inf

    @property
    def is_ready(self) -> bool:
        """Whether it has answered that it is."""
        return self.heard_s != math.inf

    def silent_s(self) -> float:
        """How long it has said nothing since it was ready; 0 before."""
        return max(0.0, time.monotonic() - self.heard_s)

    def has_room_for(self, pending: Pending) -> bool:
        """One in doubt wants to be alone."""
        if pending.is_doubted:
            return not self.in_flight
        is_taken = any(held.is_doubted for held in self.in_flight.values())
        return not is_taken and len(self.in_flight) < _IN_FLIGHT_PER_WORKER


def refuse_unopened(error: "ray.exceptions.RayActorError") -> None:
    """Return only if the worker died, instead of not being able to load its stage."""
    if getattr(error, "actor_init_failed", False):
        raise CannotStart(f"a worker could not load the stage: {error}", "see `forensics doctor`") from error


def answer_of(reference: Any, pending: Pending) -> Any:
    """What the worker said of an item; an answer that was lost with its machine is one failed try."""
    try:
        return ray.get(reference)
    except ray.exceptions.ObjectLostError as error:
        return Failed(pending.item, "result_lost", str(error).splitlines()[0], pending.tried)
