"""Drills with user actions: Ctrl-C once and twice, SIGTERM, the same run started twice at once."""

import signal
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from forensics.custody.log import read_chain
from scripts.measure.drill.drill import Drill
from scripts.measure.drill.trial import Trial

__all__ = ["drills"]

_ONCE: Final = "Ctrl-C once: the chunks in progress are finished and kept, exit 130 with a message how to continue"
_TWICE: Final = "Ctrl-C twice: the run ends at once, exit 130, and the same command resumes it"
_TERMINATED: Final = "SIGTERM: the run ends at once, exit 130, the log records its end, and the same command resumes it"
_AT_ONCE: Final = (
    "the same run started twice at once: the second names the process that holds the case and exits, the first succeeds"
)
_INTERRUPTED: Final = 130
_AT_ONCE_S: Final = 10
_IN_PROGRESS: Final = {"serial": 1, "local": 4, "ray": 4}
"""Number of chunks that are in progress or queued at a worker."""


def _interrupt_once(trial: Trial, after: int) -> None:
    command = trial.start()
    trial.wait_for_parts(command, after)
    n_before = trial.n_parts()
    command.interrupt()
    ended = trial.expect_exit(command, _INTERRUPTED)
    n_finished = len(trial.kept_parts) - n_before
    at_most = _IN_PROGRESS[trial.runner] + 1  # one part may have been about to be written
    trial.check(1 <= n_finished <= at_most, f"{n_finished} chunks were finished after Ctrl-C, expected 1 to {at_most}")
    _check_message_and_log(trial, ended.err)
    trial.resume_and_check()


def _interrupt_twice(trial: Trial, after: int) -> None:
    command = trial.start()
    trial.wait_for_parts(command, after)
    command.interrupt()
    time.sleep(trial.rng.uniform(0.02, 0.2))
    command.interrupt()
    interrupted_s = time.monotonic()
    ended = trial.expect_exit(command, _INTERRUPTED)
    waited_s = time.monotonic() - interrupted_s
    trial.check(waited_s < _AT_ONCE_S, f"it ended after {waited_s:.0f} s, expected less than {_AT_ONCE_S} s")
    _check_message_and_log(trial, ended.err)
    trial.resume_and_check()


def _terminate(trial: Trial, after: int) -> None:
    command = trial.start()
    trial.wait_for_parts(command, after)
    command.send(signal.SIGTERM)
    ended = trial.expect_exit(command, _INTERRUPTED)
    _check_message_and_log(trial, ended.err)
    trial.resume_and_check()


def _check_message_and_log(trial: Trial, message: str) -> None:
    trial.check(
        "run the same command again" in message, f"the message does not say how to continue: {message[-200:]!r}"
    )
    last = read_chain(trial.root / "audit.jsonl").lines[-1]
    last_record = (last.kind, last.facts.get("exit_code"))
    trial.check(last_record == ("end", _INTERRUPTED), f"the log ends with {last_record}")


def _start_twice(trial: Trial, after: int) -> None:
    first = trial.start()
    trial.wait_for_parts(first, after)
    second = trial.start().wait(seconds=60)
    trial.check(second.code == 6, f"the second ended with {second.code}: {second.error_tail}")
    holder = f"process {first.pid} on "
    trial.check(holder in second.err, f"the second does not name {holder}: {second.error_tail}")
    trial.check(trial.expect_exit(first, 0).code == 0, "the first run failed")
    trial.check_result()


def drills() -> Iterator[Drill]:
    """Yield the drills with user actions."""
    for place in range(6):
        runner = ("serial", "ray", "local")[place % 3]
        once, twice = partial(_interrupt_once, after=1 + place), partial(_interrupt_twice, after=1 + place)
        yield Drill(f"Ctrl-C once, {runner}, after {1 + place} parts", _ONCE, once, runner, is_short=place < 3)
        yield Drill(f"Ctrl-C twice, {runner}, after {1 + place} parts", _TWICE, twice, runner, is_short=place == 0)
    for after, runner in ((2, "serial"), (4, "ray"), (6, "local")):
        terminated = partial(_terminate, after=after)
        yield Drill(f"SIGTERM, {runner}, after {after} parts", _TERMINATED, terminated, runner, is_short=after == 2)
    for after, runner in ((1, "serial"), (4, "local"), (2, "ray"), (5, "ray")):
        at_once = partial(_start_twice, after=after)
        yield Drill(f"twice at once, {runner}, after {after} parts", _AT_ONCE, at_once, runner, is_short=after == 1)
