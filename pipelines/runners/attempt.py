"""One item through an opened stage: the only place where any error becomes a `Failed`."""

import resource
import sys
import time
from collections.abc import Callable

from forensics.decoding.process_usage import children, processor_seconds
from pipelines.stages.port import Done, Failed, ItemT, ResultT

__all__ = ["attempt", "peak_bytes"]


def attempt(work: Callable[[ItemT], ResultT], item: ItemT, *, tries: int) -> Done[ItemT, ResultT] | Failed[ItemT]:
    """What became of `item` after at most `tries` tries."""
    began_s, started, used_s = time.time(), time.perf_counter(), _used_s()
    for n_tried in range(1, tries + 1):
        try:
            result = work(item)
            return Done(item, result, began_s, time.perf_counter() - started, _used_s() - used_s, peak_bytes())
        except Exception as error:  # whatever a library throws must cost one item, not the run
            failed = Failed(item, type(error).__name__, str(error), n_tried)
    return failed


def _used_s() -> float:
    """Processor seconds that this process and the children it has now have used."""
    return time.process_time() + sum(processor_seconds(child) for child in children())


def peak_bytes() -> int:
    """The most memory this process and its ended children have held, whichever is larger."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
