"""Files as recorders write them, with random damage; what they then hold is not known, but it is one thing only."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.mutations import mutate
from scripts.measure.bad_inputs.originals import Workshop
from testing.painted.recorders import RECORDED

__all__ = ["FAMILY", "mutated_recordings"]

FAMILY = "mutated recordings"


def mutated_recordings(seed: int, n_each: int) -> Iterator[BadFile]:
    """Yield so many mutations of each file of a recorder; a larger number adds files and changes none."""
    for nth in range(n_each):
        for place, recorded in enumerate(RECORDED):
            build = partial(_build_mutated, place=place, seed=f"{seed}-{recorded.name}-{nth}")
            yield BadFile(FAMILY, f"{recorded.name}, {nth}", build)


def _build_mutated(shop: Workshop, *, place: int, seed: str) -> Path:
    recorded = shop.built(f"recorded-{place}", RECORDED[place].build)
    return shop.write(recorded.name, mutate(recorded.read_bytes(), seed).content)
