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

    Numbers with the same time are expected in the order of the file.
    """

    def expected(index: PacketIndex) -> list[int | None]:
        since_first = (index.pts - index.pts.min()) * float(index.time_base)
        left = dict(enumerate(times))
        return [_take_number_at(left, float(at) + float(min(times))) for at in since_first]

    return expected


def _take_number_at(left: dict[int, Fraction], at_s: float) -> int | None:
    """Return the first number at a time, and take it out; None if there is none."""
    # the coarsest clock has ticks of one millisecond
    found = next((number for number, time in left.items() if abs(float(time) - at_s) <= 0.001), None)
    if found is not None:
        del left[found]
    return found
