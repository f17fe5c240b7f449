"""Ctrl-C and `forensics cancel`: the first finishes items in progress, the second interrupts."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.run.cancellation import Interrupted, StopRequest


@pytest.fixture
def stop(tmp_path: Path) -> StopRequest:
    """Return a request to stop that is not made yet."""
    return StopRequest(tmp_path / ".cancel")


@pytest.fixture(autouse=True)
def _usual_ctrl_c() -> Iterator[None]:
    """Restore the handler of Ctrl-C after each test."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_without_a_request_nothing_stops(stop: StopRequest) -> None:
    with stop.handling_interrupts():
        assert not stop.is_made
    stop.raise_if_made()


def test_the_first_ctrl_c_requests_a_stop(stop: StopRequest) -> None:
    with stop.handling_interrupts():
        ctrl_c()
        assert stop.is_made
    with pytest.raises(Interrupted, match="run the same command again"):
        stop.raise_if_made()


def test_the_second_ctrl_c_interrupts(stop: StopRequest) -> None:
    with stop.handling_interrupts():
        ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()


def test_two_ctrl_c_during_a_library_call_interrupt(stop: StopRequest) -> None:
    with stop.handling_interrupts(), pytest.raises(KeyboardInterrupt):
        _busy_while_two_come()


def _busy_while_two_come() -> None:
    """Python delivers both signals at once, because a long digest checks for none."""
    twice = f"import os, time; [(time.sleep(0.1), os.kill({os.getpid()}, {int(signal.SIGINT)})) for _ in range(2)]"
    sender = subprocess.Popen([sys.executable, "-c", twice])
    try:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 3_000_000)
    finally:
        sender.wait()


def test_ctrl_c_interrupts_at_once_while_no_item_is_in_progress(stop: StopRequest) -> None:
    with stop.handling_interrupts():
        pass
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_an_ignored_ctrl_c_stays_ignored(stop: StopRequest) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stop.handling_interrupts():
        ctrl_c()
        assert not stop.is_made


def test_a_request_file_is_removed_when_it_is_obeyed(stop: StopRequest) -> None:
    stop.cancel_file.touch()
    assert stop.is_made
    with pytest.raises(Interrupted, match="was cancelled"):
        stop.raise_if_made()
    stop.raise_if_made()
