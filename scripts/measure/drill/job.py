"""The job that is disturbed: six cameras, fourteen chunks, painted people, the builtin detector.

Four of the recordings are as recorders write them: open groups, intra refresh, two sections, fields.
"""

import contextlib
import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

import polars as pl

from forensics.digests import sha256_of_file
from pipelines.cli.main import exit_code_of
from pipelines.stages.model_loaders import ModelLoaders
from testing.demo_clips import make_clips
from testing.demo_recordings import make_recordings
from testing.published_content import digest_without_case

__all__ = ["N_CAMERAS", "N_CHUNKS", "N_PARTS", "START", "Job", "first_difference", "published_digests", "run_options"]

START: Final = "2026-05-01T10:00:00Z"
"""Start of the footage."""

N_CHUNKS: Final = 14
N_CAMERAS: Final = 6
N_PARTS: Final = N_CHUNKS + 2 * N_CAMERAS
"""One for each chunk, and for each camera one of tracks and one of sightings."""

_FRAMES: Final = {"gate": 72, "hall": 72}
_SETTINGS: Final = ("--set", "chunk.seconds=2", "--set", "detect.fps=6", "--workers", "2", "--json")


def run_options(runner: str) -> tuple[str, ...]:
    """Return the options of every run: two workers, one group of pictures in a chunk."""
    return ("--runner", runner, "--model", "builtin", *_SETTINGS)


@dataclass(frozen=True, slots=True)
class Job:
    """Start and expected end of every trial.

    Attributes:
        footage: one file for each camera, named like it.
        footage_sha256: of each file.
        starts: table of the start of each file, for `--starts`.
        case: with ingested footage, before any run.
        finished: the same case after an undisturbed run.
        digests: SHA-256 of the published tables and thumbnails of `finished`, by path.
    """

    footage: tuple[Path, ...]
    footage_sha256: tuple[str, ...]
    starts: Path
    case: Path
    finished: Path
    digests: dict[str, str]

    @classmethod
    def make(cls, folder: Path) -> "Job":
        """Paint the footage, ingest it, and run the job undisturbed.

        Raises:
            RuntimeError: an undisturbed command failed.
        """
        footage = (*make_recordings(folder / "footage"), *make_clips(folder / "footage", n_frames=_FRAMES))
        starts = folder / "starts.csv"
        starts.write_text("file,start\n" + "".join(f"{clip.name},{START}\n" for clip in footage))
        case, finished = folder / "case", folder / "finished"
        _run_undisturbed(folder, "case", "init", case, "--purpose", "drill", "--operator", "drill")
        for clip in footage:
            _run_undisturbed(folder, "ingest", case, clip, "--camera", clip.stem, "--start", START)
        shutil.copytree(case, finished)
        _run_undisturbed(folder, "run", finished, *run_options("serial"))
        parts = list(finished.glob("runs/*/parts/*/*.parquet"))
        if len(parts) != N_PARTS:
            raise RuntimeError(f"{finished}: the undisturbed run made {len(parts)} parts, expected {N_PARTS}")
        digests = tuple(map(sha256_of_file, footage))
        return cls(footage, digests, starts, case, finished, published_digests(finished))

    def recording(self, camera: str) -> Path:
        """Return the file of a camera."""
        return next(path for path in self.footage if path.stem == camera)


def _run_undisturbed(folder: Path, *arguments: object) -> None:
    """Run a command in this process: starting one for each file would take longer than the work."""
    output = io.StringIO()
    with (
        mock.patch.dict(os.environ, {"FORENSICS_KEYS": str(folder / "keys")}),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        code = exit_code_of([str(argument) for argument in arguments], ModelLoaders())
    if code:
        raise RuntimeError(f"forensics {' '.join(map(str, arguments))} ended with {code}: {output.getvalue()[-500:]}")


def published_digests(root: Path) -> dict[str, str]:
    """Return the SHA-256 of all that a run publishes (tables, manifest, thumbnails), by path in the case."""
    files = [*(root / "tables").rglob("*.*"), *root.glob("runs/*/crops/*.jpg")]
    return {path.relative_to(root).as_posix(): digest_without_case(path) for path in sorted(files)}


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
