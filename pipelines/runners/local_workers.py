"""Workers as processes of this machine. They end with the process that started them."""

import contextlib
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Final, cast

from forensics.decoding.frame_slots import create_shared_file
from forensics.decoding.process_usage import ProcessEnd
from forensics.errors import CannotStart
from pipelines.runners.stage_worker import Answer
from pipelines.runners.worker_port import Died, Message
from pipelines.stages.port import Stage

__all__ = ["LocalHost", "LocalWorker"]

_EXIT_TIMEOUT_S: Final = 10
_LAST_BYTES: Final = 2000
# So long may a process be silent in the middle of a message, as a C struct timeval.
_MESSAGE_TIMEOUT: Final = struct.pack("ll", 60, 0)


class LocalWorker:
    """One process; implements `WorkerLink`."""

    def __init__(self) -> None:
        with contextlib.ExitStack() as opened:
            ours, theirs = map(opened.enter_context, socket.socketpair())
            # a process that was stopped in the middle of a message must not stop the driver too
            for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                ours.setsockopt(socket.SOL_SOCKET, option, _MESSAGE_TIMEOUT)
            self._stderr = opened.enter_context(os.fdopen(create_shared_file(), "w+b"))
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pipelines.runners.local_worker_main", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                process_group=0,  # Ctrl-C must reach the driver only, even while the worker starts
            )
            opened.pop_all()
        theirs.close()
        self.connection = Connection(ours.detach())
        self._send([path for path in sys.path if path])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def open(self, stage: Stage[Any, Any]) -> None:
        """See `WorkerLink`."""
        self._send(("open", stage))

    def send_key(self, encrypted: bytes) -> None:
        """See `WorkerLink`."""
        self._send(("receive_key", encrypted))

    def do(self, item: Any) -> None:
        """See `WorkerLink`."""
        self._send(("do", item))

    def _send(self, request: Any) -> None:
        """Send a request; the worker reads it at once, whatever it is doing. Its death is reported by `receive`."""
        try:
            self.connection.send(request)
        except OSError:
            self._process.kill()  # it has died, or is stopped and has read a part of the request

    def receive(self) -> Message:
        """Return its next message, which must have come."""
        try:
            return cast("Answer", self.connection.recv())
        except (EOFError, OSError):
            return Died(self._explain_end())

    def _explain_end(self) -> str:
        """Return how the process ended: its exit status or signal, and the last line of its standard error."""
        try:
            status = self._process.wait(timeout=_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return "it did not answer"
        self._stderr.seek(0)
        lines = self._stderr.read()[-_LAST_BYTES:].decode(errors="replace").strip().splitlines()
        self.kill()
        return str(ProcessEnd(status, lines[-1] if lines else ""))

    def kill(self) -> None:
        """See `WorkerLink`; the processes that it has started end with it."""
        self._process.kill()
        self._process.wait()
        self.connection.close()
        self._stderr.close()


class LocalHost:
    """This machine; implements `WorkerHost`.

    Args:
        n_workers: largest number of workers.
    """

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers

    def limit(self, *, uses_gpu: bool) -> int:
        """See `WorkerHost`."""
        return self._n_workers

    def start(self, *, uses_gpu: bool) -> LocalWorker:
        """See `WorkerHost`."""
        try:
            return LocalWorker()
        except OSError as error:
            raise CannotStart(
                f"this machine starts no further process ({error.strerror})",
                "end other programs, or use --workers 1 or --runner serial",
            ) from error

    def wait(self, links: Sequence[LocalWorker], timeout_s: float) -> list[tuple[LocalWorker, Message]]:
        """See `WorkerHost`."""
        by_connection = {link.connection: link for link in links}
        ready = wait(list(by_connection), timeout_s)
        return [(link, link.receive()) for connection, link in by_connection.items() if connection in ready]

    def describe_room(self, *, uses_gpu: bool) -> str:
        """See `WorkerHost`."""
        return "this machine is busy, or its memory is full"

    def close(self) -> None:
        """See `WorkerHost`."""
