"""Publication of a run: parts are joined with cameras and clocks, checked, sorted and written as tables.

One process does this, after every frame of every evidence is accounted for. The tables of a run lie in its own folder.
`tables/` of the case is a copy of those of one run, put in place by a rename.
"""

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forensics.custody.case_folder import SEALED_SUFFIX, CaseFolder, RunFolder
from forensics.custody.sealer import Sealer
from forensics.errors import IntegrityBroken
from forensics.footage.cameras import Camera
from forensics.footage.coverage import CoverageRange
from forensics.footage.evidence import Evidence, Source, Verdict
from forensics.json_object import JsonObject
from forensics.tables import schemas
from forensics.tables.candidate_rows import candidates_table, count_candidates
from forensics.tables.coverage_rows import count_coverage, count_gap_frames, coverage_table, failure_row
from forensics.tables.evidence import sources_table
from forensics.tables.evidence_rows import EvidenceSpan, evidence_table, span_of
from forensics.tables.files import (
    atomic_file,
    describe_file,
    link_or_copy,
    seal_table,
    sync_folder,
    write_bytes,
    write_json,
)
from forensics.tables.frame_rows import frame_tables
from forensics.tables.joined_evidence import JoinedEvidence
from forensics.tables.outcomes import ComparisonSetup, EvidenceOutcome, Failure
from forensics.tables.row_groups import TableWriter
from forensics.tables.run_identity import RunIdentity
from forensics.tables.searched_scope import SearchedScope
from forensics.tables.section_rows import sections_table
from forensics.tables.sighting_rows import describe_thumbnails, detection_tables, largest_scores, sightings_table
from forensics.tables.spot_check_rows import SpotCheckedEvidence
from forensics.wording import counted

__all__ = ["publish", "put_in_place", "remove_unnamed_pictures"]

_BY_EVIDENCE: Final = ("coverage", "sections", "frames", "detections", "sightings")

Item = TypeVar("Item", Source, Evidence)


def publish(
    run: RunFolder,
    *,
    outcomes: Sequence[EvidenceOutcome],
    evidence: Sequence[Evidence],
    sources: Sequence[Source],
    failures: Sequence[Failure],
    cameras: Mapping[str, Camera],
    identity: RunIdentity,
    searched: SearchedScope,
    settings_digest: str,
    spot_checks: Mapping[str, SpotCheckedEvidence],
    compared: ComparisonSetup | None = None,
    sealer: Sealer | None = None,
) -> JsonObject:
    """Write every table of a run and its manifest, and return the manifest.

    Args:
        run: folder to write to.
        outcomes: one per readable evidence.
        evidence: all evidence of the case, rejected evidence too.
        sources: every path given to ingest.
        failures: failed units of work.
        cameras: clock of the camera of each evidence, by its name.
        identity: case, run and model, which every table states.
        searched: mandate and clocks by which the run chose the frames to search.
        settings_digest: digest of the evidence settings and the model, part of every id.
        spot_checks: results of the spot check, by evidence id.
        compared: conditions of the comparison; None in modes that compare no faces, which have no table `candidates`.
        sealer: seals the table `candidates`; needed if faces were compared.

    Raises:
        CoverageBroken: the parts do not account for every frame exactly once; nothing is written.
        IntegrityBroken: compared faces are of sightings that the run does not have; there is no manifest then.
    """
    case = CaseFolder(run.case_root)
    ordered = sorted(outcomes, key=_by_camera_and_time)
    coverage = {each.evidence.evidence_id: _coverage(each, spot_checks) for each in ordered}
    if run.tables.exists():
        shutil.rmtree(run.tables)
    gaps = {evidence_id: n for evidence_id, ranges in coverage.items() if (n := count_gap_frames(ranges))}
    tables = _Tables(run, identity)
    tables.write("sources", sources_table([_mark_partial(source, gaps) for source in sources]))
    tables.write("failures", pa.Table.from_pylist([failure_row(f) for f in failures], schema=schemas.FAILURES))
    sealed, n_candidates = [], None
    if compared is not None:
        assert sealer is not None
        candidates = candidates_table(ordered, compared, sealer)
        n_candidates = count_candidates(candidates)
        sealed.append(_write_sealed(run, schemas.CANDIDATES_TABLE, candidates, sealer))
    joined = (JoinedEvidence.of(case, outcome, settings_digest) for outcome in ordered)
    pictures, spans = _write_by_evidence(tables, joined, coverage)
    if compared is not None:
        _check_candidates(run, candidates)
    items = [_mark_partial(item, gaps) for item in evidence]
    tables.write("evidence", evidence_table(case, items, cameras, spans))
    manifest = {
        "run": run.run_id,
        "case_id": identity.case_id,
        "model": {"name": identity.model, "sha256": identity.model_sha256},
        "schema_version": schemas.SCHEMA_VERSION,
        "gap_frames": sum(gaps.values()),
        "candidates": n_candidates,
        "likelihood": asdict(compared.likelihood) if compared and compared.likelihood else None,
        "scope": searched.sha256,
        "mandate": searched.mandate,
        "files": sorted(
            [*(describe_file(tables.path(name), run.tables) for name in schemas.PUBLISHED), *sealed],
            key=lambda file: file["path"],
        ),
        "pictures": sorted(pictures, key=lambda picture: picture["path"]),
    }
    write_json(run.manifest, manifest)
    return manifest


def _check_candidates(run: RunFolder, candidates: pa.Table) -> None:
    """Check that every compared pair is of a published sighting; otherwise nobody could review it.

    Raises:
        IntegrityBroken: one is not.
    """
    published = pq.read_table(run.tables / "sightings.parquet", columns=["sighting_id"])["sighting_id"]
    unknown = pc.filter(candidates["sighting_id"], pc.invert(pc.is_in(candidates["sighting_id"], published)))
    if len(unknown):
        raise IntegrityBroken(
            f"compared faces are of {len(unknown.unique())} sightings that the run does not have",
            "delete its folder parts/recognise, and run again",
            run.root,
        )


def _coverage(outcome: EvidenceOutcome, spot_checks: Mapping[str, SpotCheckedEvidence]) -> list[CoverageRange]:
    spot_check = spot_checks.get(outcome.evidence.evidence_id, SpotCheckedEvidence())
    return count_coverage(outcome, spot_check.by_frame())


@dataclass(frozen=True, slots=True)
class _Tables:
    """Writes the tables of one run, a file each."""

    run: RunFolder
    identity: RunIdentity

    def path(self, name: str) -> Path:
        return self.run.tables / f"{name}.parquet"

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[TableWriter]:
        with atomic_file(self.path(name)) as file:
            writer = TableWriter(file, name, self.identity)
            try:
                yield writer
                writer.close()
            except BaseException:
                writer.abandon()
                raise

    def write(self, name: str, rows: pa.Table) -> None:
        with self.open(name) as writer:
            writer.add(rows)


def _write_by_evidence(
    tables: _Tables, joined: Iterable[JoinedEvidence], coverage: Mapping[str, Sequence[CoverageRange]]
) -> tuple[list[dict[str, str]], dict[str, EvidenceSpan]]:
    """Write the tables whose rows belong to one evidence each.

    Returns:
        path and digest of every thumbnail, and the time that each evidence covers, by its id.
    """
    pictures: list[dict[str, str]] = []
    spans: dict[str, EvidenceSpan] = {}
    with contextlib.ExitStack() as stack:
        writers = {name: stack.enter_context(tables.open(name)) for name in _BY_EVIDENCE}
        for each in joined:
            evidence_id, scores = each.outcome.evidence.evidence_id, dict[str, float]()
            writers["coverage"].add(coverage_table(each, coverage[evidence_id]))
            writers["sections"].add(sections_table(each))
            for rows in frame_tables(each):
                writers["frames"].add(rows)
            for rows in detection_tables(each):
                writers["detections"].add(rows)
                scores = largest_scores(rows, scores)
            writers["sightings"].add(sightings_table(each, tables.run, scores))
            pictures += describe_thumbnails(each, tables.run)
            spans[evidence_id] = span_of(each)
    return pictures, spans


def _by_camera_and_time(outcome: EvidenceOutcome) -> tuple[str, bool, int, str]:
    start = outcome.evidence.start_utc_us
    return (outcome.evidence.camera_id, start is None, start or 0, outcome.evidence.evidence_id)


def _mark_partial(item: Item, gaps: dict[str, int]) -> Item:
    """Return the item with the verdict partial if frames of it were missing when they were decoded."""
    n_missing = gaps.get(item.evidence_id or "", 0)
    if not n_missing:
        return item
    frames_are = counted(n_missing, "frame is", "frames are")
    reason = f"{frames_are} damaged or could not be read, see coverage"
    return replace(item, verdict=Verdict.PARTIAL, reason="; ".join(filter(None, [item.reason, reason])))


def _write_sealed(run: RunFolder, name: str, table: pa.Table, sealer: Sealer) -> JsonObject:
    """Write a sealed table, and return the manifest's entry of its file."""
    path = run.tables / f"{name}.parquet{SEALED_SUFFIX}"
    write_bytes(path, seal_table(path, table, sealer))
    return describe_file(path, run.tables, n_rows=len(table))


def put_in_place(run: RunFolder) -> None:
    """Replace `tables/` of the case by the tables of this run; a reader sees the old ones, the new ones, or none."""
    case = CaseFolder(run.case_root)
    fresh, stale = case.root / ".tables.new", case.root / ".tables.old"
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(run.tables, fresh, copy_function=link_or_copy)
    sync_folder(fresh)
    if case.tables.exists():
        case.tables.rename(stale)
    fresh.rename(case.tables)
    sync_folder(case.root)
    shutil.rmtree(stale, ignore_errors=True)


def remove_unnamed_pictures(run: RunFolder, manifest: JsonObject) -> None:
    """Delete the thumbnails that the manifest does not name; an earlier, incomplete run may have left them."""
    named = {run.case_root / picture["path"] for picture in manifest["pictures"]}
    for path in run.crops.glob("*.jpg*"):
        if path not in named:
            path.unlink()
