"""Search of the memory of other processes, as an administrator with root could do it. Linux only."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

__all__ = ["descendants", "find_in_memory"]

_CHUNK_BYTES = 16 << 20


def descendants() -> list[psutil.Process]:
    """Return all processes that this one has started, and theirs, among them the servers and workers of a cluster."""
    return psutil.Process().children(recursive=True)


def find_in_memory(pid: int, needles: Mapping[str, bytes]) -> set[str]:
    """Return the names of the byte strings that are in the memory of a process.

    Raises:
        PermissionError: this user may not read the memory of the process.
    """
    found: set[str] = set()
    longest = max(len(needle) for needle in needles.values())
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, stop in _readable_ranges(pid):
            for offset in range(start, stop, _CHUNK_BYTES):
                with contextlib.suppress(OSError, ValueError, OverflowError):
                    data = os.pread(memory.fileno(), min(_CHUNK_BYTES + longest, stop - offset), offset)
                    found |= {name for name, needle in needles.items() if needle in data}
    return found


def _readable_ranges(pid: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, rights, *_ = line.split()
        if rights.startswith("r") and "[v" not in line:  # without the kernel's own pages
            start, stop = (int(address, 16) for address in addresses.split("-"))
            yield start, stop
