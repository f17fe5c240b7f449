"""Several decoding children at once, for a network that detects faster than one child decodes."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import numpy as np

from forensics.footage.frames import Frame, Item
from forensics.footage.timeline import Int64Array

__all__ = ["DecoderPool"]


ReadFrames = Callable[[Int64Array], Iterator[Item]]

# About as many items as frames between two keyframes, so that no child waits long for its turn.
_MAX_QUEUED_ITEMS = 256


class DecoderPool:
    """Threads that start and read from decoding children, one child per thread.

    A child dies with the thread that started it, so the threads live as long as the pool.
    """

    def __init__(self, n_threads: int) -> None:
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="decode") for _ in range(n_threads)]

    def read(self, reads: Sequence[ReadFrames], groups: Sequence[Int64Array]) -> Iterator[Item]:
        """Yield every item of every group, in order, so that results never depend on which child is faster.

        Args:
            reads: functions that yield items, run at the same time, one per thread; the groups go to them in turn.
            groups: (N,) int64 frame numbers of each group of pictures, in order.

        Raises:
            BaseException: the first error of a read; the other reads are stopped.
        """
        is_stopped = threading.Event()
        queues: list[queue.Queue[Item | BaseException]] = [queue.Queue(_MAX_QUEUED_ITEMS) for _ in reads]
        futures = [
            thread.submit(_fill_queue, into, is_stopped, read, np.concatenate(groups[turn :: len(reads)]))
            for turn, (thread, into, read) in enumerate(zip(self._threads, queues, reads, strict=True))
            if turn < len(groups)
        ]
        try:
            for turn, group in enumerate(groups):
                for _ in group:
                    item = queues[turn % len(reads)].get()
                    if isinstance(item, BaseException):
                        raise item
                    yield item
        finally:
            is_stopped.set()
            wait(futures)

    def close(self) -> None:
        """End the threads, and with them the children that they started."""
        for thread in self._threads:
            thread.shutdown(wait=False, cancel_futures=True)


def _fill_queue(
    items: "queue.Queue[Item | BaseException]", is_stopped: threading.Event, read: ReadFrames, wanted: Int64Array
) -> None:
    """Put every item of a read into the queue, its pixels copied, until `is_stopped` is set."""
    reading = read(wanted)
    try:
        for item in reading:
            # the slot in shared memory is reused for a later frame
            copied = replace(item, rgb=item.rgb.copy()) if isinstance(item, Frame) else item
            if not _put(items, copied, is_stopped):
                return
    except BaseException as error:
        _put(items, error, is_stopped)
    finally:
        close = getattr(reading, "close", None)
        if close is not None:
            close()


def _put(items: "queue.Queue[Item | BaseException]", item: "Item | BaseException", is_stopped: threading.Event) -> bool:
    """Put an item into the queue; return False if `is_stopped` was set before there was room."""
    while not is_stopped.is_set():
        try:
            items.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False
