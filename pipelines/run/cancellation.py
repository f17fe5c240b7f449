"""Somebody asks a run to end: by Ctrl-C, or by `forensics cancel` from elsewhere. What is in hand is finished first.

The second Ctrl-C ends the run at once. A process that was started in the background may have to ignore SIGINT; then it
is left so.
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

_SAID: Final = b"\nfinishing what is in hand, then stopping; Ctrl-C again stops now\n"


class Interrupted(Exception):
    """Somebody asked the run to end; what is done stays done."""

    exit_code: ClassVar[int] = 130


@dataclass(slots=True)
class StopRequest:
    """Whether anybody asked one run to end.

    Attributes:
        cancel_file: its existence asks, too.
        then: what whoever asked may do next, in words.
        is_interrupted: Ctrl-C was pressed.
    """

    cancel_file: Path
    then: str = "run the same command again to go on"
    is_interrupted: bool = False

    @property
    def is_made(self) -> bool:
        """Whether no more work may be begun."""
        return self.is_interrupted or self.cancel_file.exists()

    def obey(self) -> None:
        """Return only if nobody asked; a request from elsewhere is used up.

        Raises:
            Interrupted: the run must end now that nothing is in hand.
        """
        if self.is_interrupted:
            raise Interrupted(f"interrupted, what was in hand is finished; {self.then}")
        if self.cancel_file.exists():
            self.cancel_file.unlink()
            raise Interrupted(f"the run was cancelled; {self.then}")

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Within the block the first Ctrl-C only asks, and the second one ends; elsewhere every one ends."""
        before = signal.getsignal(signal.SIGINT)
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or before is not signal.default_int_handler:
            yield
            return
        with _counted() as arrived:
            signal.signal(signal.SIGINT, lambda number, frame: self._ask(arrived))
            try:
                yield
            finally:
                signal.signal(signal.SIGINT, before)

    def _ask(self, arrived: socket.socket) -> None:
        """Python calls this once for all that came while a library was busy; `arrived` has every one of them."""
        with contextlib.suppress(BlockingIOError):
            if self.is_interrupted or arrived.recv(4096).count(signal.SIGINT) > 1:
                raise KeyboardInterrupt
        self.is_interrupted = True
        with contextlib.suppress(OSError):
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _SAID)  # print may be busy with another line


@contextlib.contextmanager
def _counted() -> Iterator[socket.socket]:
    """Within the block every signal leaves its number, a byte, in the socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        try:
            yield ours
        finally:
            signal.set_wakeup_fd(before)
