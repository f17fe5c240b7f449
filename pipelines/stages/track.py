"""Which detections are one object: one pass over the stored detections of one evidence, no pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from forensics.adapters.trackers.bytetrack import ByteTrack, load_tracker
from forensics.custody.case_folder import CaseFolder
from forensics.footage.evidence import Evidence
from forensics.footage.shot_cuts import shot_numbers
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.tables.evidence import load_index
from forensics.tables.files import read_table
from forensics.tables.parts import StoredDetections, passed_over, read_detections
from forensics.tables.schemas import DETECT_PART, TRACK_PART
from forensics.tracking.association import TrackParameters, associate, each_its_own

__all__ = ["EvidenceWork", "Track", "track_evidence"]


@dataclass(frozen=True, slots=True)
class EvidenceWork:
    """All that was detected in one evidence.

    Attributes:
        evidence: whose frames.
        detect_parts: its parts in the order of their chunks; lost chunks are absent.
        unit: the name of what is made from them.
    """

    evidence: Evidence
    detect_parts: tuple[Path, ...]
    unit: str

    def seen(self) -> StoredDetections:
        """The stored detections."""
        return read_detections(read_table(path, DETECT_PART) for path in self.detect_parts)

    def passed_over(self) -> Int64Array:
        """(P,) int64, increasing: the frames that the gate did not have looked at."""
        frames = [passed_over(read_table(path, DETECT_PART)) for path in self.detect_parts]
        return np.concatenate(frames) if frames else np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Track:
    """Gives every detection of one evidence its track.

    Attributes:
        parameters: when detections are one object.
        case: where the packet indexes lie.
        method: the tracker, or ``none`` where every detection is a track of its own.
    """

    parameters: TrackParameters
    case: CaseFolder
    method: str = "bytetrack"
    name: ClassVar[str] = "track"

    def frames_in(self, item: EvidenceWork) -> int:
        """All of the evidence."""
        return item.evidence.n_frames

    def open(self) -> Callable[[EvidenceWork], pa.Table]:
        """Load the tracker's library, once per worker."""
        if self.method != "none":
            load_tracker()
        return self._track

    def _track(self, work: EvidenceWork) -> pa.Table:
        if self.method == "none":
            return _part(each_its_own(work.seen().detections))
        return track_evidence(work.seen(), load_index(self.case, work.evidence), self.parameters)


def track_evidence(seen: StoredDetections, index: PacketIndex, parameters: TrackParameters) -> pa.Table:
    """One row per detection, in the order of `seen.detections`: its track's number, -1 if untracked."""
    numbers = associate(
        seen.detections,
        seen.known_frames,
        index.media_us[seen.known_frames],
        tracker_for=ByteTrack,
        n_classes=len(seen.class_names),
        shots=_shots(seen, index),
        parameters=parameters,
    )
    return _part(numbers)


def _shots(seen: StoredDetections, index: PacketIndex) -> Int64Array:
    """(F,) int64, the shot of each known frame, told from all frames that were decoded."""
    shots = shot_numbers(seen.glances, index.media_us[seen.glanced_frames])
    return shots[np.searchsorted(seen.glanced_frames, seen.known_frames)]


def _part(numbers: Int64Array) -> pa.Table:
    return pa.Table.from_arrays([pa.array(numbers)], schema=TRACK_PART)
