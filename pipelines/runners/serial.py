"""One item after the other, in this process: the runner that every other one must equal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipelines.runners.attempt import attempt
from pipelines.stages.port import Closing, Done, Failed, ItemT, ResultT, Stage

__all__ = ["SerialRunner"]


@dataclass(frozen=True, slots=True)
class SerialRunner:
    """Fills `Runner` without any engine.

    Attributes:
        retries: how often a failed item is tried again.
    """

    retries: int = 1

    def map(
        self, stage: Stage[ItemT, ResultT], items: Iterable[ItemT]
    ) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
        """See `Runner.map`; results come in the order of the items."""
        work = None
        try:
            for item in items:
                work = work or stage.open()
                yield attempt(work, item, tries=self.retries + 1)
        finally:
            _close(work)


def _close(work: object) -> None:
    if isinstance(work, Closing):
        work.close()
