"""Builds the library that is loaded into a command before all others, and says what it is to disturb."""

import shutil
import subprocess
from pathlib import Path

from scripts.measure.drill.trial import MissingRequirement, Trial

__all__ = ["clock_set_wrong", "disturbing"]

_SOURCE = Path(__file__).with_name("disturbing.c")


def disturbing(trial: Trial, *, below: Path | None = None, **what: object) -> dict[str, str]:
    """The environment of a command that is disturbed; see `disturbing.c`.

    Args:
        trial: beside whose folder the library is built, once.
        below: only paths below this folder are disturbed; None: those of the trial.
        what: ``rule``, ``who``, ``late`` or ``clock``.

    Raises:
        Lacking: there is no compiler.
    """
    told = {f"DRILL_{name.upper()}": str(value) for name, value in what.items()}
    return {"LD_PRELOAD": str(_library(trial)), "DRILL_BELOW": str(below or trial.folder), **told}


def _library(trial: Trial) -> Path:
    library = trial.folder.parent / "disturbing.so"
    if not library.exists():
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            raise MissingRequirement("no C compiler")
        fresh = trial.folder / "disturbing.so"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", fresh, _SOURCE, "-ldl"], check=True, capture_output=True
        )
        fresh.replace(library)
    return library


def clock_set_wrong(file: Path, seconds: int) -> None:
    """Every process that reads its clock through this file is wrong by so many seconds from now on."""
    with file.open("r+b" if file.exists() else "wb") as opened:
        opened.write(seconds.to_bytes(8, "little", signed=True))
