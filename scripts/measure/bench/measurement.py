"""Measures one run of a contender: start-up time, duration, CPU time and peak memory."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import psutil

__all__ = ["Measurement", "run_contender", "share_of_others"]

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
        others: share of the processor time of this machine that other processes used meanwhile, 0 to 1.
        facts: further facts that the contender reports.
    """

    frames: int
    seconds: float
    startup_s: float
    cpu_s: float
    peak_bytes: int
    others: float
    facts: dict[str, Any]

    @property
    def whole_s(self) -> float:
        """Seconds of the whole process."""
        return self.startup_s + self.seconds

    @property
    def as_whole(self) -> "Measurement":
        """The same run, counted from the start of the process to its end."""
        return replace(self, seconds=self.whole_s, startup_s=0.0)

    @property
    def fps(self) -> float:
        """Frames of footage per second."""
        return self.frames / self.seconds


@dataclass(frozen=True, slots=True)
class _ProcessorTime:
    """Processor seconds so far.

    Attributes:
        busy_s: of all processes of the machine but this one.
        total_s: that all processors offered.
    """

    busy_s: float
    total_s: float

    @classmethod
    def now(cls) -> "_ProcessorTime":
        machine = psutil.cpu_times()
        total_s = sum(machine) - machine.guest - machine.guest_nice
        return cls(total_s - machine.idle - machine.iowait - time.process_time(), total_s)

    def others_since(self, before: "_ProcessorTime", ours_s: float = 0.0) -> float:
        """Return the share of the processors that was used since then, without `ours_s` seconds of it."""
        used_s = self.busy_s - before.busy_s - ours_s
        return max(0.0, used_s) / max(1e-9, self.total_s - before.total_s)


def share_of_others(seconds: float) -> float:
    """Return the share of the processors that other processes use, measured for so many seconds."""
    before = _ProcessorTime.now()
    time.sleep(seconds)
    return _ProcessorTime.now().others_since(before)


class _Watch:
    """Peak memory and processor time of a process and its descendants."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._cpu_s = dict[int, float]()
        self.peak_bytes = 0

    @property
    def cpu_s(self) -> float:
        """Processor seconds of all of them, when each was last seen."""
        return sum(self._cpu_s.values())

    def measure(self) -> None:
        """Look at each process."""
        with contextlib.suppress(psutil.Error):
            for process in [self._root, *self._root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
                    self._cpu_s[process.pid] = sum(process.cpu_times()[:2])


def run_contender(command: list[str], read_answer: Any) -> Measurement:
    """Run a contender to its end and measure it.

    Args:
        command: prints one JSON object as its last line.
        read_answer: returns frames, seconds and further facts, among them ``cpu_s``, from that object.

    Raises:
        SystemExit: the contender failed.
    """
    began, before = time.time(), _ProcessorTime.now()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watched, ended = _Watch(process.pid), threading.Event()
        measuring = threading.Thread(target=_measure_until, args=(watched, ended))
        measuring.start()
        out, err = process.communicate()
        ended.set()
        measuring.join()
    wall_s, others = time.time() - began, _ProcessorTime.now().others_since(before, watched.cpu_s)
    if process.returncode:
        raise SystemExit(f"{command[:4]} ended with {process.returncode}:\n{err[-2000:]}")
    frames, seconds, facts = read_answer(json.loads(out.splitlines()[-1]))
    return Measurement(frames, seconds, wall_s - seconds, facts.pop("cpu_s"), watched.peak_bytes, others, facts)


def _measure_until(watched: _Watch, ended: threading.Event) -> None:
    while not ended.wait(_POLL_S):
        watched.measure()


if __name__ == "__main__":
    sys.exit("this module is a part of scripts/bench and cannot be run alone")
