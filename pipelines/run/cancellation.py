"""Cancelling a run by Ctrl-C or by `forensics cancel`: items in progress are finished first.

A second Ctrl-C ends the run at once. A process that ignores SIGINT, as one started in the background may have to, keeps
ignoring it.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

__all__ = ["Interrupted", "StopRequest"]

_MESSAGE: Final = b"\nstopping after the work in progress is finished; press Ctrl-C again to stop now\n"


class Interrupted(Exception):
    """Raised when a run ends because it was cancelled; the parts that it has stored are kept."""

    exit_code: ClassVar[int] = 130


@dataclass(slots=True)
class StopRequest:
    """The request to cancel one run.

    Attributes:
        cancel_file: if this file exists, the run is to be cancelled.
        next_step: what the user can do afterwards, for the message.
        is_interrupted: whether Ctrl-C was pressed.
    """

    cancel_file: Path
    next_step: str = "run the same command again to continue"
    is_interrupted: bool = False

    @property
    def is_made(self) -> bool:
        """Whether the run is to be cancelled, so that no more items may be started."""
        return self.is_interrupted or self.cancel_file.exists()

    def raise_if_made(self) -> None:
        """Raise if the run is to be cancelled; deletes the cancel file.

        Call this when no item is in progress.

        Raises:
            Interrupted: the run is to be cancelled.
        """
        if self.is_interrupted:
            raise Interrupted(f"interrupted after the work in progress was finished; {self.next_step}")
        if self.cancel_file.exists():
            self.cancel_file.unlink()
            raise Interrupted(f"the run was cancelled; {self.next_step}")

    @contextlib.contextmanager
    def handling_interrupts(self) -> Iterator[None]:
        """Within the block, let the first Ctrl-C request the end of the run, and the second raise KeyboardInterrupt."""
        before = signal.getsignal(signal.SIGINT)
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or before is not signal.default_int_handler:
            yield
            return
        with _signal_socket() as arrived:
            signal.signal(signal.SIGINT, lambda number, frame: self._handle_interrupt(arrived))
            try:
                yield
            finally:
                signal.signal(signal.SIGINT, before)

    def _handle_interrupt(self, arrived: socket.socket) -> None:
        """Handle one or several SIGINT.

        Python calls this only once for all signals that arrived while a library was busy. `arrived` holds one byte for
        each of them.
        """
        with contextlib.suppress(BlockingIOError):
            if self.is_interrupted or arrived.recv(4096).count(signal.SIGINT) > 1:
                raise KeyboardInterrupt
        self.is_interrupted = True
        with contextlib.suppress(OSError):
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _MESSAGE)  # print is not reentrant


@contextlib.contextmanager
def _signal_socket() -> Iterator[socket.socket]:
    """Within the block, receive the number of every signal as a byte in the yielded socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        try:
            yield ours
        finally:
            signal.set_wakeup_fd(before)
