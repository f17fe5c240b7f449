"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from testing.commands import Call
from testing.project import ROOT, SHARED

_OPEN = Image.open
_SCHEDULING = os.sched_getscheduler(0)
# Workers and decoding children import nothing from the current folder, but they need the stages of `testing`.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


@pytest.fixture(autouse=True)
def _unpatched_pillow() -> Iterator[None]:
    """Undo what an import of ultralytics does: it replaces `Image.open` for the whole process."""
    Image.open = _OPEN
    yield
    Image.open = _OPEN


@pytest.fixture(autouse=True)
def _usual_priority() -> Iterator[None]:
    """Check that no library has given this process real-time priority, which can stop the whole machine."""
    yield
    assert os.sched_getscheduler(0) == _SCHEDULING, "a library has changed the priority of this process"


def _use_empty_key_folders(folders: pytest.TempPathFactory, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FORENSICS_KEYS", str(folders.mktemp("keys")))
    environment.setenv("FORENSICS_REVIEWER_KEYS", str(folders.mktemp("reviewer-keys")))


@pytest.fixture(autouse=True, scope="session")
def _own_keys_of_shared_fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give fixtures that several tests share their own folders of keys too."""
    with pytest.MonkeyPatch.context() as environment:
        _use_empty_key_folders(tmp_path_factory, environment)
        yield


@pytest.fixture(autouse=True)
def _own_keys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test empty folders of keys, so that none touches the user's own."""
    _use_empty_key_folders(tmp_path_factory, monkeypatch)


@pytest.fixture(autouse=True, scope="session")
def _no_models_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use empty folders of models: a new case would take a detector that is installed on this machine."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        environment.delenv("FORENSICS_MODELS", raising=False)
        yield


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Return an object that runs commands in this process; models are real unless a test replaces them."""
    return Call(capsys)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real models and footage beside the project; skip the test where it is absent."""
    if not (SHARED / "footage").is_dir():
        pytest.skip(f"needs the real models and footage at {SHARED}")
    return SHARED
