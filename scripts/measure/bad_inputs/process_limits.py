"""How much memory the job and its decoding child took, and whether it ended in time."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Watch", "Watched"]

_EVERY_S = 0.01


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of one piece of work.

    Attributes:
        seconds: how long it took.
        busy_seconds: of a processor, of this process and of the children that it ended; other work on the machine
            does not count.
        peak_bytes: the most that any one process of it held.
        was_ended: it hung, and its child was ended so that the campaign can go on.
    """

    seconds: float
    busy_seconds: float
    peak_bytes: int
    was_ended: bool


class Watch:
    """Looks at this process and its children while something works; the kernel keeps their high-water marks."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._peak_bytes = 0
        self._was_ended = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.seen: Watched | None = None

    def __enter__(self) -> "Watch":
        # 5 sets the mark back to what is held now
        Path("/proc/self/clear_refs").write_text("5")
        self._began_s, self._busy_s = time.monotonic(), _busy_seconds()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - self._began_s
        self._done.set()
        self._thread.join()
        peak_bytes = max(self._peak_bytes, _mark_bytes(os.getpid()))
        self.seen = Watched(seconds, _busy_seconds() - self._busy_s, peak_bytes, self._was_ended)

    def _look(self) -> None:
        while not self._done.wait(_EVERY_S):
            children = _children()
            self._peak_bytes = max([self._peak_bytes, *map(_mark_bytes, children)])
            if time.monotonic() - self._began_s > self._limit_s:
                self._was_ended = True
                for child in children:
                    os.kill(child, signal.SIGKILL)


def _busy_seconds() -> float:
    return sum(os.times()[:4])


def _children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return [int(pid) for each in lists for pid in _text(each).split()]


def _mark_bytes(pid: int) -> int:
    """The most that a process has held so far; 0 once it is gone."""
    for line in _text(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
