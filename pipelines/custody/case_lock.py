"""Lock of a case: one command at a time changes it. The lock ends with the process that holds it."""

import contextlib
import errno
import fcntl
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from forensics.custody.case_folder import CaseFolder
from forensics.errors import CannotStart, IntegrityBroken

__all__ = ["is_locked", "lock_case", "take_over_lock"]

_POLL_S = 0.2


def is_locked(folder: CaseFolder) -> bool:
    """Whether a command holds the lock of the case."""
    try:
        with lock_case(folder):
            return False
    except CannotStart:
        return True


@contextlib.contextmanager
def lock_case(folder: CaseFolder) -> Iterator[None]:
    """Hold the lock of the case within the block.

    Raises:
        CannotStart: another process holds it.
        IntegrityBroken: the lock file is a link or has a hard link.
    """
    descriptor = _open_lock_file(folder)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = folder.lock_file.read_text().strip() or "another process"
            raise CannotStart(
                f"{holder} is working on this case", "wait until it ends, then try again", folder.root
            ) from error
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        os.close(descriptor)


def _open_lock_file(folder: CaseFolder) -> int:
    """Open the lock file, which belongs to this case alone: the holder of another lock must never be killed."""
    try:
        descriptor = os.open(folder.lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise IntegrityBroken("the lock file is a link", "remove this link and try again", folder.lock_file) from error
    if _is_of_this_case_alone(os.fstat(descriptor)):
        return descriptor
    os.close(descriptor)
    raise IntegrityBroken(
        "the lock file has a hard link or is not a file", "remove this file and try again", folder.lock_file
    )


def _is_of_this_case_alone(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink <= 1


@contextlib.contextmanager
def take_over_lock(folder: CaseFolder, *, patience_s: float) -> Iterator[None]:
    """Take the lock from its holder: wait until the holder stops, then kill its process if it is on this machine.

    Args:
        folder: folder of the case.
        patience_s: seconds to wait before the kill, and again after it.

    Raises:
        CannotStart: the holder runs on another machine and does not stop.
    """
    deadline = time.monotonic() + patience_s
    is_killed = False
    while True:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock_case(folder))
            except CannotStart:
                if time.monotonic() > deadline and is_killed:
                    raise
                if time.monotonic() > deadline:
                    is_killed, deadline = _kill_holders(folder), time.monotonic() + patience_s
            else:
                yield
                return
        time.sleep(_POLL_S)


def _kill_holders(folder: CaseFolder) -> bool:
    """Kill the processes that hold the lock, as the kernel lists them, not the lock file. Always return True."""
    for process in _find_holders(folder):
        if process != os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
    return True


def _find_holders(folder: CaseFolder) -> list[int]:
    """Return the pids of this machine that hold the lock.

    A line of `/proc/locks` is ``1: FLOCK ADVISORY WRITE 42 08:01:77 0 EOF``, where 42 is the pid.
    """
    status = folder.lock_file.lstat()
    if not _is_of_this_case_alone(status):
        return []
    named = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    lines = Path("/proc/locks").read_text().splitlines() if Path("/proc/locks").exists() else []
    held = [fields for fields in map(str.split, lines) if "FLOCK" in fields and "->" not in fields]
    return [int(fields[4]) for fields in held if fields[5] == named]
