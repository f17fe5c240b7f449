"""Results of the spot check of each evidence: detections in skipped frames compared with the tracks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forensics.custody.case_folder import CaseFolder
from forensics.detection.detections import NO_DETECTIONS, Boxes, concatenate
from forensics.footage.timeline import Int64Array
from forensics.sampling.spot_check import SpotCheckedFrame, TrackPaths, check_against_tracks, select_rows_around
from forensics.tables import schemas
from forensics.tables.evidence import load_index
from forensics.tables.files import read_table
from forensics.tables.outcomes import EvidenceOutcome
from forensics.tables.parts import gate_skipped_frames, read_detections, spot_checked_frames
from forensics.tables.sighting_rows import track_numbers

__all__ = ["SpotCheckedEvidence", "evaluate_spot_checks"]


@dataclass(frozen=True, slots=True)
class SpotCheckedEvidence:
    """Spot check of one evidence.

    Attributes:
        n_passed_over: number of frames that the gate skipped.
        frames: results of the spot-checked frames.
    """

    n_passed_over: int = 0
    frames: tuple[SpotCheckedFrame, ...] = ()

    def by_frame(self) -> dict[int, str]:
        """Return the text for the table `coverage` of each spot-checked frame."""
        return {each.frame: str(each) for each in self.frames}


def evaluate_spot_checks(case: CaseFolder, outcome: EvidenceOutcome, least_score: float) -> SpotCheckedEvidence:
    """Compare the detections of the spot-checked frames with the tracks of one evidence.

    Args:
        case: folder of the case, which holds the packet index.
        outcome: parts of the evidence.
        least_score: least score of a detection that starts a track.
    """
    if not outcome.spot_check_parts:
        return SpotCheckedEvidence(_count_skipped(outcome))
    return SpotCheckedEvidence(_count_skipped(outcome), tuple(_check_frames(case, outcome, least_score)))


def _count_skipped(outcome: EvidenceOutcome) -> int:
    parts = (read_table(chunk.part, schemas.DETECT_PART) for chunk in outcome.chunks if chunk.part)
    return sum(len(gate_skipped_frames(part)) for part in parts)


def _check_frames(case: CaseFolder, outcome: EvidenceOutcome, least_score: float) -> Iterator[SpotCheckedFrame]:
    index = load_index(case, outcome.evidence)
    parts = (read_table(path, schemas.AUDIT_PART) for path in outcome.spot_check_parts)
    checked = [each for part in parts for each in spot_checked_frames(part)]
    frames = np.unique(np.array([frame for frame, _ in checked], dtype=np.int64))
    paths, number_of = _track_paths(outcome, frames, index.media_us)
    for frame, rows in checked:
        names, scores = rows["class_name"].to_pylist(), rows["score"].to_pylist()
        xyxy = np.array([rows[name].to_pylist() for name in ("x1", "y1", "x2", "y2")], np.float32).T.reshape(-1, 4)
        # a class that was never detected outside of the spot check has no track
        classes = np.array([number_of.get(name, -1) for name in names], dtype=np.int64)
        boxes = Boxes(xyxy, np.array(scores, np.float32), classes)
        found, missed = check_against_tracks(boxes, paths, at_us=int(index.media_us[frame]), start_score=least_score)
        seen, lost = (tuple((names[row], scores[row]) for row in which.tolist()) for which in (found, missed))
        yield SpotCheckedFrame(frame, seen, lost)


def _track_paths(
    outcome: EvidenceOutcome, frames: Int64Array, media_us: Int64Array
) -> tuple[TrackPaths, dict[str, int]]:
    """Return the paths of the tracks around these frames, and the number of each class; holds one part in memory."""
    number_of: dict[str, int] = {}
    around = [(NO_DETECTIONS, np.empty(0, dtype=np.int64))]
    tracked, start = track_numbers(outcome), 0
    numbers = np.empty(0, dtype=np.int64) if tracked is None else tracked
    for part in (chunk.part for chunk in outcome.chunks if chunk.part and len(numbers)):
        stored = read_detections([read_table(part, schemas.DETECT_PART)])
        track = numbers[start : start + len(stored.detections)]
        start += len(track)
        rows = select_rows_around(stored.detections.frame, track, frames)
        classes = np.array([number_of.setdefault(name, len(number_of)) for name in stored.class_names], dtype=np.int64)
        around.append((stored.detections.select(rows, classes), track[rows]))
    detections, tracks = concatenate([each for each, _ in around]), np.concatenate([track for _, track in around])
    return TrackPaths.of(detections, tracks, media_us), number_of
