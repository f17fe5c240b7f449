"""Functions for a decoding child that hang, use memory, fail or spin."""

import time
from pathlib import Path
from typing import Any

from forensics.decoding import child_main
from forensics.errors import UnreadableFootage

__all__ = ["divide_by_zero", "fail_to_open", "hold_memory", "leak_memory", "spin", "stay_silent"]

_kept: list[bytearray] = []


def hold_memory(content: bytes, n_bytes: int = 0, seconds: float = 0) -> int:
    """Hold so many bytes and sleep; return the length of the content."""
    _kept.append(bytearray(b"\1") * n_bytes)
    time.sleep(seconds)
    return len(content)


def stay_silent(seconds: float) -> None:
    time.sleep(seconds)


def spin(seconds: float) -> None:
    """Keep the processor busy without checking for cancellation."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def fail_to_open(path: Path) -> None:
    raise UnreadableFootage(path, "no_video", "nothing to see")


def divide_by_zero() -> float:
    return 1 / 0


def leak_memory(bytes_per_frame: int) -> None:
    """Make every later frame leak so many bytes of memory."""
    open_reader = child_main.open_reader

    class Leaking:
        def __init__(self, *footage: Any) -> None:
            self._reader = open_reader(*footage)

        def read(self, wanted: Any, gate: Any = None) -> Any:
            for item in self._reader.read(wanted, gate):
                _kept.append(bytearray(b"\1") * bytes_per_frame)
                yield item

    import __main__

    __main__.open_reader = Leaking
