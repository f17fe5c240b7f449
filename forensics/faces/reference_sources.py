"""A sighting that lent its faces to an entry is not compared with that entry: it would only find itself.

Under other settings the same footage makes other tracks with other ids, so a sighting is known by where it was seen:
in the same evidence, at moments that both cover, its box lies where that of the origin lay.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.digests import digest_of, sha256_of_bytes
from forensics.footage.timeline import Int64Array

__all__ = ["Origin"]

# Two people who cross overlap so much for a moment; two tracks of one person do most of the time.
_OVERLAP: Final = 0.5
_SHARE_OF_MOMENTS: Final = 0.5

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where the faces of an entry were seen.

    Attributes:
        entry_id: the entry that was made from them.
        sighting_id: of the sighting.
        evidence_id: of its footage; empty where no run's tables tell of it any more.
        frame: (N,) int64, increasing, in which it was detected.
        xyxy: (N, 4) float32, its boxes.
    """

    entry_id: str
    sighting_id: str
    evidence_id: str
    frame: Int64Array
    xyxy: FloatArray

    def __post_init__(self) -> None:
        if self.xyxy.shape != (len(self.frame), 4):
            raise ValueError(f"origin: {len(self.frame)} frames, boxes of shape {self.xyxy.shape}")

    def is_seen_in(self, evidence_id: str, frame: Int64Array, xyxy: FloatArray) -> bool:
        """Whether a track of an evidence shows the same: at half of the moments they share, by half of both boxes.

        Args:
            evidence_id: the track's.
            frame: (M,) int64, increasing.
            xyxy: (M, 4) float32.

        >>> boxes = np.tile(np.array([0, 0, 10, 20], dtype=np.float32), (2, 1))
        >>> origin = Origin("E1-gate", "s", "e", np.array([0, 8]), boxes)
        >>> [origin.is_seen_in("e", np.array([3, 20]), boxes + shift) for shift in (2, 8)]
        [True, False]
        >>> origin.is_seen_in("e", np.array([9, 20]), boxes), origin.is_seen_in("other", origin.frame, boxes)
        (False, False)
        """
        if evidence_id != self.evidence_id or not len(frame) or not len(self.frame):
            return False
        both = np.union1d(self.frame, frame)
        shared = both[(both >= max(self.frame[0], frame[0])) & (both <= min(self.frame[-1], frame[-1]))]
        if not len(shared):
            return False
        overlap = _overlap(_boxes_at(shared, self.frame, self.xyxy), _boxes_at(shared, frame, xyxy))
        return float((overlap >= _OVERLAP).mean()) >= _SHARE_OF_MOMENTS

    def described(self) -> dict[str, Any]:
        """What decides which sightings are of this origin, for names and for the log."""
        boxes = sha256_of_bytes(self.frame.astype("<i8").tobytes() + self.xyxy.astype("<f4").tobytes())
        return {"sighting": self.sighting_id, "evidence": self.evidence_id, "boxes": digest_of(boxes)}


def _boxes_at(moments: Int64Array, frame: Int64Array, xyxy: FloatArray) -> Float64Array:
    """(S, 4) boxes in these frames, between two detections on the straight line."""
    return np.stack([np.interp(moments, frame, side) for side in xyxy.astype(np.float64).T], axis=1)


def _overlap(boxes: Float64Array, others: Float64Array) -> Float64Array:
    """(S,) intersection over union, row by row."""
    inner = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])
    shared = np.clip(inner, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (others[:, 2:] - others[:, :2]).prod(axis=1)
    overlap: Float64Array = shared / np.maximum(areas - shared, 1e-9)
    return overlap
