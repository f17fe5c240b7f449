"""Drills with fifty files, five of which crash or hang their decoder, always or once."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import polars as pl

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import run_options
from scripts.measure.drill.trial import Trial
from testing.painted.encode import Recipe, encode
from testing.project import ROOT
from testing.published_content import digest_without_case

__all__ = ["drills"]

_POISON: Final = "five of fifty files crash or hang their decoder: only those groups of pictures are lost"
_EXTERNAL: Final = "five of fifty decoders are killed or stall for external reasons: the next run has no gaps"
_DETECTOR: Final = "the detector crashes on one picture of every file: only those groups of pictures are lost"
_PLUGIN: Final = ROOT / "testing" / "crashing_footage"
_N_FILES: Final = 50
_N_FRAMES: Final = 12
_GOP: Final = 4
_CRASH_FRAME: Final = 5
_LOST_FRAMES: Final = (4, 8)
_CRASHING_FILES: Final = (3, 14, 22, 37, 49)
_UNSETTLED: Final = 4


@dataclass(frozen=True, slots=True)
class _CrashPlan:
    """What the crashing files do, and the expected gaps.

    Attributes:
        actions: of the crashing files, in their order; see testing/crashing_footage/sitecustomize.py.
        reasons: of the gaps, in the same order.
    """

    actions: tuple[str, ...]
    reasons: tuple[str, ...]


_CRASHES: Final = _CrashPlan(
    ("SIGSEGV", "SIGABRT", "raise", "spin", "SIGFPE"),
    ("decoder_died", "decoder_died", "decoder_died", "decoder_hung", "decoder_died"),
)
_KILLS: Final = ("SIGKILL", "sleep", "SIGTERM", "SIGKILL", "SIGUSR1")
"""No signal that the process may ignore, such as SIGHUP under nohup."""


def _footage(trial: Trial, n_files: int) -> Path:
    folder = trial.folder / "many"
    folder.mkdir()
    for number in range(n_files):
        recipe = Recipe(options={"preset": "ultrafast", "bf": "0", "crf": str(number % 40)}, gop=_GOP)
        times = [Fraction(each, 25) + Fraction(number, 1000) * each for each in range(_N_FRAMES)]
        encode(folder / f"file{number:02}.mp4", recipe, times)
    return folder


def _scan(trial: Trial, footage: Path, *, poison: dict[str, str], code: int) -> pl.DataFrame:
    """Scan the footage, or resume the scan, and return the published coverage."""
    disturbed = {"PYTHONPATH": f"{_PLUGIN}:{os.environ.get('PYTHONPATH', '')}", **poison}
    settings = (
        *run_options(trial.runner),
        "--set",
        "detect.fps=unset",
        "--set",
        "detect.hang_s=1",
        "--set",
        "run.stall_s=10",
    )
    command = trial.start("scan", footage, "--case", trial.root, *settings, "--quiet", environment=disturbed)
    ended = command.wait(seconds=600)
    trial.check(ended.code == code, f"scan ended with {ended.code}, not {code}: {ended.error_tail}")
    trial.check("Traceback" not in ended.err, f"scan ended in a traceback: {ended.error_tail}")
    trial.check_gone()
    return _table(trial, "coverage")


def _table(trial: Trial, name: str) -> pl.DataFrame:
    paths = pl.read_parquet(trial.root / "tables" / "evidence.parquet").select("evidence_id", "path")
    rows = pl.read_parquet(trial.root / "tables" / f"{name}.parquet").join(paths, on="evidence_id")
    return rows.with_columns(pl.col("path").str.extract(r"file(\d+)").cast(pl.Int64).alias("number"))


def _gaps(coverage: pl.DataFrame) -> list[tuple[object, ...]]:
    columns = ("number", "start_frame", "stop_frame", "reason", "settled")
    return coverage.filter(pl.col("state") == "gap").select(columns).sort("number").rows()


def _poison_variable(actions: tuple[str, ...]) -> dict[str, str]:
    entries = (
        f"file{number:02} {_CRASH_FRAME} {action}" for number, action in zip(_CRASHING_FILES, actions, strict=True)
    )
    return {"POISON": "; ".join(entries)}


def _crash_decoders(trial: Trial) -> None:
    """Expect one settled gap in each crashing file; the same command again changes nothing."""
    poison = _poison_variable(_CRASHES.actions)
    coverage = _scan(trial, _footage(trial, _N_FILES), poison=poison, code=_UNSETTLED)
    expected = [
        (number, *_LOST_FRAMES, reason, True) for number, reason in zip(_CRASHING_FILES, _CRASHES.reasons, strict=True)
    ]
    trial.check(_gaps(coverage) == expected, f"the gaps are {_gaps(coverage)}")
    detected = coverage.filter(pl.col("state") == "detected")
    n_detected = int((detected["stop_frame"] - detected["start_frame"]).sum())
    trial.check(n_detected == _N_FILES * _N_FRAMES - len(_CRASHING_FILES) * _GOP, f"{n_detected} frames were detected")
    before, trial.kept_parts = _table_bytes(trial), trial.parts()
    _scan(trial, trial.folder / "many", poison={}, code=_UNSETTLED)
    trial.check(_table_bytes(trial) == before, "the same command again gave other tables")
    trial.check(trial.parts() == trial.kept_parts, "settled chunks were computed again")


def _kill_decoders(trial: Trial) -> None:
    """Expect unsettled gaps, and no gaps after the next, undisturbed run."""
    footage = _footage(trial, _N_FILES)
    coverage = _scan(trial, footage, poison=_poison_variable(_KILLS), code=_UNSETTLED)
    found = [(row[0], row[4]) for row in _gaps(coverage)]
    trial.check(found == [(number, False) for number in _CRASHING_FILES], f"the gaps are {_gaps(coverage)}")
    coverage = _scan(trial, footage, poison={}, code=0)
    trial.check(_gaps(coverage) == [], f"the next run left the gaps {_gaps(coverage)}")


def _crash_detector(trial: Trial) -> None:
    coverage = _scan(trial, _footage(trial, 3), poison={"POISON_DETECTOR": f"{_CRASH_FRAME} SIGSEGV"}, code=_UNSETTLED)
    expected = [(number, *_LOST_FRAMES, "detector_died", True) for number in range(3)]
    trial.check(_gaps(coverage) == expected, f"the gaps are {_gaps(coverage)}")


def _table_bytes(trial: Trial) -> dict[str, bytes]:
    return {path.name: digest_without_case(path) for path in (trial.root / "tables").rglob("*.*")}


def drills() -> Iterator[Drill]:
    """Yield the drills with crashing decoders and detectors."""
    for runner in ("ray", "local", "serial"):
        yield Drill(
            f"five of fifty files crash or hang, {runner}", _POISON, _crash_decoders, runner, is_short=runner == "local"
        )
        yield Drill(f"five of fifty decoders are killed or stall, {runner}", _EXTERNAL, _kill_decoders, runner)
    yield Drill("a detector crashes on a picture of every file", _DETECTOR, _crash_detector, "local")
