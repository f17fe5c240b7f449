"""The faces of sighted people, compared with the watch-list and forgotten.

Faces are sought in the boxes of tracked people only. What leaves the worker are similarities and, of
candidates and leads, the pictures that a reviewer needs, sealed with the case's key before they leave.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from forensics.adapters.crypto.sealing import Key, seal, unseal
from forensics.adapters.faces.face_crop import face_jpeg
from forensics.adapters.faces.face_models import FaceModels, open_faces
from forensics.adapters.faces.face_quality import quality_of
from forensics.custody.case_folder import CaseFolder
from forensics.decoding.child import DecodingChild, Limits
from forensics.decoding.decoder_crashes import read_past_crashes
from forensics.detection.detections import FloatArray
from forensics.digests import digest_of
from forensics.faces.comparison import Rules
from forensics.faces.face_search import Comparison, Examination, Person, compare_faces, gather_faces
from forensics.faces.face_selection import moments
from forensics.faces.reference_sources import Origin
from forensics.faces.templates import Templates
from forensics.footage.evidence import Evidence
from forensics.footage.frames import Item, View
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.tables.evidence import load_index
from forensics.tables.files import read_table
from forensics.tables.schemas import RECOGNISE_PART, SIGHT_PART, TRACK_PART
from forensics.tables.sighting_rows import track_id_of_sight
from forensics.tracking.sightings import sighting_id_of
from pipelines.settings import RecogniseSettings
from pipelines.stages.sight import SightWork

__all__ = ["PERSON", "TEMPLATES", "Recognise", "RecogniseWork", "face_context", "works_for"]

PERSON: Final = "person"
TEMPLATES: Final = "templates"
_PEOPLE_AT_A_TIME: Final = 32
# Looks lie closer than the faces that are kept, so that one bad moment costs nothing.
_LOOKS_BETWEEN_FACES: Final = 3


def face_context(sighting_id: str, number: int) -> str:
    """What a sealed face is bound to: its sighting, and which of its faces it is."""
    return f"face:{sighting_id}:{number}"


@dataclass(frozen=True, slots=True)
class RecogniseWork:
    """Some people of one evidence.

    Attributes:
        sighted: the evidence and its tracks.
        sight_part: what is known of them.
        tracks: numbers of these people's tracks, increasing.
        unit: the name of what is made from them.
    """

    sighted: SightWork
    sight_part: Path
    tracks: tuple[int, ...]
    unit: str

    @property
    def evidence(self) -> Evidence:
        """Whose frames."""
        return self.sighted.tracked.evidence


def works_for(sighted: SightWork, sight_part: Path, facts: dict[str, object]) -> list[RecogniseWork]:
    """The people of one evidence in groups, so that a long recording keeps several workers busy.

    Args:
        sighted: the evidence and its tracks.
        sight_part: what is known of them.
        facts: what else decides the result; with the tracks it makes the unit's name.
    """
    names = read_table(sight_part, SIGHT_PART)["class_name"].to_pylist()
    people = [number for number, name in enumerate(names) if name == PERSON]
    groups = [tuple(people[start : start + _PEOPLE_AT_A_TIME]) for start in range(0, len(people), _PEOPLE_AT_A_TIME)]
    return [
        RecogniseWork(sighted, sight_part, group, digest_of({**facts, "sight": sighted.unit, "tracks": list(group)}))
        for group in groups
    ]


@dataclass(frozen=True, slots=True)
class Recognise:
    """Compares people with the watch-list.

    Attributes:
        settings: where to look, and what is good enough.
        rules: when a similarity is a candidate.
        models: what finds and describes faces.
        entry_ids: of the watch-list, sorted.
        people: who each entry is of.
        sealed_templates: one vector per entry.
        origins: sightings that lent entries their references.
        key: of the case; in memory only.
        settings_digest: of the run, part of every id.
        case: where the packet indexes lie.
        limits: when a decoding child is given up.
    """

    settings: RecogniseSettings
    rules: Rules
    models: FaceModels
    entry_ids: tuple[str, ...]
    people: tuple[str, ...]
    sealed_templates: bytes
    origins: tuple[Origin, ...]
    key: Key
    settings_digest: str
    case: CaseFolder
    limits: Limits
    name: ClassVar[str] = "recognise"

    def frames_in(self, item: RecogniseWork) -> int:
        """All of the evidence once, and every look at each person."""
        return item.evidence.n_frames + len(item.tracks) * (self.settings.looks + self.settings.second_looks)

    def open(self) -> Callable[[RecogniseWork], pa.Table]:
        """Load the face models and start the decoding child, once per worker."""
        return _Opened(self)


class _Opened:
    def __init__(self, stage: Recognise) -> None:
        self._stage = stage
        detector, embedder = open_faces(stage.models)
        settings = stage.settings
        self._examination = Examination(
            detector,
            embedder,
            quality_of=quality_of,
            picture_of=face_jpeg,
            limits=settings.limits(),
            apart_us=settings.apart_ms * 1000,
            at_most=settings.faces,
        )
        templates = unseal(stage.key, stage.sealed_templates, TEMPLATES)
        self._templates = Templates.decoded(stage.entry_ids, stage.people, templates)
        self._child = DecodingChild(stage.limits)

    def __call__(self, work: RecogniseWork) -> pa.Table:
        evidence, stage = work.evidence, self._stage
        assert evidence.readable is not None
        footage, index = evidence.readable.footage, load_index(stage.case, evidence)

        def read(wanted: Int64Array) -> Iterator[Item]:
            return read_past_crashes(self._child, footage, index, View(), wanted)

        people = _people(work, index, stage)
        looks = gather_faces(people, read, self._examination, stage.rules)
        rows = compare_faces(people, looks, self._templates, stage.rules, self._examination)
        return pa.Table.from_pylist([_row(row, stage.key) for row in rows], schema=RECOGNISE_PART)

    def close(self) -> None:
        """End the decoding child."""
        self._child.close()


def _people(work: RecogniseWork, index: PacketIndex, stage: Recognise) -> list[Person]:
    """The people of this work, with the moments at which each is looked at."""
    seen = work.sighted.tracked.seen().detections
    numbers = read_table(work.sighted.track_part, TRACK_PART)["track_number"].to_numpy()
    sights = read_table(work.sight_part, SIGHT_PART).to_pylist()
    settings = stage.settings
    people = []
    for number in work.tracks:
        rows = np.flatnonzero(numbers == number)
        media_us = index.media_us[seen.frame[rows]]
        boxes = media_us, seen.xyxy[rows], seen.score[rows]
        first = moments(*boxes, spacing_us=settings.apart_ms * 1000 // _LOOKS_BETWEEN_FACES, at_most=settings.looks)
        second = moments(*boxes, spacing_us=1, at_most=settings.second_looks)
        places = np.union1d(first, second)
        chosen = rows[places]
        frame = seen.frame[chosen]
        track_id = track_id_of_sight(work.evidence.evidence_id, stage.settings_digest, sights[number])
        sighting_id = sighting_id_of(track_id, work.evidence.camera_id)
        is_second = ~np.isin(places, first)
        lent = _lent_to(stage.origins, sighting_id, work.evidence.evidence_id, seen.frame[rows], seen.xyxy[rows])
        people.append(Person(sighting_id, frame, index.media_us[frame], seen.xyxy[chosen], is_second, lent))
    return people


def _lent_to(
    origins: Sequence[Origin], sighting_id: str, evidence_id: str, frame: Int64Array, xyxy: FloatArray
) -> frozenset[str]:
    """The entries whose references were taken from this track, under whichever settings."""
    return frozenset(
        origin.entry_id
        for origin in origins
        if origin.sighting_id == sighting_id or origin.is_seen_in(evidence_id, frame, xyxy)
    )


def _row(row: Comparison, key: Key) -> dict[str, object]:
    return {
        "sighting_id": row.sighting_id,
        "entry_id": row.entry_id,
        "rank": row.rank,
        "similarity": row.similarity,
        "margin": row.margin,
        "quality": row.quality,
        "n_faces": row.n_faces,
        "n_people": row.n_people,
        "span_ms": row.span_ms,
        "decision": row.decision.value,
        "reason": row.reason,
        "sealed_faces": [
            seal(key, picture, face_context(row.sighting_id, number)) for number, picture in enumerate(row.pictures)
        ],
    }
