"""Ends, fails or observes a command at a chosen file operation, by Python's audit events (PEP 578).

A test names an operation and a file, such as the second ``rename`` to ``*/case.toml``. So it needs no name of a
function inside the product. Operations:

    read, write             a file is opened
    rename                  a file or folder gets this name
    remove, mkdir, rmdir    as in `os`

What libraries open in C has no event.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import Any, NoReturn

from testing.project import ROOT

__all__ = ["KILLED", "call_at", "die_at", "fail_at", "interrupt_at", "run_killed", "started_programs"]

KILLED = 137
"""Exit code of a command that `die_at` ended."""

_Observer = Callable[[str, tuple[Any, ...]], None]
_OPERATIONS = {
    "os.rename": "rename",
    "os.remove": "remove",
    "os.mkdir": "mkdir",
    "os.rmdir": "rmdir",
    "os.link": "link",
    "os.symlink": "link",
    "os.truncate": "write",
}
_OPENED_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_SCRIPT = "from testing.audit_events import _run_killed; _run_killed()"

_observers: list[_Observer] = []
_hooks: list[_Observer] = []


def _observe_all(event: str, arguments: tuple[Any, ...]) -> None:
    for observer in list(_observers):
        observer(event, arguments)


@contextmanager
def _observed(observer: _Observer) -> Iterator[None]:
    """Call `observer` with every audit event of this thread within the block."""
    if not _hooks:  # one for ever, because a hook can never be removed
        _hooks.append(_observe_all)
        sys.addaudithook(_observe_all)
    thread = threading.get_ident()

    def observe(event: str, arguments: tuple[Any, ...]) -> None:
        if threading.get_ident() == thread:
            observer(event, arguments)

    _observers.append(observe)
    try:
        yield
    finally:
        _observers.remove(observe)


@contextmanager
def die_at(operation: str, pattern: str, *, nth: int = 1, after: bool = False) -> Iterator[None]:
    """End the command at an operation, as a kill does: from then on it changes no file.

    Args:
        operation: see the module.
        pattern: of the whole path, with wildcards.
        nth: which of these operations.
        after: whether it dies just after the operation instead of just before.
    """

    def die() -> NoReturn:
        raise SystemExit(KILLED)

    death = _Death(operation, pattern, nth, die, after=after)
    with _observed(death):
        yield
    assert death.has_come, f"there was no {operation} {pattern} number {nth}"


class _Death:
    """Calls `die` at an operation, and again at every later change of a file."""

    def __init__(
        self, operation: str, pattern: str, nth: int, die: Callable[[], NoReturn], *, after: bool = False
    ) -> None:
        self._operation, self._pattern, self._nth, self._die, self._is_after = operation, pattern, nth, die, after
        self._n_seen, self.has_come = 0, False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        operation, path = _described(event, arguments)
        if not operation:
            return
        is_due = self._is_after and self._n_seen == self._nth
        if operation == self._operation and fnmatch(path, self._pattern):
            self._n_seen += 1
            is_due |= not self._is_after and self._n_seen == self._nth
        if is_due or (self.has_come and operation != "read"):
            self.has_come = True
            self._die()


@contextmanager
def fail_at(operation: str, pattern: str, error_number: int, *, first: int = 1) -> Iterator[None]:
    """Fail every such operation from the given one on with an error of the operating system, such as `ENOSPC`."""
    n_seen = 0

    def observe(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal n_seen
        seen, path = _described(event, arguments)
        if seen == operation and fnmatch(path, pattern):
            n_seen += 1
            if n_seen >= first:
                raise OSError(error_number, os.strerror(error_number), path)

    with _observed(observe):
        yield
    assert n_seen >= first, f"there were only {n_seen} of {operation} {pattern}"


@contextmanager
def call_at(operation: str, pattern: str, action: Callable[[], object]) -> Iterator[None]:
    """Call a function just before the first such operation."""
    is_called = False

    def observe(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal is_called
        seen, path = _described(event, arguments)
        if not is_called and seen == operation and fnmatch(path, pattern):
            is_called = True
            action()

    with _observed(observe):
        yield
    assert is_called, f"there was no {operation} {pattern}"


@contextmanager
def interrupt_at(operation: str, pattern: str) -> Iterator[None]:
    """Interrupt the command at the first such operation, as Ctrl-C does; it ends in order."""

    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    with call_at(operation, pattern, interrupt):
        yield


@contextmanager
def started_programs() -> Iterator[list[list[str]]]:
    """Yield a list that grows by the arguments of every program that this thread starts within the block."""
    started: list[list[str]] = []

    def observe(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            started.append([os.fsdecode(word) for word in arguments[1]])

    with _observed(observe):
        yield started


def run_killed(*arguments: object, operation: str, pattern: str, nth: int = 1) -> int:
    """Run the command line as a process of its own, killed just before an operation; returns its exit code."""
    words = [sys.executable, "-c", _SCRIPT, operation, pattern, str(nth), *map(str, arguments)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode


def _run_killed() -> None:
    from pipelines.cli import main

    def die() -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a killed process continues")

    operation, pattern, nth = sys.argv[1:4]
    sys.argv[1:] = sys.argv[4:]
    with _observed(_Death(operation, pattern, int(nth), die)):
        main()


def _described(event: str, arguments: tuple[Any, ...]) -> tuple[str, str]:
    """Return the operation and its path, both empty for other events; the path is empty for open descriptors."""
    if event == "open":
        operation = "write" if arguments[2] & _OPENED_FOR_WRITING else "read"
    else:
        operation = _OPERATIONS.get(event, "")
    if not operation:
        return "", ""
    path = arguments[1] if operation in {"rename", "link"} else arguments[0]
    return operation, "" if isinstance(path, int) else os.fsdecode(path)
