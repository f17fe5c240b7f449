"""The port that every detector implements: frames in, boxes out, each frame independent of the others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from forensics.detection.detections import Boxes
from forensics.footage.frames import Frame, View
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["Detector", "DetectorOptions"]


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """Options of a detector, whatever library runs it.

    Attributes:
        classes: names of the wanted classes; empty for all.
        declared_labels: names of classes that the operator has declared, see `forensics.models.labels`.
        min_score: threshold of the score, on the detector's own scale.
        iou: IoU above which the weaker of two boxes of one class is suppressed; networks only.
        threads: number of threads of the inference stream; networks only.
        precision: ``f32``, ``bf16`` or ``f16``; networks only.
        device: ``cpu``, or ``cuda`` for models that ultralytics loads.
        rectangular: use the smallest input that the shape of the frame allows instead of the exported square;
            exported networks only.
        batch: frames per inference; more than one only for models that ultralytics loads.
    """

    classes: tuple[str, ...] = ()
    declared_labels: tuple[str, ...] = ()
    min_score: float = 0.1
    iou: float = 0.7
    threads: int = 1
    precision: str = "f32"
    device: str = "cpu"
    rectangular: bool = False
    batch: int = 1


class Detector(Protocol):
    """Finds objects in single frames; the result of a frame never depends on its chunk or its neighbours.

    Attributes:
        class_names: names of the classes that `Boxes.class_index` refers to.
        view: size of the frames that it takes.
    """

    class_names: tuple[str, ...]
    view: View

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        """Return the numbers of the frames that it needs before it can detect in frames [start, stop).

        Strictly increasing; empty for networks. A background subtractor returns frames that depend on the evidence
        alone, so that a frame gives the same boxes in any chunk.
        """
        ...

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        """Yield (frame number, boxes) for every frame, in the order of arrival.

        May buffer a few frames to keep the network busy, and copies them, because the memory of a frame is reused.
        Boxes are in pixels of the upright frame, clipped to it.
        """
        ...
