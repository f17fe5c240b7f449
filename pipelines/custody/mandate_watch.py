"""Watchdog that stops a run when its mandate ends: denied, expired, or 48 hours without an authority.

It also ends when a case about the same footage or person is denied while it runs.

A thread checks the mandate once a second. When it has ended, the thread sends SIGUSR1 to the main thread, which
interrupts any wait; the workers of the runner end with it. SIGINT is not used, because background processes may ignore
it.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from forensics.custody.case_document import Case
from forensics.custody.mandate import stops_at
from forensics.errors import Explained, NotAuthorised
from pipelines import clock
from pipelines.custody.denial_memory import denials_file
from pipelines.custody.earlier_denials import refuse_earlier_denials

__all__ = ["MandateEnded", "within_mandate"]

_CHECK_INTERVAL_S: Final = 1.0


class MandateEnded(BaseException):
    """Raised in the main thread when the mandate has ended; not an `Exception`, so that no handler catches it."""


def _raise_ended(signal_number: int, frame: FrameType | None) -> None:
    raise MandateEnded


@contextlib.contextmanager
def within_mandate(case: Case) -> Iterator[None]:
    """Stop the block as soon as the mandate ends. Call it in the main thread.

    Raises:
        NotAuthorised: the mandate ended; results stay until retention is enforced.
    """
    over, ended = threading.Event(), list[NotAuthorised]()
    denials = _NewDenials(case)
    main_thread = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, _raise_ended)

    def watch() -> None:
        while not over.wait(_CHECK_INTERVAL_S):
            end = _find_end(case) or denials.find()
            if end is not None:
                ended.append(end)
                signal.pthread_kill(main_thread, signal.SIGUSR1)
                return

    watcher = threading.Thread(target=watch, name="mandate", daemon=True)
    watcher.start()
    try:
        yield
    except MandateEnded:
        raise ended[0] from None
    finally:
        over.set()
        with contextlib.suppress(MandateEnded):
            watcher.join()
        signal.signal(signal.SIGUSR1, before)
    if ended:
        raise ended[0]


def _find_end(case: Case) -> NotAuthorised | None:
    """Return the error with which the run must stop now; None if the mandate allows it to continue."""
    ends, problem = stops_at(case.mandate), ""
    if case.folder.denied_file.exists():
        problem = "its authority was refused"
    elif ends is not None and clock.utc_now() >= ends:
        problem = f"its mandate ended at {ends:%Y-%m-%d %H:%M:%S}Z"
    return _stopped_error(problem, "see the mandate with `forensics case show CASE`") if problem else None


@dataclass(slots=True)
class _NewDenials:
    """Looks for a denial of a case about the same each time that the memory of denials has changed.

    Attributes:
        case: the case that runs.
        state: size and time of the memory when it was last read.
    """

    case: Case
    state: tuple[int, int] | None = (-1, -1)

    def find(self) -> NotAuthorised | None:
        """Return the error with which the run must stop now; None if there is no such denial."""
        state = _state_of(denials_file())
        if state == self.state:
            return None
        self.state = state
        try:
            refuse_earlier_denials(self.case)
        except Explained as error:
            return _stopped_error(error.problem, error.next_step)
        return None


def _state_of(path: Path) -> tuple[int, int] | None:
    """Return size and time of a file; None if it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _stopped_error(problem: str, next_step: str) -> NotAuthorised:
    return NotAuthorised(f"the run was stopped: {problem}", next_step)
