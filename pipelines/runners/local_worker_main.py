"""Worker process: `python -m pipelines.runners.local_worker_main CONNECTION`, where CONNECTION is a file descriptor.

It answers one request after the other, and ends at once when the driver is gone.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from forensics.decoding.process_usage import die_with_parent
from pipelines.runners.stage_worker import StageWorker

__all__ = ["main"]


def main() -> None:
    """Serve until the driver closes the connection."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides when to end
    connection = Connection(int(sys.argv[1]))
    sys.path[:] = connection.recv()
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(connection, requests), daemon=True).start()
    worker = StageWorker()
    while True:
        request = requests.get()
        if isinstance(request, Exception):
            raise request
        verb, argument = request
        connection.send(getattr(worker, verb)(argument))


def _read(connection: Connection, requests: "queue.SimpleQueue[Any]") -> None:
    """Take requests while an item is processed, so that the driver never waits to send one."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            try:
                requests.put(connection.recv())
            except (EOFError, OSError):
                raise
            except Exception as error:  # the request needs something that is not here
                requests.put(error)
    os._exit(0)  # the processes that the stage has started end with this one


if __name__ == "__main__":
    main()
