"""Whether the published coverage accounts for every frame: counted again, against the packet indexes."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from forensics.custody.case_folder import CaseFolder
from forensics.errors import CoverageBroken
from forensics.footage.coverage import CoverageRange, State, check_complete
from forensics.tables.evidence import load_evidence, load_index
from forensics.tables.files import read_table
from forensics.tables.schemas import TABLES

__all__ = ["check_coverage"]


def check_coverage(folder: CaseFolder, manifest: dict[str, Any]) -> Iterator[str]:
    """What the published coverage leaves out, counts twice or makes up, in words, by evidence.

    Raises:
        IntegrityBroken: a table or an index cannot be read, or is not what was written.
    """
    path = _file_of(folder, manifest, "coverage")
    published = _published(folder, manifest, "evidence")
    covered = _stretches(_published(folder, manifest, "coverage"))
    known = {item.evidence_id: item for item in load_evidence(folder)}
    for row in published.select(["evidence_id", "index_sha256"]).to_pylist():
        evidence_id = row["evidence_id"]
        stretches = covered.pop(evidence_id, [])
        if not row["index_sha256"]:
            continue  # nothing of it was read, and it may have been withdrawn since
        if evidence_id not in known:
            yield f"{path}: tells of evidence {evidence_id}, which the case does not know"
        else:
            n_frames = load_index(folder, known[evidence_id]).n_frames
            yield from _faults_of(path, evidence_id, stretches, n_frames)
    for evidence_id in sorted(covered):
        yield f"{path}: tells of evidence {evidence_id}, which the table evidence does not know"


def _faults_of(path: Path, evidence_id: str, stretches: list[CoverageRange], n_frames: int) -> Iterator[str]:
    try:
        check_complete(evidence_id, stretches, n_frames)
    except CoverageBroken as broken:
        yield (
            f"{path}: evidence {evidence_id}: frame {broken.frame} of {n_frames} is not covered, or is covered twice"
        )


def _stretches(coverage: pa.Table) -> dict[str, list[CoverageRange]]:
    """By evidence, in order; streams that are not read have no frames."""
    found = defaultdict[str, list[CoverageRange]](list)
    for row in coverage.to_pylist():
        if row["start_frame"] < row["stop_frame"]:
            stretch = CoverageRange(row["start_frame"], row["stop_frame"], State(row["state"]))
            found[row["evidence_id"]].append(stretch)
    return found


def _published(folder: CaseFolder, manifest: dict[str, Any], name: str) -> pa.Table:
    return read_table(_file_of(folder, manifest, name), TABLES[name])


def _file_of(folder: CaseFolder, manifest: dict[str, Any], name: str) -> Path:
    named = [file["path"] for file in manifest["files"] if file["path"].partition("/")[0] == name]
    return folder.tables / (named[0] if named else f"{name}/part-0.parquet")
