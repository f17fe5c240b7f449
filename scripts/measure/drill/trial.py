"""One disturbed copy of the case, its processes, and the checks at the end."""

import random
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forensics.custody.log import find_chain_break, find_open_begins, read_chain
from forensics.digests import sha256_of_file
from scripts.measure.drill.job import Job, first_difference, run_options
from scripts.measure.drill.processes import Command, CommandResult, find_processes, wait_until

__all__ = ["MissingRequirement", "Trial"]

_PATIENCE_S = 180
_GONE_S = 15
"""Longest time for which a process may outlive its command."""


class MissingRequirement(Exception):
    """This machine lacks something that the drill needs; the message names it."""


@dataclass(slots=True)
class Trial:
    """A copy of the case, and the promises that it broke.

    Attributes:
        job: source of the copy.
        folder: of this trial only.
        rng: seeded for this trial.
        runner: ``serial``, ``local`` or ``ray``.
        prefix: words before each command, such as a program that drops its rights.
        environment: of each command.
        root: of the case; below `folder` unless the drill changes it.
        kept_parts: inode and time of each part that existed after the disturbed command, by path.
        problems: broken promises.
    """

    job: Job
    folder: Path
    rng: random.Random
    runner: str = "serial"
    prefix: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    root: Path = field(init=False)
    kept_parts: dict[str, tuple[int, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _n_commands: int = 0

    def __post_init__(self) -> None:
        self.root = self.folder / "case"

    def check(self, holds: object, problem: str) -> None:
        """Record the problem if the promise does not hold."""
        if not holds:
            self.problems.append(problem)

    # ---- commands

    def start(self, *arguments: object, environment: Mapping[str, str] | None = None) -> Command:
        """Start a command; without arguments, start the run on a copy of the case."""
        if not arguments and not self.root.exists():
            shutil.copytree(self.job.case, self.root)
        self._n_commands += 1
        every = {"FORENSICS_KEYS": str(self.folder / "keys"), **self.environment}
        return Command(
            arguments or ("run", self.root, *run_options(self.runner)),
            mark=self.folder.as_posix(),
            output=self.folder / f"command-{self._n_commands}",
            environment={**every, **(environment or {})},
            prefix=self.prefix,
        )

    def run_undisturbed(self, *arguments: object) -> CommandResult:
        """Run a command to its end."""
        return self.start(*arguments).wait(seconds=_PATIENCE_S)

    def expect_exit(self, command: Command, *codes: int) -> CommandResult:
        """Check that the disturbed command ends with one of these codes, with a message and without leftover processes.

        The parts that exist afterwards are recorded in `kept_parts`.

        Args:
            command: the disturbed command.
            codes: expected exit codes; -9 if it was killed.
        """
        ended = command.wait(seconds=_PATIENCE_S)
        self.check(
            ended.code in codes, f"the command ended with {ended.code}, expected one of {codes}: {ended.error_tail}"
        )
        self.check("Traceback" not in ended.err, f"the command ended in a traceback: {ended.error_tail}")
        self.check(ended.code in {0, -9} or ended.err.strip(), "the command ended without a message")
        self.check_gone()
        self.kept_parts = self.parts()
        return ended

    def check_gone(self) -> None:
        """Check that no process of this trial is alive after a while; report and kill any that is."""
        mark = self.folder.as_posix()
        if wait_until(lambda: not find_processes(mark), seconds=_GONE_S):
            return
        for process in find_processes(mark):
            self.problems.append(f"process {process.title[:60]} was still alive after {_GONE_S} s")
            process.send(signal.SIGKILL)

    # ---- moments

    def n_parts(self) -> int:
        """Return the number of parts in place."""
        return len(self.parts())

    def wait_for_parts(self, command: Command, n_parts: int, *, within_s: float = 0.3) -> bool:
        """Wait until so many parts are in place, then a random time; return whether the command is still running."""
        wait_until(lambda: self.n_parts() >= n_parts or not command.is_alive, seconds=_PATIENCE_S)
        time.sleep(self.rng.uniform(0, within_s))
        return command.is_alive

    def parts(self) -> dict[str, tuple[int, int]]:
        """Return inode and modification time of each part in place, by path."""
        found = {}
        for path in self.root.glob("runs/*/parts/*/*.parquet"):
            if not path.name.startswith("."):
                state = path.stat()
                found[path.relative_to(self.root).as_posix()] = (state.st_ino, state.st_mtime_ns)
        return found

    # ---- the end

    def resume_and_check(self) -> None:
        """Run the same command again, which must succeed, and check the result."""
        ended = self.run_undisturbed()
        self.check(ended.code == 0, f"the same command again ended with {ended.code}: {ended.error_tail}")
        self.check_result()

    def check_result(self) -> None:
        """Check that the published files equal those of an undisturbed run and that no part was computed twice."""
        differs = first_difference(self.job.finished, self.root)
        self.check(not differs, differs)
        again = [name for name, state in self.kept_parts.items() if self.parts().get(name) != state]
        self.check(not again, f"{len(again)} existing parts were computed again, such as {again[:1]}")
        self.check_case_intact()

    def check_case_intact(self) -> None:
        """Check the case with `verify`, its log, that no temporary file is left, and that the footage is unchanged."""
        verified = self.run_undisturbed("verify", self.root)
        self.check(verified.code == 0, f"verify ended with {verified.code}: {verified.error_tail}")
        self._check_log()
        self._check_leftovers()
        footage = tuple(map(sha256_of_file, self.job.footage))
        self.check(footage == self.job.footage_sha256, "the footage has changed")
        self.check_gone()

    def _check_log(self) -> None:
        chain = read_chain(self.root / "audit.jsonl")
        broken = find_chain_break(chain)
        self.check(not broken, f"the log: {broken}")
        n_open = len(find_open_begins(chain.lines))
        self.check(n_open == 0, f"the log: {n_open} commands have no end record")

    def _check_leftovers(self) -> None:
        places = [folder for folder in (self.root, self.folder / "keys") if folder.exists()]
        temporary = [path for place in places for path in place.rglob(".*") if path.name not in {".lock"}]
        self.check(not temporary, f"{len(temporary)} temporary files were left, such as {temporary[:1]}")

    def clean_up(self) -> None:
        """Kill the processes of the trial and remove its folder."""
        for process in find_processes(self.folder.as_posix()):
            process.send(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
