"""Ingest and scan many small files, as the export of a recorder holds them: the cost must be linear in their number."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.measure.scale.campus import make_campus
from scripts.measure.scale.instant_detector import write_instant_network
from scripts.measure.scale.measured_command import run_forensics

__all__ = ["measure_files"]


def measure_files(folder: Path, *, numbers: Sequence[int]) -> dict[str, Any]:
    """Measure ingest and scan of so many files of one second each, twice.

    Args:
        folder: an empty folder.
        numbers: of files; each is measured with a case of its own.
    """
    model = write_instant_network(folder / "at-once")
    (recording,) = make_campus(folder / "recording", n_cameras=1, seconds=1)
    return {str(number): _measure(folder / str(number), recording.read_bytes(), number, model) for number in numbers}


def _measure(folder: Path, recording: bytes, number: int, model: Path) -> dict[str, float]:
    case, keys, footage = folder / "case", folder / "keys", _make_files(folder / "footage", recording, number)
    stated = ("--camera", "gate", "--start", "from-name", "--clock-error", "2s", "--json")
    run_forensics("case", "init", case, "--purpose", "scale", "--operator", "scale", "--json", keys=keys)
    ingest = ("ingest", case, footage, *stated)
    scan = ("scan", footage, "--case", case, "--model", model, "--set", "detect.classes=person", "--quiet", *stated)
    steps = {
        "dry_run_s": (*ingest, "--dry-run"),
        "ingest_s": ingest,
        "ingest_again_s": ingest,
        "scan_s": scan,
        "scan_again_s": scan,
    }
    seconds = {name: round(run_forensics(*words, keys=keys).seconds, 1) for name, words in steps.items()}
    return {**seconds, "log_mib": round((case / "audit.jsonl").stat().st_size / (1 << 20), 2)}


def _make_files(folder: Path, recording: bytes, number: int) -> Path:
    """Write files that differ in a box without content, each named by the second at which it starts."""
    folder.mkdir(parents=True)
    for second in range(number):
        hours, minutes, seconds = second // 3600, second // 60 % 60, second % 60
        box = struct.pack(">I4sI", 12, b"free", second)
        (folder / f"ch01_20260501_{hours:02}{minutes:02}{seconds:02}.mp4").write_bytes(recording + box)
    return folder
