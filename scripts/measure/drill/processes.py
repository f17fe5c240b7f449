"""Commands with a mark in their environment, by which all their descendants are found."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Command", "CommandResult", "Process", "find_processes", "wait_until"]

_MARK = "FORENSICS_DRILL"
# Restores SIGINT, which a shell makes background processes ignore.
_PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from pipelines.cli import main; main()"
)
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """A living process: its id, and its command line or the title that it gave itself."""

    pid: int
    title: str

    def send(self, number: int) -> bool:
        """Send a signal; return False if the process is already gone."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def find_processes(mark: str) -> list[Process]:
    """Return all living processes whose environment has this mark, by process id."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(_MARK) == mark and (title := " ".join(process.cmdline()).strip()):
                found.append(Process(process.pid, title))
    return found


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Poll until the condition holds; return whether it held within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Exit code (-N for signal N), standard output and standard error of a command that ended."""

    code: int
    out: str
    err: str

    @property
    def error_tail(self) -> str:
        """The end of standard error."""
        return " ".join(self.err.split())[-300:]


class Command:
    """A `forensics` command in its own process session, as if started in a terminal."""

    def __init__(
        self,
        arguments: Sequence[object],
        *,
        mark: str,
        output: Path,
        environment: Mapping[str, str],
        prefix: Sequence[str] = (),
    ) -> None:
        self.mark = mark
        self._output = output
        with output.with_suffix(".out").open("wb") as out, output.with_suffix(".err").open("wb") as err:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-c", _PROGRAM, *map(str, arguments)],
                env={**os.environ, **environment, _MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the command itself."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the command itself is still running."""
        return self._process.poll() is None

    def find_descendants(self, *titles: str) -> list[Process]:
        """Return the living descendants whose title contains one of these texts."""
        found = [process for process in find_processes(self.mark) if process.pid != self.pid]
        return [process for process in found if any(title in process.title for title in titles)]

    def send(self, number: int) -> None:
        """Send a signal to the command itself."""
        self._process.send_signal(number)

    def interrupt(self) -> None:
        """Send SIGINT to the whole process group, as Ctrl-C does."""
        if self.is_alive:
            os.killpg(self.pid, signal.SIGINT)

    def wait(self, *, seconds: float) -> CommandResult:
        """Wait for the end and return the result; after `seconds` the command is killed and its code is -9."""
        try:
            code = self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        texts = (self._output.with_suffix(kind).read_text(errors="replace") for kind in (".out", ".err"))
        return CommandResult(code, *texts)
