"""A run in progress is stopped at the second in which its mandate ends."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from forensics.custody.authority import Authority
from forensics.custody.log import read_chain
from forensics.custody.mandate import AUTHORITY_GRACE, Mandate
from pipelines import clock
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from testing.commands import Call, clip, search_case

_TIME_TO_START = timedelta(seconds=20)
_RUN_SLOWLY = """
import sys, time
from pipelines.cli.main import exit_code_of
from pipelines.stages.model_loaders import ModelLoaders
from testing.given_detector import GivenDetector
from testing.painted_case import PaintedDetector
class Slow(PaintedDetector):
    def detect(self, frames, references):
        time.sleep(200)
sys.exit(exit_code_of(["run", sys.argv[1], "--runner", "serial", "--quiet"], ModelLoaders(GivenDetector(Slow()))))
"""

_ENDS: dict[str, Callable[[Mandate, datetime], Mandate]] = {
    "its last day is over": lambda mandate, end: replace(mandate, expires_utc=end),
    "48 hours without an authority": lambda mandate, end: replace(
        mandate, authority=Authority(is_pending=True), first_run_utc=end - AUTHORITY_GRACE
    ),
}


@pytest.mark.parametrize("name", _ENDS)
def test_a_run_in_progress_is_stopped_when_its_mandate_ends(tmp_path: Path, call: Call, name: str) -> None:
    case = search_case(tmp_path / "case")
    stated = ("--start", "2026-05-01T12:00:00Z", "--clock-error", 0)
    assert call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate", *stated).code == 0
    end = clock.utc_now() + _TIME_TO_START
    with open_session(case, "case policy", need=Need.CHANGE) as session, session.lock():
        session.change(lambda old: replace(old, mandate=_ENDS[name](old.mandate, end)))
    with subprocess.Popen([sys.executable, "-c", _RUN_SLOWLY, str(case)], stderr=subprocess.PIPE) as process:
        try:
            while not list(case.glob("runs/*/run.json")):
                assert clock.utc_now() < end, "the run started before its mandate ended"
                time.sleep(0.1)
            assert process.wait((end - clock.utc_now()).total_seconds() + 15) == 3
        finally:
            process.kill()
        assert process.stderr is not None
        assert b"the run was stopped: its mandate ended at" in process.stderr.read()
    (line,) = [each for each in read_chain(case / "audit.jsonl").lines if (each.command, each.kind) == ("run", "end")]
    assert line.facts["exit_code"] == 3
    stopped = datetime.fromtimestamp(line.at_utc_us / 1e6, tz=end.tzinfo)
    assert end - timedelta(seconds=1) <= stopped < end + timedelta(seconds=15)
    assert call("run", case, "--runner", "serial", "--quiet").code == 3, "nor does it go on"


def test_a_run_in_progress_is_stopped_when_a_case_about_the_same_is_denied(tmp_path: Path, call: Call) -> None:
    case, twin = search_case(tmp_path / "case"), search_case(tmp_path / "twin", reference="J 9/26")
    stated = ("--start", "2026-05-01T12:00:00Z", "--clock-error", 0)
    footage = clip(tmp_path / "gate.mp4")
    for root in (case, twin):
        assert call("ingest", root, footage, "--camera", "gate", *stated).code == 0
    with subprocess.Popen([sys.executable, "-c", _RUN_SLOWLY, str(twin)], stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 60
            while not list(twin.glob("runs/*/run.json")):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert call("case", "deny", case, "--reason", "refused").code == 0
            assert process.wait(15) == 3
        finally:
            process.kill()
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert "the run was stopped: this case has footage in common with case" in said
    assert "--after-denial" in said
    assert not list(twin.glob("tables/*"))
