"""The port that every detector fills: frames in, boxes out, one frame independent of the next."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from forensics.detection.detections import Boxes
from forensics.footage.frames import Frame, View
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["Detector", "DetectorOptions"]


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """What is asked of a detector, whatever drives it.

    Attributes:
        classes: names of the wanted classes; empty for all.
        min_score: the least score that is kept, on the detector's own scale.
        iou: overlap above which two boxes of one class are one; networks only.
        threads: of the one inference stream; networks only.
        precision: ``f32``, ``bf16`` or ``f16``; networks only.
        device: ``cpu``, or ``cuda`` for what ultralytics loads.
        rectangular: the input is as small as the frame's shape allows, instead of the square that was exported;
            exported networks only.
        batch: frames looked at together; more than one only for what ultralytics loads.
    """

    classes: tuple[str, ...] = ()
    min_score: float = 0.1
    iou: float = 0.7
    threads: int = 1
    precision: str = "f32"
    device: str = "cpu"
    rectangular: bool = False
    batch: int = 1


class Detector(Protocol):
    """Finds objects in single frames; what it says of a frame never depends on chunk or neighbours.

    Attributes:
        class_names: what `Boxes.class_index` refers to.
        view: the size in which it wants frames.
    """

    class_names: tuple[str, ...]
    view: View

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        """Numbers of the frames it must see before it can judge frames [start, stop).

        Empty for networks. A background subtractor names frames fixed by the evidence alone,
        so that a frame is judged alike whatever chunk it arrives in. Strictly increasing.
        """
        ...

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        """Yield (frame number, boxes) for every frame, in the order of arrival.

        May hold a few frames back to keep the network busy; copies what it holds, since a
        frame's pixels are reused. Boxes are in pixels of the upright frame, clipped to it.
        """
        ...
