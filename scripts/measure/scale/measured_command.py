"""One command of ours while it runs: how long it took, and how much memory its own process held."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

__all__ = ["Ended", "ended"]

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        seconds: it took.
        driver_bytes: the most memory that its own process held, its workers not counted.
        answer: its JSON answer; empty where it was killed.
    """

    seconds: float
    driver_bytes: int
    answer: dict[str, Any]


def ended(*arguments: object, keys: Path, killed_when: Callable[[], bool] | None = None) -> Ended:
    """Run `forensics` with these arguments to its end, or until it is killed.

    Args:
        arguments: of the command line.
        keys: the folder of keys.
        killed_when: asked ten times a second.

    Raises:
        SystemExit: it failed.
    """
    began, most = time.monotonic(), 0
    command = ["forensics", *map(str, arguments)]
    environment = {**os.environ, "FORENSICS_KEYS": str(keys)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        said: list[tuple[str, str]] = []
        listening = threading.Thread(target=lambda: said.append(process.communicate()))
        listening.start()
        was_killed, looked_at = False, psutil.Process(process.pid)
        while listening.is_alive():
            with contextlib.suppress(psutil.Error):
                most = max(most, looked_at.memory_info().rss)
            if killed_when is not None and not was_killed and killed_when():
                os.kill(process.pid, signal.SIGKILL)
                was_killed = True
            listening.join(_LOOK_S)
    seconds, (out, err) = time.monotonic() - began, said[0]
    if was_killed:
        return Ended(seconds, most, {})
    if process.returncode not in (0, 4):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{err[-2000:]}")
    return Ended(seconds, most, json.loads(out.splitlines()[-1]))
