"""What is promised of every bad file, each promise a function that returns what did not hold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from forensics.custody.case_folder import CaseFolder
from forensics.tables.evidence import load_evidence, load_index, load_sources
from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.number_reader import number_told
from scripts.measure.bad_inputs.process_limits import Watched

__all__ = ["Asked", "Given", "coverage_faults", "ingest_faults", "limits_faults", "number_faults", "source_faults"]

_MORE_BYTES = 512 << 20
# For files of at most a few megabytes and a few hundred frames.
_BUSY_SECONDS = 20
_CODES = {"ok": 0, "partial": 4, "rejected": 4}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command answered.

    Attributes:
        code: its exit code; -1 where it gave none.
        out, messages: what it printed.
        watched: its time and memory.
    """

    code: int
    out: str
    messages: str
    watched: Watched


@dataclass(frozen=True, slots=True)
class Given:
    """A bad file that was given to a case.

    Attributes:
        path: that was given.
        folder: its own.
        camera: it was given for.
        before: what lay in its folder before, by name.
        sources: the rows that `ingest` answered.
    """

    path: Path
    folder: Path
    camera: str
    before: dict[str, str]
    sources: list[dict[str, Any]]


def ingest_faults(given: Given, asked: Asked) -> list[str]:
    """One verdict, a reason for each that is not ok, and the exit code that says the worst of them."""
    if not given.sources:
        return [f"ingest: no verdict, exit code {asked.code}: {asked.messages[-400:]}"]
    faults = [f"ingest: {row['verdict']} without a reason" for row in given.sources if _lacks_reason(row)]
    worst = max(_CODES[row["verdict"]] for row in given.sources)
    if asked.code != worst:
        faults.append(f"ingest: exit code {asked.code}, expected {worst}")
    if "Traceback" in asked.messages:
        faults.append("ingest: a traceback was shown")
    lost = [row["reason"] for row in given.sources if row["reason"].startswith(("died:", "timeout:", "memory:"))]
    return faults + [f"ingest: the decoder was lost: {reason}" for reason in lost]


def _lacks_reason(row: dict[str, Any]) -> bool:
    return row["verdict"] != "ok" and not row["reason"].strip()


def limits_faults(asked: Asked, baseline_bytes: int, command: str) -> list[str]:
    """Ended by itself, in a time that fits what there is to read, and without much more memory than healthy files."""
    faults, watched = [], asked.watched
    if watched.was_ended:
        faults.append(f"{command}: hung and was ended after {watched.seconds:.0f} s")
    if watched.peak_bytes > baseline_bytes + _MORE_BYTES:
        more = (watched.peak_bytes - baseline_bytes) >> 20
        faults.append(f"{command}: {more} MiB above the {baseline_bytes >> 20} MiB that healthy footage needs")
    if command == "ingest" and watched.busy_seconds > _BUSY_SECONDS:
        faults.append(f"{command}: was busy for {watched.busy_seconds:.0f} s")
    return faults


def source_faults(folder: CaseFolder, given: Given) -> list[str]:
    """Every path that the command answered for has exactly one row, and the file itself has one at least."""
    stored = [str(source.path) for source in load_sources(folder) if source.camera_id == given.camera]
    told = [row["path"] for row in given.sources]
    faults = [f"{stored.count(path)} rows in sources, expected 1" for path in set(told) if stored.count(path) != 1]
    return faults if sorted(stored) == sorted(told) else [*faults, f"sources hold {stored}, ingest told of {told}"]


def coverage_faults(folder: CaseFolder, given: Given) -> list[str]:
    """Every frame of the index lies in exactly one stretch; each that was looked at has its one row, no other has."""
    faults = []
    for item in load_evidence(folder):
        if item.camera_id == given.camera and item.readable is not None:
            covered = _rows(folder, "coverage", item.evidence_id).sort("start_frame")
            # a stream that is not read is named in a row without frames
            covered = covered.filter(pl.col("reason") != "stream_not_read")
            starts, stops = covered["start_frame"].to_list(), covered["stop_frame"].to_list()
            if [0, *stops] != [*starts, item.readable.n_frames]:
                faults.append(f"coverage: {starts} to {stops} of {item.readable.n_frames} frames")
            unsettled = covered.filter((pl.col("state") == "gap") & ~pl.col("settled"))
            faults += [f"unsettled gap: {row['reason']}: {row['detail']}" for row in unsettled.to_dicts()]
            looked = covered.filter(pl.col("state") == "detected")
            frames = [frame for row in looked.to_dicts() for frame in range(row["start_frame"], row["stop_frame"])]
            told = _rows(folder, "detections", item.evidence_id).sort("frame")["frame"].to_list()
            if told != frames:
                faults.append(f"{len(told)} rows in detections for {len(frames)} frames that were looked at")
    return faults


def number_faults(folder: CaseFolder, given: Given, bad: BadFile) -> list[str]:
    """No frame shows a number that belongs to another address, and each has the pts of its row in the index."""
    faults: list[str] = []
    for item in load_evidence(folder):
        if item.camera_id != given.camera or item.readable is None:
            continue
        index = load_index(folder, item)
        belongs = bad.expected(index) if bad.expected else None
        for row in _rows(folder, "detections", item.evidence_id).to_dicts():
            number = number_told(row["class_name"], row["score"])
            if row["pts"] != index.pts[row["frame"]]:
                faults.append(f"frame {row['frame']} has pts {row['pts']}, the index {index.pts[row['frame']]}")
            if belongs is not None and number is not None and _is_wrong(number, belongs[row["frame"]], bad):
                faults.append(f"frame {row['frame']} shows {number}, not {belongs[row['frame']]}")
    return faults[:3] + ([f"and {len(faults) - 3} frames more"] if len(faults) > 3 else [])


def _is_wrong(number: int, belongs: int | None, bad: BadFile) -> bool:
    return number != belongs and not (bad.may_stand_still and belongs is not None and number < belongs)


def _rows(folder: CaseFolder, table: str, evidence_id: str) -> pl.DataFrame:
    rows = pl.read_parquet(folder.tables / table / "*.parquet")
    return rows.filter(pl.col("evidence_id") == evidence_id)
