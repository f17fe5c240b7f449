"""Search for the frame of a sighting that a reference picture was taken from.

A crop of a frame stays nearer to that frame and its neighbours than other photographs of the person, also after it was
enlarged, compressed, mirrored, turned or brightened: its embedding, or where an edit moves that, the correlation of the
pictures. docs/recognition.md has the figures. A few faces of the track are not enough to see this: frames half a second
apart are as far from each other as two photographs. So the whole track is searched every 200 ms, and then every frame
around the nearest faces.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from forensics.faces.comparison import Rules
from forensics.faces.face_search import Examination, FaceCrop, Person, Read, search_frames
from forensics.faces.single_faces import Closeness, SingleFaces, closeness
from forensics.faces.templates import ReferenceFaces
from forensics.footage.timeline import Int64Array

__all__ = ["find_near_copies"]

_SPACING_US: Final = 200_000
# Bounds the work for somebody who stays in view for hours; tracks of more than ten minutes are searched more coarsely.
_MOST_LOOKS: Final = 3000
_N_NEAREST: Final = 5
_CORRELATED: Final = 0.6
"""Least correlation of a face whose neighbours are searched; two photographs of one man reached it in one of twenty."""
_FACES_PER_BATCH: Final = 32


def find_near_copies(
    track: Person, references: ReferenceFaces, read: Read, examination: Examination, rules: Rules
) -> dict[str, tuple[float, FaceCrop]]:
    """Return the nearest face and its similarity for each entry with a picture that is nearly a frame of the track.

    Args:
        track: the person, with every frame from the first to the last of the track.
        references: reference faces of the entries in question.
        read: yields the frames of the given numbers.
        examination: how faces are found; its limits of quality should admit every face.
        rules: how similar two pictures of one person are, and how similar near copies are.
    """
    coarse = _spaced_rows(track.media_us)
    crops = _faces_in(track, coarse, read, examination)
    if not crops:
        return {}
    faces = _embedded(crops, examination)
    first = closeness(faces, references.faces, examination.embedder.measure)
    more = _faces_in(track, _rows_around(_nearest_frames(crops, first, rules), track.frame, coarse), read, examination)
    if more:
        crops, faces = crops + more, SingleFaces.stacked([faces, _embedded(more, examination)])
    close = closeness(faces, references.faces, examination.embedder.measure)
    return _nearest_by_entry(crops, close, references.entry_ids, rules.near_copy)


def _spaced_rows(media_us: Int64Array) -> Int64Array:
    """Return the first row of each interval of 200 ms, and the last row; of longer intervals in very long tracks."""
    duration = int(media_us[-1] - media_us[0])
    spacing = max(_SPACING_US, duration // _MOST_LOOKS)
    first = np.unique((media_us - media_us[0]) // spacing, return_index=True)[1]
    return np.union1d(first, [len(media_us) - 1]).astype(np.int64)


def _faces_in(track: Person, rows: Int64Array, read: Read, examination: Examination) -> list[FaceCrop]:
    """Return the faces of the person in these rows of the track."""
    is_wanted = np.zeros(len(track.frame), dtype=bool)
    is_wanted[rows] = True
    return [crop for crop in search_frames(track, is_wanted, read, examination) if crop.aligned is not None]


def _embedded(crops: Sequence[FaceCrop], examination: Examination) -> SingleFaces:
    """Embed the faces, a batch at a time."""
    aligned = [crop.aligned for crop in crops if crop.aligned is not None]
    batches = (aligned[start : start + _FACES_PER_BATCH] for start in range(0, len(aligned), _FACES_PER_BATCH))
    return SingleFaces.stacked([SingleFaces.embedded(batch, examination.embedder) for batch in batches])


def _nearest_frames(crops: Sequence[FaceCrop], close: Closeness, rules: Rules) -> list[int]:
    """Return for each reference face the frames of the faces nearest to it, as a person's and as a picture."""
    frames: set[int] = set()
    for values, least in ((close.similarity, rules.one_person), (close.correlation, _CORRELATED)):
        for column in values.T:
            nearest = np.argsort(-column, kind="stable")[:_N_NEAREST].tolist()
            frames |= {crops[row].frame for row in nearest if column[row] >= least}
    return sorted(frames)


def _rows_around(frames: Sequence[int], frame: Int64Array, coarse: Int64Array) -> Int64Array:
    """Return the rows between each of these frames and the searched rows before and after it."""
    rows: set[int] = set()
    for place in np.searchsorted(frame[coarse], frames).tolist():
        before, after = coarse[max(0, place - 1)], coarse[min(len(coarse) - 1, place + 1)]
        rows |= set(range(int(before) + 1, int(after)))
    return np.array(sorted(rows - set(coarse.tolist())), dtype=np.int64)


def _nearest_by_entry(
    crops: Sequence[FaceCrop], close: Closeness, entry_ids: Sequence[str], near_copy: float
) -> dict[str, tuple[float, FaceCrop]]:
    """Return similarity and face of the nearest copy for each entry with one; of equally near faces the first."""
    is_copy, nearness = close.is_near_copy(near_copy), close.similarity + close.correlation
    found: dict[str, tuple[float, FaceCrop]] = {}
    for entry_id in sorted(set(entry_ids)):
        columns = [column for column, owner in enumerate(entry_ids) if owner == entry_id]
        if is_copy[:, columns].any():
            near = np.where(is_copy[:, columns], nearness[:, columns], -np.inf)
            row, place = np.unravel_index(int(near.argmax()), near.shape)
            found[entry_id] = float(close.similarity[row, columns[place]]), crops[int(row)]
    return found
