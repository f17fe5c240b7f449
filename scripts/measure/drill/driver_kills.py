"""Drills that kill the driver: at any moment, twice in a row, during ingest, during publishing."""

import shutil
import signal
from collections.abc import Iterator
from functools import partial
from typing import Final

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import N_CAMERAS, N_CHUNKS, N_PARTS, START, run_options
from scripts.measure.drill.preload import disturbance_environment
from scripts.measure.drill.processes import wait_until
from scripts.measure.drill.trial import Trial

__all__ = ["drills", "kill_at_moment"]

_ANY_MOMENT: Final = "kill -9 of the driver at any moment: the same command then produces the same tables"
_PUBLISHING: Final = "kill -9 of the driver during publishing: the same command then produces the same tables"
_INGEST: Final = "kill -9 of `scan` during ingest: the same command then produces the same tables"
_COPY: Final = "kill -9 of a decoding child that writes a working copy: the same command then produces the same tables"
_CUSTODY: Final = (
    "kill -9 of a command that writes custody files: the case stays intact, and no file remains beside the key"
)
_BEFORE_PARTS_S: Final = 4.0
_BETWEEN_PARTS_S: Final = 0.3
_CANNOT_START: Final = 6
_PUBLISHING_S: Final = 0.15
_TRACKED: Final = N_PARTS - N_CAMERAS
_MOMENTS: Final = (*range(N_CHUNKS + 1), N_CHUNKS + 3, _TRACKED, N_PARTS - 2, N_PARTS, N_PARTS + 1)
"""Number of parts in place: after each chunk, then some; one more than all means while tables are written."""

# call, text in the path, number of the first such call, count of calls, effect; see disturbing.c
_STEPS_OF_PUBLISHING: Final = {
    "before a table has its name": "rename,/tables/detections.parquet,1,1,kill",
    "before the manifest has its name": "rename,MANIFEST.json,1,1,kill",
    "before the tables are in place": "rename,case/tables,1,1,kill",
    "in the middle of a table": "write,/tables/.detections.parquet,1,1,killed",
}
_STEPS_OF_PUBLISHING_AGAIN: Final = {
    "before the old tables are moved away": "rename,/.tables.old,1,1,kill",
    "between the old tables and the new": "rename,case/tables,1,1,kill",
    "before the manifest has its name": "rename,MANIFEST.json,1,1,kill",
}
_STEPS_OF_INGEST: Final = {
    "before the case has its name": "rename,case.toml,1,1,kill",
    "before the index has its name": "rename,evidence/index/,1,1,kill",
    "before the evidence has its name": "rename,evidence/evidence.parquet,1,1,kill",
    "in the middle of the sources": "write,evidence/.sources.parquet,1,1,killed",
    "in the middle of a line of the log": "write,audit.jsonl,1,1,killed",
}
_STEPS_OF_WORKING_COPY: Final = {
    "before a working copy has its name": "rename,evidence/copies/,1,1,kill",
    "in the middle of a working copy": "write,evidence/copies/,1,1,killed",
}
_STEPS_OF_CUSTODY: Final = {
    "in the middle of the log anchor": "write,.log.json,1,1,killed",
    "before the log anchor has its name": "rename,.log.json,2,1,kill",
    "in the middle of a line of the log": "write,audit.jsonl,2,1,killed",
    "before case.toml has its name": "rename,case.toml,1,1,kill",
}
_MANDATE: Final = (
    *("--mode", "missing", "--title", "t", "--purpose", "p", "--operator", "o", "--legal-basis", "l"),
    *("--reference", "r", "--camera", "gate", "--expires", "2099-01-01"),
    *("--from", "2026-05-01T00:00:00Z", "--to", "2026-05-02T00:00:00Z"),
    *("--report-body", "City police", "--reported", "2026-05-01"),
)


def kill_at_moment(trial: Trial, moment: int) -> None:
    """Kill the driver when so many parts are in place; above `N_PARTS`, while tables are written."""
    command = trial.start()
    if moment > N_PARTS:
        wait_until(lambda: any(trial.root.glob("runs/*/tables")) or not command.is_alive, seconds=120)
        trial.wait_for_parts(command, N_PARTS, within_s=_PUBLISHING_S)
    else:
        trial.wait_for_parts(command, moment, within_s=_BETWEEN_PARTS_S if moment else _BEFORE_PARTS_S)
    command.send(signal.SIGKILL)
    trial.expect_exit(command, -signal.SIGKILL)


def _kill_at_moments(trial: Trial, moments: tuple[int, ...]) -> None:
    kept: dict[str, tuple[int, int]] = {}
    for moment in moments:
        kill_at_moment(trial, moment)
        kept |= trial.kept_parts
    trial.kept_parts = kept
    trial.resume_and_check()


def _kill_while_publishing(trial: Trial, rule: str) -> None:
    trial.expect_exit(
        trial.start(environment=disturbance_environment(trial, rule=rule, who="pipelines.cli")), -signal.SIGKILL
    )
    trial.resume_and_check()


def _kill_while_publishing_again(trial: Trial, rule: str) -> None:
    shutil.copytree(trial.job.finished, trial.root)
    _kill_while_publishing(trial, rule)


def _kill_while_ingesting(trial: Trial, rule: str) -> None:
    _scan_disturbed(trial, -signal.SIGKILL, rule=rule, who="pipelines.cli")


def _kill_child_while_ingesting(trial: Trial, rule: str) -> None:
    _scan_disturbed(trial, _CANNOT_START, rule=rule, who="forensics.decoding")


def _scan_disturbed(trial: Trial, code: int, **disturbance: str) -> None:
    """Disturb a scan of the first recording, which has two sections; repeat it, then scan all others."""
    first, *others = trial.job.footage
    scans = [
        ("scan", first, "--case", trial.root, "--start", START, *run_options("serial")),
        ("scan", *others, "--case", trial.root, "--starts", trial.job.starts, *run_options("serial")),
    ]
    command = trial.start(*scans[0], environment=disturbance_environment(trial, **disturbance))
    trial.expect_exit(command, code)
    for scan in scans:
        ended = trial.run_undisturbed(*scan)
        trial.check(ended.code == 0, f"scan ended with {ended.code}: {ended.error_tail}")
    trial.check_result()


def _kill_while_holding(trial: Trial, rule: str) -> None:
    made = trial.run_undisturbed("case", "init", trial.root, *_MANDATE)
    trial.check(made.code == 0, f"case init ended with {made.code}: {made.error_tail}")
    hold = ("case", "hold", trial.root, "--reason", "drill")
    trial.expect_exit(trial.start(*hold, environment=disturbance_environment(trial, rule=rule)), -signal.SIGKILL)
    ended = trial.run_undisturbed(*hold)
    trial.check(ended.code in {0, 2}, f"case hold again ended with {ended.code}: {ended.error_tail}")
    trial.check_case_intact()


def drills() -> Iterator[Drill]:
    """Yield the drills that kill the driver."""
    for moment in _MOMENTS:
        for runner in ("ray", "local"):
            name = f"driver of {runner} killed after {moment} parts"
            yield Drill(name, _ANY_MOMENT, partial(_kill_at_moments, moments=(moment,)), runner, is_short=moment == 6)
    for moment in _MOMENTS[::2]:
        name = f"driver of serial killed after {moment} parts"
        yield Drill(name, _ANY_MOMENT, partial(_kill_at_moments, moments=(moment,)), is_short=moment == _TRACKED)
    publishing = N_PARTS + 1
    for runner, first, second in (("ray", 3, 9), ("ray", 8, publishing), ("serial", 2, 5), ("local", 10, publishing)):
        name = f"driver of {runner} killed after {first} and {second} parts"
        yield Drill(name, _ANY_MOMENT, partial(_kill_at_moments, moments=(first, second)), runner)
    for doing, steps, assertion, do in (
        ("publishing", _STEPS_OF_PUBLISHING, _PUBLISHING, _kill_while_publishing),
        ("publishing again", _STEPS_OF_PUBLISHING_AGAIN, _PUBLISHING, _kill_while_publishing_again),
        ("ingesting", _STEPS_OF_INGEST, _INGEST, _kill_while_ingesting),
        ("in a decoding child", _STEPS_OF_WORKING_COPY, _COPY, _kill_child_while_ingesting),
        ("case hold", _STEPS_OF_CUSTODY, _CUSTODY, _kill_while_holding),
    ):
        for step, rule in steps.items():
            is_short = step in {"between the old tables and the new", "before the evidence has its name"}
            yield Drill(f"killed {doing} {step}", assertion, partial(do, rule=rule), is_short=is_short)
