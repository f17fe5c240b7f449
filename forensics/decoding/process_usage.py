"""Memory and processor time of a process, as the system counts them, and how a process ended."""

import ctypes
import signal
import sys
from dataclasses import dataclass

import psutil

__all__ = ["ProcessEnd", "child_pids", "die_with_parent", "processor_seconds", "resident_bytes"]

_PR_SET_PDEATHSIG = 1

# Signals that a process causes itself. Without SIGBUS: a full disk causes that, too.
_OWN_SIGNALS = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGSYS},
)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 if it has ended."""
    try:
        resident: int = psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0
    return resident


def processor_seconds(pid: int) -> float:
    """Return the processor time of all threads of a process; 0 if it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def die_with_parent() -> None:
    """Make Linux kill this process when the thread that started it ends, even during a native call."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def child_pids() -> list[int]:
    """Return the ids of the running processes that this one started."""
    return [child.pid for child in psutil.Process().children()]


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """How a process ended.

    Attributes:
        status: its exit status; negative for a signal.
        last_line: last line of its standard error.
    """

    status: int
    last_line: str

    @property
    def is_crash(self) -> bool:
        """Whether the process ended by its own fault, not by a signal from outside.

        >>> ProcessEnd(-signal.SIGSEGV, "").is_crash, ProcessEnd(-signal.SIGKILL, "").is_crash
        (True, False)
        >>> ProcessEnd(1, "ValueError").is_crash
        True
        """
        return self.status > 0 or -self.status in _OWN_SIGNALS

    def __str__(self) -> str:
        how = f"signal {signal.Signals(-self.status).name}" if self.status < 0 else f"exit status {self.status}"
        return f"{how}: {self.last_line}" if self.last_line else how
