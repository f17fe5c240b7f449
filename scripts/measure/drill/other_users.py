"""Another user: who may not read a case, who may not write to it, and evidence that nobody may write to."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import published
from scripts.measure.drill.trial import MissingRequirement, Trial

__all__ = ["drills"]

_UNREADABLE: Final = "another user's case is refused in words, and nothing of it is shown"
_READ_ONLY_CASE: Final = "a case of another user that may only be read is refused (exit 3), and stays as it is"
_READ_ONLY_FOOTAGE: Final = "footage of another user that may only be read is all a run needs"
_REFUSED: Final = 3
_ANOTHER: Final = 65_534
_WITHOUT_RIGHTS: Final = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
"""Even root may then do only what the permissions of files allow him."""


def _is_another_users(trial: Trial, *paths: Path) -> None:
    """These paths belong to somebody else, and from here on commands have no right but those of their user.

    Raises:
        Lacking: only root can give files away.
    """
    if os.geteuid() != 0:
        raise MissingRequirement("only root can give files to another user")
    if shutil.which("setpriv") is None:
        raise MissingRequirement("no setpriv")
    for path in paths:
        os.chown(path, _ANOTHER, _ANOTHER)
    trial.before = _WITHOUT_RIGHTS


def _unreadable(trial: Trial) -> None:
    shutil.copytree(trial.job.finished, trial.root)
    _is_another_users(trial, trial.root, *trial.root.rglob("*"))
    for arguments in (("status", trial.root), ("run", trial.root, "--runner", "serial"), ("query", trial.root)):
        ended = trial.done(*arguments)
        trial.check(ended.code not in {0, -9}, f"{arguments[0]} ended with {ended.code}")
        trial.check("ermission" in ended.err, f"{arguments[0]} does not say why: {ended.last_words}")
        trial.check("Traceback" not in ended.err, f"{arguments[0]} ended in a traceback: {ended.last_words}")
        trial.check(not ended.out.strip(), f"{arguments[0]} answered {ended.out[:80]!r}")
    trial.before = ()
    trial.judge()


def _read_only_case(trial: Trial) -> None:
    shutil.copytree(trial.job.finished, trial.root)
    before = published(trial.root)
    everything = (trial.root, *trial.root.rglob("*"))
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    _is_another_users(trial, *everything)
    for arguments in (("run", trial.root, "--runner", "serial"), ("status", trial.root)):
        ended = trial.done(*arguments)
        trial.check(ended.code == _REFUSED, f"{arguments[0]} ended with {ended.code}: {ended.last_words}")
    trial.check(published(trial.root) == before, "the case was changed")
    trial.before = ()
    trial.judge_order()


def _read_only_footage(trial: Trial) -> None:
    """The footage is everybody's in this campaign: it stays readable for those that run beside this one."""
    folder = trial.job.footage[0].parent
    for path in (folder, *trial.job.footage):
        path.chmod(0o555 if path.is_dir() else 0o444)
    _is_another_users(trial, folder, *trial.job.footage)
    trial.over(trial.begin(), 0)
    trial.judge()


def drills() -> Iterator[Drill]:
    """Of other users."""
    yield Drill("another user's case", _UNREADABLE, _unreadable, is_short=True)
    yield Drill("a case that may only be read", _READ_ONLY_CASE, _read_only_case, is_short=True)
    yield Drill("footage that may only be read", _READ_ONLY_FOOTAGE, _read_only_footage)
