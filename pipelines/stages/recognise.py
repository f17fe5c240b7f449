"""Stage `recognise`: compare the faces of sighted people with the watch-list.

Faces are searched only in the boxes of tracked people. The worker returns the result of every comparison and, for
candidates and leads, the pictures that a reviewer needs, all sealed with the case's key. It keeps no face and no
template. What it receives names nobody: the watch-list is sealed, and the key comes over a channel of its own.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import pyarrow as pa

from forensics.adapters.faces.face_crop import face_jpeg
from forensics.adapters.faces.face_models import FaceModels
from forensics.adapters.faces.face_quality import quality_of
from forensics.custody.case_folder import CaseFolder
from forensics.custody.sealer import Sealer
from forensics.decoding.child import DecodingChild, Limits
from forensics.decoding.decoder_crashes import read_past_crashes
from forensics.digests import digest_of
from forensics.faces.compared_people import ComparedPeople
from forensics.faces.comparison import Rules
from forensics.faces.face import QualityLimits
from forensics.faces.face_search import Comparison, Examination, FaceCrop, Person, compare_faces, gather_faces
from forensics.faces.near_copies import find_near_copies
from forensics.footage.evidence import Evidence
from forensics.footage.frames import Item, View
from forensics.footage.timeline import Int64Array
from forensics.tables.evidence import load_index
from forensics.tables.files import read_table, seal_table
from forensics.tables.joined_evidence import track_id_of_sight
from forensics.tables.schemas import RECOGNISE_PART, SIGHT_PART
from forensics.tracking.sightings import sighting_id_of
from pipelines.settings import RecogniseSettings
from pipelines.stages.evidence_tracks import EvidenceTracks, searched_person
from pipelines.stages.sight import SightWork

__all__ = ["COMPARED_PEOPLE", "PERSON", "Recognise", "RecogniseWork", "References", "works_for"]

PERSON: Final = "person"
COMPARED_PEOPLE: Final = "compared people"
"""Context of the sealed watch-list that travels to the workers."""
_PEOPLE_PER_WORK: Final = 32
_BYTES_PER_PERSON: Final = 128 << 10
"""Room for the faces of two candidates, so that the size of a part does not tell whether it has one."""
_MOST_WITH_ROOM: Final = 8
_ANY_QUALITY: Final = QualityLimits(eyes_px=0, sharpness=0, yaw_degrees=180, score=0)


@dataclass(frozen=True, slots=True)
class RecogniseWork:
    """A group of people of one evidence.

    Attributes:
        sighted: the evidence and its tracks.
        sight_part: the sight part of the evidence.
        tracks: track numbers of these people, increasing.
        unit: content name of the part.
    """

    sighted: SightWork
    sight_part: Path
    tracks: tuple[int, ...]
    unit: str

    @property
    def evidence(self) -> Evidence:
        """The evidence whose frames are searched."""
        return self.sighted.evidence


def works_for(sighted: SightWork, sight_part: Path, facts: dict[str, object]) -> list[RecogniseWork]:
    """Split the people of one evidence into groups, so that several workers share a long recording.

    Args:
        sighted: the evidence and its tracks.
        sight_part: the sight part of the evidence.
        facts: everything else that decides the result; with the tracks it gives the content name.
    """
    names = read_table(sight_part, SIGHT_PART)["class_name"].to_pylist()
    people = [number for number, name in enumerate(names) if name == PERSON]
    groups = [tuple(people[start : start + _PEOPLE_PER_WORK]) for start in range(0, len(people), _PEOPLE_PER_WORK)]
    return [
        RecogniseWork(sighted, sight_part, group, digest_of({**facts, "sight": sighted.unit, "tracks": list(group)}))
        for group in groups
    ]


@dataclass(frozen=True, slots=True)
class References:
    """Rules and models of the comparison, and the sealed watch-list.

    Attributes:
        rules: rules that turn a similarity into a candidate.
        models: models that detect and embed faces.
        sealed_people: `ComparedPeople`, encoded and sealed.
    """

    rules: Rules
    models: FaceModels
    sealed_people: bytes


@dataclass(frozen=True, slots=True)
class Recognise:
    """Compares the faces of people with the watch-list.

    Attributes:
        settings: which frames are searched, and which quality a face needs.
        references: templates and rules of the comparison.
        tracks_digest: digest of what decides the tracks, part of every id.
        case: the case folder, for packet indexes.
        limits: limits of time and memory of a decoding child.
    """

    settings: RecogniseSettings
    references: References
    tracks_digest: str
    case: CaseFolder
    limits: Limits
    name: ClassVar[str] = "recognise"
    uses_key: ClassVar[bool] = True

    def frames_in(self, item: RecogniseWork) -> int:
        """Return the frames of the evidence, plus every frame that is searched for each person."""
        return item.evidence.n_frames + len(item.tracks) * (self.settings.looks + self.settings.second_looks)

    def open(self) -> Callable[[RecogniseWork], bytes]:
        """Raise an error: nothing is compared without the key."""
        raise ValueError("faces are compared only with the key of the case")

    def open_with_key(self, key: Sealer) -> Callable[[RecogniseWork], bytes]:
        """Load the face models and start the decoding child, once per worker."""
        return _OpenedRecognise(self, key)


class _OpenedRecognise:
    """Compares faces in one worker."""

    def __init__(self, stage: Recognise, key: Sealer) -> None:
        self._stage = stage
        self._key = key
        detector, embedder = stage.references.models.load()
        settings = stage.settings
        self._examination = Examination(
            detector,
            embedder,
            quality_of=quality_of,
            picture_of=face_jpeg,
            limits=settings.limits(),
            spacing_us=settings.apart_ms * 1000,
            at_most=settings.faces,
        )
        self._compared = ComparedPeople.decoded(key.unseal(stage.references.sealed_people, COMPARED_PEOPLE))
        self._child = DecodingChild(stage.limits)

    def __call__(self, work: RecogniseWork) -> bytes:
        evidence, stage = work.evidence, self._stage
        assert evidence.readable is not None
        footage, index = evidence.readable.footage, load_index(stage.case, evidence)

        def read(wanted: Int64Array) -> Iterator[Item]:
            return read_past_crashes(self._child, footage, index, View(), wanted)

        tracks = EvidenceTracks.of(work.sighted, index)
        numbered = self._people(work, tracks)
        numbers = {person.sighting_id: number for number, person in numbered.items()}

        def find_copies(person: Person, entry_ids: Collection[str]) -> dict[str, tuple[float, FaceCrop]]:
            whole = tracks.with_every_frame(numbers[person.sighting_id], person)
            references = self._compared.references.of(set(entry_ids) - confirmed)
            return find_near_copies(whole, references, read, any_face, rules) if references.entry_ids else {}

        people, rules = list(numbered.values()), stage.references.rules
        confirmed = {origin.entry_id for origin in self._compared.origins}
        any_face = replace(self._examination, limits=_ANY_QUALITY)
        faces = gather_faces(people, read, self._examination, rules)
        rows = compare_faces(people, faces, self._compared.templates, rules, self._examination, find_copies)
        table = pa.Table.from_pylist([_row(row) for row in rows], schema=RECOGNISE_PART)
        run = stage.case.run("")  # the name of a part does not depend on the run
        room = _BYTES_PER_PERSON * min(len(work.tracks), _MOST_WITH_ROOM)
        return seal_table(run.part(stage.name, work.unit), table, self._key, at_least=room)

    def _people(self, work: RecogniseWork, tracks: EvidenceTracks) -> dict[int, Person]:
        """Return the people of this work with the frames that are searched for each, by track number."""
        evidence, stage, sights = work.evidence, self._stage, read_table(work.sight_part, SIGHT_PART).to_pylist()
        people = {}
        for number in work.tracks:
            track_id = track_id_of_sight(evidence.evidence_id, stage.tracks_digest, sights[number])
            sighting_id = sighting_id_of(track_id, evidence.id_camera)
            people[number] = searched_person(
                sighting_id, evidence.evidence_id, tracks, number, stage.settings, self._compared.origins
            )
        return people

    def close(self) -> None:
        """End the decoding child."""
        self._child.close()


def _row(row: Comparison) -> dict[str, object]:
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
        "frames": row.frames,
        "faces": row.pictures,
    }
