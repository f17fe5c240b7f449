"""The driver is killed: at any moment, twice in a row, while it takes footage in, while it publishes."""

import shutil
import signal
from collections.abc import Iterator
from functools import partial
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import N_PARTS, START, settings_of
from scripts.measure.drill.preload import disturbing
from scripts.measure.drill.processes import waited_for
from scripts.measure.drill.trial import Trial

__all__ = ["drills", "killed_at_moment"]

_ANY_MOMENT: Final = "kill -9 of the driver at any moment: the same command again ends in the same tables"
_PUBLISHING: Final = "kill -9 of the driver at a step of publishing: the same command again ends in the same tables"
_TAKING_IN: Final = "kill -9 of `scan` while it takes footage in: the same command again ends in the same tables"
_CUSTODY: Final = (
    "kill -9 of a command that writes what decides: the case stays in order, nothing is left beside the key"
)
_BEFORE_PARTS_S: Final = 4.0
_BETWEEN_PARTS_S: Final = 0.3
_PUBLISHING_S: Final = 0.15
_MOMENTS: Final = range(N_PARTS + 2)
"""Before the first part, after each part, and while tables are written."""

# call, text in the path, the how-manieth such call, how many of them, what happens
_STEPS_OF_PUBLISHING: Final = {
    "before a table has its name": "rename,/tables/detections/,1,1,kill",
    "before the manifest has its name": "rename,MANIFEST.json,1,1,kill",
    "before the tables are in place": "rename,case/tables,1,1,kill",
    "in the middle of a table": "write,/tables/detections/,1,1,killed",
}
_STEPS_OF_PUBLISHING_AGAIN: Final = {
    "before the old tables are put away": "rename,/.tables.old,1,1,kill",
    "between the old tables and the new": "rename,case/tables,1,1,kill",
    "before the manifest has its name": "rename,MANIFEST.json,1,1,kill",
}
_STEPS_OF_TAKING_IN: Final = {
    "before the case has its name": "rename,case.toml,1,1,kill",
    "before the index has its name": "rename,evidence/index/,1,1,kill",
    "before the evidence has its name": "rename,evidence/evidence.parquet,1,1,kill",
    "in the middle of the sources": "write,evidence/.sources.parquet,1,1,killed",
    "in the middle of a line of the log": "write,audit.jsonl,1,1,killed",
}
_STEPS_OF_CUSTODY: Final = {
    "in the middle of the log's witness": "write,.log.json,1,1,killed",
    "before the log's witness has its name": "rename,.log.json,2,1,kill",
    "in the middle of a line of the log": "write,audit.jsonl,2,1,killed",
    "before case.toml has its name": "rename,case.toml,1,1,kill",
}
_KEYED: Final = (
    *("--mode", "missing", "--title", "t", "--purpose", "p", "--operator", "o", "--legal-basis", "l"),
    *("--reference", "r", "--camera", "gate", "--expires", "2099-01-01"),
    *("--from", "2026-05-01T00:00:00Z", "--to", "2026-05-02T00:00:00Z"),
)


def killed_at_moment(trial: Trial, moment: int) -> None:
    """Kill the driver once so many parts are in place, or while tables are written."""
    command = trial.begin()
    if moment > N_PARTS:
        waited_for(lambda: any(trial.root.glob("runs/*/tables")) or not command.is_alive, seconds=120)
        trial.reached(command, N_PARTS, within_s=_PUBLISHING_S)
    else:
        trial.reached(command, moment, within_s=_BETWEEN_PARTS_S if moment else _BEFORE_PARTS_S)
    command.send(signal.SIGKILL)
    trial.over(command, -signal.SIGKILL)


def _killed(trial: Trial, moments: tuple[int, ...]) -> None:
    kept: dict[str, tuple[int, int]] = {}
    for moment in moments:
        killed_at_moment(trial, moment)
        kept |= trial.kept
    trial.kept = kept
    trial.goes_on()


def _killed_publishing(trial: Trial, rule: str) -> None:
    trial.over(trial.begin(disturbed=disturbing(trial, rule=rule, who="pipelines.cli")), -signal.SIGKILL)
    trial.goes_on()


def _killed_publishing_again(trial: Trial, rule: str) -> None:
    shutil.copytree(trial.job.finished, trial.root)
    _killed_publishing(trial, rule)


def _killed_taking_in(trial: Trial, rule: str) -> None:
    scans = [
        ("scan", clip, "--case", trial.root, "--start", START, *settings_of("serial")) for clip in trial.job.footage
    ]
    command = trial.begin(*scans[0], disturbed=disturbing(trial, rule=rule, who="pipelines.cli"))
    trial.over(command, -signal.SIGKILL)
    for scan in scans:
        ended = trial.done(*scan)
        trial.check(ended.code == 0, f"scan ended with {ended.code}: {ended.last_words}")
    trial.judge()


def _killed_in_custody(trial: Trial, rule: str) -> None:
    made = trial.done("case", "init", trial.root, *_KEYED)
    trial.check(made.code == 0, f"case init ended with {made.code}: {made.last_words}")
    hold = ("case", "hold", trial.root, "--reason", "drill")
    trial.over(trial.begin(*hold, disturbed=disturbing(trial, rule=rule)), -signal.SIGKILL)
    ended = trial.done(*hold)
    trial.check(ended.code in {0, 2}, f"case hold again ended with {ended.code}: {ended.last_words}")
    trial.judge_order()


def drills() -> Iterator[Drill]:
    """Of the driver's deaths."""
    for moment in _MOMENTS:
        name = f"driver of ray killed after {moment} parts"
        yield Drill(name, _ANY_MOMENT, partial(_killed, moments=(moment,)), "ray", is_short=moment == 6)
    for moment in _MOMENTS[::2]:
        name = f"driver alone killed after {moment} parts"
        yield Drill(name, _ANY_MOMENT, partial(_killed, moments=(moment,)), is_short=moment == 16)
    for runner, first, second in (("ray", 3, 9), ("ray", 8, 19), ("serial", 2, 5), ("serial", 10, 19)):
        name = f"driver of {runner} killed after {first} and {second} parts"
        yield Drill(name, _ANY_MOMENT, partial(_killed, moments=(first, second)), runner)
    for doing, steps, assertion, do in (
        ("publishing", _STEPS_OF_PUBLISHING, _PUBLISHING, _killed_publishing),
        ("publishing again", _STEPS_OF_PUBLISHING_AGAIN, _PUBLISHING, _killed_publishing_again),
        ("taking in", _STEPS_OF_TAKING_IN, _TAKING_IN, _killed_taking_in),
        ("in custody", _STEPS_OF_CUSTODY, _CUSTODY, _killed_in_custody),
    ):
        for step, rule in steps.items():
            is_short = step in {"between the old tables and the new", "before the evidence has its name"}
            yield Drill(f"killed {doing} {step}", assertion, partial(do, rule=rule), is_short=is_short)
