"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from testing.project import ROOT, SHARED

# Workers and children look for nothing in the folder where a command runs; those of tests need the stages of tests.
_OPEN = Image.open
_SCHEDULING = os.sched_getscheduler(0)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


@pytest.fixture(autouse=True)
def _unpatched_pillow() -> Iterator[None]:
    """Some tests import ultralytics for comparison, and that replaces `Image.open` for the whole process."""
    Image.open = _OPEN
    yield
    Image.open = _OPEN


@pytest.fixture(autouse=True)
def _usual_priority() -> Iterator[None]:
    """A process that has taken real-time priority can stop the whole machine, and its children have it as well."""
    yield
    assert os.sched_getscheduler(0) == _SCHEDULING, "a library has changed the priority of this process"


@pytest.fixture(autouse=True)
def _own_keys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's own keys."""
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path_factory.mktemp("keys")))
    monkeypatch.setenv("FORENSICS_REVIEWER_KEYS", str(tmp_path_factory.mktemp("reviewer-keys")))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and footage beside the project; skips where it is absent."""
    if not (SHARED / "footage").is_dir():
        pytest.skip(f"needs the real models and footage at {SHARED}")
    return SHARED
