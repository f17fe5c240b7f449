"""The job that is disturbed: two cameras, fourteen chunks, painted people, the builtin detector."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from forensics.digests import sha256_of_file
from scripts.measure.drill.processes import Command
from testing.demo_clips import make_clips

__all__ = ["N_PARTS", "START", "Job", "first_difference", "published_digests", "run_options"]

START: Final = "2026-05-01T10:00:00Z"
"""Start of the footage."""

N_PARTS: Final = 18
"""Fourteen of chunks, and for each camera one of tracks and one of sightings."""

_FRAMES: Final = {"gate": 192, "hall": 144}
_SETTINGS: Final = ("--set", "chunk.seconds=2", "--set", "detect.fps=6", "--workers", "2", "--json")
_PATIENCE_S: Final = 300


def run_options(runner: str) -> tuple[str, ...]:
    """Return the options of every run: two workers, one group of pictures in a chunk."""
    return ("--runner", runner, *_SETTINGS)


@dataclass(frozen=True, slots=True)
class Job:
    """Start and expected end of every trial.

    Attributes:
        footage: one file for each camera.
        footage_sha256: of each file.
        case: with ingested footage, before any run.
        finished: the same case after an undisturbed run.
        digests: SHA-256 of the published tables and thumbnails of `finished`, by path.
    """

    footage: tuple[Path, ...]
    footage_sha256: tuple[str, ...]
    case: Path
    finished: Path
    digests: dict[str, str]

    @classmethod
    def make(cls, folder: Path) -> "Job":
        """Paint the footage, ingest it, and run the job undisturbed.

        Raises:
            RuntimeError: an undisturbed command failed.
        """
        footage = tuple(make_clips(folder / "footage", n_frames=_FRAMES))
        case, finished = folder / "case", folder / "finished"
        _run_undisturbed(folder, "case", "init", case, "--purpose", "drill", "--operator", "drill")
        for clip in footage:
            _run_undisturbed(folder, "ingest", case, clip, "--camera", clip.stem, "--start", START)
        shutil.copytree(case, finished)
        _run_undisturbed(folder, "run", finished, *run_options("serial"))
        parts = list(finished.glob("runs/*/parts/*/*.parquet"))
        if len(parts) != N_PARTS:
            raise RuntimeError(f"{finished}: the undisturbed run made {len(parts)} parts, expected {N_PARTS}")
        return cls(footage, tuple(map(sha256_of_file, footage)), case, finished, published_digests(finished))


def _run_undisturbed(folder: Path, *arguments: object) -> None:
    command = Command(
        arguments,
        mark=folder.name,
        output=folder / "undisturbed",
        environment={"FORENSICS_KEYS": str(folder / "keys")},
    )
    ended = command.wait(seconds=_PATIENCE_S)
    if ended.code:
        raise RuntimeError(f"forensics {' '.join(map(str, arguments))} ended with {ended.code}: {ended.error_tail}")


def published_digests(root: Path) -> dict[str, str]:
    """Return the SHA-256 of all that a run publishes (tables, manifest, thumbnails), by path in the case."""
    files = [*(root / "tables").rglob("*.*"), *root.glob("runs/*/crops/*.jpg")]
    return {path.relative_to(root).as_posix(): sha256_of_file(path) for path in sorted(files)}


def first_difference(finished: Path, root: Path) -> str:
    """Describe the first file that is published differently at `root`; empty if there is no difference."""
    expected, actual = published_digests(finished), published_digests(root)
    for name in sorted(expected.keys() | actual.keys(), reverse=True):  # tables before pictures
        if expected.get(name) != actual.get(name):
            return _describe_difference(name, finished / name, root / name)
    return ""


def _describe_difference(name: str, expected: Path, actual: Path) -> str:
    if not actual.exists():
        return f"{name} was not published"
    if not expected.exists():
        return f"{name} was published, which is not expected"
    if expected.suffix != ".parquet":
        return f"{name} has other bytes"
    rows, found = (pl.read_parquet(path).rows() for path in (expected, actual))
    lost = [row for row in rows if row not in found]
    surplus = [row for row in found if found.count(row) > rows.count(row)]
    counts = f"{name}: {len(rows)} rows became {len(found)}"
    if lost:
        return f"{counts}, lost {lost[0]}"
    return f"{counts}, too often {surplus[0]}" if surplus else f"{counts}, the same rows in other bytes"
