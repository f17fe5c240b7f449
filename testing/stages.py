"""Small stages that a worker process can import: they double, fail, kill their worker or cannot be opened."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from forensics.errors import ForensicsError

__all__ = ["Doubling", "Dozing", "Hanging", "Holding", "Killing", "NamingProcess", "NoTool", "OnAGpu", "Refusing"]


@dataclass(frozen=True, slots=True)
class Doubling:
    """Doubles numbers; raises ``ValueError`` for some."""

    refused: frozenset[int] = field(default=frozenset())
    name: ClassVar[str] = "double"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        return partial(_doubled, refused=self.refused)


@dataclass(frozen=True, slots=True)
class OnAGpu:
    """Doubles numbers, and says that it needs a GPU."""

    uses_gpu: bool = True
    name: ClassVar[str] = "gpu"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        return partial(_doubled, refused=frozenset())


@dataclass(frozen=True, slots=True)
class Dozing:
    """Sleeps for the seconds it is given; answers with its process."""

    name: ClassVar[str] = "doze"

    def frames_in(self, item: float) -> int:
        return 1

    def open(self) -> Callable[[float], int]:
        return _dozed


def _dozed(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def _doubled(number: int, refused: frozenset[int]) -> int:
    if number in refused:
        raise ValueError(f"{number} cannot be doubled")
    return 2 * number


@dataclass(frozen=True, slots=True)
class Killing:
    """Doubles numbers; the worker dies of some of them.

    Attributes:
        once: deadly the first time; a file in `folder` remembers.
        always: deadly every time.
    """

    folder: Path
    once: frozenset[int] = field(default=frozenset())
    always: frozenset[int] = field(default=frozenset())
    name: ClassVar[str] = "kill"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        return self._work

    def _work(self, number: int) -> int:
        marker = self.folder / f"died-of-{number}"
        if number in self.always or (number in self.once and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * number


@dataclass(frozen=True, slots=True)
class Hanging:
    """Doubles numbers; hangs over some of them the first time."""

    folder: Path
    once: frozenset[int]
    name: ClassVar[str] = "hang"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        return self._work

    def _work(self, number: int) -> int:
        marker = self.folder / f"hung-over-{number}"
        if number in self.once and not marker.exists():
            marker.touch()
            time.sleep(3600)
        return 2 * number


@dataclass(frozen=True, slots=True)
class NamingProcess:
    """Answers every item with the number of the process that does the work."""

    name: ClassVar[str] = "name"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        return lambda _: os.getpid()


@dataclass(frozen=True, slots=True)
class Holding:
    """Doubles numbers; says in a file that it was closed."""

    closed: Path
    name: ClassVar[str] = "hold"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> "_Held":
        return _Held(self.closed)


class _Held:
    def __init__(self, closed: Path) -> None:
        self._closed = closed

    def __call__(self, number: int) -> int:
        return 2 * number

    def close(self) -> None:
        self._closed.touch()


class NoTool(ForensicsError):
    """An error with facts, as stages raise them."""

    def __init__(self, tool: str, n_missing: int) -> None:
        super().__init__(tool, n_missing)
        self.tool = tool
        self.n_missing = n_missing

    def __str__(self) -> str:
        return f"{self.tool}: {self.n_missing} are missing"


@dataclass(frozen=True, slots=True)
class Refusing:
    """Cannot be opened."""

    name: ClassVar[str] = "refuse"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        raise NoTool("hammer", 3)
