"""One way to disturb a run, with the assertion that must hold."""

from collections.abc import Callable
from dataclasses import dataclass

from scripts.measure.drill.trial import Trial

__all__ = ["Drill"]


@dataclass(frozen=True, slots=True)
class Drill:
    """One disturbance at one moment.

    Attributes:
        name: unique.
        assertion: what must hold, in one sentence that is the same for all drills of this kind.
        do: disturbs the trial and records broken promises; raises `MissingRequirement` if this machine lacks something.
        runner: ``serial``, ``local`` or ``ray``.
        is_short: whether the short campaign includes it.
    """

    name: str
    assertion: str
    do: Callable[[Trial], None]
    runner: str = "serial"
    is_short: bool = False
