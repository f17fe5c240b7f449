"""Fixtures that every test may use."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and footage beside the project; skips where it is absent."""
    if not (SHARED / "footage").is_dir():
        pytest.skip(f"needs the real models and footage at {SHARED}")
    return SHARED
