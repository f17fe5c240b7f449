"""What works for the driver is killed: a worker, a decoding child, Ray's own processes."""

import signal
from collections.abc import Iterator
from functools import partial
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.processes import waited_for
from scripts.measure.drill.trial import Trial

__all__ = ["drills"]

_WORKER: Final = "kill -9 of a worker: the same run, or the same command again, ends in the same tables"
_CHILD: Final = (
    "a decoding child dies (SIGKILL, SIGSEGV): the same run, or the same command again, ends in the same tables"
)
_ENGINE: Final = (
    "kill -9 of Ray's raylet or gcs_server: the run ends with a message, the same command again in the same tables"
)
_UNSETTLED: Final = 4
_CANNOT_START: Final = 6
_DETECTING: Final = 13
"""The last part at whose making chunks are still worked on."""


def _struck(trial: Trial, title: str, *, number: int, after: int, codes: tuple[int, ...]) -> None:
    """Send one process with such a title a signal, once so many parts are in place; go on if the run could not."""
    command = trial.begin()
    trial.reached(command, after, within_s=0.2)
    waited_for(lambda: bool(command.others(title)) or not command.is_alive, seconds=60)
    victims = command.others(title)
    trial.check(victims, f"there was no process {title} after {after} parts")
    if victims:
        trial.chance.choice(victims).send(number)
    ended = trial.over(command, *codes)
    if ended.code:
        trial.goes_on()
    else:
        trial.judge()


def drills() -> Iterator[Drill]:
    """Of what works for the driver."""
    for after in range(10):
        worker = partial(_struck, title="ray::Actor", number=signal.SIGKILL, after=after, codes=(0, _UNSETTLED))
        yield Drill(f"worker killed after {after} parts", _WORKER, worker, "ray", is_short=after == 5)
    for after in range(10):
        number = (signal.SIGKILL, signal.SIGSEGV)[after % 3 == 2]
        runner = ("serial", "ray")[after % 2]
        child = partial(
            _struck, title="forensics.decoding.child_main", number=number, after=after, codes=(0, _UNSETTLED)
        )
        name = f"decoding child of {runner} struck by {number.name} after {after} parts"
        yield Drill(name, _CHILD, child, runner, is_short=after in {2, 5})
    for place, after in enumerate((0, 2, 5, 8, 11, _DETECTING)):
        title = ("raylet/raylet", "gcs_server")[place % 2]
        engine = partial(_struck, title=title, number=signal.SIGKILL, after=after, codes=(_UNSETTLED, _CANNOT_START))
        yield Drill(f"{title.split('/')[-1]} killed after {after} parts", _ENGINE, engine, "ray", is_short=after == 5)
