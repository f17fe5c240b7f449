"""The clock of the program. Tests replace it here."""

import ctypes
import platform
import sys
import time
from datetime import UTC, datetime
from typing import Final

from forensics.errors import NotAuthorised

__all__ = ["refuse_false_clock", "utc_now"]

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
    shown, kernel = (datetime.fromtimestamp(each, tz=UTC).isoformat(" ", "seconds") for each in (time.time(), kernel_s))
    raise NotAuthorised(
        f"the clock of this process was changed: it shows {shown}, the kernel's clock is at {kernel}",
        "start the command without the tool that changes it, and set the machine's clock to the correct time",
    )


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


def _kernel_time() -> float | None:
    """Return the seconds since 1970 by the kernel; None where it cannot be asked."""
    if _SYSTEM_CALL is None:
        return None
    answer = _TimeSpec()
    status: int = ctypes.CDLL(None).syscall(_SYSTEM_CALL, 0, ctypes.byref(answer))
    return None if status else answer.seconds + answer.nanoseconds / 1e9
