"""Memory runs out: in a decoding child, in a worker, by the process's own limit or by the kernel's hand."""

import contextlib
import resource
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.processes import Command, Process, waited_for
from scripts.measure.drill.trial import MissingRequirement, Trial

__all__ = ["drills"]

_NO_MEMORY: Final = "memory runs out: the same run, or the same command again, ends in the same tables"
_GROUPS: Final = Path("/sys/fs/cgroup/memory")
_CHILD: Final = "forensics.decoding.child_main"
_WORKER: Final = "ray::Actor"
_UNSETTLED: Final = 4
_GROUP_BYTES: Final = 32 << 20


def _starved(trial: Trial, title: str, after: int) -> None:
    """One process may take no more memory than it holds now."""
    command = trial.begin()
    trial.reached(command, after)
    for victim in _victims(trial, command.others(title), title):
        with contextlib.suppress(ProcessLookupError):
            held = int(Path(f"/proc/{victim.pid}/statm").read_text().split()[0]) * resource.getpagesize()
            resource.prlimit(victim.pid, resource.RLIMIT_AS, (held, held))
    _ended(trial, command)


def _killed_by_kernel(trial: Trial, title: str, after: int) -> None:
    """One process is in a group whose memory is too small for it, so that the kernel kills it."""
    group = _GROUPS / f"drill-{trial.folder.name}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(_GROUP_BYTES))
    except OSError as error:
        raise MissingRequirement(f"no control group for memory ({error.strerror})") from error
    try:
        command = trial.begin()
        trial.reached(command, after)
        for victim in _victims(trial, command.others(title), title):
            with contextlib.suppress(OSError):
                (group / "cgroup.procs").write_text(str(victim.pid))
        _ended(trial, command)
    finally:
        waited_for(lambda: not (group / "cgroup.procs").read_text(), seconds=10)
        group.rmdir()


def _victims(trial: Trial, found: list[Process], title: str) -> list[Process]:
    trial.check(found, f"there was no process {title}")
    return [trial.chance.choice(found)] if found else []


def _ended(trial: Trial, command: Command) -> None:
    if trial.over(command, 0, _UNSETTLED).code:
        trial.goes_on()
    else:
        trial.judge()


def drills() -> Iterator[Drill]:
    """Of memory."""
    for who, title, runner in (("decoding child", _CHILD, "serial"), ("worker", _WORKER, "ray")):
        for after in (2, 6):
            starved, killed = (
                partial(_starved, title=title, after=after),
                partial(_killed_by_kernel, title=title, after=after),
            )
            is_short = (who, after) == ("decoding child", 2)
            yield Drill(f"no memory for a {who} after {after} parts", _NO_MEMORY, starved, runner, is_short=is_short)
            yield Drill(f"{who} killed for its memory after {after} parts", _NO_MEMORY, killed, runner)
