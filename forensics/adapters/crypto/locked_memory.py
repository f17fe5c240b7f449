"""Memory for secrets: not swapped, not dumped, not inherited by a forked child, and overwritten when it is released.

What the system refuses is left out, see `protection_problems`. Libraries that use a secret copy it for a moment; such a
copy disappears with its process.
"""

import contextlib
import ctypes
import mmap
import os
import resource
import sys
import weakref
from typing import Final

__all__ = ["LockedMemory", "protect_process", "protection_problems"]

_PR_GET_DUMPABLE: Final = 3
_PR_SET_DUMPABLE: Final = 4
_MADV_WIPEONFORK: Final = 18
_IS_LINUX: Final = sys.platform == "linux"


class LockedMemory:
    """A few bytes of memory in pages of their own.

    Args:
        data: initial content; the caller's copy stays as it is.
    """

    def __init__(self, data: "bytes | memoryview") -> None:
        self._pid = os.getpid()
        self._pages = mmap.mmap(-1, max(len(data), 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.is_locked = _lock(self._pages)
        if _IS_LINUX:
            with contextlib.suppress(OSError):
                self._pages.madvise(mmap.MADV_DONTDUMP)
            with contextlib.suppress(OSError):
                self._pages.madvise(_MADV_WIPEONFORK)
        self._pages[: len(data)] = data
        self._n_bytes = len(data)
        weakref.finalize(self, _wipe, self._pages, self._n_bytes)

    def view(self) -> memoryview:
        """Return the content as a read-only view.

        Raises:
            RuntimeError: this is a forked child, in which the content was wiped.
        """
        if os.getpid() != self._pid:
            raise RuntimeError("a secret is not available in a forked process")
        return memoryview(self._pages)[: self._n_bytes].toreadonly()


def _lock(pages: mmap.mmap) -> bool:
    """Keep pages out of the swap; return whether the system allowed it."""
    first = ctypes.c_char.from_buffer(pages)
    try:
        status: int = ctypes.CDLL(None).mlock(ctypes.c_void_p(ctypes.addressof(first)), len(pages))
        return status == 0
    except (OSError, AttributeError):
        return False
    finally:
        del first


def _wipe(pages: mmap.mmap, n_bytes: int) -> None:
    pages[:n_bytes] = bytes(n_bytes)


def protect_process() -> None:
    """Forbid core dumps of this process, and on Linux access by debuggers of other processes without privileges."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if _IS_LINUX:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def protection_problems() -> list[str]:
    """Return in words what this system does not allow; needs a process that may be protected, such as a child."""
    protect_process()
    problems = []
    if not LockedMemory(bytes(32)).is_locked:
        problems.append("keys in memory may be swapped to disk (mlock is refused)")
    if resource.getrlimit(resource.RLIMIT_CORE)[0] != 0:
        problems.append("core dumps cannot be switched off")
    if _IS_LINUX and ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        problems.append("other processes of this user can read the memory of processes with a key")
    return problems
