"""Fixtures of tests that run commands on cases."""

from pathlib import Path

import pytest

from forensics.faces.face import QualityLimits
from testing.commands import Call, new_case
from testing.face_case import FaceCase


@pytest.fixture(autouse=True)
def unmapped_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the accounts of this process for those of the machine: tests may run in a container that maps them."""
    own = Path("/proc/self/uid_map").read_text().split()
    monkeypatch.setattr("pipelines.custody.accounts._EVERY_ACCOUNT_IS_ITSELF", own)


@pytest.fixture
def empty_case(call: Call, tmp_path: Path) -> Path:
    """Make a case without footage."""
    return new_case(call, tmp_path / "case")


@pytest.fixture
def found(tmp_path: Path, call: Call) -> FaceCase:
    """Make a search with two people at the gate, the first of them on the watch-list and found; four reviewers."""
    case = FaceCase.make(tmp_path, call, n_people=2)
    case.enrol("E0", 0, tmp_path)
    case.run()
    for name in ("A. Ahmed", "B. Becker", "C. Cole", "D. Diaz"):
        case.reviewer(name)
    return case


@pytest.fixture
def any_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept every face as a reference picture; faces of painted footage are too small and smooth for one."""
    no_limits = QualityLimits(eyes_px=0, sharpness=0, yaw_degrees=90, score=0)
    monkeypatch.setattr("pipelines.search.reference_checks.REFERENCE_LIMITS", no_limits)
