"""Runs a `forensics` command and measures its duration and the memory of its own process."""

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

__all__ = ["CommandResult", "run_forensics"]

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Result of a command.

    Attributes:
        seconds: duration.
        driver_bytes: peak memory of its own process, without workers.
        answer: JSON output; empty if the command was killed.
    """

    seconds: float
    driver_bytes: int
    answer: dict[str, Any]


def run_forensics(*arguments: object, keys: Path, kill_when: Callable[[], bool] | None = None) -> CommandResult:
    """Run `forensics` with these arguments until it ends or is killed.

    Args:
        arguments: of the command line.
        keys: folder of keys.
        kill_when: checked ten times a second; the command is killed once it returns True.

    Raises:
        SystemExit: the command failed.
    """
    start_s, peak_bytes = time.monotonic(), 0
    command = ["forensics", *map(str, arguments)]
    environment = {**os.environ, "FORENSICS_KEYS": str(keys)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        outputs: list[tuple[str, str]] = []
        listening = threading.Thread(target=lambda: outputs.append(process.communicate()))
        listening.start()
        was_killed, watched = False, psutil.Process(process.pid)
        while listening.is_alive():
            with contextlib.suppress(psutil.Error):
                peak_bytes = max(peak_bytes, watched.memory_info().rss)
            if kill_when is not None and not was_killed and kill_when():
                os.kill(process.pid, signal.SIGKILL)
                was_killed = True
            listening.join(_POLL_S)
    seconds, (out, err) = time.monotonic() - start_s, outputs[0]
    if was_killed:
        return CommandResult(seconds, peak_bytes, {})
    if process.returncode not in (0, 4):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{err[-2000:]}")
    return CommandResult(seconds, peak_bytes, json.loads(out.splitlines()[-1]))
