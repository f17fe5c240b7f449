"""Checks that the published coverage accounts for every frame, by counting frames in the packet indexes."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from forensics.custody.case_folder import CaseFolder
from forensics.errors import CoverageBroken
from forensics.faults import Fault, FaultKind
from forensics.footage.coverage import CoverageRange, State, check_complete
from forensics.json_object import JsonObject
from forensics.tables.evidence import load_evidence, load_index
from forensics.tables.files import read_any_table
from forensics.tables.published import table_of_file

__all__ = ["check_coverage"]


def check_coverage(folder: CaseFolder, manifest: JsonObject) -> Iterator[Fault]:
    """Yield a fault for each evidence with frames that the published coverage omits, repeats or invents.

    Raises:
        IntegrityBroken: a table or an index cannot be read, or has changed since it was written.
    """
    path = _file_of(folder, manifest, "coverage")
    published = _published(folder, manifest, "evidence")
    covered = _ranges_by_evidence(_published(folder, manifest, "coverage"))
    known = {item.evidence_id: item for item in load_evidence(folder)}
    for row in published.select(["evidence_id", "index_sha256"]).to_pylist():
        evidence_id = row["evidence_id"]
        ranges = covered.pop(evidence_id, [])
        if not row["index_sha256"]:
            continue  # it has no readable frames, and may have been withdrawn since
        if evidence_id not in known:
            yield Fault(FaultKind.COVERAGE, path, f"names evidence {evidence_id}, which the case does not have")
        else:
            n_frames = load_index(folder, known[evidence_id]).n_frames
            yield from _check_ranges(path, evidence_id, ranges, n_frames)
    for evidence_id in sorted(covered):
        detail = f"names evidence {evidence_id}, which the table evidence does not have"
        yield Fault(FaultKind.COVERAGE, path, detail)


def _check_ranges(path: Path, evidence_id: str, ranges: list[CoverageRange], n_frames: int) -> Iterator[Fault]:
    try:
        check_complete(evidence_id, ranges, n_frames)
    except CoverageBroken as broken:
        detail = f"evidence {evidence_id}: frame {broken.frame} of {n_frames} is not covered, or is covered twice"
        yield Fault(FaultKind.COVERAGE, path, detail)


def _ranges_by_evidence(coverage: pa.Table) -> dict[str, list[CoverageRange]]:
    """Return the ranges of each evidence in order; leaves out streams that are not read, whose ranges are empty."""
    ranges = defaultdict[str, list[CoverageRange]](list)
    for row in coverage.to_pylist():
        if row["start_frame"] < row["stop_frame"]:
            covered = CoverageRange(row["start_frame"], row["stop_frame"], State(row["state"]))
            ranges[row["evidence_id"]].append(covered)
    return ranges


def _published(folder: CaseFolder, manifest: JsonObject, name: str) -> pa.Table:
    return read_any_table(_file_of(folder, manifest, name))


def _file_of(folder: CaseFolder, manifest: JsonObject, name: str) -> Path:
    named = [file["path"] for file in manifest["files"] if table_of_file(file["path"]) == name]
    return folder.tables / (named[0] if named else f"{name}.parquet")
