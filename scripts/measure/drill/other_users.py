"""Drills with other users: an unreadable case, a read-only case, read-only footage."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import published_digests
from scripts.measure.drill.trial import MissingRequirement, Trial

__all__ = ["drills"]

_UNREADABLE: Final = "another user's case is refused with a message, and nothing of it is shown"
_READ_ONLY_CASE: Final = "a read-only case of another user is refused (exit 3) and stays unchanged"
_READ_ONLY_FOOTAGE: Final = "a run works on read-only footage of another user"
_REFUSED: Final = 3
_OTHER_USER: Final = 65_534
_WITHOUT_RIGHTS: Final = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
"""Even root then has only the rights that file permissions give."""


def _give_to_other_user(trial: Trial, *paths: Path) -> None:
    """Change the owner of these paths, and run all later commands without the capabilities of root.

    Raises:
        MissingRequirement: this process is not root, or setpriv is missing.
    """
    if os.geteuid() != 0:
        raise MissingRequirement("only root can give files to another user")
    if shutil.which("setpriv") is None:
        raise MissingRequirement("no setpriv")
    for path in paths:
        os.chown(path, _OTHER_USER, _OTHER_USER)
    trial.prefix = _WITHOUT_RIGHTS


def _unreadable(trial: Trial) -> None:
    shutil.copytree(trial.job.finished, trial.root)
    _give_to_other_user(trial, trial.root, *trial.root.rglob("*"))
    for arguments in (("status", trial.root), ("run", trial.root, "--runner", "serial"), ("query", trial.root)):
        ended = trial.run_undisturbed(*arguments)
        trial.check(ended.code not in {0, -9}, f"{arguments[0]} ended with {ended.code}")
        trial.check("ermission" in ended.err, f"{arguments[0]} gives no reason: {ended.error_tail}")
        trial.check("Traceback" not in ended.err, f"{arguments[0]} ended in a traceback: {ended.error_tail}")
        trial.check(not ended.out.strip(), f"{arguments[0]} printed {ended.out[:80]!r}")
    trial.prefix = ()
    trial.check_result()


def _read_only_case(trial: Trial) -> None:
    shutil.copytree(trial.job.finished, trial.root)
    before = published_digests(trial.root)
    everything = (trial.root, *trial.root.rglob("*"))
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    _give_to_other_user(trial, *everything)
    for arguments in (("run", trial.root, "--runner", "serial"), ("status", trial.root)):
        ended = trial.run_undisturbed(*arguments)
        trial.check(ended.code == _REFUSED, f"{arguments[0]} ended with {ended.code}: {ended.error_tail}")
    trial.check(published_digests(trial.root) == before, "the case was changed")
    trial.prefix = ()
    trial.check_case_intact()


def _read_only_footage(trial: Trial) -> None:
    """Make the footage read-only. Drills that run at the same time share it and can still read it."""
    folder = trial.job.footage[0].parent
    for path in (folder, *trial.job.footage):
        path.chmod(0o555 if path.is_dir() else 0o444)
    _give_to_other_user(trial, folder, *trial.job.footage)
    trial.expect_exit(trial.start(), 0)
    trial.check_result()


def drills() -> Iterator[Drill]:
    """Yield the drills with other users."""
    yield Drill("another user's case", _UNREADABLE, _unreadable, is_short=True)
    yield Drill("a case that may only be read", _READ_ONLY_CASE, _read_only_case, is_short=True)
    yield Drill("footage that may only be read", _READ_ONLY_FOOTAGE, _read_only_footage)
