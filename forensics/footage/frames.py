"""Decoded frames and gaps, and the port that every frame reader implements."""

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
        rgb: (h, w, 3) uint8, upright, scaled to the view. It points into memory that the next frame overwrites:
            copy it to keep it.
        width_px, height_px: size of the upright frame before scaling; boxes refer to it.
        gate_result: decision of the motion gate; None if the reader was given no gate.
        doubt: why the picture may be wrong; None if it is whole. Only views that show damaged frames have others.
    """

    number: int
    pts: int
    rgb: RgbArray
    width_px: int
    height_px: int
    gate_result: GateResult | None = None
    doubt: "Gap | None" = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A frame that cannot be read as evidence.

    Attributes:
        number: place in presentation order, from 0.
        reason: one word for tables, such as ``decode_error`` or ``duplicate_pts``.
        detail: message of the decoder.
    """

    number: int
    reason: str
    detail: str


Item: TypeAlias = "Frame | GateResult | Gap"
"""Result of reading one frame: its picture, the gate's decision that it is still, or a gap."""


@dataclass(frozen=True, slots=True)
class View:
    """How a reader yields frames: fitted into a box, keeping the aspect ratio, with or without damaged ones.

    Attributes:
        width_px, height_px: size of the box; None for the stored size.
        shows_damaged: whether a damaged frame is yielded with what the decoder makes of it, instead of as a gap.
    """

    width_px: int | None = None
    height_px: int | None = None
    shows_damaged: bool = False

    def size_of(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Return the width and height that a frame of this size is scaled to, at least one pixel each.

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
    """Reads frames of one evidence at one view."""

    def read(self, wanted: Int64Array, gate: MotionGate | None = None) -> Iterator[Item]:
        """Yield one item for every wanted number, in order: a `Frame`, a `GateResult` if it is still, or a `Gap`.

        A frame whose picture may be wrong is a `Gap`; if the view shows damaged frames, it is a `Frame` with the gap as
        its doubt, as far as the decoder makes a picture of it.

        Args:
            wanted: (N,) int64 frame numbers, strictly increasing.
            gate: decides which frames are still; these are not converted to RGB. Every `Frame` carries its
                decision. None reads every frame.
        """
        ...
