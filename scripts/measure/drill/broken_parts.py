"""Drills that damage a part between a kill and the next run: cut short, emptied, or with a flipped bit."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from forensics.custody.log import read_chain
from scripts.measure.drill.drill import Drill
from scripts.measure.drill.driver_kills import kill_at_moment
from scripts.measure.drill.job import N_CAMERAS, N_PARTS
from scripts.measure.drill.trial import Trial

__all__ = ["drills"]

_BROKEN: Final = (
    "a part cut short, emptied or with a flipped bit: the same command reports it and computes only it again"
)
_ANYWHERE: Final = "one bit of a part flipped anywhere: the same command produces the same tables"
_WAYS: Final = ("cut short", "emptied", "flipped")
_N_PARTS_UNTIL: Final = {"detect": 8, "track": N_PARTS - N_CAMERAS, "sight": N_PARTS}
"""Number of parts after which the stage has at least one."""


def _break_part(trial: Trial, stage: str, way: str) -> None:
    kill_at_moment(trial, _N_PARTS_UNTIL[stage])
    part = trial.rng.choice(sorted(trial.root.glob(f"runs/*/parts/{stage}/*.parquet")))
    part.write_bytes(_damaged_content(trial, part, way))
    del trial.kept_parts[part.relative_to(trial.root).as_posix()]
    trial.resume_and_check()
    notes = [line.facts for line in read_chain(trial.root / "audit.jsonl").lines if line.command == "part_broken"]
    noted = [facts.get("path") for facts in notes]
    trial.check(noted == [part.relative_to(trial.root).as_posix()], f"the log names {noted} as broken parts")


def _flip_anywhere(trial: Trial, stage: str, number: int) -> None:
    """Flip any bit. Some bits have no effect; in any case the tables must be the same."""
    kill_at_moment(trial, _N_PARTS_UNTIL[stage])
    part = trial.rng.choice(sorted(trial.root.glob(f"runs/*/parts/{stage}/*.parquet")))
    data = bytearray(part.read_bytes())
    data[trial.rng.randrange(len(data))] ^= 1 << number % 8
    part.write_bytes(bytes(data))
    del trial.kept_parts[part.relative_to(trial.root).as_posix()]
    trial.resume_and_check()


def _damaged_content(trial: Trial, part: Path, way: str) -> bytes:
    data = part.read_bytes()
    if way == "emptied":
        return b""
    place = trial.rng.randrange(len(data))
    if way == "cut short":
        return data[:place]
    flipped = bytearray(data)
    flipped[-6] ^= 1 << trial.rng.randrange(8)  # in the length of the footer, where a change is always detected
    return bytes(flipped)


def drills() -> Iterator[Drill]:
    """Yield the drills with broken parts."""
    for stage in _N_PARTS_UNTIL:
        for way in _WAYS:
            is_short = (stage, way) in {("detect", "cut short"), ("track", "emptied")}
            broken = partial(_break_part, stage=stage, way=way)
            yield Drill(f"{stage} part {way}", _BROKEN, broken, is_short=is_short)
        for number in range(4):
            flipped = partial(_flip_anywhere, stage=stage, number=number)
            yield Drill(f"{stage} part flipped anywhere, {number + 1}", _ANYWHERE, flipped)
