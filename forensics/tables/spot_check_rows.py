"""What the audit of the gate says of each evidence, from its parts and its tracks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forensics.custody.case_folder import CaseFolder
from forensics.detection.detections import NO_DETECTIONS, Boxes, concatenate
from forensics.footage.timeline import Int64Array
from forensics.sampling.spot_check import SpotCheckedFrame, TrackPaths, outside_tracks, rows_around
from forensics.tables import schemas
from forensics.tables.evidence import load_index
from forensics.tables.files import read_table
from forensics.tables.outcomes import EvidenceOutcome
from forensics.tables.parts import passed_over, read_detections, spot_checked_frames
from forensics.tables.sighting_rows import track_numbers

__all__ = ["SpotCheckedEvidence", "spot_checked_evidence"]


@dataclass(frozen=True, slots=True)
class SpotCheckedEvidence:
    """The audit of one evidence.

    Attributes:
        n_passed_over: frames that the gate did not have looked at.
        frames: those that were looked at afterwards.
    """

    n_passed_over: int = 0
    frames: tuple[SpotCheckedFrame, ...] = ()

    def by_frame(self) -> dict[int, str]:
        """What `coverage` says of each audited frame."""
        return {each.frame: str(each) for each in self.frames}


def spot_checked_evidence(case: CaseFolder, outcome: EvidenceOutcome, least_score: float) -> SpotCheckedEvidence:
    """Hold what was seen in the frames drawn by lot against the tracks.

    Args:
        case: where the packet index lies.
        outcome: of one evidence.
        least_score: what starts a track.
    """
    if not outcome.audit_parts:
        return SpotCheckedEvidence(_n_passed_over(outcome))
    return SpotCheckedEvidence(_n_passed_over(outcome), tuple(_compared(case, outcome, least_score)))


def _n_passed_over(outcome: EvidenceOutcome) -> int:
    parts = (read_table(chunk.part, schemas.DETECT_PART) for chunk in outcome.chunks if chunk.part)
    return sum(len(passed_over(part)) for part in parts)


def _compared(case: CaseFolder, outcome: EvidenceOutcome, least_score: float) -> Iterator[SpotCheckedFrame]:
    index = load_index(case, outcome.evidence)
    looks = [look for path in outcome.audit_parts for look in spot_checked_frames(read_table(path, schemas.AUDIT_PART))]
    frames = np.unique(np.array([frame for frame, _ in looks], dtype=np.int64))
    paths, number_of = _paths(outcome, frames, index.media_us)
    for frame, rows in looks:
        names, scores = rows["class_name"].to_pylist(), rows["score"].to_pylist()
        xyxy = np.array([rows[name].to_pylist() for name in ("x1", "y1", "x2", "y2")], np.float32).T.reshape(-1, 4)
        # a class that no look ever found has no track
        classes = np.array([number_of.get(name, -1) for name in names], dtype=np.int64)
        boxes = Boxes(xyxy, np.array(scores, np.float32), classes)
        found, missed = outside_tracks(boxes, paths, at_us=int(index.media_us[frame]), least_score=least_score)
        told = [tuple((names[row], scores[row]) for row in which.tolist()) for which in (found, missed)]
        yield SpotCheckedFrame(frame, *told)


def _paths(outcome: EvidenceOutcome, frames: Int64Array, media_us: Int64Array) -> tuple[TrackPaths, dict[str, int]]:
    """Where the tracks are in these frames, and the number of each class; no more than one part is held."""
    number_of: dict[str, int] = {}
    kept = [(NO_DETECTIONS, np.empty(0, dtype=np.int64))]
    tracked, start = track_numbers(outcome), 0
    numbers = np.empty(0, dtype=np.int64) if tracked is None else tracked
    for part in (chunk.part for chunk in outcome.chunks if chunk.part and len(numbers)):
        seen = read_detections([read_table(part, schemas.DETECT_PART)])
        track = numbers[start : start + len(seen.detections)]
        start += len(track)
        rows = rows_around(seen.detections.frame, track, frames)
        classes = np.array([number_of.setdefault(name, len(number_of)) for name in seen.class_names], dtype=np.int64)
        kept.append((seen.detections.chosen(rows, classes), track[rows]))
    detections, tracks = concatenate([each for each, _ in kept]), np.concatenate([track for _, track in kept])
    return TrackPaths.of(detections, tracks, media_us), number_of
