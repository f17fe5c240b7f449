"""Tracks of one evidence, and which frames of a track are searched for the person's face."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from forensics.detection.detections import Detections, FloatArray
from forensics.faces.face_search import Person
from forensics.faces.face_selection import select_detections
from forensics.faces.reference_sources import Origin, boxes_at
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex
from forensics.tables.files import read_table
from forensics.tables.schemas import TRACK_PART
from pipelines.settings import RecogniseSettings
from pipelines.stages.sight import SightWork

__all__ = ["EvidenceTracks", "searched_person"]

# More frames are searched than faces are kept, so that a blurred or turned face has a replacement nearby.
_FRAMES_PER_FACE: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceTracks:
    """Detections of one evidence by track.

    Attributes:
        detections: all detections.
        number: (N,) track number of each; -1 for none.
        is_doubtful: (N,) whether the frame may show what belongs to another one.
        media_us: (F,) media time of every frame.
    """

    detections: Detections
    number: Int64Array
    is_doubtful: BoolArray
    media_us: Int64Array

    @classmethod
    def of(cls, sighted: SightWork, index: PacketIndex) -> "EvidenceTracks":
        """Read the detections and their track numbers.

        Args:
            sighted: the evidence and its tracks.
            index: packet index of the evidence.
        """
        stored = sighted.tracked.load_detections()
        number = read_table(sighted.track_part, TRACK_PART)["track_number"].to_numpy()
        return cls(stored.detections, number, stored.is_doubtful, index.media_us)

    def rows(self, number: int) -> Int64Array:
        """Return the rows of a track that are not doubtful; all rows if there is no other.

        No face is ever read from a doubtful frame: such a frame is a gap here, and the gap's reason becomes that of the
        result.
        """
        rows = np.flatnonzero(self.number == number)
        whole = rows[~self.is_doubtful[rows]]
        return whole if len(whole) else rows

    def with_every_frame(self, number: int, person: Person) -> Person:
        """Return the person with every frame from the first to the last of the track, boxes interpolated."""
        rows = self.rows(number)
        frame = np.arange(self.detections.frame[rows[0]], self.detections.frame[rows[-1]] + 1)
        xyxy = boxes_at(frame, self.detections.frame[rows], self.detections.xyxy[rows]).astype(np.float32)
        return replace(
            person, frame=frame, media_us=self.media_us[frame], xyxy=xyxy, is_reserve=np.zeros(len(frame), dtype=bool)
        )


def searched_person(
    sighting_id: str,
    evidence_id: str,
    tracks: EvidenceTracks,
    number: int,
    settings: RecogniseSettings,
    origins: Sequence[Origin],
) -> Person:
    """Return the person of one track with the frames that are searched for the face.

    Args:
        sighting_id: id of the person's sighting.
        evidence_id: id of the evidence.
        tracks: tracks of the evidence.
        number: number of the track.
        settings: how many frames are searched, how far apart.
        origins: sightings that reference pictures were taken from.
    """
    detections, rows = tracks.detections, tracks.rows(number)
    frame, xyxy = detections.frame[rows], detections.xyxy[rows]
    boxes = tracks.media_us[frame], xyxy, detections.score[rows]
    spacing_us = settings.apart_ms * 1000 // _FRAMES_PER_FACE
    first = select_detections(*boxes, spacing_us=spacing_us, at_most=settings.looks)
    reserve = select_detections(*boxes, spacing_us=1, at_most=settings.second_looks)
    places = np.union1d(first, reserve)
    return Person(
        sighting_id,
        frame[places],
        tracks.media_us[frame[places]],
        xyxy[places],
        is_reserve=~np.isin(places, first),
        origin_of=_entries_from_track(origins, sighting_id, evidence_id, frame, xyxy),
    )


def _entries_from_track(
    origins: Sequence[Origin], sighting_id: str, evidence_id: str, frame: Int64Array, xyxy: FloatArray
) -> frozenset[str]:
    """Return the entries whose reference pictures were taken from this track, under any settings."""
    return frozenset(
        origin.entry_id
        for origin in origins
        if origin.sighting_id == sighting_id or origin.is_seen_in(evidence_id, frame, xyxy)
    )
