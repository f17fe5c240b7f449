"""Commands that can be told from all others: each carries a mark in its environment, which its children inherit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Command", "Ended", "Process", "marked", "waited_for"]

_MARK = "FORENSICS_DRILL"
# Also in a campaign that was begun in the background, where a shell has its processes ignore SIGINT.
_CALLED = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from pipelines.cli import main; main()"
)
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """A living process: its number and its command line, or the title it gave itself."""

    pid: int
    title: str

    def send(self, number: int) -> bool:
        """Send a signal; false where the process is gone already."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def marked(mark: str) -> list[Process]:
    """All living processes whose environment carries this mark, by number."""
    wanted = f"{_MARK}={mark}".encode()
    numbers = sorted(int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())
    return [process for number in numbers if (process := _marked(number, wanted)) is not None]


def _marked(pid: int, wanted: bytes) -> Process | None:
    folder = Path(f"/proc/{pid}")
    try:
        if wanted not in (folder / "environ").read_bytes().split(b"\0"):
            return None
        title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    return Process(pid, title) if title else None


def waited_for(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether the condition held within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended: its exit code (-N for signal N), what it said on standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        """The end of what it said."""
        return " ".join(self.err.split())[-300:]


class Command:
    """One `forensics` command in a session of its own, as if a terminal had started it."""

    def __init__(
        self,
        arguments: Sequence[object],
        *,
        mark: str,
        said: Path,
        environment: Mapping[str, str],
        before: Sequence[str] = (),
    ) -> None:
        self.mark = mark
        self._said = said
        with said.with_suffix(".out").open("wb") as out, said.with_suffix(".err").open("wb") as err:
            self._process = subprocess.Popen(
                [*before, sys.executable, "-c", _CALLED, *map(str, arguments)],
                env={**os.environ, **environment, _MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the command itself."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the command itself has not ended."""
        return self._process.poll() is None

    def others(self, *titles: str) -> list[Process]:
        """Its living children and theirs whose title holds one of these texts."""
        found = [process for process in marked(self.mark) if process.pid != self.pid]
        return [process for process in found if any(title in process.title for title in titles)]

    def send(self, number: int) -> None:
        """Send the command itself a signal."""
        self._process.send_signal(number)

    def interrupt(self) -> None:
        """What Ctrl-C does: SIGINT to every process of the session's foreground group."""
        if self.is_alive:
            os.killpg(self.pid, signal.SIGINT)

    def ended(self, *, seconds: float) -> Ended:
        """How it ended; it is ended by force when that takes too long, and its code then is -9."""
        try:
            code = self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        texts = (self._said.with_suffix(kind).read_text(errors="replace") for kind in (".out", ".err"))
        return Ended(code, *texts)
