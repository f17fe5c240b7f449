"""Functions that a decoding child is asked to run: they hang, grow, fail or spin."""

import time
from pathlib import Path
from typing import Any

from forensics.decoding import child_main
from forensics.errors import UnreadableFootage

__all__ = ["divide_by_zero", "fail_to_open", "hold", "say_nothing", "spin", "talk_and_grow"]

_kept: list[bytearray] = []


def hold(content: bytes, n_bytes: int = 0, seconds: float = 0) -> int:
    """Keep that much memory for a while; returns how long the content is."""
    _kept.append(bytearray(b"\1") * n_bytes)
    time.sleep(seconds)
    return len(content)


def say_nothing(seconds: float) -> None:
    time.sleep(seconds)


def spin(seconds: float) -> None:
    """Be busy without ever asking whether anybody is there."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def fail_to_open(path: Path) -> None:
    raise UnreadableFootage(path, "no_video", "nothing to see")


def divide_by_zero() -> float:
    return 1 / 0


def talk_and_grow(bytes_per_frame: int) -> None:
    """From now on every frame that is read leaves something behind in memory."""
    open_reader = child_main.open_reader

    class Leaking:
        def __init__(self, *footage: Any) -> None:
            self._reader = open_reader(*footage)

        def read(self, wanted: Any, watch: Any = None) -> Any:
            for item in self._reader.read(wanted, watch):
                _kept.append(bytearray(b"\1") * bytes_per_frame)
                yield item

    import __main__

    __main__.open_reader = Leaking
