"""Processes one item with an opened stage; the only place where an exception becomes a `Failed`."""

import resource
import sys
import time
from collections.abc import Callable

from forensics.decoding.process_usage import child_pids, processor_seconds
from pipelines.stages.port import Done, Failed, ItemT, ResultT

__all__ = ["attempt", "peak_bytes"]


def attempt(work: Callable[[ItemT], ResultT], item: ItemT, *, tries: int) -> Done[ItemT, ResultT] | Failed[ItemT]:
    """Process an item, with at most `tries` attempts, and return its outcome."""
    began_s, started, used_s = time.time(), time.perf_counter(), _processor_s()
    for n_tried in range(1, tries + 1):
        try:
            result = work(item)
            return Done(item, result, began_s, time.perf_counter() - started, _processor_s() - used_s, peak_bytes())
        except Exception as error:  # an error of a library costs one item, not the run
            failed = Failed(item, type(error).__name__, str(error), n_tried)
    return failed


def _processor_s() -> float:
    """Return the processor seconds used by this process and its present children."""
    return time.process_time() + sum(processor_seconds(child) for child in child_pids())


def peak_bytes() -> int:
    """Return the peak memory of this process."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
