"""Origin of an entry whose reference pictures come from a sighting; the two are never compared with each other.

Under other settings the same footage has other tracks with other ids. So a sighting of the origin is recognised by
place and time: the same evidence, and overlapping boxes in the frames that both tracks cover.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.detection.detections import FloatArray
from forensics.digests import digest_of, sha256_of_bytes
from forensics.footage.timeline import Int64Array
from forensics.json_object import JsonObject

__all__ = ["Origin", "boxes_at"]

# Two people who cross overlap this much only briefly; two tracks of one person do so most of the time.
_MIN_IOU: Final = 0.5
_MIN_SHARE_OF_FRAMES: Final = 0.5

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Sighting from which the reference pictures of an entry were taken.

    Attributes:
        entry_id: id of the entry.
        sighting_id: id of the sighting.
        evidence_id: id of its evidence; empty if the tables of no run contain the sighting any more.
        frame: (N,) int64, increasing, frames of its detections.
        xyxy: (N, 4) float32, boxes of its detections.
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
        """Whether a track shows this sighting: IoU of at least 0.5 in at least half of the frames they share.

        Args:
            evidence_id: id of the track's evidence.
            frame: (M,) int64, increasing, frames of its detections.
            xyxy: (M, 4) float32, boxes of its detections.

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
        iou = _iou(boxes_at(shared, self.frame, self.xyxy), boxes_at(shared, frame, xyxy))
        return float((iou >= _MIN_IOU).mean()) >= _MIN_SHARE_OF_FRAMES

    def to_json(self) -> JsonObject:
        """Return all fields as JSON."""
        return {
            "entry_id": self.entry_id,
            "sighting_id": self.sighting_id,
            "evidence_id": self.evidence_id,
            "frame": self.frame.tolist(),
            "xyxy": self.xyxy.tolist(),
        }

    @classmethod
    def from_json(cls, stored: JsonObject) -> "Origin":
        """Return the origin that `to_json` encoded.

        >>> box = np.array([[0.1, 0, 10, 20]], dtype=np.float32)
        >>> again = Origin.from_json(Origin("E1", "s", "e", np.array([8]), box).to_json())
        >>> again.frame.tolist(), bool((again.xyxy == box).all())
        ([8], True)
        """
        frame = np.array(stored["frame"], dtype=np.int64)
        xyxy = np.array(stored["xyxy"], dtype=np.float32).reshape(-1, 4)
        return cls(stored["entry_id"], stored["sighting_id"], stored["evidence_id"], frame, xyxy)

    def describe(self) -> JsonObject:
        """Return the facts that decide which sightings are of this origin, for digests and for the log."""
        boxes = sha256_of_bytes(self.frame.astype("<i8").tobytes() + self.xyxy.astype("<f4").tobytes())
        return {"sighting": self.sighting_id, "evidence": self.evidence_id, "boxes": digest_of(boxes)}


def boxes_at(wanted: Int64Array, frame: Int64Array, xyxy: FloatArray) -> Float64Array:
    """Return the (S, 4) boxes in the wanted frames, interpolated linearly between detections."""
    return np.stack([np.interp(wanted, frame, side) for side in xyxy.astype(np.float64).T], axis=1)


def _iou(boxes: Float64Array, others: Float64Array) -> Float64Array:
    """Return the (S,) intersection over union, row by row."""
    inner = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])
    shared = np.clip(inner, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (others[:, 2:] - others[:, :2]).prod(axis=1)
    iou: Float64Array = shared / np.maximum(areas - shared, 1e-9)
    return iou
