"""Search for the faces of tracked people in a few frames, select the best, embed them and compare them.

Nothing here writes a file. Embeddings exist only while `compare_faces` runs.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.faces.comparison import Decision, Rules, decide, group_by_person, is_enough, rank
from forensics.faces.face import Face, FaceDetector, FaceEmbedder, Quality, QualityLimits, quality_problems, worth
from forensics.faces.face_selection import head_region, select_spaced
from forensics.faces.pooling import Pools, pool, similarities
from forensics.faces.templates import Templates
from forensics.footage.frames import Frame, Gap, Item, RgbArray
from forensics.footage.timeline import BoolArray, Int64Array

__all__ = [
    "Comparison",
    "CopySearch",
    "Examination",
    "FaceCrop",
    "Person",
    "Read",
    "compare_faces",
    "embed_faces",
    "gather_faces",
    "search_frames",
    "select_faces",
]

Read = Callable[[Int64Array], Iterator[Item]]
CopySearch = Callable[["Person", Collection[str]], Mapping[str, tuple[float, "FaceCrop"]]]
"""Returns for each of the given entries with a picture that is nearly a frame of the track similarity and face."""

# Bounds the memory of a batch, however many people there are.
_FACES_PER_BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person's track, and the frames to search for the face.

    Attributes:
        sighting_id: id of the sighting.
        frame: (L,) int64, increasing, frames to search.
        media_us: (L,) int64, media time of each frame.
        xyxy: (L, 4) float32, the person's box in each frame.
        is_reserve: (L,) bool, frames searched only if the others show the face, but too seldom for a candidate.
        origin_of: ids of entries whose reference pictures were taken from this track.
    """

    sighting_id: str
    frame: Int64Array
    media_us: Int64Array
    xyxy: FloatArray
    is_reserve: BoolArray
    origin_of: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Examination:
    """Models, functions and limits with which faces are found and selected.

    Attributes:
        detector: detects faces.
        embedder: aligns and embeds faces.
        quality_of: quality of a face, from the picture and the face.
        picture_of: JPEG for the reviewer, from the picture and the face.
        limits: limits of quality for a comparison.
        spacing_us: least media time between two selected faces of a person.
        at_most: largest number of selected faces of a person.
    """

    detector: FaceDetector
    embedder: FaceEmbedder
    quality_of: Callable[[RgbArray, Face], Quality]
    picture_of: Callable[[RgbArray, Face], bytes]
    limits: QualityLimits
    spacing_us: int
    at_most: int


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrop:
    """Result of searching one frame for one person's face.

    Attributes:
        frame: number of the frame.
        media_us: media time of the frame.
        problems: reasons why there is no face to compare; empty if there is one.
        worth: worth of the face, see `forensics.faces.face.worth`; 0 without a face.
        aligned, picture: the aligned face and its JPEG; None without a face.
    """

    frame: int
    media_us: int
    problems: tuple[str, ...]
    worth: float = 0.0
    aligned: RgbArray | None = None
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One sighting compared with one entry.

    If the track holds the faces of several people, the group of faces most similar to the entry is compared.

    What depends on how similar two people are is there for pairs that people review, see `Decision`. Enough such
    numbers about a bystander would add up to a template, ranks and margins as well.

    Attributes:
        sighting_id, entry_id: the compared pair.
        rank: one more than the number of other people with a more similar entry; of candidates and leads only.
        similarity: on the measure of the embedder; of reviewed pairs only.
        margin: similarity minus that of the best entry of another person; of candidates and leads only, and None
            without such an entry.
        quality: mean worth of the compared faces of a reviewed pair, else of all faces of the track; 0 without any.
        n_faces: number of these faces.
        n_people: number of people whose faces the track seems to hold; 0 without any face.
        span_ms: time from the first of these faces to the last; 0 without any.
        decision: decision of the rules.
        reason: counts of the reasons why a frame gave no face, such as ``small 5, turned_away 2``.
        frames: frame of each compared face; of reviewed pairs only.
        pictures: JPEG of each compared face; of reviewed pairs only.
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
    frames: tuple[int, ...] = ()
    pictures: tuple[bytes, ...] = ()


def gather_faces(people: Sequence[Person], read: Read, examination: Examination, rules: Rules) -> list[list[FaceCrop]]:
    """Search the frames of each person for the face, with reserve frames where the face was seen too seldom.

    Args:
        people: the tracks.
        read: yields the frames of the given numbers.
        examination: how faces are found.
        rules: how many faces over how long are enough.

    Returns:
        For each person the results in time order.
    """
    first = _search_frames([(person, ~person.is_reserve) for person in people], read, examination)
    again = [
        (person, person.is_reserve & _is_seen_too_seldom(select_faces(crops, examination), rules))
        for person, crops in zip(people, first, strict=True)
    ]
    second = _search_frames(again, read, examination)
    return [sorted(one + other, key=lambda crop: crop.media_us) for one, other in zip(first, second, strict=True)]


def _is_seen_too_seldom(faces: Sequence[FaceCrop], rules: Rules) -> bool:
    return bool(faces) and not is_enough(len(faces), _span_ms(faces), rules)


def search_frames(person: Person, is_wanted: BoolArray, read: Read, examination: Examination) -> list[FaceCrop]:
    """Search the wanted rows of one person, in time order."""
    return _search_frames([(person, is_wanted)], read, examination)[0]


def _search_frames(
    wanted: Sequence[tuple[Person, BoolArray]], read: Read, examination: Examination
) -> list[list[FaceCrop]]:
    """Search the wanted rows of each person; each frame is read once for all people in it."""
    crops: list[list[FaceCrop]] = [[] for _ in wanted]
    rows_in = _rows_by_frame(wanted)
    for item in read(np.array(sorted(rows_in), dtype=np.int64)):
        for number, row in rows_in[item.number]:
            person = wanted[number][0]
            media_us = int(person.media_us[row])
            if isinstance(item, Gap):
                crops[number].append(FaceCrop(item.number, media_us, (item.reason,)))
            elif isinstance(item, Frame):
                crops[number].append(_search_frame(item, person.xyxy[row], media_us, examination))
    return crops


def _rows_by_frame(wanted: Sequence[tuple[Person, BoolArray]]) -> dict[int, list[tuple[int, int]]]:
    """Group the wanted rows by frame, as pairs of the person's number and the row."""
    rows_in: dict[int, list[tuple[int, int]]] = {}
    for number, (person, is_wanted) in enumerate(wanted):
        for row in np.flatnonzero(is_wanted).tolist():
            rows_in.setdefault(int(person.frame[row]), []).append((number, row))
    return rows_in


def _search_frame(frame: Frame, xyxy: FloatArray, media_us: int, examination: Examination) -> FaceCrop:
    height, width = frame.rgb.shape[:2]
    left, top, right, bottom = head_region(xyxy, width, height)
    crop = np.ascontiguousarray(frame.rgb[top:bottom, left:right])
    face = _select_face(examination.detector.faces(crop), xyxy - np.array([left, top, left, top], dtype=np.float32))
    if face is None:
        return FaceCrop(frame.number, media_us, ("none",))
    quality = examination.quality_of(crop, face)
    problems = quality_problems(quality, examination.limits)
    if problems:
        return FaceCrop(frame.number, media_us, problems)
    aligned = examination.embedder.align(crop, face)
    picture = examination.picture_of(crop, face)
    return FaceCrop(frame.number, media_us, (), worth(quality, examination.limits), aligned, picture)


def _select_face(faces: Sequence[Face], person_xyxy: FloatArray) -> Face | None:
    """Select the person's own face: of those centred in the box, the one nearest to the middle of its top edge."""
    x1, y1, x2, y2 = (float(value) for value in person_xyxy)

    def distance(face: Face) -> float:
        across, down = (face.xyxy[:2] + face.xyxy[2:]) / 2
        return float(abs(across - (x1 + x2) / 2) + max(0.0, float(down) - y1))

    inside = [face for face in faces if _is_centred_in(face, (x1, y1, x2, y2))]
    return min(inside, key=distance, default=None)


def _is_centred_in(face: Face, box: tuple[float, float, float, float]) -> bool:
    across, down = (face.xyxy[:2] + face.xyxy[2:]) / 2
    return bool(box[0] <= across <= box[2] and box[1] <= down <= box[3])


def select_faces(crops: Sequence[FaceCrop], examination: Examination) -> list[FaceCrop]:
    """Select the best faces of one person, spaced in time, in time order."""
    good = [crop for crop in crops if crop.aligned is not None]
    times = np.array([crop.media_us for crop in good], dtype=np.int64)
    rows = select_spaced(times, _worth(good), spacing_us=examination.spacing_us, at_most=examination.at_most)
    return [good[row] for row in rows.tolist()]


def compare_faces(
    people: Sequence[Person],
    crops: Sequence[Sequence[FaceCrop]],
    templates: Templates,
    rules: Rules,
    examination: Examination,
    find_copies: CopySearch,
) -> Iterator[Comparison]:
    """Compare every person with every entry.

    Args:
        people: the tracks.
        crops: for each person what `gather_faces` returned.
        templates: of the watch-list.
        rules: thresholds of the decisions.
        examination: how faces are selected and embedded.
        find_copies: finds the frame that a reference picture was taken from, see `forensics/faces/near_copies.py`.

    Yields:
        For each person in turn: near copies by entry id, candidates and leads by rank, then pairs below the threshold
        and pairs that were not compared, each by entry id.
    """
    faces = [select_faces(each, examination) for each in crops]
    vectors = embed_faces([crop for each in faces for crop in each], examination.embedder)
    for person, each, own in zip(people, crops, faces, strict=True):
        own_vectors = np.array([next(vectors) for _ in own], dtype=np.float32)
        reason = _count_words(problem for crop in each for problem in crop.problems)
        if own:
            others = templates.without(person.origin_of)
            yield from _compare_person(person, own, own_vectors, others, rules, examination, find_copies, reason)
        for entry_id in templates.entry_ids:
            if entry_id in person.origin_of:
                yield _not_compared(person, entry_id, Decision.ORIGIN, reason)
            elif not own:
                yield _not_compared(person, entry_id, Decision.NO_FACE, reason)


def _not_compared(person: Person, entry_id: str, decision: Decision, reason: str) -> Comparison:
    return Comparison(person.sighting_id, entry_id, None, None, None, 0.0, 0, 0, 0, decision, reason)


def embed_faces(crops: Sequence[FaceCrop], embedder: FaceEmbedder) -> Iterator[FloatArray]:
    """Yield the (D,) embedding of each face, in order; they must not be kept."""
    aligned = [crop.aligned for crop in crops if crop.aligned is not None]
    for start in range(0, len(aligned), _FACES_PER_BATCH):
        yield from embedder.embed(aligned[start : start + _FACES_PER_BATCH])


def _compare_person(
    person: Person,
    faces: Sequence[FaceCrop],
    vectors: FloatArray,
    templates: Templates,
    rules: Rules,
    examination: Examination,
    find_copies: CopySearch,
    reason: str,
) -> Iterator[Comparison]:
    measure = examination.embedder.measure
    rows = group_by_person(vectors, measure, rules.one_person)
    groups = [[faces[row] for row in each.tolist()] for each in rows]
    pools = Pools.stacked([pool(vectors[each], _worth(faces)[each], measure) for each in rows])
    similarity = similarities(pools, templates.pools, measure)
    best_of = dict(zip(templates.entry_ids, similarity.max(axis=0).tolist(), strict=True))
    plausible = [entry_id for entry_id, best in best_of.items() if best >= rules.one_person]
    copies = find_copies(person, plausible) if plausible else {}
    for entry_id in sorted(copies):
        yield _near_copy(person, entry_id, *copies[entry_id], n_people=len(groups), reason=reason)
    rows_left = [row for row, entry_id in enumerate(templates.entry_ids) if entry_id not in copies]
    templates, similarity = templates.without(copies), similarity[:, rows_left]
    nearest, best = similarity.argmax(axis=0), similarity.max(axis=0)
    ranks, margin = rank(best, templates.entry_ids, templates.people)
    below = list[str]()
    for entry in sorted(range(len(best)), key=lambda entry: (ranks[entry], -best[entry], templates.entry_ids[entry])):
        entry_id, group = templates.entry_ids[entry], groups[int(nearest[entry])]
        decision = decide(float(best[entry]), len(group), _span_ms(group), rules)
        if decision is Decision.BELOW:
            below.append(entry_id)
            continue
        yield Comparison(
            sighting_id=person.sighting_id,
            entry_id=entry_id,
            rank=int(ranks[entry]),
            similarity=float(best[entry]),
            margin=float(margin[entry]) if np.isfinite(margin[entry]) else None,
            quality=float(_worth(group).mean()),
            n_faces=len(group),
            n_people=len(groups),
            span_ms=_span_ms(group),
            decision=decision,
            reason=reason,
            frames=tuple(crop.frame for crop in group),
            pictures=_pictures(group),
        )
    for entry_id in sorted(below):
        yield _below(person, entry_id, faces, n_people=len(groups), reason=reason)


def _near_copy(
    person: Person, entry_id: str, similarity: float, crop: FaceCrop, *, n_people: int, reason: str
) -> Comparison:
    """Return the row of an entry with a picture that may be a frame of the track; it competes with no other entry."""
    numbers = (None, similarity, None, crop.worth, 1, n_people, 0)
    return Comparison(
        *(person.sighting_id, entry_id, *numbers, Decision.NEAR_COPY, reason),
        frames=(crop.frame,),
        pictures=_pictures([crop]),
    )


def _below(person: Person, entry_id: str, faces: Sequence[FaceCrop], *, n_people: int, reason: str) -> Comparison:
    """Return the row of a pair below the threshold, which is the same for every entry."""
    quality, span_ms = float(_worth(faces).mean()), _span_ms(faces)
    return Comparison(
        *(person.sighting_id, entry_id, None, None, None, quality, len(faces), n_people, span_ms),
        *(Decision.BELOW, reason),
    )


def _span_ms(faces: Sequence[FaceCrop]) -> int:
    """Return the time from the first face to the last in whole milliseconds; at least one, in time order."""
    return (faces[-1].media_us - faces[0].media_us) // 1000


def _worth(faces: Sequence[FaceCrop]) -> npt.NDArray[np.float64]:
    return np.array([crop.worth for crop in faces], dtype=np.float64)


def _pictures(faces: Sequence[FaceCrop]) -> tuple[bytes, ...]:
    return tuple(crop.picture for crop in faces if crop.picture is not None)


def _count_words(words: Iterable[str]) -> str:
    """Return the words with their counts, the most frequent first, ties by word.

    >>> _count_words(["small", "none", "small"])
    'small 2, none 1'
    """
    counts = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{word} {count}" for word, count in counts)
