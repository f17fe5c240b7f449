"""Watchdog that stops a run when its mandate ends: denied, expired, or 48 hours without an authority.

A thread checks the mandate once a second. When it has ended, the thread sends SIGUSR1 to the main thread, which
interrupts any wait; the workers of the runner end with it. SIGINT is not used, because background processes may ignore
it.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

from forensics.custody.case_document import Case
from forensics.custody.mandate import stops_at
from forensics.errors import NotAuthorised
from pipelines import clock

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
    over, ended = threading.Event(), list[str]()
    main_thread = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, _raise_ended)

    def watch() -> None:
        while not over.wait(_CHECK_INTERVAL_S):
            problem = _find_end(case)
            if problem:
                ended.append(problem)
                signal.pthread_kill(main_thread, signal.SIGUSR1)
                return

    watcher = threading.Thread(target=watch, name="mandate", daemon=True)
    watcher.start()
    try:
        yield
    except MandateEnded:
        raise _stopped_error(ended[0]) from None
    finally:
        over.set()
        with contextlib.suppress(MandateEnded):
            watcher.join()
        signal.signal(signal.SIGUSR1, before)
    if ended:
        raise _stopped_error(ended[0])


def _find_end(case: Case) -> str:
    """Return why the run must stop now; empty if it may continue."""
    if case.folder.denied_file.exists():
        return "its authority was refused"
    ends = stops_at(case.mandate)
    if ends is not None and clock.utc_now() >= ends:
        return f"its mandate ended at {ends:%Y-%m-%d %H:%M:%S}Z"
    return ""


def _stopped_error(problem: str) -> NotAuthorised:
    return NotAuthorised(f"the run was stopped: {problem}", "see the mandate with `forensics case show CASE`")
