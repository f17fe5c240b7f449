"""Drills that kill processes of the driver: a worker, a decoding child, Ray's own processes."""

import signal
from collections.abc import Iterator
from functools import partial
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import N_CHUNKS
from scripts.measure.drill.processes import wait_until
from scripts.measure.drill.trial import Trial

__all__ = ["WORKER_TITLES", "drills"]

WORKER_TITLES: Final = {"ray": "ray::StageWorker", "local": "pipelines.runners.local_worker_main"}
"""What the command line of a worker process contains, by runner."""

_WORKER: Final = "kill -9 of a worker: this run, or the same command again, produces the same tables"
_CHILD: Final = (
    "a decoding child dies (SIGKILL, SIGSEGV): this run, or the same command again, produces the same tables"
)
_ENGINE: Final = (
    "kill -9 of Ray's raylet or gcs_server: the run ends with a message; the same command then produces the same tables"
)
_UNSETTLED: Final = 4
_CANNOT_START: Final = 6
_DETECTING: Final = N_CHUNKS - 1
"""Largest number of parts at which chunks are still in progress."""


def _send_signal(trial: Trial, title: str, *, number: int, after: int, codes: tuple[int, ...]) -> None:
    """Signal one process with this title when so many parts are in place; run again if the run failed."""
    command = trial.start()
    trial.wait_for_parts(command, after, within_s=0.2)
    wait_until(lambda: bool(command.find_descendants(title)) or not command.is_alive, seconds=60)
    victims = command.find_descendants(title)
    trial.check(victims, f"no process {title} was found after {after} parts")
    if victims:
        trial.rng.choice(victims).send(number)
    ended = trial.expect_exit(command, *codes)
    if ended.code:
        trial.resume_and_check()
    else:
        trial.check_result()


def drills() -> Iterator[Drill]:
    """Yield the drills that kill processes of the driver."""
    for after in range(10):
        for runner, title in WORKER_TITLES.items():
            worker = partial(_send_signal, title=title, number=signal.SIGKILL, after=after, codes=(0, _UNSETTLED))
            name = f"worker of {runner} killed after {after} parts"
            yield Drill(name, _WORKER, worker, runner, is_short=after == 5)
    for after in range(10):
        number = (signal.SIGKILL, signal.SIGSEGV)[after % 3 == 2]
        runner = ("serial", "ray", "local")[after % 3]
        child = partial(
            _send_signal, title="forensics.decoding.child_main", number=number, after=after, codes=(0, _UNSETTLED)
        )
        name = f"decoding child of {runner} killed by {number.name} after {after} parts"
        yield Drill(name, _CHILD, child, runner, is_short=after in {2, 5})
    for place, after in enumerate((0, 2, 5, 8, 11, _DETECTING)):
        title = ("raylet/raylet", "gcs_server")[place % 2]
        engine = partial(
            _send_signal, title=title, number=signal.SIGKILL, after=after, codes=(_UNSETTLED, _CANNOT_START)
        )
        yield Drill(f"{title.split('/')[-1]} killed after {after} parts", _ENGINE, engine, "ray", is_short=after == 5)
