"""Several decoding children at once, for a network that looks at frames faster than one of them decodes."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import numpy as np

from forensics.footage.frames import Frame, Item
from forensics.footage.timeline import Int64Array

__all__ = ["DecoderPool"]


Read = Callable[[Int64Array], Iterator[Item]]

# About as many as lie between two keyframes, so that no child waits for its turn for long.
_AHEAD_PER_READ = 256


class DecoderPool:
    """Threads in which decoding children are started and asked, one for each of them.

    A child dies with the thread that started it, so these live as long as it does.
    """

    def __init__(self, n_threads: int) -> None:
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="decode") for _ in range(n_threads)]

    def read(self, reads: Sequence[Read], groups: Sequence[Int64Array]) -> Iterator[Item]:
        """Every item of every group, in order: what comes of the frames must not depend on who was faster.

        Args:
            reads: hand out frames, at the same time; as many as there are threads, each takes its turn.
            groups: (N,) int64 frame numbers of groups of pictures, in order.

        Raises:
            BaseException: what a read raised; the others are given up.
        """
        is_over = threading.Event()
        queues: list[queue.Queue[Item | BaseException]] = [queue.Queue(_AHEAD_PER_READ) for _ in reads]
        working = [
            thread.submit(_read_into, into, is_over, read, np.concatenate(groups[turn :: len(reads)]))
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
            is_over.set()
            wait(working)

    def close(self) -> None:
        """End the threads, and so the children that they started."""
        for thread in self._threads:
            thread.shutdown(wait=False, cancel_futures=True)


def _read_into(
    items: "queue.Queue[Item | BaseException]", is_over: threading.Event, read: Read, wanted: Int64Array
) -> None:
    """Put what a read hands out into the queue, its pixels copied, until nobody wants more."""
    reading = read(wanted)
    try:
        for item in reading:
            # the child's memory is used again for its next frame
            kept = replace(item, rgb=item.rgb.copy()) if isinstance(item, Frame) else item
            if not _is_put(items, kept, is_over):
                return
    except BaseException as error:
        _is_put(items, error, is_over)
    finally:
        close = getattr(reading, "close", None)
        if close is not None:
            close()


def _is_put(items: "queue.Queue[Item | BaseException]", item: "Item | BaseException", is_over: threading.Event) -> bool:
    """Whether there was room before nobody wanted it any more."""
    while not is_over.is_set():
        try:
            items.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False
