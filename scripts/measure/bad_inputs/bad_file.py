"""A bad file: how it is made, and which frames are expected from it."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from forensics.footage.timeline import PacketIndex
from scripts.measure.bad_inputs.originals import Workshop
from testing.painted import Kind
from testing.painted.measure import expected_numbers

__all__ = ["BadFile", "Expected", "numbers_at_times", "numbers_in_order", "numbers_of_kind"]

Expected = Callable[[PacketIndex], list[int | None]]


@dataclass(frozen=True, slots=True)
class BadFile:
    """One bad file or folder.

    Attributes:
        family: kind of damage, in a few words.
        name: unique in its family; the same in every campaign with the same seed.
        build: writes the file into the folder of the workshop and returns the path that is given to the job.
        expected: returns the painted number of each row of the index; None if the times of the file are wrong or
            nothing is painted.
        may_stand_still: a codec without checksums need not notice the damage, so a frame may show an earlier picture,
            but never a later one.
        is_sound: its content is intact, so the verdict must be ok.
        is_known_short: its container states that something is missing, so the verdict must not be ok.
    """

    family: str
    name: str
    build: Callable[[Workshop], Path]
    expected: Expected | None = None
    may_stand_still: bool = False
    is_sound: bool = False
    is_known_short: bool = False

    @property
    def title(self) -> str:
        """Name of its case in the campaign."""
        return f"{self.family}/{self.name}"


def numbers_of_kind(kind: Kind) -> Expected:
    """Return the expected numbers of a file with the times of its kind."""
    return partial(expected_numbers, kind)


def numbers_in_order(numbers: list[int | None]) -> Expected:
    """Return the expected numbers of a file that holds the first frames of this list, in order."""

    def expected(index: PacketIndex) -> list[int | None]:
        return (numbers + [None] * index.n_frames)[: index.n_frames]

    return expected


def numbers_at_times(times: tuple[Fraction, ...]) -> Expected:
    """Return the expected numbers of a file that shows number n at `times[n]` seconds, on any clock.

    Two numbers with the same time have no address: None is expected there.
    """

    def expected(index: PacketIndex) -> list[int | None]:
        since_first = (index.pts - index.pts[0]) * float(index.time_base)
        return [_number_at(times, float(at)) for at in since_first]

    return expected


def _number_at(times: tuple[Fraction, ...], since_first_s: float) -> int | None:
    at = since_first_s + float(min(times))
    # the coarsest clock has ticks of one millisecond
    found = [number for number, time in enumerate(times) if abs(float(time) - at) <= 0.001]
    return found[0] if len(found) == 1 else None
