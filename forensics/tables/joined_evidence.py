"""One evidence joined with its packet index, the clock of its camera and the ids of its tracks, for the tables."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from forensics.custody.case_folder import CaseFolder
from forensics.footage.evidence import Evidence, Reader
from forensics.footage.frame_clock import frame_clock
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex
from forensics.tables import schemas
from forensics.tables.evidence import load_index, load_picture_names
from forensics.tables.files import read_table
from forensics.tables.outcomes import EvidenceOutcome
from forensics.tracking.sightings import sighting_id_of, track_id_of

__all__ = ["JoinedEvidence", "track_id_of_sight"]

_UTC: Final = pa.timestamp("us", tz="UTC")
_NO_SIGHTS: Final = schemas.SIGHT_PART.empty_table()


@dataclass(frozen=True, slots=True, eq=False)
class JoinedEvidence:
    """One evidence with its times and track ids; its boxes stay in their parts.

    Attributes:
        outcome: parts of the evidence.
        index: packet index.
        ends_us: (F,) int64, media time in microseconds at which each frame ends: that of the next frame, or its own if
            nothing is known after it, as between two stills. The last frame of a section lasts as long as the one
            before it.
        utc_us, end_utc_us: (F,) int64, UTC of every frame and of its end in microseconds, valid where known.
        is_utc_known: (F,) bool.
        sights: rows of the sight part, by track number.
        track_ids, sighting_ids: ids of each track, by track number.
        pictures: file of each frame of stills; nulls for video.
    """

    outcome: EvidenceOutcome
    index: PacketIndex
    ends_us: Int64Array
    utc_us: Int64Array
    end_utc_us: Int64Array
    is_utc_known: BoolArray
    sights: pa.Table
    track_ids: list[str]
    sighting_ids: list[str]
    pictures: pa.ChunkedArray

    @classmethod
    def of(cls, case: CaseFolder, outcome: EvidenceOutcome, tracks_digest: str) -> "JoinedEvidence":
        """Read the packet index and the tracks of one evidence."""
        evidence = outcome.evidence
        index = load_index(case, evidence)
        sights = read_table(outcome.sight_part, schemas.SIGHT_PART) if outcome.sight_part else _NO_SIGHTS
        track_ids = [track_id_of_sight(evidence.evidence_id, tracks_digest, row) for row in sights.to_pylist()]
        clock = frame_clock(index, evidence.start_utc_us, outcome.section_starts)
        ends_us = _frame_ends_us(index, is_stills=is_stills(evidence))
        return cls(
            outcome=outcome,
            index=index,
            ends_us=ends_us,
            utc_us=outcome.camera.utc_us(clock.us),
            end_utc_us=outcome.camera.utc_us(clock.us + ends_us - index.media_us),
            is_utc_known=clock.is_known,
            sights=sights,
            track_ids=track_ids,
            sighting_ids=[sighting_id_of(track_id, evidence.id_camera) for track_id in track_ids],
            pictures=load_picture_names(case, evidence),
        )

    def utc(self, frames: Int64Array) -> pa.Array:
        """Return the UTC of frames; null where the camera's clock is unknown."""
        return pa.array(self.utc_us[frames], mask=~self.is_utc_known[frames]).cast(_UTC)

    def end_utc(self, frames: Int64Array) -> pa.Array:
        """Return the UTC at which frames end; null where the camera's clock is unknown."""
        return pa.array(self.end_utc_us[frames], mask=~self.is_utc_known[frames]).cast(_UTC)

    def clock_error_ms(self, frames: Int64Array) -> pa.Array:
        """Return the largest error of the UTC of frames, in milliseconds; null where either is unknown."""
        error_ms = self.outcome.camera.clock_error_ms(self.outcome.evidence.clock_error_ms)
        is_null = ~self.is_utc_known[frames] | (error_ms is None)
        return pa.array(np.full(len(frames), error_ms or 0, dtype=np.int64), mask=is_null)

    def timed_bounds(self, first: Int64Array, last: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return the first and the last frame with a known UTC of each range of frames; its ends if none has.

        Args:
            first: (N,) int64, first frame of each range.
            last: (N,) int64, last frame of each range.
        """
        known = np.append(np.flatnonzero(self.is_utc_known), self.index.n_frames)
        start, stop = np.searchsorted(known, first), np.searchsorted(known, last, side="right") - 1
        has_known = start <= stop
        return np.where(has_known, known[start], first), np.where(has_known, known[stop], last)

    def constant(self, value: Any, n_rows: int, kind: pa.DataType) -> pa.Array:
        """Return a column with the same value in every row."""
        return pa.array([value], kind).take(pa.array(np.zeros(n_rows, dtype=np.int64)))


def track_id_of_sight(evidence_id: str, tracks_digest: str, row: dict[str, Any]) -> str:
    """Return the id of the track that a row of a sight part describes."""
    first = np.array([row[f"first_{name}"] for name in ("x1", "y1", "x2", "y2")], dtype=np.float32)
    return track_id_of(
        evidence_id,
        tracks_digest,
        first_frame=row["first_frame"],
        class_name=row["class_name"],
        first_xyxy=first,
    )


def is_stills(evidence: Evidence) -> bool:
    """Whether the frames are pictures, between which nothing was recorded."""
    return evidence.readable is not None and evidence.readable.footage.reader is Reader.STILLS


def _frame_ends_us(index: PacketIndex, *, is_stills: bool) -> Int64Array:
    media_us = index.media_us
    if is_stills or not index.n_frames:
        return media_us
    ends = np.append(media_us[1:], media_us[-1])
    starts = [section.start for section in index.sections] or [0]
    for start, stop in zip(starts, [*starts[1:], index.n_frames], strict=True):
        last_step = media_us[stop - 1] - media_us[stop - 2] if stop - start > 1 else 0
        ends[stop - 1] = media_us[stop - 1] + last_step
    return ends
