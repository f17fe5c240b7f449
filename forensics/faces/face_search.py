"""The faces of one tracked person: gathered from a few frames, the best kept, embedded, compared, forgotten.

Nothing here writes anything. An embedding lives as long as `compare_faces` runs.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.faces.comparison import Decision, Rules, decide, is_enough, people_in, rank
from forensics.faces.face import Face, FaceDetector, FaceEmbedder, Quality, QualityLimits, shortcomings, worth
from forensics.faces.face_selection import best_apart, head_region
from forensics.faces.pooling import Pools, pool, similarities
from forensics.faces.templates import Templates
from forensics.footage.frames import Frame, Gap, Item, RgbArray
from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["Comparison", "Examination", "FaceCrop", "Person", "compare_faces", "gather_faces", "select_faces"]

Read = Callable[[Int64Array], Iterator[Item]]

# Embedded at a time, so that a crowd costs no more memory than a few.
_FACES_AT_A_TIME = 32


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person's track, and where to look for the face.

    Attributes:
        sighting_id: its name in every table.
        frame: (L,) int64, increasing, the frames to look at.
        media_us: (L,) int64, their media time.
        xyxy: (L, 4) float32, the person's box in each.
        is_second: (L,) bool, to be looked at only if the others show the face, but too seldom for a candidate.
        origin_of: entries whose references were taken from this very track.
    """

    sighting_id: str
    frame: Int64Array
    media_us: Int64Array
    xyxy: FloatArray
    is_second: BoolArray
    origin_of: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Examination:
    """How faces are sought and judged.

    Attributes:
        detector: finds them.
        embedder: describes them.
        quality_of: how good one is, from the picture, the face and the aligned face.
        picture_of: what a reviewer will see, from the picture and the face.
        limits: what is good enough.
        apart_us: how far apart two faces that are kept lie at least.
        at_most: how many are kept.
    """

    detector: FaceDetector
    embedder: FaceEmbedder
    quality_of: Callable[[RgbArray, Face, RgbArray], Quality]
    picture_of: Callable[[RgbArray, Face], bytes]
    limits: QualityLimits
    apart_us: int
    at_most: int


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrop:
    """What one look at a person gave.

    Attributes:
        media_us: when.
        problems: why there is no face to compare; empty if there is one.
        worth: of the face, 0 if there is none.
        aligned, picture: of the face, None if there is none.
    """

    media_us: int
    problems: tuple[str, ...]
    worth: float = 0.0
    aligned: RgbArray | None = None
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A person compared with one entry.

    Attributes:
        sighting_id, entry_id: who with whom.
        rank: one more than the number of other people of whom an entry is more similar; None without a similarity.
        similarity: on the measure of the embedder; None without a face, or where the entry came from this sighting.
        margin: to the best entry of another person; None without a similarity or anybody else.
        quality: mean worth of the faces; 0 where none was compared, like what follows.
        n_faces: that were compared: of a track that goes over from one person to another, those of the one who
            is most similar to the entry.
        n_people: whose faces the track seems to hold.
        span_ms: from the first of them to the last.
        decision: what the rules make of it.
        reason: how often a look gave no face, and why, such as ``small 5, turned_away 2``.
        pictures: JPEG of each compared face, of candidates and leads only.
    """

    sighting_id: str
    entry_id: str
    rank: int | None
    similarity: float | None
    margin: float | None
    quality: float
    n_faces: int
    n_people: int
    span_ms: int
    decision: Decision
    reason: str
    pictures: tuple[bytes, ...]


def gather_faces(people: Sequence[Person], read: Read, examination: Examination, rules: Rules) -> list[list[FaceCrop]]:
    """Every look at every person, in time order; those whose face was seen too seldom are looked at again."""
    first = _looked([(person, ~person.is_second) for person in people], read, examination)
    again = [
        (person, person.is_second & _is_seen_too_seldom(select_faces(looks, examination), rules))
        for person, looks in zip(people, first, strict=True)
    ]
    second = _looked(again, read, examination)
    return [sorted(one + other, key=lambda look: look.media_us) for one, other in zip(first, second, strict=True)]


def _is_seen_too_seldom(faces: Sequence[FaceCrop], rules: Rules) -> bool:
    return bool(faces) and not is_enough(len(faces), _span_ms(faces), rules)


def _looked(wanted: Sequence[tuple[Person, BoolArray]], read: Read, examination: Examination) -> list[list[FaceCrop]]:
    """The looks at each person in the rows that are wanted, each frame read once."""
    looks: list[list[FaceCrop]] = [[] for _ in wanted]
    places = _places(wanted)
    for item in read(np.array(sorted(places), dtype=np.int64)):
        for number, row in places[item.number]:
            person = wanted[number][0]
            media_us = int(person.media_us[row])
            if isinstance(item, Gap):
                looks[number].append(FaceCrop(media_us, (item.reason,)))
            elif isinstance(item, Frame):
                looks[number].append(_look(item, person.xyxy[row], media_us, examination))
    return looks


def _places(wanted: Sequence[tuple[Person, BoolArray]]) -> dict[int, list[tuple[int, int]]]:
    """Who is to be looked at in each frame: (number of the person, row of the look)."""
    places: dict[int, list[tuple[int, int]]] = {}
    for number, (person, is_wanted) in enumerate(wanted):
        for row in np.flatnonzero(is_wanted).tolist():
            places.setdefault(int(person.frame[row]), []).append((number, row))
    return places


def _look(frame: Frame, xyxy: FloatArray, media_us: int, examination: Examination) -> FaceCrop:
    height, width = frame.rgb.shape[:2]
    left, top, right, bottom = head_region(xyxy, width, height)
    crop = np.ascontiguousarray(frame.rgb[top:bottom, left:right])
    face = _face_of(examination.detector.faces(crop), xyxy - np.array([left, top, left, top], dtype=np.float32))
    if face is None:
        return FaceCrop(media_us, ("none",))
    aligned = examination.embedder.aligned(crop, face)
    quality = examination.quality_of(crop, face, aligned)
    problems = shortcomings(quality, examination.limits)
    if problems:
        return FaceCrop(media_us, problems)
    return FaceCrop(media_us, (), worth(quality, examination.limits), aligned, examination.picture_of(crop, face))


def _face_of(faces: Sequence[Face], person_xyxy: FloatArray) -> Face | None:
    """The face that belongs to the person: of those centred in the box, the one nearest to its top's middle."""
    x1, y1, x2, y2 = (float(value) for value in person_xyxy)

    def distance(face: Face) -> float:
        across, down = (face.xyxy[:2] + face.xyxy[2:]) / 2
        return float(abs(across - (x1 + x2) / 2) + max(0.0, float(down) - y1))

    inside = [face for face in faces if _is_centred_in(face, (x1, y1, x2, y2))]
    return min(inside, key=distance, default=None)


def _is_centred_in(face: Face, box: tuple[float, float, float, float]) -> bool:
    across, down = (face.xyxy[:2] + face.xyxy[2:]) / 2
    return bool(box[0] <= across <= box[2] and box[1] <= down <= box[3])


def select_faces(looks: Sequence[FaceCrop], examination: Examination) -> list[FaceCrop]:
    """The best few faces of one person, in time order."""
    good = [look for look in looks if look.aligned is not None]
    times = np.array([look.media_us for look in good], dtype=np.int64)
    values = np.array([look.worth for look in good], dtype=np.float64)
    rows = best_apart(times, values, spacing_us=examination.apart_us, at_most=examination.at_most)
    return [good[row] for row in rows.tolist()]


def compare_faces(
    people: Sequence[Person],
    looks: Sequence[Sequence[FaceCrop]],
    templates: Templates,
    rules: Rules,
    examination: Examination,
) -> Iterator[Comparison]:
    """Every person with every entry: by person, then by rank, what was not compared by entry id."""
    faces = [select_faces(each, examination) for each in looks]
    vectors = iter(_embedded([look for each in faces for look in each], examination.embedder))
    for person, each, own in zip(people, looks, faces, strict=True):
        own_vectors = np.array([next(vectors) for _ in own], dtype=np.float32)
        reason = _counted(problem for look in each for problem in look.problems)
        if own:
            yield from _rows(person, own, own_vectors, templates.without(person.origin_of), rules, examination, reason)
        for entry_id in templates.entry_ids:
            if entry_id in person.origin_of:
                yield _not_compared(person, entry_id, Decision.ORIGIN, reason)
            elif not own:
                yield _not_compared(person, entry_id, Decision.NO_FACE, reason)


def _not_compared(person: Person, entry_id: str, decision: Decision, reason: str) -> Comparison:
    return Comparison(person.sighting_id, entry_id, None, None, None, 0.0, 0, 0, 0, decision, reason, pictures=())


def _embedded(looks: Sequence[FaceCrop], embedder: FaceEmbedder) -> Iterator[FloatArray]:
    aligned = [look.aligned for look in looks if look.aligned is not None]
    for start in range(0, len(aligned), _FACES_AT_A_TIME):
        yield from embedder.embed(aligned[start : start + _FACES_AT_A_TIME])


def _rows(
    person: Person,
    faces: Sequence[FaceCrop],
    vectors: FloatArray,
    templates: Templates,
    rules: Rules,
    examination: Examination,
    reason: str,
) -> Iterator[Comparison]:
    measure = examination.embedder.measure
    rows = people_in(vectors, measure, rules.one_person)
    groups = [[faces[row] for row in each.tolist()] for each in rows]
    pools = Pools.stacked([pool(vectors[each], _worth(faces)[each], measure) for each in rows])
    similarity = similarities(pools, templates.pools, measure)
    nearest, best = similarity.argmax(axis=0), similarity.max(axis=0)
    ranks, margin = rank(best, templates.entry_ids, templates.people)
    for place in sorted(range(len(ranks)), key=lambda place: (ranks[place], -best[place], templates.entry_ids[place])):
        group = groups[int(nearest[place])]
        span_ms = _span_ms(group)
        value = float(similarity[nearest[place], place])
        decision = decide(value, len(group), span_ms, rules)
        yield Comparison(
            sighting_id=person.sighting_id,
            entry_id=templates.entry_ids[place],
            rank=int(ranks[place]),
            similarity=value,
            margin=float(margin[place]) if np.isfinite(margin[place]) else None,
            quality=float(_worth(group).mean()),
            n_faces=len(group),
            n_people=len(groups),
            span_ms=span_ms,
            decision=decision,
            reason=reason,
            pictures=_pictures(group) if decision in {Decision.CANDIDATE, Decision.LEAD} else (),
        )


def _span_ms(faces: Sequence[FaceCrop]) -> int:
    """From the first of them to the last, in whole milliseconds; at least one is given, in time order."""
    return (faces[-1].media_us - faces[0].media_us) // 1000


def _worth(faces: Sequence[FaceCrop]) -> npt.NDArray[np.float64]:
    return np.array([look.worth for look in faces], dtype=np.float64)


def _pictures(faces: Sequence[FaceCrop]) -> tuple[bytes, ...]:
    return tuple(look.picture for look in faces if look.picture is not None)


def _counted(words: Iterable[str]) -> str:
    """The words with how often each occurs, the most frequent first.

    >>> _counted(["small", "none", "small"])
    'small 2, none 1'
    """
    counts = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{word} {count}" for word, count in counts)
