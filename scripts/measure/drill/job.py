"""The job that is disturbed: two cameras, fourteen chunks, real people, the detector that needs no file."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from forensics.digests import sha256_of_file
from scripts.measure.drill.processes import Command
from testing.demo_clips import make_clips

__all__ = ["N_PARTS", "START", "Job", "difference", "published", "settings_of"]

START: Final = "2026-05-01T10:00:00Z"
"""Of the footage."""

N_PARTS: Final = 18
"""Fourteen of chunks, and of each camera one of its tracks and one of its sightings."""

_FRAMES: Final = {"gate": 192, "hall": 144}
_SETTINGS: Final = ("--set", "chunk.seconds=2", "--set", "detect.fps=6", "--workers", "2", "--json")
_PATIENCE_S: Final = 300


def settings_of(runner: str) -> tuple[str, ...]:
    """How every run is asked for: two workers, a group of pictures a chunk."""
    return ("--runner", runner, *_SETTINGS)


@dataclass(frozen=True, slots=True)
class Job:
    """What every trial begins with, and what it must end with.

    Attributes:
        footage: one file for each camera.
        footage_sha256: of each file.
        case: the footage is taken in, nothing was run.
        finished: the same case after an undisturbed run.
        published: digests of its tables and thumbnails.
    """

    footage: tuple[Path, ...]
    footage_sha256: tuple[str, ...]
    case: Path
    finished: Path
    published: dict[str, str]

    @classmethod
    def made(cls, folder: Path) -> "Job":
        """Paint the footage, take it in, and run it undisturbed.

        Raises:
            RuntimeError: a command failed although nothing disturbed it.
        """
        footage = tuple(make_clips(folder / "footage", n_frames=_FRAMES))
        case, finished = folder / "case", folder / "finished"
        _done(folder, "case", "init", case, "--purpose", "drill", "--operator", "drill")
        for clip in footage:
            _done(folder, "ingest", case, clip, "--camera", clip.stem, "--start", START)
        shutil.copytree(case, finished)
        _done(folder, "run", finished, *settings_of("serial"))
        parts = list(finished.glob("runs/*/parts/*/*.parquet"))
        if len(parts) != N_PARTS:
            raise RuntimeError(f"{finished}: the undisturbed run made {len(parts)} parts, {N_PARTS} were expected")
        return cls(footage, tuple(map(sha256_of_file, footage)), case, finished, published(finished))


def _done(folder: Path, *arguments: object) -> None:
    command = Command(
        arguments,
        mark=folder.name,
        said=folder / "undisturbed",
        environment={"FORENSICS_KEYS": str(folder / "keys")},
    )
    ended = command.ended(seconds=_PATIENCE_S)
    if ended.code:
        raise RuntimeError(f"forensics {' '.join(map(str, arguments))}: exit {ended.code}: {ended.last_words}")


def published(root: Path) -> dict[str, str]:
    """Digests of all that a run publishes, by path in the case: tables, manifest, thumbnails."""
    files = [*(root / "tables").rglob("*.*"), *root.glob("runs/*/crops/*.jpg")]
    return {path.relative_to(root).as_posix(): sha256_of_file(path) for path in sorted(files)}


def difference(finished: Path, root: Path) -> str:
    """The first thing in which what is published at `root` differs from what should be; empty if nothing does."""
    expected, actual = published(finished), published(root)
    for name in sorted(expected.keys() | actual.keys(), reverse=True):  # tables before pictures
        if expected.get(name) != actual.get(name):
            return _told(name, finished / name, root / name)
    return ""


def _told(name: str, expected: Path, actual: Path) -> str:
    if not actual.exists():
        return f"{name} was not published"
    if not expected.exists():
        return f"{name} was published and should not be"
    if expected.suffix != ".parquet":
        return f"{name} has other bytes"
    rows, found = (pl.read_parquet(path).rows() for path in (expected, actual))
    lost = [row for row in rows if row not in found]
    double = [row for row in found if found.count(row) > rows.count(row)]
    counts = f"{name}: {len(rows)} rows became {len(found)}"
    if lost:
        return f"{counts}, lost {lost[0]}"
    return f"{counts}, too often {double[0]}" if double else f"{counts}, the same rows in other bytes"
