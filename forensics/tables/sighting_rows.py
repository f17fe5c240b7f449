"""Rows of the tables `detections`, `tracks` and `sightings`: parts joined with packet index, camera clock and ids."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from forensics.custody.case_folder import SEALED_SUFFIX, CaseFolder, RunFolder
from forensics.custody.sealer import Sealer, is_sealed
from forensics.digests import sha256_of_bytes
from forensics.footage.frame_clock import frame_clock
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex
from forensics.tables import schemas
from forensics.tables.evidence import load_index, load_picture_names
from forensics.tables.files import read_table, write_bytes
from forensics.tables.outcomes import EvidenceOutcome
from forensics.tables.parts import StoredDetections, read_detections
from forensics.tracking.sightings import sighting_id_of, track_id_of

__all__ = [
    "THUMBNAIL",
    "JoinedEvidence",
    "describe_thumbnails",
    "detection_tables",
    "seal_thumbnails",
    "sightings_table",
    "track_id_of_sight",
    "track_numbers",
    "tracks_table",
]

THUMBNAIL: Final = "thumbnail"
"""Context of sealed thumbnails."""

_UTC = pa.timestamp("us", tz="UTC")
_NO_SIGHTS = schemas.SIGHT_PART.empty_table()


@dataclass(frozen=True, slots=True, eq=False)
class JoinedEvidence:
    """One evidence with its times and track ids; its boxes stay in their parts.

    Attributes:
        outcome: parts of the evidence.
        index: packet index.
        utc_us: (F,) int64, UTC of every frame in microseconds, valid where known.
        is_utc_known: (F,) bool.
        sights: rows of the sight part, by track number.
        track_ids: id of each track, by track number.
        pictures: file of each frame of stills; nulls for video.
    """

    outcome: EvidenceOutcome
    index: PacketIndex
    utc_us: Int64Array
    is_utc_known: BoolArray
    sights: pa.Table
    track_ids: list[str]
    pictures: pa.ChunkedArray

    @classmethod
    def of(cls, case: CaseFolder, outcome: EvidenceOutcome, settings_digest: str) -> "JoinedEvidence":
        """Read the packet index and the tracks of one evidence."""
        evidence = outcome.evidence
        index = load_index(case, evidence)
        sights = read_table(outcome.sight_part, schemas.SIGHT_PART) if outcome.sight_part else _NO_SIGHTS
        track_ids = [track_id_of_sight(evidence.evidence_id, settings_digest, row) for row in sights.to_pylist()]
        clock = frame_clock(index, evidence.start_utc_us, outcome.section_starts)
        return cls(
            outcome=outcome,
            index=index,
            utc_us=outcome.camera.utc_us(clock.us),
            is_utc_known=clock.is_known,
            sights=sights,
            track_ids=track_ids,
            pictures=load_picture_names(case, evidence),
        )

    def utc(self, frames: Int64Array) -> pa.Array:
        """Return the UTC of frames; null where the camera's clock is unknown."""
        return pa.array(self.utc_us[frames], mask=~self.is_utc_known[frames]).cast(_UTC)

    def clock_error_ms(self, frames: Int64Array) -> pa.Array:
        """Return the largest error of the UTC of frames, in milliseconds; null where either is unknown."""
        error_ms = self.outcome.camera.clock_error_ms(self.outcome.evidence.clock_error_ms)
        is_null = ~self.is_utc_known[frames] | (error_ms is None)
        return pa.array(np.full(len(frames), error_ms or 0, dtype=np.int64), mask=is_null)

    def constant(self, value: Any, n_rows: int, kind: pa.DataType) -> pa.Array:
        """Return a column with the same value in every row."""
        return pa.array([value], kind).take(pa.array(np.zeros(n_rows, dtype=np.int64)))


def track_numbers(outcome: EvidenceOutcome) -> Int64Array | None:
    """Read the track number of each detection of one evidence.

    Returns:
        (N,) int64, -1 for detections outside of tracks; None if the evidence was not tracked.
    """
    if outcome.track_part is None or outcome.sight_part is None:
        return None
    numbers: Int64Array = read_table(outcome.track_part, schemas.TRACK_PART)["track_number"].to_numpy()
    return numbers


def track_id_of_sight(evidence_id: str, settings_digest: str, row: dict[str, Any]) -> str:
    """Return the id of the track that a row of a sight part describes."""
    first = np.array([row[f"first_{name}"] for name in ("x1", "y1", "x2", "y2")], dtype=np.float32)
    return track_id_of(
        evidence_id,
        settings_digest,
        first_frame=row["first_frame"],
        class_name=row["class_name"],
        first_xyxy=first,
    )


def detection_tables(each: JoinedEvidence) -> Iterator[pa.Table]:
    """Yield the rows of `detections`, one per box, by frame; one table per part, to hold only one part in memory."""
    numbers, start = track_numbers(each.outcome), 0
    for part in (chunk.part for chunk in each.outcome.chunks if chunk.part):
        stored = read_detections([read_table(part, schemas.DETECT_PART)])
        stop = start + len(stored.detections)
        yield _detections_table(each, stored, np.full(stop - start, -1) if numbers is None else numbers[start:stop])
        start = stop
    if numbers is not None and start != len(numbers):
        raise ValueError(f"{each.outcome.evidence.evidence_id}: parts hold {start} boxes, {len(numbers)} were tracked")


def _detections_table(each: JoinedEvidence, stored: StoredDetections, track_number: Int64Array) -> pa.Table:
    detections, evidence = stored.detections, each.outcome.evidence
    n_rows, frame = len(detections), detections.frame
    numbers = pa.array(track_number, mask=track_number < 0)
    names = pa.array(stored.class_names, pa.string())
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
        "carried": stored.is_carried,
        "doubtful": stored.is_doubtful,
        "picture": each.pictures.take(pa.array(frame)),
    }
    return pa.table(columns, schema=schemas.DETECTIONS)


def tracks_table(each: JoinedEvidence) -> pa.Table:
    """Build the rows of `tracks`, ordered by track number."""
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
        "n_doubtful": sights["n_doubtful"],
    }
    return pa.table(columns, schema=schemas.TRACKS)


def sightings_table(each: JoinedEvidence, run: RunFolder) -> pa.Table:
    """Build the rows of `sightings`, ordered by track number, and write their thumbnails."""
    evidence, sights = each.outcome.evidence, each.sights
    first, last, best = (sights[name].to_numpy() for name in ("first_frame", "last_frame", "best_frame"))
    tracks = tracks_table(each)
    columns = {
        "sighting_id": [sighting_id_of(track_id, evidence.camera_id) for track_id in each.track_ids],
        **{name: tracks[name] for name in schemas.TRACKS.names},
        "first_utc": each.utc(first),
        "last_utc": each.utc(last),
        "clock_error_ms": each.clock_error_ms(first),
        "mean_score": sights["mean_score"],
        "best_frame": best,
        "best_pts": each.index.pts[best],
        **{f"best_{name}": sights[f"best_{name}"] for name in ("x1", "y1", "x2", "y2")},
        "thumbnail": _write_thumbnails(each, run),
        "best_picture": each.pictures.take(pa.array(best)),
    }
    return pa.table({name: columns[name] for name in schemas.SIGHTINGS.names}, schema=schemas.SIGHTINGS)


def seal_thumbnails(sights: pa.Table, sealer: Sealer) -> pa.Table:
    """Return the rows of a sight part with sealed thumbnails."""
    sealed = [None if jpeg is None else sealer.seal(jpeg, THUMBNAIL) for jpeg in sights["jpeg"].to_pylist()]
    place = sights.schema.get_field_index("jpeg")
    return sights.set_column(place, sights.schema.field(place), pa.array(sealed, pa.binary()))


def describe_thumbnails(each: JoinedEvidence, run: RunFolder) -> list[dict[str, str]]:
    """Return the manifest's entry of each thumbnail: path relative to the case, SHA-256."""
    jpegs = zip(each.track_ids, each.sights["jpeg"].to_pylist(), strict=True)
    return [
        {"path": _thumbnail(run, track_id, jpeg).relative_to(run.case_root).as_posix(), "sha256": sha256_of_bytes(jpeg)}
        for track_id, jpeg in jpegs
        if jpeg is not None
    ]


def _write_thumbnails(each: JoinedEvidence, run: RunFolder) -> pa.Array:
    """Write the thumbnails that are missing, and return their paths relative to the case; null without a picture."""
    paths: list[str | None] = []
    for track_id, jpeg in zip(each.track_ids, each.sights["jpeg"].to_pylist(), strict=True):
        path = _thumbnail(run, track_id, jpeg or b"")
        if jpeg is not None and not (path.exists() and path.read_bytes() == jpeg):
            write_bytes(path, jpeg)
        paths.append(path.relative_to(run.case_root).as_posix() if jpeg is not None else None)
    return pa.array(paths, pa.string())


def _thumbnail(run: RunFolder, track_id: str, jpeg: bytes) -> Path:
    """Return the file of a thumbnail; the name of a sealed one says so."""
    path = run.crop(track_id)
    return path.with_name(f"{path.name}{SEALED_SUFFIX}") if is_sealed(jpeg) else path
