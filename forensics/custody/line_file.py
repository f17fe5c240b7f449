"""Append-only files of JSON lines: one writer at a time, and each line is on disk before the append returns.

The log of a case and its checkpoints are such files. A command that is killed while it appends leaves an incomplete
line, the torn end. The next writer must remove it before it appends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["LineFile", "open_line_file"]

_BLOCK_BYTES: Final = 1 << 16
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW


@contextmanager
def open_line_file(path: Path, lock: int = fcntl.LOCK_EX) -> Iterator["LineFile"]:
    """Open a file of lines and lock it within the block; create it if it does not exist.

    Args:
        path: the file.
        lock: flags of `flock`; with `LOCK_NB` a lock that another process holds is not waited for.

    Raises:
        OSError: the file cannot be opened for writing, is a link, or is locked (`BlockingIOError`).
    """
    descriptor = os.open(path, _FLAGS, 0o600)
    try:
        fcntl.flock(descriptor, lock)
        yield LineFile(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class LineFile:
    """An open and locked file of lines.

    Attributes:
        descriptor: file descriptor.
    """

    descriptor: int

    @property
    def n_names(self) -> int:
        """Number of directory entries of the file; more than one if it has a hard link."""
        return os.fstat(self.descriptor).st_nlink

    def read_torn_end(self) -> bytes:
        """Return the bytes after the last whole line; empty if the file ends with a newline."""
        return self._tail().rpartition(b"\n")[2]

    def remove_torn_end(self, torn: bytes) -> None:
        """Truncate the file by the torn end that `read_torn_end` returned."""
        os.ftruncate(self.descriptor, os.fstat(self.descriptor).st_size - len(torn))

    def read_last_line(self) -> bytes | None:
        """Return the last whole line without newline; None if there is none. Call it without a torn end.

        A blank line is a line: a file that ends in one has been changed, and must not pass for an empty file.
        """
        tail = self._tail()
        return tail[:-1].rpartition(b"\n")[2] if tail else None

    def append(self, line: bytes) -> None:
        """Append one line. It is on disk when this returns."""
        data = line + b"\n"
        while data:  # a nearly full disk may accept only some of the bytes at a time
            data = data[os.write(self.descriptor, data) :]
        os.fsync(self.descriptor)

    def _tail(self) -> bytes:
        """Return the last bytes of the file, with at least one whole line if there is one."""
        size = start = os.fstat(self.descriptor).st_size
        while True:
            start = max(0, start - _BLOCK_BYTES)
            tail = os.pread(self.descriptor, size - start, start)
            if start == 0 or tail.count(b"\n") >= 2:
                return tail
