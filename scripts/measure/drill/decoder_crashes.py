"""Fifty files, five of them poisonous: they crash their decoder or keep it busy without end, or only seem to."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import polars as pl

from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import settings_of
from scripts.measure.drill.trial import Trial
from testing.painted.encode import Recipe, encode
from testing.project import ROOT

__all__ = ["drills"]

_POISON: Final = "five of fifty files crash or hang their decoder: each loses that group of pictures, others nothing"
_BAD_LUCK: Final = "five of fifty decoders are killed or wait: the next run is as if nothing had happened"
_DETECTOR: Final = "a detector that crashes on a picture of every file costs those groups of pictures alone"
_PLUGIN: Final = ROOT / "testing" / "crashing_footage"
_N_FILES: Final = 50
_N_FRAMES: Final = 12
_GOP: Final = 4
_AT: Final = 5
_LOST: Final = (4, 8)
_POISONOUS: Final = (3, 14, 22, 37, 49)
_UNSETTLED: Final = 4


@dataclass(frozen=True, slots=True)
class _Deeds:
    """What the footage does, and what becomes of it.

    Attributes:
        deeds: of the poisonous files, in their order; see testing/crashing_footage/sitecustomize.py.
        reasons: of the gaps they leave.
    """

    deeds: tuple[str, ...]
    reasons: tuple[str, ...]


_CRASHES: Final = _Deeds(
    ("SIGSEGV", "SIGABRT", "raise", "spin", "SIGFPE"),
    ("decoder_died", "decoder_died", "decoder_died", "decoder_hung", "decoder_died"),
)
_KILLS: Final = ("SIGKILL", "sleep", "SIGTERM", "SIGKILL", "SIGUSR1")
"""None that a process may have to ignore, as SIGHUP is under nohup."""


def _footage(trial: Trial, n_files: int) -> Path:
    folder = trial.folder / "many"
    folder.mkdir()
    for number in range(n_files):
        recipe = Recipe(options={"preset": "ultrafast", "bf": "0", "crf": str(number % 40)}, gop=_GOP)
        times = [Fraction(each, 25) + Fraction(number, 1000) * each for each in range(_N_FRAMES)]
        encode(folder / f"file{number:02}.mp4", recipe, times)
    return folder


def _scan(trial: Trial, footage: Path, *, poison: dict[str, str], code: int) -> pl.DataFrame:
    """Scan the footage, or go on with it, while it is poisonous; returns the coverage that was published."""
    disturbed = {"PYTHONPATH": f"{_PLUGIN}:{os.environ.get('PYTHONPATH', '')}", **poison}
    settings = (
        *settings_of(trial.runner),
        "--set",
        "detect.fps=unset",
        "--set",
        "detect.hang_s=1",
        "--set",
        "run.stall_s=10",
    )
    command = trial.begin("scan", footage, "--case", trial.root, *settings, "--quiet", disturbed=disturbed)
    ended = command.ended(seconds=600)
    trial.check(ended.code == code, f"scan ended with {ended.code}, not {code}: {ended.last_words}")
    trial.check("Traceback" not in ended.err, f"scan ended in a traceback: {ended.last_words}")
    trial.check_gone()
    return _table(trial, "coverage")


def _table(trial: Trial, name: str) -> pl.DataFrame:
    paths = pl.read_parquet(trial.root / "tables" / "evidence" / "*.parquet").select("evidence_id", "path")
    rows = pl.read_parquet(trial.root / "tables" / name / "*.parquet").join(paths, on="evidence_id")
    return rows.with_columns(pl.col("path").str.extract(r"file(\d+)").cast(pl.Int64).alias("number"))


def _gaps(coverage: pl.DataFrame) -> list[tuple[object, ...]]:
    columns = ("number", "start_frame", "stop_frame", "reason", "settled")
    return coverage.filter(pl.col("state") == "gap").select(columns).sort("number").rows()


def _deeds_of(deeds: tuple[str, ...]) -> dict[str, str]:
    entries = (f"file{number:02} {_AT} {deed}" for number, deed in zip(_POISONOUS, deeds, strict=True))
    return {"POISON": "; ".join(entries)}


def _poisoned(trial: Trial) -> None:
    """A gap of its own for each, settled; the same again changes nothing, and does nothing."""
    poison = _deeds_of(_CRASHES.deeds)
    coverage = _scan(trial, _footage(trial, _N_FILES), poison=poison, code=_UNSETTLED)
    expected = [(number, *_LOST, reason, True) for number, reason in zip(_POISONOUS, _CRASHES.reasons, strict=True)]
    trial.check(_gaps(coverage) == expected, f"the gaps are {_gaps(coverage)}")
    detected = coverage.filter(pl.col("state") == "detected")
    n_looked = int((detected["stop_frame"] - detected["start_frame"]).sum())
    trial.check(n_looked == _N_FILES * _N_FRAMES - len(_POISONOUS) * _GOP, f"{n_looked} frames were looked at")
    before, trial.kept = _bytes_of_tables(trial), trial.parts()
    _scan(trial, trial.folder / "many", poison={}, code=_UNSETTLED)
    trial.check(_bytes_of_tables(trial) == before, "the same command again gave other tables")
    trial.check(trial.parts() == trial.kept, "what was settled was done again")


def _unlucky(trial: Trial) -> None:
    """What was lost is unsettled, and the next run without bad luck is clean."""
    footage = _footage(trial, _N_FILES)
    coverage = _scan(trial, footage, poison=_deeds_of(_KILLS), code=_UNSETTLED)
    found = [(row[0], row[4]) for row in _gaps(coverage)]
    trial.check(found == [(number, False) for number in _POISONOUS], f"the gaps are {_gaps(coverage)}")
    coverage = _scan(trial, footage, poison={}, code=0)
    trial.check(_gaps(coverage) == [], f"the next run left the gaps {_gaps(coverage)}")


def _deadly_to_detect(trial: Trial) -> None:
    coverage = _scan(trial, _footage(trial, 3), poison={"POISON_DETECTOR": f"{_AT} SIGSEGV"}, code=_UNSETTLED)
    expected = [(number, *_LOST, "detector_died", True) for number in range(3)]
    trial.check(_gaps(coverage) == expected, f"the gaps are {_gaps(coverage)}")


def _bytes_of_tables(trial: Trial) -> dict[str, bytes]:
    return {path.name + path.parent.name: path.read_bytes() for path in (trial.root / "tables").rglob("*.*")}


def drills() -> Iterator[Drill]:
    """Of footage that kills."""
    for runner in ("ray", "serial"):
        yield Drill(
            f"five of fifty files are poisonous, {runner}", _POISON, _poisoned, runner, is_short=runner == "ray"
        )
        yield Drill(f"five of fifty decoders are unlucky, {runner}", _BAD_LUCK, _unlucky, runner)
    yield Drill("a detector crashes on a picture of every file", _DETECTOR, _deadly_to_detect, "ray")
