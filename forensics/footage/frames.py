"""One frame, or the reason why there is none: the port that every reader fills."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from forensics.footage.motion_gate import GateResult, MotionGate
from forensics.footage.timeline import Int64Array

__all__ = ["Frame", "FrameReader", "Gap", "Item", "RgbArray", "View"]

RgbArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded frame whose pts was checked against the packet index.

    Attributes:
        number: place in presentation order, from 0.
        pts: ticks, equal to the index at `number`.
        rgb: (h, w, 3) uint8, upright, scaled as the view asked. A view into memory that is
            reused: copy what must outlive the next frame.
        width_px, height_px: of the upright frame before scaling; boxes refer to these.
        glimpse: what a watch said of it; None where nobody watches.
    """

    number: int
    pts: int
    rgb: RgbArray
    width_px: int
    height_px: int
    glimpse: GateResult | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A frame that cannot be handed out as evidence.

    Attributes:
        number: place in presentation order, from 0.
        reason: one word for tables, such as ``decode_error`` or ``duplicate_pts``.
        detail: what the decoder said.
    """

    number: int
    reason: str
    detail: str


Item: TypeAlias = "Frame | GateResult | Gap"
"""What a reader hands out for a frame: its picture, or that it is still, or why there is none."""


@dataclass(frozen=True, slots=True)
class View:
    """How large a reader hands frames out: fitted into a box, keeping the aspect.

    Attributes:
        width_px, height_px: of the box; None for frames as they are stored.
    """

    width_px: int | None = None
    height_px: int | None = None

    def size_of(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Width and height a frame of this size is scaled to, never less than one pixel.

        >>> View(640, 640).size_of(1920, 1080)
        (640, 360)
        >>> View().size_of(1920, 1080)
        (1920, 1080)
        """
        if self.width_px is None or self.height_px is None:
            return width_px, height_px
        ratio = min(self.width_px / width_px, self.height_px / height_px)
        return max(1, round(width_px * ratio)), max(1, round(height_px * ratio))


class FrameReader(Protocol):
    """Hands out frames of one evidence at one view."""

    def read(self, wanted: Int64Array, watch: MotionGate | None = None) -> Iterator[Item]:
        """Yield one item for every wanted number, in the order given: a `Frame`, or a `Gap` where there is none.

        Args:
            wanted: (N,) int64 frame numbers, strictly increasing.
            watch: says which frames are still; of those only a `Glimpse` is handed out, and their colours are
                never worked out. Frames that are handed out hold theirs.
        """
        ...
