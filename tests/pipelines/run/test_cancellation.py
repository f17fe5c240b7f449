"""Ctrl-C and `forensics cancel`: the first finishes what is in hand, the second does not."""

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
    return StopRequest(tmp_path / ".cancel")


@pytest.fixture(autouse=True)
def _usual_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_nobody_asked(stop: StopRequest) -> None:
    with stop.heard():
        assert not stop.is_made
    stop.obey()


def test_the_first_ctrl_c_asks(stop: StopRequest) -> None:
    with stop.heard():
        ctrl_c()
        assert stop.is_made
    with pytest.raises(Interrupted, match="run the same command again"):
        stop.obey()


def test_the_second_ctrl_c_ends(stop: StopRequest) -> None:
    with stop.heard():
        ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()


def test_two_that_come_while_a_library_is_busy_are_two(stop: StopRequest) -> None:
    with stop.heard(), pytest.raises(KeyboardInterrupt):
        _busy_while_two_come()


def _busy_while_two_come() -> None:
    """A long digest looks for no signal, so that Python tells of both at once."""
    twice = f"import os, time; [(time.sleep(0.1), os.kill({os.getpid()}, {int(signal.SIGINT)})) for _ in range(2)]"
    sender = subprocess.Popen([sys.executable, "-c", twice])
    try:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 3_000_000)
    finally:
        sender.wait()


def test_ctrl_c_ends_at_once_where_nothing_is_in_hand(stop: StopRequest) -> None:
    with stop.heard():
        pass
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_who_must_ignore_ctrl_c_still_does(stop: StopRequest) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stop.heard():
        ctrl_c()
        assert not stop.is_made


def test_a_request_from_elsewhere_is_used_up(stop: StopRequest) -> None:
    stop.cancel_file.touch()
    assert stop.is_made
    with pytest.raises(Interrupted, match="was cancelled"):
        stop.obey()
    stop.obey()
