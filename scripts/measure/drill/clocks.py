"""The wall clock jumps while a run works, forwards and backwards."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.preload import clock_set_wrong, disturbing
from scripts.measure.drill.trial import Trial

__all__ = ["drills"]

_FORWARDS: Final = (
    "the clock jumps forwards: the run ends in the same tables, and who has the earlier time again is refused"
)
_BACKWARDS: Final = (
    "the clock jumps backwards: what cannot be put on record is refused with both times, and goes on once it is right"
)
_REFUSED: Final = 3
_HOUR_S: Final = 3600


def _jumped_forwards(trial: Trial, seconds: int) -> None:
    """From then on every command has the later time: one log knows one clock."""
    clock = trial.folder / "clock"
    clock_set_wrong(clock, 0)
    trial.environment = disturbing(trial, clock=clock)
    command = trial.begin()
    trial.reached(command, trial.chance.randrange(1, 12))
    clock_set_wrong(clock, seconds)
    trial.over(command, 0)
    trial.judge()
    clock_set_wrong(clock, 0)
    refused = trial.done("status", trial.root)
    trial.check(refused.code == _REFUSED, f"status with the earlier time ended with {refused.code}")


def _jumped_backwards(trial: Trial, seconds: int) -> None:
    """The end of the run cannot be put on record, nor can another begin, until the clock is right again."""
    clock = trial.folder / "clock"
    clock_set_wrong(clock, 0)
    disturbed = disturbing(trial, clock=clock)
    command = trial.begin(disturbed=disturbed)
    trial.reached(command, trial.chance.randrange(1, 12))
    clock_set_wrong(clock, -seconds)
    for each in (command, trial.begin(disturbed=disturbed)):
        ended = trial.over(each, _REFUSED)
        trial.check("set the machine's clock right" in ended.err, f"it does not say why: {ended.last_words}")
    trial.goes_on()


def drills() -> Iterator[Drill]:
    """Of clocks."""
    for seconds in (_HOUR_S, 400 * 24 * _HOUR_S):
        forwards, backwards = partial(_jumped_forwards, seconds=seconds), partial(_jumped_backwards, seconds=seconds)
        hours = seconds // _HOUR_S
        yield Drill(f"clock jumps {hours} h forwards", _FORWARDS, forwards, is_short=seconds == _HOUR_S)
        yield Drill(f"clock jumps {hours} h backwards", _BACKWARDS, backwards, is_short=seconds == _HOUR_S)
