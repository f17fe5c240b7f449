"""What a worker process does, wherever it runs: open one stage after the other, and process items."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from forensics.errors import CannotStart, ForensicsError
from forensics.hardware import instruction_set
from pipelines.runners.attempt import attempt
from pipelines.stages.key_transfer import WorkerStage
from pipelines.stages.port import Closeable, Done, Failed, Stage

__all__ = ["Answer", "Answered", "Opened", "Refused", "StageWorker", "WantsKey", "could_not_start"]


@dataclass(frozen=True, slots=True)
class Opened:
    """The stage is open."""


@dataclass(frozen=True, slots=True)
class WantsKey:
    """The stage needs the key of the case, encrypted for this public key."""

    public_key: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The stage cannot be opened here; so every item would fail."""

    error: ForensicsError


@dataclass(frozen=True, slots=True)
class Answered:
    """The outcome of the oldest item in the worker."""

    outcome: Done[Any, Any] | Failed[Any]


Answer = Opened | WantsKey | Refused | Answered


class StageWorker:
    """Holds one opened stage in a worker process.

    Args:
        hardware: the instruction set that this machine must have; None allows any.
    """

    def __init__(self, hardware: str | None = None) -> None:
        self._hardware = hardware
        self._stage: WorkerStage | None = None
        self._work: Callable[[Any], Any] | None = None

    def open(self, stage: Stage[Any, Any]) -> Answer:
        """Close the stage before, and open this one unless it waits for the key."""
        self._close()
        self._stage = WorkerStage(stage)
        if self._stage.public_key is not None:
            return WantsKey(self._stage.public_key)
        return self._open(None)

    def receive_key(self, encrypted: bytes) -> Answer:
        """Open the stage with the key of the case, encrypted for the public key."""
        return self._open(encrypted)

    def _open(self, encrypted_key: bytes | None) -> Answer:
        assert self._stage is not None
        try:
            _require_hardware(self._hardware)
            self._work = self._stage.open(encrypted_key)
        except ForensicsError as error:
            return Refused(error)
        except Exception as error:  # libraries raise many kinds
            return Refused(could_not_start(f"{type(error).__name__}: {error}"))
        return Opened()

    def do(self, item: Any) -> Answer:
        """Process an item with one attempt."""
        assert self._work is not None
        return Answered(attempt(self._work, item, tries=1))

    def _close(self) -> None:
        before: object = self._work
        self._work = None
        if isinstance(before, Closeable):
            before.close()


def could_not_start(problem: str) -> CannotStart:
    """Return the error for a worker that could not load its stage."""
    return CannotStart(f"a worker could not start its stage of the job: {problem}", "see `forensics doctor`")


def _require_hardware(wanted: str | None) -> None:
    here = instruction_set()
    if wanted is not None and here != wanted:
        raise CannotStart(
            f"the processor of worker {socket.gethostname()} is {here!r}, the run was started on {wanted!r}; "
            "the last digits of scores and boxes may differ",
            "remove such machines from the cluster, or allow a mixture with --set run.mixed_hardware=true",
        )
