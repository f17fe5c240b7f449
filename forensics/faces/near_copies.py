"""Search for the frame of a sighting that a reference picture was taken from.

A crop of a frame stays nearer to that frame and its neighbours than other photographs of the person, also after it was
enlarged, compressed, mirrored, turned or brightened; docs/recognition.md has the figures. A few faces of the track are
not enough to see this: frames half a second apart are as far from each other as two photographs. So the whole track is
searched every 200 ms, and then every frame around the nearest faces.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.faces.comparison import Rules
from forensics.faces.face import FaceEmbedder
from forensics.faces.face_search import Examination, FaceCrop, Person, Read, embed_faces, search_frames
from forensics.faces.pooling import similarities, single_face_pools
from forensics.faces.templates import ReferenceFaces
from forensics.footage.timeline import Int64Array

__all__ = ["find_near_copies"]

_SPACING_US: Final = 200_000
# Bounds the work for somebody who stays in view for hours; tracks of more than ten minutes are searched more coarsely.
_MOST_LOOKS: Final = 3000
_N_NEAREST: Final = 5


def find_near_copies(
    track: Person, references: ReferenceFaces, read: Read, examination: Examination, rules: Rules
) -> dict[str, tuple[float, FaceCrop]]:
    """Return the nearest face and its similarity for each entry with a picture that is nearly a frame of the track.

    Args:
        track: the person, with every frame from the first to the last of the track.
        references: reference pictures of the entries in question.
        read: yields the frames of the given numbers.
        examination: how faces are found; its limits of quality should admit every face.
        rules: how similar two pictures of one person are, and how similar near copies are.
    """
    coarse = _spaced_rows(track.media_us)
    crops = _faces_in(track, coarse, read, examination)
    similar = _similarities(crops, references, examination.embedder)  # (L, P)
    around = _rows_around(_nearest_frames(crops, similar, rules), track.frame, coarse)
    crops += _faces_in(track, around, read, examination)
    similar = _similarities(crops, references, examination.embedder)
    return _nearest_by_entry(crops, similar, references.entry_ids, rules.near_copy)


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


def _similarities(
    crops: Sequence[FaceCrop], references: ReferenceFaces, embedder: FaceEmbedder
) -> npt.NDArray[np.float64]:
    """Return the (L, P) similarities of the faces and the pictures."""
    vectors: list[FloatArray] = list(embed_faces(crops, embedder))
    if not vectors:
        return np.zeros((0, len(references.entry_ids)))
    return similarities(single_face_pools(np.array(vectors), embedder.measure), references.pools, embedder.measure)


def _nearest_frames(crops: Sequence[FaceCrop], similar: npt.NDArray[np.float64], rules: Rules) -> list[int]:
    """Return for each picture the frames of the faces that are nearest to it and could be the same person's."""
    frames: set[int] = set()
    for column in similar.T:
        nearest = np.argsort(-column, kind="stable")[:_N_NEAREST].tolist()
        frames |= {crops[row].frame for row in nearest if column[row] >= rules.one_person}
    return sorted(frames)


def _rows_around(frames: Sequence[int], frame: Int64Array, coarse: Int64Array) -> Int64Array:
    """Return the rows between each of these frames and the searched rows before and after it."""
    rows: set[int] = set()
    for place in np.searchsorted(frame[coarse], frames).tolist():
        before, after = coarse[max(0, place - 1)], coarse[min(len(coarse) - 1, place + 1)]
        rows |= set(range(int(before) + 1, int(after)))
    return np.array(sorted(rows - set(coarse.tolist())), dtype=np.int64)


def _nearest_by_entry(
    crops: Sequence[FaceCrop], similar: npt.NDArray[np.float64], entry_ids: Sequence[str], near_copy: float
) -> dict[str, tuple[float, FaceCrop]]:
    """Return the nearest face of each entry, where it is near enough; of equally near faces the first."""
    found: dict[str, tuple[float, FaceCrop]] = {}
    for column, entry_id in zip(similar.T, entry_ids, strict=True):
        if len(column) and column.max() >= near_copy:
            nearest = (float(column.max()), crops[int(column.argmax())])
            found[entry_id] = max(found.get(entry_id, nearest), nearest, key=lambda each: each[0])
    return found
