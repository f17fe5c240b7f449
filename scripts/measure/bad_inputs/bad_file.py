"""What a bad file is: how it is made, and what can be known of the frames it still holds."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from forensics.footage.timeline import PacketIndex
from scripts.measure.bad_inputs.originals import Workshop
from testing.painted import Kind
from testing.painted.measure import expected_numbers

__all__ = ["BadFile", "Expected", "by_number", "by_time", "by_times"]

Expected = Callable[[PacketIndex], list[int | None]]


@dataclass(frozen=True, slots=True)
class BadFile:
    """One bad file, or folder.

    Attributes:
        family: what is wrong with it, in a word or two.
        name: tells it from the others of its family, and does not change between two campaigns of one seed.
        build: writes it into the workshop's folder and returns the path that the job is given.
        expected: the painted number that belongs to each row of its index; None where its own times are lies,
            or where nothing is painted in it.
        may_stand_still: its pictures were damaged in a way that a codec without checksums need not notice: a frame
            may still show an earlier picture, but never a later one.
        is_sound: nothing is wrong with its content, so the verdict must be ok.
        is_known_short: its container says that something is missing, so the verdict must not be ok.
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
        """The name of its case in the campaign."""
        return f"{self.family}/{self.name}"


def by_time(kind: Kind) -> Expected:
    """What is painted in the frames of a file whose times are those of its kind."""
    return partial(expected_numbers, kind)


def by_number(numbers: list[int | None]) -> Expected:
    """What is painted in the frames of a file that keeps them in this order, however many are left."""

    def expected(index: PacketIndex) -> list[int | None]:
        return (numbers + [None] * index.n_frames)[: index.n_frames]

    return expected


def by_times(times: tuple[Fraction, ...]) -> Expected:
    """What is painted in the frames of a file that shows number n at `times[n]` seconds, on whatever clock.

    Two numbers of one time have no address; a frame at that time may show neither.
    """

    def expected(index: PacketIndex) -> list[int | None]:
        since_first = (index.pts - index.pts[0]) * float(index.time_base)
        return [_number_at(times, float(at)) for at in since_first]

    return expected


def _number_at(times: tuple[Fraction, ...], since_first_s: float) -> int | None:
    at = since_first_s + float(min(times))
    # the coarsest clock ticks once a millisecond
    found = [number for number, time in enumerate(times) if abs(float(time) - at) <= 0.001]
    return found[0] if len(found) == 1 else None
