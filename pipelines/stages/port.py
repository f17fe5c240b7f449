"""What a stage and a runner promise each other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar, runtime_checkable

__all__ = ["WORKER_LOST", "Closing", "Done", "Failed", "ItemT", "OnGpu", "ResultT", "Runner", "Stage", "patience"]

WORKER_LOST: Final = frozenset({"worker_died", "worker_hung"})
"""What is said of items that their worker did not survive, or over which it had to be ended."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
ItemIn = TypeVar("ItemIn", contravariant=True)  # noqa: PLC0105 - says which way it goes
ResultOut = TypeVar("ResultOut", covariant=True)  # noqa: PLC0105


class Stage(Protocol[ItemIn, ResultOut]):
    """Settings that travel to a worker and become work there."""

    @property
    def name(self) -> str:
        """One word, as it stands in failures and part names."""
        ...

    def frames_in(self, item: ItemIn) -> int:
        """How many frames the item makes a worker go through, at most: what it may take grows with them."""
        ...

    def open(self) -> Callable[[ItemIn], ResultOut]:
        """Load what is heavy, once per worker; work that holds a process of its own is `Closing`."""
        ...


@runtime_checkable
class Closing(Protocol):
    """Work that ends what it holds; called after the last item unless the worker's process ends anyway."""

    def close(self) -> None:
        """End it."""
        ...


@runtime_checkable
class OnGpu(Protocol):
    """A stage that may need a GPU for each worker; one that does not say so needs none."""

    @property
    def uses_gpu(self) -> bool:
        """Whether it does, as it is set."""
        ...


@dataclass(frozen=True, slots=True)
class Done(Generic[ItemT, ResultT]):
    """An item and what the stage made of it.

    Attributes:
        item: what went in.
        result: what came out.
        began_s: when the worker began, by its clock, seconds since 1970.
        seconds: how long it was busy with it.
        cpu_s: processor time of the worker and its children in these seconds.
        peak_bytes: the most memory its worker has held so far.
    """

    item: ItemT
    result: ResultT
    began_s: float = 0.0
    seconds: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Failed(Generic[ItemT]):
    """An item that gave no result.

    Attributes:
        item: what went in.
        error: the name of what happened, such as ``DecoderLost``, or one of `WORKER_LOST`.
        detail: in words.
        attempts: how often it was tried.
    """

    item: ItemT
    error: str
    detail: str
    attempts: int = field(default=1)


def patience(n_frames: int) -> float:
    """How many times the stall limit a worker may be silent over so many frames, slow networks included.

    >>> patience(250)
    35.0
    """
    return 10 + n_frames / 10


class Runner(Protocol):
    """Where a stage executes."""

    def map(
        self, stage: Stage[ItemT, ResultT], items: Iterable[ItemT]
    ) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
        """Exactly one `Done` or `Failed` per item, in any order; items are drawn as workers need them.

        Raises:
            ForensicsError: the stage cannot be opened, so no item can ever be done.
        """
        ...
