"""One disturbed case: its own copy, its own processes, and what must be true of it when it ends."""

import random
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forensics.custody.log import break_in, open_begins, read_chain
from forensics.digests import sha256_of_file
from scripts.measure.drill.job import Job, difference, settings_of
from scripts.measure.drill.processes import Command, Ended, marked, waited_for

__all__ = ["MissingRequirement", "Trial"]

_PATIENCE_S = 180
_GONE_S = 15
"""How long a process may live after its command ended."""


class MissingRequirement(Exception):
    """This machine lacks what the drill needs, in words."""


@dataclass(slots=True)
class Trial:
    """A copy of the case, and what went wrong with it.

    Attributes:
        job: what it was copied from.
        folder: of this trial alone.
        chance: seeded for this trial alone.
        runner: ``serial`` or ``ray``.
        before: what stands before each command, such as what takes its rights away.
        environment: of each command.
        root: where the case lies, below `folder` unless the drill puts it elsewhere.
        kept: each part that was there when the disturbed command was gone, with its inode and time.
        problems: promises that did not hold, in words.
    """

    job: Job
    folder: Path
    chance: random.Random
    runner: str = "serial"
    before: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    root: Path = field(init=False)
    kept: dict[str, tuple[int, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _n_commands: int = 0

    def __post_init__(self) -> None:
        self.root = self.folder / "case"

    def check(self, holds: object, promise: str) -> None:
        """Note a promise that does not hold."""
        if not holds:
            self.problems.append(promise)

    # ---- commands

    def begin(self, *arguments: object, disturbed: Mapping[str, str] | None = None) -> Command:
        """Start a command; without arguments the run, which is the same each time, on a copy of the case."""
        if not arguments and not self.root.exists():
            shutil.copytree(self.job.case, self.root)
        self._n_commands += 1
        environment = {"FORENSICS_KEYS": str(self.folder / "keys"), **self.environment}
        return Command(
            arguments or ("run", self.root, *settings_of(self.runner)),
            mark=self.folder.as_posix(),
            said=self.folder / f"command-{self._n_commands}",
            environment={**environment, **(disturbed or {})},
            before=self.before,
        )

    def done(self, *arguments: object) -> Ended:
        """A command that nothing disturbs."""
        return self.begin(*arguments).ended(seconds=_PATIENCE_S)

    def over(self, command: Command, *codes: int) -> Ended:
        """The disturbed command ended with one of these codes, explained itself, and left no process; parts are noted.

        Args:
            command: that was disturbed.
            codes: exit codes that are right; -9 where it was killed.
        """
        ended = command.ended(seconds=_PATIENCE_S)
        self.check(ended.code in codes, f"it ended with {ended.code}, not {codes}: {ended.last_words}")
        self.check("Traceback" not in ended.err, f"it ended in a traceback: {ended.last_words}")
        self.check(ended.code in {0, -9} or ended.err.strip(), "it ended without a word")
        self.check_gone()
        self.kept = self.parts()
        return ended

    def check_gone(self) -> None:
        """No process of this trial is alive, after a while; what is, is told and ended."""
        mark = self.folder.as_posix()
        if waited_for(lambda: not marked(mark), seconds=_GONE_S):
            return
        for process in marked(mark):
            self.problems.append(f"process {process.title[:60]} lived on for {_GONE_S} s")
            process.send(signal.SIGKILL)

    # ---- moments

    def n_parts(self) -> int:
        """Parts that are in place."""
        return len(self.parts())

    def reached(self, command: Command, n_parts: int, *, within_s: float = 0.3) -> bool:
        """Wait until so many parts are in place, and a random moment more; false where the command ended before."""
        waited_for(lambda: self.n_parts() >= n_parts or not command.is_alive, seconds=_PATIENCE_S)
        time.sleep(self.chance.uniform(0, within_s))
        return command.is_alive

    def parts(self) -> dict[str, tuple[int, int]]:
        """Those in place, each with its inode and time."""
        found = {}
        for path in self.root.glob("runs/*/parts/*/*.parquet"):
            if not path.name.startswith("."):
                state = path.stat()
                found[path.relative_to(self.root).as_posix()] = (state.st_ino, state.st_mtime_ns)
        return found

    # ---- the end

    def goes_on(self) -> None:
        """The same command again ends in order, and everything that was promised holds."""
        ended = self.done()
        self.check(ended.code == 0, f"the same command again ended with {ended.code}: {ended.last_words}")
        self.judge()

    def judge(self) -> None:
        """What is published is what an undisturbed run publishes, nothing was done twice, and all is in order."""
        differs = difference(self.job.finished, self.root)
        self.check(not differs, differs)
        again = [name for name, state in self.kept.items() if self.parts().get(name) != state]
        self.check(not again, f"{len(again)} parts that were there already were made again, such as {again[:1]}")
        self.judge_order()

    def judge_order(self) -> None:
        """The case is what its log says, its log is whole, nothing temporary is left, no footage was touched."""
        verified = self.done("verify", self.root)
        self.check(verified.code == 0, f"verify ended with {verified.code}: {verified.last_words}")
        self._judge_log()
        self._judge_leftovers()
        footage = tuple(map(sha256_of_file, self.job.footage))
        self.check(footage == self.job.footage_sha256, "the footage is not what it was")
        self.check_gone()

    def _judge_log(self) -> None:
        chain = read_chain(self.root / "audit.jsonl")
        broken = break_in(chain)
        self.check(not broken, f"the log: {broken}")
        n_open = len(open_begins(chain.lines))
        self.check(n_open == 0, f"the log: {n_open} commands have no end")

    def _judge_leftovers(self) -> None:
        places = [folder for folder in (self.root, self.folder / "keys") if folder.exists()]
        temporary = [path for place in places for path in place.rglob(".*") if path.name not in {".lock"}]
        self.check(not temporary, f"{len(temporary)} temporary files were left, such as {temporary[:1]}")

    def clean_up(self) -> None:
        """Nothing of the trial is left."""
        for process in marked(self.folder.as_posix()):
            process.send(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
