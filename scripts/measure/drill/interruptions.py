"""People: Ctrl-C once and twice, SIGTERM, the same run started twice at once."""

import signal
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from forensics.custody.log import read_chain
from scripts.measure.drill.drill import Drill
from scripts.measure.drill.trial import Trial

__all__ = ["drills"]

_ONCE: Final = "Ctrl-C once: the chunks in hand are finished and kept, exit 130 says how to go on"
_TWICE: Final = "Ctrl-C twice: the run ends now, exit 130, and the same command goes on"
_TERMINATED: Final = "SIGTERM: the run ends now, exit 130, its end is on record, and the same command goes on"
_AT_ONCE: Final = (
    "the same run started twice at once: the second says who holds the case and leaves, the first ends well"
)
_INTERRUPTED: Final = 130
_NOW_S: Final = 10
_IN_HAND: Final = {"serial": 1, "ray": 4}
"""Chunks that are worked on, or wait at a worker."""


def _interrupted_once(trial: Trial, after: int) -> None:
    command = trial.begin()
    trial.reached(command, after)
    n_before = trial.n_parts()
    command.interrupt()
    ended = trial.over(command, _INTERRUPTED)
    n_finished = len(trial.kept) - n_before
    at_most = _IN_HAND[trial.runner] + 1  # one may have been on its way to the disk
    trial.check(1 <= n_finished <= at_most, f"{n_finished} chunks were finished after Ctrl-C, {at_most} at most can be")
    _check_told(trial, ended.err)
    trial.goes_on()


def _interrupted_twice(trial: Trial, after: int) -> None:
    command = trial.begin()
    trial.reached(command, after)
    command.interrupt()
    time.sleep(trial.chance.uniform(0.02, 0.2))
    command.interrupt()
    began = time.monotonic()
    ended = trial.over(command, _INTERRUPTED)
    spent = time.monotonic() - began
    trial.check(spent < _NOW_S, f"it took {spent:.0f} s to end")
    _check_told(trial, ended.err)
    trial.goes_on()


def _terminated(trial: Trial, after: int) -> None:
    command = trial.begin()
    trial.reached(command, after)
    command.send(signal.SIGTERM)
    ended = trial.over(command, _INTERRUPTED)
    _check_told(trial, ended.err)
    trial.goes_on()


def _check_told(trial: Trial, said: str) -> None:
    trial.check("run the same command again" in said, f"it does not say how to go on: {said[-200:]!r}")
    last = read_chain(trial.root / "audit.jsonl").lines[-1]
    told = (last.kind, last.facts.get("exit_code"))
    trial.check(told == ("end", _INTERRUPTED), f"the log ends with {told}")


def _at_once(trial: Trial, after: int) -> None:
    first = trial.begin()
    trial.reached(first, after)
    second = trial.begin().ended(seconds=60)
    trial.check(second.code == 6, f"the second ended with {second.code}: {second.last_words}")
    holder = f"process {first.pid} on "
    trial.check(holder in second.err, f"the second does not name {holder}: {second.last_words}")
    trial.check(trial.over(first, 0).code == 0, "the first was disturbed")
    trial.judge()


def drills() -> Iterator[Drill]:
    """Of what people do."""
    for place in range(6):
        runner = ("serial", "ray")[place % 2]
        once, twice = partial(_interrupted_once, after=1 + place), partial(_interrupted_twice, after=1 + place)
        yield Drill(f"Ctrl-C once, {runner}, after {1 + place} parts", _ONCE, once, runner, is_short=place < 2)
        yield Drill(f"Ctrl-C twice, {runner}, after {1 + place} parts", _TWICE, twice, runner, is_short=place == 0)
    for after, runner in ((2, "serial"), (4, "ray")):
        terminated = partial(_terminated, after=after)
        yield Drill(f"SIGTERM, {runner}, after {after} parts", _TERMINATED, terminated, runner, is_short=after == 2)
    for after, runner in ((1, "serial"), (4, "serial"), (2, "ray"), (5, "ray")):
        at_once = partial(_at_once, after=after)
        yield Drill(f"twice at once, {runner}, after {after} parts", _AT_ONCE, at_once, runner, is_short=after == 1)
