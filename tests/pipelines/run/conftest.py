"""Fixtures of tests that run a case of twelve painted frames."""

from pathlib import Path

import pytest

from forensics.custody.case_document import Case
from testing.painted_case import START_US, copy_case, make_painted_case


@pytest.fixture(scope="package")
def painted_once(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Make a case of twelve painted frames with a known time that is never run; tests copy it."""
    return make_painted_case(tmp_path_factory.mktemp("painted"), start_utc_us=START_US, clock_error_ms=500)


@pytest.fixture
def case(painted_once: Case, tmp_path: Path) -> Case:
    """Return a copy of the painted case; its footage is shared, so that no test may change it."""
    return copy_case(painted_once, tmp_path / "case")
