"""From parts to the tables that people read: joined with cameras and clocks, checked, sorted, published.

One committer does this, after every frame of every evidence was accounted for. The tables of a run
lie in its own folder; `tables/` of the case is a copy of one run's, put in place by a rename.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import pyarrow as pa

from forensics.cameras import Camera
from forensics.case import CaseFolder, RunFolder
from forensics.chunks import Chunk
from forensics.coverage import State, Stretch, check_complete, merged
from forensics.evidence import Evidence, Source, Verdict
from forensics.sightings import sighting_id_of, track_id_of
from forensics.tables import schemas
from forensics.tables.evidence import evidence_table, load_index, sources_table
from forensics.tables.files import (
    described,
    parquet_writer,
    read_table,
    sync_folder,
    whole_file,
    write_bytes,
    write_json,
)
from forensics.tables.parts import Seen, coverage_of, seen_in
from forensics.timeline import Int64Array, PacketIndex

__all__ = ["ChunkOutcome", "EvidenceOutcome", "Failure", "publish", "put_in_place"]

_ROW_GROUP_ROWS = 65_536
_TABLE_FILE = "part-0.parquet"

Told = TypeVar("Told", Source, Evidence)


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit of work that failed.

    Attributes:
        evidence_id: whose.
        stage: ``ingest``, ``detect``, ``track`` or ``sight``.
        unit: which, such as ``frames 0-599``.
        attempts: how often it was tried.
        error: the name of what happened.
        detail: in words.
    """

    evidence_id: str | None
    stage: str
    unit: str
    attempts: int
    error: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """A chunk with its part, or with what became of it instead.

    Attributes:
        chunk: its frames.
        part: None where the work was lost.
        lost: the reason of the unsettled gap; empty where there is a part.
        detail: in words.
    """

    chunk: Chunk
    part: Path | None
    lost: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceOutcome:
    """Everything that a run made of one evidence.

    Attributes:
        evidence: which.
        camera: whose clock dates it.
        chunks: all chunks, in order.
        track_part, sight_part: None where the evidence has no frames or the stage failed.
    """

    evidence: Evidence
    camera: Camera
    chunks: tuple[ChunkOutcome, ...]
    track_part: Path | None
    sight_part: Path | None


def publish(
    run: RunFolder,
    *,
    outcomes: Sequence[EvidenceOutcome],
    evidence: Sequence[Evidence],
    sources: Sequence[Source],
    failures: Sequence[Failure],
    settings_digest: str,
) -> dict[str, Any]:
    """Write every table of a run and its manifest; returns the manifest.

    Args:
        run: where to.
        outcomes: one per readable evidence.
        evidence: all that the case knows, rejected ones too.
        sources: every path that was given.
        failures: units of work that gave nothing.
        settings_digest: of the evidence settings and the model, part of every id.

    Raises:
        CoverageBroken: the parts do not account for every frame exactly once; nothing is written.
    """
    case = CaseFolder(run.case_root)
    ordered = sorted(outcomes, key=_by_camera_and_time)
    coverage = {outcome.evidence.evidence_id: _checked_coverage(outcome) for outcome in ordered}
    if run.tables.exists():
        shutil.rmtree(run.tables)
    gaps = {evidence_id: n for evidence_id, stretches in coverage.items() if (n := _n_gap_frames(stretches))}
    _write(run, "sources", [sources_table([_marked(source, gaps) for source in sources])])
    _write(run, "evidence", [evidence_table(case, [_marked(item, gaps) for item in evidence])])
    _write(run, "coverage", (_coverage_table(outcome, coverage[outcome.evidence.evidence_id]) for outcome in ordered))
    _write(run, "failures", [pa.Table.from_pylist([_failure_row(f) for f in failures], schema=schemas.FAILURES)])
    joined = (_Joined.of(case, outcome, settings_digest) for outcome in ordered)
    with _writer(run, "detections") as detections, _writer(run, "tracks") as tracks, _writer(run, "sightings") as seen:
        for each in joined:
            detections.add(_detections(each))
            tracks.add(_tracks(each))
            seen.add(_sightings(each, run))
    manifest = {
        "run": run.run_id,
        "schema_version": schemas.SCHEMA_VERSION,
        "gap_frames": sum(gaps.values()),
        "files": [described(run.tables / name / _TABLE_FILE, run.tables) for name in sorted(schemas.PUBLISHED)],
    }
    write_json(run.tables / "MANIFEST.json", manifest)
    return manifest


def _by_camera_and_time(outcome: EvidenceOutcome) -> tuple[str, bool, int, str]:
    start = outcome.evidence.start_utc_us
    return (outcome.evidence.camera_id, start is None, start or 0, outcome.evidence.evidence_id)


def _checked_coverage(outcome: EvidenceOutcome) -> list[Stretch]:
    """Every frame of the evidence in one state, counted from its parts."""
    stretches = merged(stretch for chunk in outcome.chunks for stretch in _chunk_coverage(chunk))
    readable = outcome.evidence.readable
    check_complete(outcome.evidence.evidence_id, stretches, readable.n_frames if readable else 0)
    return stretches


def _n_gap_frames(stretches: list[Stretch]) -> int:
    return sum(stretch.stop - stretch.start for stretch in stretches if stretch.state is State.GAP)


def _marked(told: Told, gaps: dict[str, int]) -> Told:
    """The same row, partial where frames turned out to be missing once they were decoded."""
    n_missing = gaps.get(told.evidence_id or "", 0)
    if not n_missing:
        return told
    reason = f"{n_missing} frames could not be read, see coverage"
    return replace(told, verdict=Verdict.PARTIAL, reason="; ".join(filter(None, [told.reason, reason])))


def _chunk_coverage(outcome: ChunkOutcome) -> list[Stretch]:
    if outcome.part is None:
        chunk = outcome.chunk
        return [Stretch(chunk.start, chunk.stop, State.GAP, outcome.lost, False, outcome.detail)]
    return coverage_of(read_table(outcome.part, schemas.DETECT_PART))


def _coverage_table(outcome: EvidenceOutcome, stretches: list[Stretch]) -> pa.Table:
    """The stretches, and a row without frames for every video stream of the file that is not read."""
    readable = outcome.evidence.readable
    others = readable.medium.other_streams if readable else ()
    unread = [Stretch(0, 0, State.SKIPPED, "stream_not_read", True, f"video stream {number}") for number in others]
    rows = [
        {
            "evidence_id": outcome.evidence.evidence_id,
            "camera_id": outcome.evidence.camera_id,
            "start_frame": stretch.start,
            "stop_frame": stretch.stop,
            "state": stretch.state.value,
            "reason": stretch.reason,
            "settled": stretch.is_settled,
            "detail": stretch.detail,
        }
        for stretch in [*stretches, *unread]
    ]
    return pa.Table.from_pylist(rows, schema=schemas.COVERAGE)


def _failure_row(failure: Failure) -> dict[str, Any]:
    return {name: getattr(failure, name) for name in schemas.FAILURES.names}


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """The parts of one evidence with its times and the ids of its tracks."""

    outcome: EvidenceOutcome
    index: PacketIndex
    utc_us: Int64Array | None
    seen: Seen
    track_numbers: Int64Array
    sights: pa.Table
    track_ids: list[str]

    @classmethod
    def of(cls, case: CaseFolder, outcome: EvidenceOutcome, settings_digest: str) -> "_Joined":
        evidence = outcome.evidence
        index = load_index(case, evidence)
        seen = seen_in(read_table(chunk.part, schemas.DETECT_PART) for chunk in outcome.chunks if chunk.part)
        sights = read_table(outcome.sight_part, schemas.SIGHT_PART) if outcome.sight_part else _NO_SIGHTS
        track_ids = [_track_id(evidence.evidence_id, settings_digest, row) for row in sights.to_pylist()]
        start = evidence.start_utc_us
        return cls(
            outcome=outcome,
            index=index,
            utc_us=None if start is None else outcome.camera.utc_us(start + index.media_us),
            seen=seen,
            track_numbers=_track_numbers(outcome, len(seen.detections)),
            sights=sights,
            track_ids=track_ids,
        )

    def utc(self, frames: Int64Array) -> pa.Array:
        """UTC of frames, null where the camera's clock is unknown."""
        if self.utc_us is None:
            return pa.nulls(len(frames), _UTC)
        return pa.array(self.utc_us[frames]).cast(_UTC)

    def constant(self, value: Any, n_rows: int, kind: pa.DataType) -> pa.Array:
        """One value in every row."""
        return pa.array([value], kind).take(pa.array(np.zeros(n_rows, dtype=np.int64)))


_UTC = pa.timestamp("us", tz="UTC")
_NO_SIGHTS = schemas.SIGHT_PART.empty_table()


def _track_numbers(outcome: EvidenceOutcome, n_detections: int) -> Int64Array:
    if outcome.track_part is None or outcome.sight_part is None:
        return np.full(n_detections, -1, dtype=np.int64)
    numbers: Int64Array = read_table(outcome.track_part, schemas.TRACK_PART)["track_number"].to_numpy()
    return numbers


def _track_id(evidence_id: str, settings_digest: str, row: dict[str, Any]) -> str:
    first = np.array([row[f"first_{name}"] for name in ("x1", "y1", "x2", "y2")], dtype=np.float32)
    return track_id_of(
        evidence_id,
        settings_digest,
        first_frame=row["first_frame"],
        class_name=row["class_name"],
        first_xyxy=first,
    )


def _detections(each: _Joined) -> pa.Table:
    detections, evidence = each.seen.detections, each.outcome.evidence
    n_rows, frame = len(detections), detections.frame
    numbers = pa.array(each.track_numbers, mask=each.track_numbers < 0)
    names = pa.array(each.seen.class_names, pa.string())
    columns = {
        "evidence_id": each.constant(evidence.evidence_id, n_rows, pa.string()),
        "camera_id": each.constant(evidence.camera_id, n_rows, pa.string()),
        "frame": frame,
        "pts": each.index.pts[frame],
        "media_us": each.index.media_us[frame],
        "utc": each.utc(frame),
        "class_name": names.take(pa.array(detections.class_index)),
        "score": detections.score,
        **{name: detections.xyxy[:, place] for place, name in enumerate(("x1", "y1", "x2", "y2"))},
        "track_id": pa.array(each.track_ids, pa.string()).take(numbers),
        "carried": each.constant(False, n_rows, pa.bool_()),
    }
    return pa.table(columns, schema=schemas.DETECTIONS)


def _tracks(each: _Joined) -> pa.Table:
    """One row per track, ordered by number."""
    evidence, sights = each.outcome.evidence, each.sights
    first, last = (sights[name].to_numpy() for name in ("first_frame", "last_frame"))
    columns = {
        "track_id": pa.array(each.track_ids, pa.string()),
        "evidence_id": each.constant(evidence.evidence_id, len(sights), pa.string()),
        "camera_id": each.constant(evidence.camera_id, len(sights), pa.string()),
        "class_name": sights["class_name"],
        "first_frame": first,
        "last_frame": last,
        "first_media_us": each.index.media_us[first],
        "last_media_us": each.index.media_us[last],
        "n_detections": sights["n_detections"],
    }
    return pa.table(columns, schema=schemas.TRACKS)


def _sightings(each: _Joined, run: RunFolder) -> pa.Table:
    """One row per track at its camera, ordered by number; thumbnails are written beside."""
    evidence, sights = each.outcome.evidence, each.sights
    first, last, best = (sights[name].to_numpy() for name in ("first_frame", "last_frame", "best_frame"))
    error_ms = each.outcome.camera.clock_error_ms(evidence.clock_error_ms) if each.utc_us is not None else None
    tracks = _tracks(each)
    columns = {
        "sighting_id": [sighting_id_of(track_id, evidence.camera_id) for track_id in each.track_ids],
        **{name: tracks[name] for name in schemas.TRACKS.names},
        "first_utc": each.utc(first),
        "last_utc": each.utc(last),
        "clock_error_ms": each.constant(error_ms, len(sights), pa.int64()),
        "mean_score": sights["mean_score"],
        "best_frame": best,
        "best_pts": each.index.pts[best],
        **{f"best_{name}": sights[f"best_{name}"] for name in ("x1", "y1", "x2", "y2")},
        "thumbnail": _written_thumbnails(each, run),
    }
    return pa.table({name: columns[name] for name in schemas.SIGHTINGS.names}, schema=schemas.SIGHTINGS)


def _written_thumbnails(each: _Joined, run: RunFolder) -> pa.Array:
    """Paths relative to the case, null where there is no picture."""
    paths: list[str | None] = []
    for track_id, jpeg in zip(each.track_ids, each.sights["jpeg"].to_pylist(), strict=True):
        path = run.crop(track_id)
        if jpeg is not None and not (path.exists() and path.read_bytes() == jpeg):
            write_bytes(path, jpeg)
        paths.append(path.relative_to(run.case_root).as_posix() if jpeg is not None else None)
    return pa.array(paths, pa.string())


class _TableWriter:
    """Gathers rows into row groups of one size, whatever the size of what comes."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._writer = parquet_writer(file, schema)
        self._waiting = schema.empty_table()

    def add(self, table: pa.Table) -> None:
        """Rows in the order they must have."""
        self._waiting = pa.concat_tables([self._waiting, table])
        full = len(self._waiting) // _ROW_GROUP_ROWS * _ROW_GROUP_ROWS
        if full:
            self._writer.write_table(self._waiting.slice(0, full), row_group_size=_ROW_GROUP_ROWS)
            self._waiting = self._waiting.slice(full).combine_chunks()

    def close(self) -> None:
        """Write what is left; an empty table keeps its columns."""
        if len(self._waiting):
            self._writer.write_table(self._waiting.combine_chunks())
        self._writer.close()


@contextlib.contextmanager
def _writer(run: RunFolder, name: str) -> Iterator[_TableWriter]:
    with whole_file(run.tables / name / _TABLE_FILE) as file:
        writer = _TableWriter(file, schemas.PUBLISHED[name])
        yield writer
        writer.close()


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
    shutil.copytree(run.tables, fresh, copy_function=_linked)
    for folder in (*fresh.iterdir(), fresh):
        if folder.is_dir():
            sync_folder(folder)
    if case.tables.exists():
        case.tables.rename(stale)
    fresh.rename(case.tables)
    sync_folder(case.root)
    shutil.rmtree(stale, ignore_errors=True)


def _linked(source: str, target: str) -> str:
    """A second name of the same bytes; a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
