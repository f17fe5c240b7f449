"""One contender's one run: how long it took once it was ready, what it used, and how long it took to be ready."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import psutil

__all__ = ["Measured", "timed"]

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of one contender came to.

    Attributes:
        frames: of footage that it went through.
        seconds: from the moment it was ready to its end.
        startup_s: before that: imports, loading, compiling, the cluster.
        cpu_s: processor time of all that worked in those seconds.
        peak_bytes: the most memory that one of its processes held.
        facts: what else it says of itself.
    """

    frames: int
    seconds: float
    startup_s: float
    cpu_s: float
    peak_bytes: int
    facts: dict[str, Any]

    @property
    def fps(self) -> float:
        """Frames of footage a second."""
        return self.frames / self.seconds


class _Watched:
    """A process and all below it, looked at while it runs."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self.peak_bytes = 0

    def look(self) -> None:
        """Note how much memory each of them holds."""
        with contextlib.suppress(psutil.Error):
            for process in [self._root, *self._root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)


def timed(command: list[str], ready: Any) -> Measured:
    """Run a contender to its end.

    Args:
        command: prints one JSON object as its last line.
        ready: tells of that object: frames, seconds, and other facts, of which ``cpu_s`` is one.

    Raises:
        SystemExit: it failed.
    """
    began = time.time()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watched, ended = _Watched(process.pid), threading.Event()
        looking = threading.Thread(target=_look_until, args=(watched, ended))
        looking.start()
        out, err = process.communicate()
        ended.set()
        looking.join()
    wall_s = time.time() - began
    if process.returncode:
        raise SystemExit(f"{command[:4]} ended with {process.returncode}:\n{err[-2000:]}")
    frames, seconds, facts = ready(json.loads(out.splitlines()[-1]))
    return Measured(frames, seconds, wall_s - seconds, facts.pop("cpu_s"), watched.peak_bytes, facts)


def _look_until(watched: _Watched, ended: threading.Event) -> None:
    while not ended.wait(_LOOK_S):
        watched.look()


if __name__ == "__main__":
    sys.exit("this is a part of scripts/bench")
