"""Stage `track`: assign the stored detections of one evidence to tracks, without decoding."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from forensics.adapters.trackers.bytetrack import ByteTrack, load_tracker
from forensics.custody.case_folder import CaseFolder
from forensics.footage.evidence import Evidence
from forensics.footage.shot_cuts import scene_numbers, shot_numbers
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.tables.evidence import load_index
from forensics.tables.files import read_table
from forensics.tables.parts import StoredDetections, gate_skipped_frames, read_detections
from forensics.tables.schemas import DETECT_PART, TRACK_PART
from forensics.tracking.association import TrackParameters, assign_separate_tracks, associate
from forensics.tracking.sparse_footage import has_stills, parameters_of_sparse, runs_of_timed_stills

__all__ = ["EvidenceWork", "Track", "track_evidence"]


@dataclass(frozen=True, slots=True)
class EvidenceWork:
    """The detect parts of one evidence.

    Attributes:
        evidence: the evidence.
        detect_parts: its parts in the order of their chunks; lost chunks are absent.
        unit: content name of the track part.
        is_sparse: whether no frame can confirm a detection of another one; see `forensics.tracking.sparse_footage`.
    """

    evidence: Evidence
    detect_parts: tuple[Path, ...]
    unit: str
    is_sparse: bool = False

    def load_detections(self) -> StoredDetections:
        """Read the detections from the parts."""
        return read_detections(read_table(path, DETECT_PART) for path in self.detect_parts)

    def load_skipped_frames(self) -> Int64Array:
        """Read the numbers of the frames that the gate skipped: (P,) int64, increasing."""
        frames = [gate_skipped_frames(read_table(path, DETECT_PART)) for path in self.detect_parts]
        return np.concatenate(frames) if frames else np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Track:
    """Assigns every detection of one evidence to a track.

    Attributes:
        parameters: thresholds of the association.
        case: the case folder, for packet indexes.
        single_frame_score: lowest score of a detection that is a track in sparse footage.
        method: the tracker, or ``none`` to make each detection a track of its own.
    """

    parameters: TrackParameters
    case: CaseFolder
    single_frame_score: float
    method: str = "bytetrack"
    name: ClassVar[str] = "track"

    def frames_in(self, item: EvidenceWork) -> int:
        """Return the number of frames of the evidence."""
        return item.evidence.n_frames

    def open(self) -> Callable[[EvidenceWork], pa.Table]:
        """Load the tracker's library, once per worker."""
        if self.method != "none":
            load_tracker()
        return self._track

    def _track(self, work: EvidenceWork) -> pa.Table:
        if self.method == "none":
            return _as_table(assign_separate_tracks(work.load_detections().detections))
        parameters = self.parameters
        if work.is_sparse:
            parameters = parameters_of_sparse(parameters, self.single_frame_score)
        return track_evidence(work.load_detections(), work.evidence, load_index(self.case, work.evidence), parameters)


def track_evidence(
    stored: StoredDetections, evidence: Evidence, index: PacketIndex, parameters: TrackParameters
) -> pa.Table:
    """Return the track number of each detection, in the order of `stored.detections`; -1 if it has no track."""
    sections = index.sections_of(stored.known_frames)
    if has_stills(evidence):
        sections = sections + runs_of_timed_stills(index)[stored.known_frames]
    numbers = associate(
        stored.detections,
        stored.known_frames,
        index.media_us[stored.known_frames],
        tracker_for=ByteTrack,
        n_classes=len(stored.class_names),
        shots=_shots(stored, evidence, index),
        sections=sections,
        observed_us=index.media_us[np.union1d(stored.decoded_frames, stored.known_frames)],
        parameters=parameters,
    )
    return _as_table(numbers)


def _shots(stored: StoredDetections, evidence: Evidence, index: PacketIndex) -> Int64Array:
    """Return (F,) int64, the shot of each known frame, computed from all frames that were decoded whole.

    A doubtful frame belongs to the shot of the last whole frame before it.
    """
    if has_stills(evidence):
        shots = scene_numbers(stored.luma_grids)
    else:
        shots = shot_numbers(stored.luma_grids, index.media_us[stored.decoded_frames])
    places = np.searchsorted(stored.decoded_frames, stored.known_frames, side="right")
    return np.concatenate([[0], shots])[places]


def _as_table(numbers: Int64Array) -> pa.Table:
    return pa.Table.from_arrays([pa.array(numbers)], schema=TRACK_PART)
