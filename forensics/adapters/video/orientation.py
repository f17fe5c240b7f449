"""Orientation of a decoded frame: how a player turns and mirrors it, from the display matrix of the container.

Source: ISO/IEC 14496-12, 6.2.2; the result is that of the ffmpeg command line, which turns by quarters and mirrors.
"""

import struct
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from forensics.footage.frames import RgbArray

__all__ = ["Orientation", "take_orientation"]

_MATRIX = struct.Struct("=9i")


@dataclass(frozen=True, slots=True)
class Orientation:
    """What makes a stored picture upright: first swap rows and columns, then flip.

    Attributes:
        is_transposed: whether rows and columns are swapped.
        flips_x, flips_y: whether the picture is then flipped from left to right, and upside down.
    """

    is_transposed: bool = False
    flips_x: bool = False
    flips_y: bool = False

    @property
    def is_mirrored(self) -> bool:
        """Whether it shows the mirror image of the stored picture.

        >>> Orientation(is_transposed=True, flips_x=True).is_mirrored, Orientation(flips_x=True).is_mirrored
        (False, True)
        """
        return self.is_transposed ^ self.flips_x ^ self.flips_y

    @property
    def rotation_degrees(self) -> int:
        """The clockwise turn, after a mirroring from left to right if `is_mirrored`: 0, 90, 180 or 270.

        >>> Orientation(is_transposed=True, flips_x=True).rotation_degrees
        90
        """
        if self.is_transposed:
            return 90 if self.flips_x else 270
        return 180 if self.flips_y else 0

    def size_of(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Return the upright width and height of a stored picture."""
        return (height_px, width_px) if self.is_transposed else (width_px, height_px)

    def apply(self, rgb: RgbArray) -> RgbArray:
        """Return the upright picture, (h, w, 3) uint8."""
        turned = rgb.swapaxes(0, 1) if self.is_transposed else rgb
        step_y, step_x = -1 if self.flips_y else 1, -1 if self.flips_x else 1
        return np.asarray(turned[::step_y, ::step_x], dtype=np.uint8)


_AS_STORED = Orientation()
_EMPTY = VideoFrame(16, 16, "gray8")


def _name_unknown(kinds: type[Type], value: object) -> Type:
    """Return a member for a kind of side data that PyAV has no name for."""
    member: Any = object.__new__(kinds)
    member._name_, member._value_ = f"UNKNOWN_{value}", value
    return cast("Type", member)


# PyAV refuses all side data of a frame if it does not know one kind, and it knows none of EXIF.
cast("Any", Type)._missing_ = classmethod(_name_unknown)


def take_orientation(frame: VideoFrame) -> Orientation:
    """Return the orientation of a decoded frame, and remove its side data: a second call finds none.

    An angle between quarter turns is rounded to the nearest.
    """
    side_data: Any = frame.side_data
    stored = side_data.get("DISPLAYMATRIX")
    matrix = None if stored is None else bytes(stored)[: _MATRIX.size]
    # Frame and side data refer to each other: without this, each frame stays in memory until Python looks for cycles,
    # and which memory the decoder uses again, parts of damaged pictures with it, is left to chance.
    side_data.__init__(_EMPTY)
    return _AS_STORED if matrix is None else _orientation_of(matrix)


def _orientation_of(matrix: bytes) -> Orientation:
    to_right, from_right, _, to_down, from_down, *_ = _MATRIX.unpack(matrix)
    if abs(to_right) + abs(from_down) >= abs(from_right) + abs(to_down):
        return Orientation(flips_x=to_right < 0, flips_y=from_down < 0)
    return Orientation(is_transposed=True, flips_x=to_down < 0, flips_y=from_right < 0)
