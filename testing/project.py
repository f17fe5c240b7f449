"""Where the project lies, and the real models and footage beside it."""

from pathlib import Path
from typing import Final

__all__ = ["ROOT", "SHARED"]

ROOT: Final = Path(__file__).resolve().parents[1]
SHARED: Final = ROOT.parent / "shared"
