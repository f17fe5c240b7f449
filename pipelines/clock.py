"""The clock of the program. Tests replace it here."""

import ctypes
import platform
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from forensics.errors import NotAuthorised

__all__ = ["refuse_clock_behind", "refuse_false_clock", "utc_now"]

_TOLERANCE_S: Final = 5.0
# Number of the system call clock_gettime, which is asked without the C library that preloaded tools replace.
_SYSTEM_CALL: Final = {"x86_64": 228, "aarch64": 113}.get(platform.machine()) if sys.platform == "linux" else None


def utc_now() -> datetime:
    """Return the current time in UTC. Call it as `clock.utc_now()`, so that tests can replace it."""
    return datetime.now(UTC)


def refuse_false_clock() -> None:
    """Refuse to work where a tool such as faketime shows this process another time than the kernel's.

    Raises:
        NotAuthorised: the times differ by more than a few seconds.
    """
    kernel_s = _kernel_time()
    if kernel_s is None or abs(time.time() - kernel_s) <= _TOLERANCE_S:
        return
    raise NotAuthorised(
        f"the clock of this process was changed: it shows {_text(time.time())}, the kernel's is at {_text(kernel_s)}",
        "start the command without the tool that changes it, and set the machine's clock to the correct time",
    )


def refuse_clock_behind(files: Iterable[Path]) -> None:
    """Refuse to work where files of the program were written later than the clock shows.

    Raises:
        NotAuthorised: the clock is more than a few seconds behind the newest of them.
    """
    written = {path: path.stat().st_mtime for path in files if path.exists()}
    newest = max(written, key=lambda path: written[path], default=None)
    if newest is None or written[newest] - time.time() <= _TOLERANCE_S:
        return
    raise NotAuthorised(
        f"the machine's clock shows {_text(time.time())}, but this file was written at {_text(written[newest])}",
        "set the machine's clock to the correct time; if it ran ahead when the file was written, `touch` the file",
        newest,
    )


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(" ", "seconds")


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


def _kernel_time() -> float | None:
    """Return the seconds since 1970 by the kernel; None where it cannot be asked."""
    if _SYSTEM_CALL is None:
        return None
    answer = _TimeSpec()
    status: int = ctypes.CDLL(None).syscall(_SYSTEM_CALL, 0, ctypes.byref(answer))
    return None if status else answer.seconds + answer.nanoseconds / 1e9
