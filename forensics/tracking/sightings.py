"""Summary of each track (first, last and best detection, mean score), and the ids of tracks and sightings.

Pure functions of the columns. Cameras, clocks and tables are joined elsewhere.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import Detections, FloatArray
from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["Tracks", "sighting_id_of", "summarise_tracks", "track_id_of"]

_ID_DIGITS: Final = 16
_CUT_WEIGHT: Final = 0.5
_BORDER_PX: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """The tracks of one evidence, as parallel columns; row i is track number i.

    Attributes:
        class_index: (T,) int64 into the detector's `class_names`.
        first_row: (T,) int64, row of the first detection.
        last_row: (T,) int64, row of the last detection.
        best_row: (T,) int64, row of the detection that shows the object best.
        n_detections: (T,) int64, number of detections.
        n_doubtful: (T,) int64, those among them whose picture may be wrong.
        mean_score: (T,) float32, over all detections, summed as float64 in row order.
    """

    class_index: Int64Array
    first_row: Int64Array
    last_row: Int64Array
    best_row: Int64Array
    n_detections: Int64Array
    n_doubtful: Int64Array
    mean_score: FloatArray

    def __post_init__(self) -> None:
        n_tracks = len(self.class_index)
        for name in ("first_row", "last_row", "best_row", "n_detections", "n_doubtful", "mean_score"):
            if getattr(self, name).shape != (n_tracks,):
                raise ValueError(f"tracks: {name} has shape {getattr(self, name).shape}, expected ({n_tracks},)")

    def __len__(self) -> int:
        return len(self.class_index)


def summarise_tracks(
    detections: Detections, track: Int64Array, *, is_doubtful: BoolArray, size_px: npt.NDArray[np.int32]
) -> Tracks:
    """Summarise the detections of each track.

    The best detection has the highest score times area; a box at the picture's border counts half, because part of the
    object may be outside. A doubtful detection is chosen only if the track has no other. Ties go to the lowest frame,
    then to the lowest row.

    Args:
        detections: all boxes of one evidence.
        track: (N,) int64 from `associate`: dense numbers from 0, -1 for untracked.
        is_doubtful: (N,) bool, whether the picture of a detection may be wrong.
        size_px: (N, 2) int32, width and height of the picture of each detection.

    Returns:
        One row per track number.

    Raises:
        ValueError: a track number has no detection.
    """
    rows = np.flatnonzero(track >= 0)
    number = track[rows]
    n_tracks = int(number.max()) + 1 if len(number) else 0
    n_detections = np.bincount(number, minlength=n_tracks)
    if np.any(n_detections == 0):
        raise ValueError(
            f"summarise_tracks: track numbers must be dense, {np.flatnonzero(n_detections == 0)[0]} has no detection"
        )
    sums = np.bincount(number, weights=detections.score[rows].astype(np.float64), minlength=n_tracks)
    first_row = rows[np.unique(number, return_index=True)[1]]
    quality = _quality(detections, size_px)[rows]
    return Tracks(
        class_index=detections.class_index[first_row],
        first_row=first_row,
        last_row=rows[::-1][np.unique(number[::-1], return_index=True)[1]],
        best_row=rows[_first_of_each(number, np.lexsort((rows, -quality, is_doubtful[rows], number)))],
        n_detections=n_detections.astype(np.int64),
        n_doubtful=np.bincount(number[is_doubtful[rows]], minlength=n_tracks).astype(np.int64),
        mean_score=(sums / n_detections).astype(np.float32),
    )


def _quality(detections: Detections, size_px: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Return (N,) float64, how well each detection shows its object."""
    x1, y1, x2, y2 = detections.xyxy.astype(np.float64).T
    width_px, height_px = size_px.T
    area = np.maximum(x2 - x1, 0) * np.maximum(y2 - y1, 0)
    is_cut: BoolArray = (
        (x1 < _BORDER_PX) | (y1 < _BORDER_PX) | (x2 > width_px - _BORDER_PX) | (y2 > height_px - _BORDER_PX)
    )
    quality: npt.NDArray[np.float64] = detections.score.astype(np.float64) * area * np.where(is_cut, _CUT_WEIGHT, 1.0)
    return quality


def _first_of_each(number: Int64Array, order: Int64Array) -> Int64Array:
    """Return (T,) int64, for each number the position that `order`, sorted by number, has first."""
    return order[np.searchsorted(number[order], np.arange(number.max() + 1 if len(number) else 0))]


def track_id_of(
    evidence_id: str, settings_digest: str, *, first_frame: int, class_name: str, first_xyxy: FloatArray
) -> str:
    """Return the id of a track from its content: equal footage and settings give equal ids anywhere.

    SHA-256, first 16 hex digits, of the UTF-8 text ``["track","<evidence>","<settings>",<first
    frame>,"<class>","<box>"]``: JSON without spaces, non-ASCII characters escaped; the box is x1 y1 x2 y2
    as little-endian float32, in hex.

    >>> box = np.array([1, 2, 3, 4], dtype=np.float32)
    >>> track_id_of("e", "s", first_frame=7, class_name="person", first_xyxy=box)
    'a7175ee9108c1fd2'
    """
    # adding zero turns -0.0 into 0.0: equal boxes must have equal bytes
    box = (np.asarray(first_xyxy, dtype="<f4") + np.float32(0)).astype("<f4").tobytes().hex()
    return _content_id(["track", evidence_id, settings_digest, int(first_frame), class_name, box])


def sighting_id_of(track_id: str, camera_id: str) -> str:
    """Return the id of a track at a camera, made likewise from ``["sighting","<track>","<camera>"]``.

    >>> sighting_id_of("00ff00ff00ff00ff", "gate-1")
    '368bab470ed65205'
    """
    return _content_id(["sighting", track_id, camera_id])


def _content_id(parts: list[str | int]) -> str:
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_ID_DIGITS]
