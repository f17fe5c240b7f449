"""From parts to the tables that people read: joined with cameras and clocks, checked, sorted, published.

One committer does this, after every frame of every evidence was accounted for. The tables of a run
lie in its own folder; `tables/` of the case is a copy of one run's, put in place by a rename.
"""

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

import pyarrow as pa

from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.footage.evidence import Evidence, Source, Verdict
from forensics.tables import schemas
from forensics.tables.candidate_rows import candidates_table, n_candidates
from forensics.tables.coverage_rows import checked_coverage, coverage_table, failure_row, n_gap_frames
from forensics.tables.evidence import evidence_table, sources_table
from forensics.tables.files import (
    described,
    link_or_copy,
    sync_folder,
    whole_file,
    write_json,
)
from forensics.tables.outcomes import Compared, EvidenceOutcome, Failure
from forensics.tables.row_groups import TableWriter
from forensics.tables.sighting_rows import Joined, described_thumbnails, detection_tables, sightings_table, tracks_table
from forensics.tables.spot_check_rows import SpotCheckedEvidence

__all__ = ["publish", "put_in_place", "remove_unnamed_pictures"]

_TABLE_FILE = "part-0.parquet"

Told = TypeVar("Told", Source, Evidence)


def publish(
    run: RunFolder,
    *,
    outcomes: Sequence[EvidenceOutcome],
    evidence: Sequence[Evidence],
    sources: Sequence[Source],
    failures: Sequence[Failure],
    settings_digest: str,
    audits: Mapping[str, SpotCheckedEvidence],
    compared: Compared | None = None,
) -> dict[str, Any]:
    """Write every table of a run and its manifest; returns the manifest.

    Args:
        run: where to.
        outcomes: one per readable evidence.
        evidence: all that the case knows, rejected ones too.
        sources: every path that was given.
        failures: units of work that gave nothing.
        settings_digest: of the evidence settings and the model, part of every id.
        audits: what was found in frames that the gate had passed over, by evidence.
        compared: what holds for all candidates; None in modes that compare no faces, which have no such table.

    Raises:
        CoverageBroken: the parts do not account for every frame exactly once; nothing is written.
    """
    case = CaseFolder(run.case_root)
    ordered = sorted(outcomes, key=_by_camera_and_time)
    coverage = {}
    for outcome in ordered:
        evidence_id = outcome.evidence.evidence_id
        coverage[evidence_id] = checked_coverage(outcome, audits.get(evidence_id, SpotCheckedEvidence()).by_frame())
    if run.tables.exists():
        shutil.rmtree(run.tables)
    gaps = {evidence_id: n for evidence_id, stretches in coverage.items() if (n := n_gap_frames(stretches))}
    _write(run, "sources", [sources_table([_marked(source, gaps) for source in sources])])
    _write(run, "evidence", [evidence_table(case, [_marked(item, gaps) for item in evidence])])
    _write(run, "coverage", (coverage_table(outcome, coverage[outcome.evidence.evidence_id]) for outcome in ordered))
    _write(run, "failures", [pa.Table.from_pylist([failure_row(f) for f in failures], schema=schemas.FAILURES)])
    names, n_found = sorted(schemas.PUBLISHED), None
    if compared is not None:
        candidates = candidates_table(ordered, compared)
        n_found, names = n_candidates(candidates), sorted(schemas.TABLES)
        _write(run, schemas.CANDIDATES_TABLE, [candidates])
    joined = (Joined.of(case, outcome, settings_digest) for outcome in ordered)
    pictures: list[dict[str, str]] = []
    with _writer(run, "detections") as detections, _writer(run, "tracks") as tracks, _writer(run, "sightings") as seen:
        for each in joined:
            for rows in detection_tables(each):
                detections.add(rows)
            tracks.add(tracks_table(each))
            seen.add(sightings_table(each, run))
            pictures += described_thumbnails(each, run)
    manifest = {
        "run": run.run_id,
        "schema_version": schemas.SCHEMA_VERSION,
        "gap_frames": sum(gaps.values()),
        "candidates": n_found,
        "likelihood": asdict(compared.likelihood) if compared and compared.likelihood else None,
        "scope": compared.scope if compared else None,
        "files": [described(run.tables / name / _TABLE_FILE, run.tables) for name in names],
        "pictures": sorted(pictures, key=lambda picture: picture["path"]),
    }
    write_json(run.manifest, manifest)
    return manifest


def _by_camera_and_time(outcome: EvidenceOutcome) -> tuple[str, bool, int, str]:
    start = outcome.evidence.start_utc_us
    return (outcome.evidence.camera_id, start is None, start or 0, outcome.evidence.evidence_id)


def _marked(told: Told, gaps: dict[str, int]) -> Told:
    """The same row, partial where frames turned out to be missing once they were decoded."""
    n_missing = gaps.get(told.evidence_id or "", 0)
    if not n_missing:
        return told
    reason = f"{n_missing} frames could not be read, see coverage"
    return replace(told, verdict=Verdict.PARTIAL, reason="; ".join(filter(None, [told.reason, reason])))


@contextlib.contextmanager
def _writer(run: RunFolder, name: str) -> Iterator[TableWriter]:
    with whole_file(run.tables / name / _TABLE_FILE) as file:
        writer = TableWriter(file, name)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.abandon()
            raise


def _write(run: RunFolder, name: str, tables: Iterable[pa.Table]) -> None:
    with _writer(run, name) as writer:
        for table in tables:
            writer.add(table)


def put_in_place(run: RunFolder) -> None:
    """Make `tables/` of the case show this run; a reader sees the old tables, the new ones, or none."""
    case = CaseFolder(run.case_root)
    fresh, stale = case.root / ".tables.new", case.root / ".tables.old"
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(run.tables, fresh, copy_function=link_or_copy)
    for folder in (*fresh.iterdir(), fresh):
        if folder.is_dir():
            sync_folder(folder)
    if case.tables.exists():
        case.tables.rename(stale)
    fresh.rename(case.tables)
    sync_folder(case.root)
    shutil.rmtree(stale, ignore_errors=True)


def remove_unnamed_pictures(run: RunFolder, manifest: dict[str, Any]) -> None:
    """Only pictures that the published tables name are kept; tables that lacked a chunk had others."""
    named = {run.case_root / picture["path"] for picture in manifest["pictures"]}
    for path in run.crop("any").parent.glob("*.jpg"):
        if path not in named:
            path.unlink()
