"""Runner that processes one item after the other in this process; the reference for all other runners."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.runners.attempt import attempt
from pipelines.stages.port import CaseKey, Closeable, Done, Failed, ItemT, ResultT, Stage, open_stage

__all__ = ["SerialRunner"]


@dataclass(frozen=True, slots=True)
class SerialRunner:
    """Implements `Runner` in this process.

    Attributes:
        retries: number of further attempts for a failed item.
    """

    retries: int = 1

    def __enter__(self) -> "SerialRunner":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open between stages."""

    def prepare(self, stage: Stage[Any, Any]) -> None:
        """See `Runner.prepare`; this process has other work to do."""

    def map(
        self, stage: Stage[ItemT, ResultT], items: Iterable[ItemT], key: CaseKey | None = None
    ) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
        """See `Runner.map`; outcomes are in the order of the items."""
        work = None
        try:
            for item in items:
                work = work or open_stage(stage, key)
                yield attempt(work, item, tries=self.retries + 1)
        finally:
            _close(work)


def _close(work: object) -> None:
    if isinstance(work, Closeable):
        work.close()
