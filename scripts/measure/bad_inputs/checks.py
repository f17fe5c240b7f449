"""The promises about every bad file: each function checks one and returns the faults."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from forensics.custody.case_folder import CaseFolder
from forensics.decoding.child import DecodingChild
from forensics.footage.evidence import Readable
from forensics.footage.frames import View
from forensics.tables.evidence import load_evidence, load_index, load_sources
from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.number_reader import number_from_row
from scripts.measure.bad_inputs.process_limits import ProcessUsage
from scripts.measure.bad_inputs.repeated_reads import differing_reads

__all__ = [
    "CommandResult",
    "GivenFile",
    "coverage_faults",
    "ingest_faults",
    "limits_faults",
    "number_faults",
    "repeated_read_faults",
    "source_faults",
]

_EXTRA_BYTES = 512 << 20
# Limit for files of at most a few megabytes and a few hundred frames.
_BUSY_SECONDS = 20
# Larger footage is not read again and again.
_MOST_FRAMES_READ_AGAIN, _MOST_PIXELS_READ_AGAIN = 1000, 1 << 19
_N_REPEATED_READS = 12
_CODES = {"ok": 0, "partial": 4, "rejected": 4}


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Result of a command.

    Attributes:
        code: exit code; -1 if it ended with an unexpected error.
        out, messages: standard output and standard error.
        usage: its time and memory.
    """

    code: int
    out: str
    messages: str
    usage: ProcessUsage


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A bad file that was ingested into a case.

    Attributes:
        path: that was given to `ingest`.
        folder: of this file only.
        camera: that was given to `ingest`.
        before: state of its folder before, by name.
        sources: rows that `ingest` returned.
    """

    path: Path
    folder: Path
    camera: str
    before: dict[str, str]
    sources: list[dict[str, Any]]


def ingest_faults(given: GivenFile, result: CommandResult) -> list[str]:
    """Check for a verdict, a reason unless it is ok, and the exit code of the worst verdict."""
    if not given.sources:
        return [f"ingest: no verdict, exit code {result.code}: {result.messages[-400:]}"]
    faults = [f"ingest: {row['verdict']} without a reason" for row in given.sources if _lacks_reason(row)]
    worst = max(_CODES[row["verdict"]] for row in given.sources)
    if result.code != worst:
        faults.append(f"ingest: exit code {result.code}, expected {worst}")
    if "Traceback" in result.messages:
        faults.append("ingest: printed a traceback")
    lost = [row["reason"] for row in given.sources if row["reason"].startswith(("died:", "timeout:", "memory:"))]
    return faults + [f"ingest: the decoder was lost: {reason}" for reason in lost]


def _lacks_reason(row: dict[str, Any]) -> bool:
    return row["verdict"] != "ok" and not row["reason"].strip()


def limits_faults(result: CommandResult, baseline_bytes: int, command: str) -> list[str]:
    """Check that the command ended by itself, used limited time, and little more memory than for healthy files."""
    faults, usage = [], result.usage
    if usage.was_ended:
        faults.append(f"{command}: hung and was killed after {usage.seconds:.0f} s")
    if usage.peak_bytes > baseline_bytes + _EXTRA_BYTES:
        extra = (usage.peak_bytes - baseline_bytes) >> 20
        faults.append(f"{command}: {extra} MiB more than the {baseline_bytes >> 20} MiB that healthy footage needs")
    if command == "ingest" and usage.busy_seconds > _BUSY_SECONDS:
        faults.append(f"{command}: used {usage.busy_seconds:.0f} s of CPU time, at most {_BUSY_SECONDS} s are allowed")
    return faults


def source_faults(folder: CaseFolder, given: GivenFile) -> list[str]:
    """Check that `sources` holds exactly one row for each path that `ingest` reported."""
    stored = [str(source.path) for source in load_sources(folder) if source.camera_id == given.camera]
    reported = [row["path"] for row in given.sources]
    faults = [f"{stored.count(path)} rows in sources, expected 1" for path in set(reported) if stored.count(path) != 1]
    return (
        faults
        if sorted(stored) == sorted(reported)
        else [*faults, f"sources hold {stored}, ingest reported {reported}"]
    )


def coverage_faults(folder: CaseFolder, given: GivenFile) -> list[str]:
    """Check that each frame is in exactly one coverage range, and that only detected frames have a row, one each."""
    faults = []
    for item in load_evidence(folder):
        if item.camera_id == given.camera and item.readable is not None:
            covered = _rows(folder, "coverage", item.evidence_id).sort("start_frame")
            # a stream that is not read has a row without frames
            covered = covered.filter(pl.col("reason") != "stream_not_read")
            starts, stops = covered["start_frame"].to_list(), covered["stop_frame"].to_list()
            if [0, *stops] != [*starts, item.readable.n_frames]:
                faults.append(f"coverage: {starts} to {stops} of {item.readable.n_frames} frames")
            unsettled = covered.filter((pl.col("state") == "gap") & ~pl.col("settled"))
            faults += [f"unsettled gap: {row['reason']}: {row['detail']}" for row in unsettled.to_dicts()]
            detected = covered.filter(pl.col("state") == "detected")
            frames = [frame for row in detected.to_dicts() for frame in range(row["start_frame"], row["stop_frame"])]
            reported = _rows(folder, "detections", item.evidence_id).sort("frame")["frame"].to_list()
            if reported != frames:
                faults.append(f"{len(reported)} rows in detections for {len(frames)} detected frames")
    return faults


def number_faults(folder: CaseFolder, given: GivenFile, bad: BadFile) -> list[str]:
    """Check that no frame shows the number of another frame, and that its pts is that of its row in the index."""
    faults: list[str] = []
    for item in load_evidence(folder):
        if item.camera_id != given.camera or item.readable is None:
            continue
        index = load_index(folder, item)
        expected = bad.expected(index) if bad.expected else None
        for row in _rows(folder, "detections", item.evidence_id).to_dicts():
            number = number_from_row(row["class_name"], row["score"])
            if row["pts"] != index.pts[row["frame"]]:
                faults.append(
                    f"frame {row['frame']} has pts {row['pts']}, expected {index.pts[row['frame']]} as in the index"
                )
            if expected is not None and number is not None and _is_wrong(number, expected[row["frame"]], bad):
                faults.append(f"frame {row['frame']} shows number {number}, expected {expected[row['frame']]}")
    return faults[:3] + ([f"and {len(faults) - 3} more frames"] if len(faults) > 3 else [])


def _is_wrong(number: int, expected: int | None, bad: BadFile) -> bool:
    return number != expected and not (bad.may_stand_still and expected is not None and number < expected)


def repeated_read_faults(folder: CaseFolder, given: GivenFile, bad: BadFile, child: DecodingChild) -> list[str]:
    """Check that frames that are read alone, in random order and in ranges are those of one read of all frames."""
    faults = []
    for item in load_evidence(folder):
        if item.camera_id == given.camera and item.readable is not None and _is_read_again(item.readable):
            index = load_index(folder, item)
            for view in (View(), View(shows_damaged=True)):
                read = partial(child.read, item.readable.footage, index, view)
                found = differing_reads(read, index.n_frames, seed=bad.title, n_requests=_N_REPEATED_READS)
                faults += [f"read again: {fault}" for fault in found]
    return faults


def _is_read_again(readable: Readable) -> bool:
    n_pixels = readable.medium.width_px * readable.medium.height_px
    return readable.n_frames <= _MOST_FRAMES_READ_AGAIN and n_pixels <= _MOST_PIXELS_READ_AGAIN


def _rows(folder: CaseFolder, table: str, evidence_id: str) -> pl.DataFrame:
    rows = pl.read_parquet(folder.tables / f"{table}.parquet")
    return rows.filter(pl.col("evidence_id") == evidence_id)
