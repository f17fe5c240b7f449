"""Preloaded library that disturbs the system calls of a command: building it, and configuring it."""

import shutil
import subprocess
from pathlib import Path

from scripts.measure.drill.trial import MissingRequirement, Trial

__all__ = ["disturbance_environment", "set_clock_error"]

_SOURCE = Path(__file__).with_name("disturbing.c")


def disturbance_environment(trial: Trial, *, below: Path | None = None, **options: object) -> dict[str, str]:
    """Return the environment of a disturbed command; see `disturbing.c`.

    Args:
        trial: the library is built once, beside its folder.
        below: only paths below this folder are disturbed; None means the folder of the trial.
        options: ``rule``, ``who``, ``late`` or ``clock``.

    Raises:
        MissingRequirement: there is no C compiler.
    """
    variables = {f"DRILL_{name.upper()}": str(value) for name, value in options.items()}
    return {"LD_PRELOAD": str(_build_library(trial)), "DRILL_BELOW": str(below or trial.folder), **variables}


def _build_library(trial: Trial) -> Path:
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


def set_clock_error(file: Path, seconds: int) -> None:
    """Set the clock error, in seconds, of every process that reads its clock through this file."""
    with file.open("r+b" if file.exists() else "wb") as opened:
        opened.write(seconds.to_bytes(8, "little", signed=True))
