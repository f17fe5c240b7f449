"""Ports of workers: what a pool needs of a worker, and of the place where workers run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pipelines.runners.stage_worker import Answer
from pipelines.stages.port import Stage

__all__ = ["AnswerLost", "Died", "Message", "WorkerHost", "WorkerLink"]


@dataclass(frozen=True, slots=True)
class Died:
    """The worker has ended; it answers nothing any more."""

    detail: str


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """The worker has answered its oldest item, and the answer was lost on the way."""

    detail: str


Message = Answer | Died | AnswerLost


class WorkerLink(Protocol):
    """A worker process. It does what it is asked for in order, and answers each request once; no method waits."""

    def open(self, stage: Stage[Any, Any]) -> None:
        """Ask it to open a stage, in place of the one before."""
        ...

    def send_key(self, encrypted: bytes) -> None:
        """Give it the key of the case, encrypted for the public key that it has sent."""
        ...

    def do(self, item: Any) -> None:
        """Ask it to process an item."""
        ...

    def kill(self) -> None:
        """End it, whatever it is doing."""
        ...


LinkT = TypeVar("LinkT", bound=WorkerLink)


class WorkerHost(Protocol[LinkT]):
    """Where workers run."""

    def limit(self, *, uses_gpu: bool) -> int:
        """Return how many workers there may be now; it can grow while a run works.

        Raises:
            CannotStart: there can be none.
        """
        ...

    def start(self, *, uses_gpu: bool) -> LinkT:
        """Start a worker; it is there once there is room for it."""
        ...

    def wait(self, links: Sequence[LinkT], timeout_s: float) -> list[tuple[LinkT, Message]]:
        """Return messages of these workers, oldest first for each; none if none came in time.

        Raises:
            CannotStart: the place itself has died.
        """
        ...

    def describe_room(self, *, uses_gpu: bool) -> str:
        """Return what a worker needs and what is free, for people who wait for one."""
        ...

    def close(self) -> None:
        """End what was started here."""
        ...
