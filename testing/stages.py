"""Small stages that a worker process can import, which double numbers, fail, hang or kill their worker."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from forensics.custody.sealer import Sealer
from forensics.errors import ForensicsError

__all__ = [
    "Doubling",
    "DoublingOnGpu",
    "DyingToOpen",
    "FailingInLibrary",
    "FailingToOpen",
    "Filling",
    "Hanging",
    "Killing",
    "MissingTool",
    "NamingProcess",
    "ReportingClose",
    "Sealing",
    "Sleeping",
]


@dataclass(frozen=True, slots=True)
class Doubling:
    """Doubles numbers; raises ``ValueError`` for the refused ones."""

    refused: frozenset[int] = field(default=frozenset())
    name: ClassVar[str] = "double"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        return partial(_double, refused=self.refused)


@dataclass(frozen=True, slots=True)
class Sealing:
    """Decrypts a secret that it carries, and returns each number encrypted with the process id.

    Attributes:
        sealed: the secret, sealed for the context ``secret``.
        marker: bytes in clear, which show that a search finds what a stage carries.
    """

    sealed: bytes
    marker: bytes
    name: ClassVar[str] = "seal"
    uses_key: ClassVar[bool] = True

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], bytes]:
        raise ValueError("needs the key")

    def open_with_key(self, key: Sealer) -> Callable[[int], bytes]:
        return partial(_seal, key=key, secret=key.unseal(self.sealed, "secret"))


def _seal(number: int, key: Sealer, secret: bytes) -> bytes:
    return key.seal(b"%d %d %d" % (number, len(secret), os.getpid()), "number")


@dataclass(frozen=True, slots=True)
class DoublingOnGpu:
    """Doubles numbers and requires a GPU."""

    uses_gpu: bool = True
    name: ClassVar[str] = "gpu"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        return partial(_double, refused=frozenset())


@dataclass(frozen=True, slots=True)
class Sleeping:
    """Sleeps for the seconds of the item; returns its process id."""

    name: ClassVar[str] = "doze"

    def frames_in(self, item: float) -> int:
        return 1

    def open(self) -> Callable[[float], int]:
        return _sleep


def _sleep(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def _double(number: int, refused: frozenset[int]) -> int:
    if number in refused:
        raise ValueError(f"{number} cannot be doubled")
    return 2 * number


@dataclass(frozen=True, slots=True)
class Killing:
    """Doubles numbers; some of them kill the worker.

    Attributes:
        once: kill the worker the first time; a marker file in `folder` records this.
        always: kill the worker every time.
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
    """Doubles numbers; hangs on some of them the first time."""

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
class Filling:
    """Returns as many bytes as the item says."""

    name: ClassVar[str] = "fill"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], bytes]:
        return bytes


@dataclass(frozen=True, slots=True)
class NamingProcess:
    """Returns the id of the process that does the work."""

    name: ClassVar[str] = "name"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        return lambda _: os.getpid()


@dataclass(frozen=True, slots=True)
class ReportingClose:
    """Doubles numbers; creates a file when it is closed."""

    closed: Path
    name: ClassVar[str] = "hold"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> "_DoublerWithClose":
        return _DoublerWithClose(self.closed)


class _DoublerWithClose:
    def __init__(self, closed: Path) -> None:
        self._closed = closed

    def __call__(self, number: int) -> int:
        return 2 * number

    def close(self) -> None:
        self._closed.touch()


class MissingTool(ForensicsError):
    """An error with attributes, as stages raise it."""

    def __init__(self, tool: str, n_missing: int) -> None:
        super().__init__(tool, n_missing)
        self.tool = tool
        self.n_missing = n_missing

    def __str__(self) -> str:
        return f"{self.tool}: {self.n_missing} are missing"


@dataclass(frozen=True, slots=True)
class FailingToOpen:
    """Raises an error when it is opened."""

    name: ClassVar[str] = "refuse"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        raise MissingTool("hammer", 3)


@dataclass(frozen=True, slots=True)
class FailingInLibrary:
    """Raises an error of no class of ours when it is opened."""

    name: ClassVar[str] = "refuse"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        raise ZeroDivisionError("no such device")


@dataclass(frozen=True, slots=True)
class DyingToOpen:
    """Kills its process when it is opened, as a network does that memory has no room for."""

    name: ClassVar[str] = "die"

    def frames_in(self, item: int) -> int:
        return 1

    def open(self) -> Callable[[int], int]:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError
