"""Rows of the tables `detections` and `sightings`: parts joined with packet index, camera clock and ids."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forensics.custody.case_folder import SEALED_SUFFIX, RunFolder
from forensics.custody.sealer import Sealer, is_sealed
from forensics.digests import sha256_of_bytes
from forensics.footage.timeline import Int64Array
from forensics.tables import schemas
from forensics.tables.files import read_table, write_bytes
from forensics.tables.joined_evidence import JoinedEvidence
from forensics.tables.outcomes import EvidenceOutcome
from forensics.tables.parts import StoredDetections, read_detections

__all__ = [
    "THUMBNAIL",
    "describe_thumbnails",
    "detection_tables",
    "largest_scores",
    "seal_thumbnails",
    "sightings_table",
    "track_numbers",
]

THUMBNAIL: Final = "thumbnail"
"""Context of sealed thumbnails."""
_OF_THE_PART: Final = (
    *("class_name", "first_frame", "last_frame", "n_detections", "n_doubtful", "mean_score", "best_frame"),
    *("best_x1", "best_y1", "best_x2", "best_y2"),
)


def track_numbers(outcome: EvidenceOutcome) -> Int64Array | None:
    """Read the track number of each detection of one evidence.

    Returns:
        (N,) int64, -1 for detections outside of tracks; None if the evidence was not tracked.
    """
    if outcome.track_part is None or outcome.sight_part is None:
        return None
    numbers: Int64Array = read_table(outcome.track_part, schemas.TRACK_PART)["track_number"].to_numpy()
    return numbers


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
        "clock_error_ms": each.clock_error_ms(frame),
        "class_name": names.take(pa.array(detections.class_index)),
        "score": detections.score,
        **{name: detections.xyxy[:, place] for place, name in enumerate(("x1", "y1", "x2", "y2"))},
        "track_id": pa.array(each.track_ids, pa.string()).take(numbers),
        "sighting_id": pa.array(each.sighting_ids, pa.string()).take(numbers),
        "carried": stored.is_carried,
        "doubtful": stored.is_doubtful,
        "picture": each.pictures.take(pa.array(frame)),
    }
    return pa.table(columns, schema=schemas.DETECTIONS)


def sightings_table(each: JoinedEvidence, run: RunFolder, largest_score: Mapping[str, float]) -> pa.Table:
    """Build the rows of `sightings`, ordered by track number, and write their thumbnails.

    Args:
        each: the evidence.
        run: folder for the thumbnails.
        largest_score: of the detections of each sighting, by its id.
    """
    evidence, sights = each.outcome.evidence, each.sights
    n_rows = len(sights)
    first, last, best = (sights[name].to_numpy() for name in ("first_frame", "last_frame", "best_frame"))
    media_us = each.index.media_us
    columns = {
        "sighting_id": pa.array(each.sighting_ids, pa.string()),
        "track_id": pa.array(each.track_ids, pa.string()),
        "evidence_id": each.constant(evidence.evidence_id, n_rows, pa.string()),
        "camera_id": each.constant(evidence.camera_id, n_rows, pa.string()),
        **{name: sights[name] for name in _OF_THE_PART},
        "first_utc": each.utc(first),
        "last_utc": each.utc(last),
        "clock_error_ms": each.clock_error_ms(first),
        "first_media_us": media_us[first],
        "last_media_us": media_us[last],
        "duration_us": media_us[last] - media_us[first],
        "max_score": pa.array([largest_score.get(sighting_id) for sighting_id in each.sighting_ids], pa.float32()),
        "best_pts": each.index.pts[best],
        "best_media_us": media_us[best],
        "best_utc": each.utc(best),
        **_picture_columns(each, first, best),
        "thumbnail": _write_thumbnails(each, run),
        "best_picture": each.pictures.take(pa.array(best)),
    }
    return pa.table({name: columns[name] for name in schemas.SIGHTINGS.names}, schema=schemas.SIGHTINGS)


def _picture_columns(each: JoinedEvidence, first: Int64Array, best: Int64Array) -> dict[str, pa.Array]:
    """Return size and origin of the time of each sighting; of stills those of its own pictures.

    The size is null in stills whose packet index was written by a version that stored none.
    """
    readable, pictures = each.outcome.evidence.readable, each.index.pictures
    assert readable is not None
    medium, n_rows = readable.medium, len(best)
    if pictures is None:
        sizes = [each.constant(side, n_rows, pa.int32()) for side in (medium.width_px, medium.height_px)]
        timing = each.constant(medium.timing.value, n_rows, pa.string())
    else:
        sizes = [pa.array(sides, mask=sides == 0) for sides in pictures.size_px[best].T]
        timing = pa.array([pictures.timings[number].value for number in first.tolist()], pa.string())
    return {"width": sizes[0], "height": sizes[1], "timing": timing}


def largest_scores(detections: pa.Table, before: Mapping[str, float]) -> dict[str, float]:
    """Return the largest score by sighting id, of these rows of `detections` and of `before`."""
    of_sightings = detections.filter(pc.is_valid(detections["sighting_id"]))
    found = of_sightings.group_by("sighting_id").aggregate([("score", "max")]).to_pylist()
    scores = dict(before)
    for row in found:
        scores[row["sighting_id"]] = max(row["score_max"], scores.get(row["sighting_id"], row["score_max"]))
    return scores


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
