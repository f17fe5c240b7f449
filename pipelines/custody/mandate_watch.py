"""Ends a run the moment its mandate does: denied by somebody, expired, or 48 hours without an authority.

A thread looks once a second and sends the main thread a signal, which ends whatever it waits for; the runner's
workers end with it. Not SIGINT, which a process that was started in the background may ignore.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

from forensics.custody.mandate import stops_at
from forensics.errors import NotAuthorised
from pipelines import clock
from pipelines.custody.case_document import Case

__all__ = ["MandateEnded", "within_mandate"]

_LOOK_EVERY_S: Final = 1.0


class MandateEnded(BaseException):
    """Ends whatever the main thread does; no `except Exception` holds it up."""


def _raise_ended(signal_number: int, frame: FrameType | None) -> None:
    raise MandateEnded


@contextlib.contextmanager
def within_mandate(case: Case) -> Iterator[None]:
    """The block ends with `NotAuthorised` as soon as the mandate does; call it in the main thread.

    Raises:
        NotAuthorised: the mandate ended; what was done stays where it is until the dates are enforced.
    """
    over, ended = threading.Event(), list[str]()
    main_thread = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, _raise_ended)

    def watch() -> None:
        while not over.wait(_LOOK_EVERY_S):
            problem = _problem(case)
            if problem:
                ended.append(problem)
                signal.pthread_kill(main_thread, signal.SIGUSR1)
                return

    watcher = threading.Thread(target=watch, name="mandate", daemon=True)
    watcher.start()
    try:
        yield
    except MandateEnded:
        raise _stopped(ended[0]) from None
    finally:
        over.set()
        with contextlib.suppress(MandateEnded):
            watcher.join()
        signal.signal(signal.SIGUSR1, before)
    if ended:
        raise _stopped(ended[0])


def _problem(case: Case) -> str:
    """Why the run must stop now; empty if it may go on."""
    if case.folder.denied_file.exists():
        return "its authority was refused"
    ends = stops_at(case.mandate)
    if ends is not None and clock.utc_now() >= ends:
        return f"its mandate ended at {ends:%Y-%m-%d %H:%M:%S}Z"
    return ""


def _stopped(problem: str) -> NotAuthorised:
    return NotAuthorised(f"the run was stopped: {problem}", "see `forensics case show`")
