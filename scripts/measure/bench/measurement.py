"""Measures one run of a contender: start-up time, duration, CPU time and peak memory."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import psutil

__all__ = ["Measurement", "run_contender"]

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Measurement:
    """Result of one run of a contender.

    Attributes:
        frames: of the footage that were processed.
        seconds: from the end of the start-up to the end.
        startup_s: start-up: imports, loading, compiling, the cluster.
        cpu_s: CPU time of all its processes in `seconds`.
        peak_bytes: peak memory of its largest process.
        facts: further facts that the contender reports.
    """

    frames: int
    seconds: float
    startup_s: float
    cpu_s: float
    peak_bytes: int
    facts: dict[str, Any]

    @property
    def fps(self) -> float:
        """Frames of footage per second."""
        return self.frames / self.seconds


class _MemoryWatch:
    """Peak memory of a process and its descendants."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self.peak_bytes = 0

    def measure(self) -> None:
        """Update the peak with the current memory of each process."""
        with contextlib.suppress(psutil.Error):
            for process in [self._root, *self._root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)


def run_contender(command: list[str], read_answer: Any) -> Measurement:
    """Run a contender to its end and measure it.

    Args:
        command: prints one JSON object as its last line.
        read_answer: returns frames, seconds and further facts, among them ``cpu_s``, from that object.

    Raises:
        SystemExit: the contender failed.
    """
    began = time.time()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watched, ended = _MemoryWatch(process.pid), threading.Event()
        measuring = threading.Thread(target=_measure_until, args=(watched, ended))
        measuring.start()
        out, err = process.communicate()
        ended.set()
        measuring.join()
    wall_s = time.time() - began
    if process.returncode:
        raise SystemExit(f"{command[:4]} ended with {process.returncode}:\n{err[-2000:]}")
    frames, seconds, facts = read_answer(json.loads(out.splitlines()[-1]))
    return Measurement(frames, seconds, wall_s - seconds, facts.pop("cpu_s"), watched.peak_bytes, facts)


def _measure_until(watched: _MemoryWatch, ended: threading.Event) -> None:
    while not ended.wait(_POLL_S):
        watched.measure()


if __name__ == "__main__":
    sys.exit("this module is a part of scripts/bench and cannot be run alone")
