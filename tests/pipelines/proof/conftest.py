"""Fixtures of tests that examine a published case."""

from pathlib import Path

import pytest

from testing.commands import Call
from testing.painted_case import START_US, PaintedDetector, make_painted_case


@pytest.fixture
def published_case(tmp_path: Path, call: Call) -> Path:
    """Return a case of one painted clip with a known time, run and published; its footage is `gate.mp4` beside it."""
    call.use_detector(PaintedDetector())
    root = make_painted_case(tmp_path, start_utc_us=START_US, clock_error_ms=40).folder.root
    assert call("run", root, "--runner", "serial", "--quiet", "--set", "chunk.seconds=0.8").code == 0
    return root
