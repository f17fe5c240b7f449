"""Ports of stages and runners: the interfaces that both sides implement."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

from forensics.custody.sealer import Sealer
from forensics.footage.evidence import Evidence

__all__ = [
    "WORKER_LOST",
    "CaseKey",
    "Closeable",
    "Done",
    "Failed",
    "ItemT",
    "ResultT",
    "Runner",
    "Stage",
    "UsesGpu",
    "UsesKey",
    "WorkItem",
    "open_stage",
    "patience",
]

WORKER_LOST: Final = frozenset({"worker_died", "worker_hung"})
"""Errors of items whose worker died, or hung and was killed."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
ItemIn = TypeVar("ItemIn", contravariant=True)  # noqa: PLC0105 - In and Out tell the variance
ResultOut = TypeVar("ResultOut", covariant=True)  # noqa: PLC0105


class CaseKey(Sealer, Protocol):
    """The key of a case, which reaches workers encrypted; implemented by `forensics.adapters.crypto.case_key.Key`."""

    def encrypted_for(self, receiver: bytes) -> bytes:
        """Encrypt the key for a worker's public key of 32 bytes."""
        ...


class Stage(Protocol[ItemIn, ResultOut]):
    """Settings of one kind of work, sent to the workers and opened there."""

    @property
    def name(self) -> str:
        """Name of the stage in failures and part folders, one word."""
        ...

    def frames_in(self, item: ItemIn) -> int:
        """Return the largest number of frames that a worker decodes for the item; its time limit grows with it."""
        ...

    def open(self) -> Callable[[ItemIn], ResultOut]:
        """Load models, once per worker, and return the callable for items; it is `Closeable` if it starts processes."""
        ...


class WorkItem(Protocol):
    """One unit of work of a stage that makes parts."""

    @property
    def unit(self) -> str:
        """Content name of its part."""
        ...

    @property
    def evidence(self) -> Evidence:
        """The evidence whose frames it covers."""
        ...


@runtime_checkable
class Closeable(Protocol):
    """An opened stage that starts processes; closed after the last item unless its worker process ends anyway."""

    def close(self) -> None:
        """End the processes."""
        ...


@runtime_checkable
class UsesGpu(Protocol):
    """A stage that may need one GPU per worker; other stages need none."""

    @property
    def uses_gpu(self) -> bool:
        """Whether it needs a GPU with its settings."""
        ...


@runtime_checkable
class UsesKey(Protocol):
    """A stage whose workers may need the key of the case; it reaches them encrypted and is no part of the stage."""

    @property
    def uses_key(self) -> bool:
        """Whether it seals or unseals data of the case, so that it is opened with the key."""
        ...

    def open_with_key(self, key: Sealer) -> Callable[[Any], Any]:
        """Do what `Stage.open` does, with the key of the case in the memory of the worker."""
        ...


def open_stage(stage: Stage[ItemT, ResultT], key: Sealer | None) -> Callable[[ItemT], ResultT]:
    """Open a stage in this process, with the key of the case if it uses one.

    Raises:
        ValueError: it uses the key, and none was given.
    """
    if not isinstance(stage, UsesKey) or not stage.uses_key:
        return stage.open()
    if key is None:
        raise ValueError(f"the stage {stage.name} needs the key of the case")
    return stage.open_with_key(key)


@dataclass(frozen=True, slots=True)
class Done(Generic[ItemT, ResultT]):
    """The result of an item.

    Attributes:
        item: the item.
        result: the result of the stage.
        began_s: start time by the worker's clock, in seconds since 1970.
        seconds: processing time.
        cpu_s: processor time of the worker and its children during `seconds`.
        peak_bytes: peak memory of the worker so far.
    """

    item: ItemT
    result: ResultT
    began_s: float = 0.0
    seconds: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Failed(Generic[ItemT]):
    """The failure of an item.

    Attributes:
        item: the item.
        error: name of the error class, such as ``DecoderLost``, or one of `WORKER_LOST`.
        detail: the error message.
        attempts: number of attempts.
    """

    item: ItemT
    error: str
    detail: str
    attempts: int = field(default=1)


def patience(n_frames: int) -> float:
    """Return the factor on the stall limit for a worker that processes this many frames, enough for slow networks.

    >>> patience(250)
    35.0
    """
    return 10 + n_frames / 10


class Runner(Protocol):
    """Executes stages; what it has started ends with its `with` block."""

    def __enter__(self) -> "Runner":
        """Start nothing yet."""
        ...

    def __exit__(self, *_: object) -> None:
        """End the workers, and leave the cluster."""
        ...

    def prepare(self, stage: Stage[Any, Any]) -> None:
        """Let workers open a stage that will soon have items, while the caller does other work; does not wait."""
        ...

    def map(
        self, stage: Stage[ItemT, ResultT], items: Iterable[ItemT], key: CaseKey | None = None
    ) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
        """Yield exactly one `Done` or `Failed` per item, in any order; items are taken as workers need them.

        Args:
            stage: what is done with each item.
            items: the items.
            key: the key of the case; only stages that use it receive it.

        Raises:
            ForensicsError: the stage cannot be opened, so that every item would fail.
        """
        ...
