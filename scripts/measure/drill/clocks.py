"""Drills in which the wall clock jumps during a run, forwards and backwards."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.preload import disturbance_environment, set_clock_error
from scripts.measure.drill.trial import Trial

__all__ = ["drills"]

_FORWARDS: Final = (
    "the clock jumps forwards: the run produces the same tables, and a command with the earlier time is refused"
)
_BACKWARDS: Final = (
    "the clock jumps backwards: commands that cannot be logged are refused with both times until the clock is right"
)
_REFUSED: Final = 3
_HOUR_S: Final = 3600


def _jump_forwards(trial: Trial, seconds: int) -> None:
    """Jump forwards. All later commands need the later time, because times in the log never decrease."""
    clock = trial.folder / "clock"
    set_clock_error(clock, 0)
    trial.environment = disturbance_environment(trial, clock=clock)
    command = trial.start()
    trial.wait_for_parts(command, trial.rng.randrange(1, 12))
    set_clock_error(clock, seconds)
    trial.expect_exit(command, 0)
    trial.check_result()
    set_clock_error(clock, 0)
    refused = trial.run_undisturbed("status", trial.root)
    trial.check(refused.code == _REFUSED, f"status with the earlier time ended with {refused.code}")


def _jump_backwards(trial: Trial, seconds: int) -> None:
    """Jump backwards. The end of the run cannot be logged and no command can start until the clock is right again."""
    clock = trial.folder / "clock"
    set_clock_error(clock, 0)
    disturbed = disturbance_environment(trial, clock=clock)
    command = trial.start(environment=disturbed)
    trial.wait_for_parts(command, trial.rng.randrange(1, 12))
    set_clock_error(clock, -seconds)
    for each in (command, trial.start(environment=disturbed)):
        ended = trial.expect_exit(each, _REFUSED)
        trial.check(
            "set the machine's clock to the correct time" in ended.err,
            f"the message gives no reason: {ended.error_tail}",
        )
    trial.resume_and_check()


def drills() -> Iterator[Drill]:
    """Yield the drills with clocks."""
    for seconds in (_HOUR_S, 400 * 24 * _HOUR_S):
        forwards, backwards = partial(_jump_forwards, seconds=seconds), partial(_jump_backwards, seconds=seconds)
        hours = seconds // _HOUR_S
        yield Drill(f"clock jumps {hours} h forwards", _FORWARDS, forwards, is_short=seconds == _HOUR_S)
        yield Drill(f"clock jumps {hours} h backwards", _BACKWARDS, backwards, is_short=seconds == _HOUR_S)
