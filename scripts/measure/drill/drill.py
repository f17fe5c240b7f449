"""One way to disturb a run, and what is promised of it."""

from collections.abc import Callable
from dataclasses import dataclass

from scripts.measure.drill.trial import Trial

__all__ = ["Drill"]


@dataclass(frozen=True, slots=True)
class Drill:
    """A disturbance at one moment.

    Attributes:
        name: tells it from all others.
        assertion: what is promised, in one sentence for all drills of its kind.
        do: disturbs the trial and notes what does not hold; raises `Lacking` where the machine cannot.
        runner: ``serial`` or ``ray``.
        is_short: whether it belongs to the short campaign.
    """

    name: str
    assertion: str
    do: Callable[[Trial], None]
    runner: str = "serial"
    is_short: bool = False
