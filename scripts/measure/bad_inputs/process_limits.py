"""Measures the time and memory of the job and its decoding child, and kills children that hang."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProcessUsage", "ProcessWatch"]

_EVERY_S = 0.01


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """Time and memory of one piece of work.

    Attributes:
        seconds: wall time.
        busy_seconds: CPU time of this process and of its ended children, independent of other load on the machine.
        peak_bytes: peak memory of the largest process.
        was_ended: whether it hung and its child was killed, so that the campaign can continue.
    """

    seconds: float
    busy_seconds: float
    peak_bytes: int
    was_ended: bool


class ProcessWatch:
    """Watches the memory of this process and its children within the block, by the kernel's high-water marks."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._peak_bytes = 0
        self._was_ended = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch_children, daemon=True)
        self.usage: ProcessUsage | None = None

    def __enter__(self) -> "ProcessWatch":
        # 5 resets the high-water mark to the current memory
        Path("/proc/self/clear_refs").write_text("5")
        self._began_s, self._busy_s = time.monotonic(), _busy_seconds()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - self._began_s
        self._done.set()
        self._thread.join()
        peak_bytes = max(self._peak_bytes, _peak_bytes_of(os.getpid()))
        self.usage = ProcessUsage(seconds, _busy_seconds() - self._busy_s, peak_bytes, self._was_ended)

    def _watch_children(self) -> None:
        while not self._done.wait(_EVERY_S):
            children = _children()
            self._peak_bytes = max([self._peak_bytes, *map(_peak_bytes_of, children)])
            if time.monotonic() - self._began_s > self._limit_s:
                self._was_ended = True
                for child in children:
                    os.kill(child, signal.SIGKILL)


def _busy_seconds() -> float:
    return sum(os.times()[:4])


def _children() -> list[int]:
    """Return the direct children. psutil would scan all processes, and that CPU time counts in `busy_seconds`."""
    lists = Path("/proc/self/task").glob("*/children")
    return [int(pid) for each in lists for pid in _read_text(each).split()]


def _peak_bytes_of(pid: int) -> int:
    """Return the peak memory of a process; 0 if it is gone. psutil does not offer this on Linux."""
    for line in _read_text(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
