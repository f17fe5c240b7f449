"""One command at a time changes a case: a lock that ends with the process that holds it."""

import contextlib
import fcntl
import os
import re
import signal
import socket
import time
from collections.abc import Iterator

from forensics.case import CaseFolder
from forensics.errors import CannotStart

__all__ = ["is_held", "locked", "taken_over"]

_POLL_S = 0.2


def is_held(folder: CaseFolder) -> bool:
    """Whether some command is changing the case right now."""
    try:
        with locked(folder):
            return False
    except CannotStart:
        return True


@contextlib.contextmanager
def locked(folder: CaseFolder) -> Iterator[None]:
    """Hold the case against every other command that changes it.

    Raises:
        CannotStart: another process holds it, with its number.
    """
    descriptor = os.open(folder.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = folder.lock_file.read_text().strip() or "another process"
            raise CannotStart(f"{folder.root}: {holder} is working on this case", "wait for it to end") from error
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def taken_over(folder: CaseFolder, *, patience_s: float) -> Iterator[None]:
    """Hold the case, whoever had it: wait for them to stop, then end their process if it runs on this machine.

    Raises:
        CannotStart: the holder runs on another machine and does not stop.
    """
    deadline = time.monotonic() + patience_s
    is_killed = False
    while True:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(folder))
            except CannotStart:
                if time.monotonic() > deadline and is_killed:
                    raise
                if time.monotonic() > deadline:
                    is_killed, deadline = _kill_holder(folder), time.monotonic() + patience_s
            else:
                yield
                return
        time.sleep(_POLL_S)


def _kill_holder(folder: CaseFolder) -> bool:
    """End the process that the lock names; it holds the lock, so the number is still its own. Always true."""
    named = re.fullmatch(r"process (\d+) on (\S+)", folder.lock_file.read_text().strip())
    if named and named[2] == socket.gethostname() and int(named[1]) != os.getpid():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(int(named[1]), signal.SIGKILL)
    return True
