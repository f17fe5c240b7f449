"""Drills in which memory runs out, in a decoding child or a worker, by a limit of the process or by the kernel."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.processes import Command, Process, wait_until
from scripts.measure.drill.trial import MissingRequirement, Trial
from scripts.measure.drill.worker_kills import WORKER_TITLES

__all__ = ["drills"]

_NO_MEMORY: Final = "memory runs out: this run, or the same command again, produces the same tables"
_GROUPS: Final = Path("/sys/fs/cgroup/memory")
_CHILD: Final = "forensics.decoding.child_main"
_UNSETTLED: Final = 4
_GROUP_BYTES: Final = 32 << 20


def _limit_memory(trial: Trial, title: str, after: int) -> None:
    """Limit the memory of one process to its current size."""
    command = trial.start()
    trial.wait_for_parts(command, after)
    for victim in _choose_victim(trial, command.find_descendants(title), title):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(victim.pid)
            limit_bytes = process.memory_info().vms
            process.rlimit(psutil.RLIMIT_AS, (limit_bytes, limit_bytes))
    _check_end(trial, command)


def _let_kernel_kill(trial: Trial, title: str, after: int) -> None:
    """Move one process into a control group with too little memory, so that the kernel kills it."""
    group = _GROUPS / f"drill-{trial.folder.name}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(_GROUP_BYTES))
    except OSError as error:
        raise MissingRequirement(f"no memory control group ({error.strerror})") from error
    try:
        command = trial.start()
        trial.wait_for_parts(command, after)
        for victim in _choose_victim(trial, command.find_descendants(title), title):
            with contextlib.suppress(OSError):
                (group / "cgroup.procs").write_text(str(victim.pid))
        _check_end(trial, command)
    finally:
        wait_until(lambda: not (group / "cgroup.procs").read_text(), seconds=10)
        group.rmdir()


def _choose_victim(trial: Trial, found: list[Process], title: str) -> list[Process]:
    trial.check(found, f"no process {title} was found")
    return [trial.rng.choice(found)] if found else []


def _check_end(trial: Trial, command: Command) -> None:
    if trial.expect_exit(command, 0, _UNSETTLED).code:
        trial.resume_and_check()
    else:
        trial.check_result()


def drills() -> Iterator[Drill]:
    """Yield the drills with memory."""
    for who, title, runner in (("decoding child", _CHILD, "serial"), ("worker", WORKER_TITLES["local"], "local")):
        for after in (2, 6):
            limited, killed = (
                partial(_limit_memory, title=title, after=after),
                partial(_let_kernel_kill, title=title, after=after),
            )
            is_short = (who, after) == ("decoding child", 2)
            yield Drill(f"no memory for a {who} after {after} parts", _NO_MEMORY, limited, runner, is_short=is_short)
            yield Drill(f"{who} killed by the kernel for its memory after {after} parts", _NO_MEMORY, killed, runner)
