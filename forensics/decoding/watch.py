"""What a process uses, as the system counts it, and what its end says."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ended", "children", "processor_seconds", "resident_bytes"]

# Signals that a process brings upon itself. SIGBUS is none of them: it comes of a full disk too.
_OWN_SIGNALS = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGSYS},
)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 where the machine does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def processor_seconds(pid: int) -> float:
    """Time that all threads of a process were busy; 0 where the machine does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
    except (OSError, IndexError, ValueError):
        return 0.0
    return ticks / os.sysconf("SC_CLK_TCK")


def children() -> list[int]:
    """Ids of the processes that this one started and that have not ended; none where the machine does not tell."""
    listed = (path.read_text() for path in Path("/proc/self/task").glob("*/children"))
    try:
        return [int(pid) for line in listed for pid in line.split()]
    except OSError:
        return []


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        status: its exit status; below zero a signal.
        last_line: what it said last on its standard error.
    """

    status: int
    last_line: str

    @property
    def is_crash(self) -> bool:
        """Whether it ended by what it did, not by what others did to it.

        >>> Ended(-signal.SIGSEGV, "").is_crash, Ended(-signal.SIGKILL, "").is_crash, Ended(1, "ValueError").is_crash
        (True, False, True)
        """
        return self.status > 0 or -self.status in _OWN_SIGNALS

    def __str__(self) -> str:
        how = f"signal {signal.Signals(-self.status).name}" if self.status < 0 else f"exit status {self.status}"
        return f"{how}: {self.last_line}" if self.last_line else how
