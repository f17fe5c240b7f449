"""A part is not what was written: cut short, emptied, a bit flipped, between a kill and the next run."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from forensics.custody.log import read_chain
from scripts.measure.drill.drill import Drill
from scripts.measure.drill.driver_kills import killed_at_moment
from scripts.measure.drill.job import N_PARTS
from scripts.measure.drill.trial import Trial

__all__ = ["drills"]

_BROKEN: Final = "a part cut short, emptied or flipped: the same command tells of it, and makes that part alone again"
_ANYWHERE: Final = "one bit of a part flipped anywhere: the same command ends in the same tables"
_WAYS: Final = ("cut short", "emptied", "flipped")
_WRITTEN: Final = {"detect": 8, "track": N_PARTS - 2, "sight": N_PARTS}
"""After how many parts there is one of the stage."""


def _broken(trial: Trial, stage: str, way: str) -> None:
    killed_at_moment(trial, _WRITTEN[stage])
    part = trial.chance.choice(sorted(trial.root.glob(f"runs/*/parts/{stage}/*.parquet")))
    part.write_bytes(_spoilt(trial, part, way))
    del trial.kept[part.relative_to(trial.root).as_posix()]
    trial.goes_on()
    notes = [line.facts for line in read_chain(trial.root / "audit.jsonl").lines if line.command == "part_broken"]
    told = [facts.get("path") for facts in notes]
    trial.check(told == [part.relative_to(trial.root).as_posix()], f"the log tells of {told}")


def _flipped_anywhere(trial: Trial, stage: str, number: int) -> None:
    """Of some bits nothing depends; whichever it is, the tables are the same."""
    killed_at_moment(trial, _WRITTEN[stage])
    part = trial.chance.choice(sorted(trial.root.glob(f"runs/*/parts/{stage}/*.parquet")))
    data = bytearray(part.read_bytes())
    data[trial.chance.randrange(len(data))] ^= 1 << number % 8
    part.write_bytes(bytes(data))
    del trial.kept[part.relative_to(trial.root).as_posix()]
    trial.goes_on()


def _spoilt(trial: Trial, part: Path, way: str) -> bytes:
    data = part.read_bytes()
    if way == "emptied":
        return b""
    place = trial.chance.randrange(len(data))
    if way == "cut short":
        return data[:place]
    flipped = bytearray(data)
    flipped[-6] ^= 1 << trial.chance.randrange(8)  # in the length of the footer: always seen
    return bytes(flipped)


def drills() -> Iterator[Drill]:
    """Of parts that are broken."""
    for stage in _WRITTEN:
        for way in _WAYS:
            is_short = (stage, way) in {("detect", "cut short"), ("track", "emptied")}
            broken = partial(_broken, stage=stage, way=way)
            yield Drill(f"{stage} part {way}", _BROKEN, broken, is_short=is_short)
        for number in range(4):
            flipped = partial(_flipped_anywhere, stage=stage, number=number)
            yield Drill(f"{stage} part flipped anywhere, {number + 1}", _ANYWHERE, flipped)
