"""Another user: who may not read a case, who may not write to it, and evidence that nobody may write to."""

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import published
from scripts.measure.drill.trial import Lacking, Trial

__all__ = ["drills"]

_UNREADABLE: Final = "another user's case is refused in words, and nothing of it is shown"
_READ_ONLY_CASE: Final = "a case that cannot be written to is refused (exit 3), and stays as it is"
_READ_ONLY_FOOTAGE: Final = "footage that may only be read is all a run needs"
_REFUSED: Final = 3


def _nobody(trial: Trial) -> int:
    """Commands run as a user without any right from here on; his number.

    Raises:
        Lacking: only root may become another user, and that user must be able to read the program.
    """
    if os.geteuid() != 0:
        raise Lacking("only root may become another user")
    user = pwd.getpwnam("nobody").pw_uid
    trial.user = user
    trial.folder.chmod(0o777)
    if trial.done("--help").code:
        raise Lacking("nobody else may read the program or its interpreter")
    return user


def _unreadable(trial: Trial) -> None:
    shutil.copytree(trial.job.finished, trial.root)
    _nobody(trial)
    for arguments in (("status", trial.root), ("run", trial.root, "--runner", "serial"), ("query", trial.root)):
        ended = trial.done(*arguments)
        trial.check(
            ended.code not in {0, 1} or "ermission" in ended.err, f"{arguments[0]}: {ended.code} {ended.last_words}"
        )
        trial.check(ended.code != 0, f"{arguments[0]} showed another's case")
        trial.check("Traceback" not in ended.err, f"{arguments[0]} ended in a traceback: {ended.last_words}")
        trial.check(not ended.out.strip(), f"{arguments[0]} answered {ended.out[:80]!r}")
    trial.user = None
    trial.judge()


def _read_only_case(trial: Trial) -> None:
    shutil.copytree(trial.job.finished, trial.root)
    before = published(trial.root)
    for path in (trial.root, *trial.root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    _nobody(trial)
    for arguments in (("run", trial.root, "--runner", "serial"), ("status", trial.root)):
        ended = trial.done(*arguments)
        trial.check(ended.code == _REFUSED, f"{arguments[0]}: {ended.code} {ended.last_words}")
    trial.check(published(trial.root) == before, "the case was changed")
    trial.user = None
    trial.judge_order()


def _read_only_footage(trial: Trial) -> None:
    folder = trial.job.footage[0].parent
    shutil.copytree(trial.job.case, trial.root)
    modes = [(path, path.stat().st_mode) for path in (folder, *trial.job.footage)]
    for path, _ in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    user = _nobody(trial)
    for path in (trial.root, *trial.root.rglob("*")):
        os.chown(path, user, user)
    trial.goes_on()
    for path, mode in modes:
        Path(path).chmod(mode)


def drills() -> Iterator[Drill]:
    """Of other users."""
    yield Drill("another user's case", _UNREADABLE, _unreadable, is_short=True)
    yield Drill("a case that may only be read", _READ_ONLY_CASE, _read_only_case, is_short=True)
    yield Drill("footage that may only be read", _READ_ONLY_FOOTAGE, _read_only_footage)
