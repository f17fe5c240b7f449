"""One command at a time changes a case: a lock that ends with the process that holds it."""

import contextlib
import errno
import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from forensics.custody.case_folder import CaseFolder
from forensics.errors import CannotStart, IntegrityBroken

__all__ = ["is_held", "locked", "take_over_lock"]

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
    descriptor = _opened(folder)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = folder.lock_file.read_text().strip() or "another process"
            raise CannotStart(f"{holder} is working on this case", "wait for it to end", folder.root) from error
        if os.fstat(descriptor).st_nlink > 1:
            raise IntegrityBroken("has a second name", "remove it; the lock is a file of its own", folder.lock_file)
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        os.close(descriptor)


def _opened(folder: CaseFolder) -> int:
    try:
        return os.open(folder.lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise IntegrityBroken("is a link", "remove it; the lock is a file of its own", folder.lock_file) from error


@contextlib.contextmanager
def take_over_lock(folder: CaseFolder, *, patience_s: float) -> Iterator[None]:
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
    """End the process that holds the lock, by the kernel's word if it runs here, not by the file's. Always true."""
    for process in _holders(folder):
        if process != os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
    return True


def _holders(folder: CaseFolder) -> list[int]:
    """Processes of this machine that hold the lock, by `/proc/locks`: ``1: FLOCK ADVISORY WRITE 42 08:01:77 0 EOF``."""
    status = folder.lock_file.stat()
    named = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    lines = Path("/proc/locks").read_text().splitlines() if Path("/proc/locks").exists() else []
    held = [fields for fields in map(str.split, lines) if "FLOCK" in fields and "->" not in fields]
    return [int(fields[4]) for fields in held if fields[5] == named]
