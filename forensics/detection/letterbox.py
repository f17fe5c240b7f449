"""Letterbox of a scaled frame in the fixed input of a network, and the way back from input to frame."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from forensics.detection.detections import Boxes, FloatArray
from forensics.footage.frames import Frame, RgbArray

__all__ = ["Letterbox", "paint"]

_GREY: Final = 114


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Position of a frame that is centred in an input as ultralytics does: odd padding goes right or below.

    Attributes:
        left_px, top_px: corner of the scaled frame in the input.
        scaled_width_px, scaled_height_px: size of the scaled frame in the input.
        width_px, height_px: size of the upright frame that boxes refer to.
    """

    left_px: int
    top_px: int
    scaled_width_px: int
    scaled_height_px: int
    width_px: int
    height_px: int

    @classmethod
    def of(cls, frame: Frame, input_width_px: int, input_height_px: int) -> "Letterbox":
        """Return the letterbox of a frame.

        Raises:
            ValueError: the frame is larger than the input.
        """
        height, width = frame.rgb.shape[:2]
        if width > input_width_px or height > input_height_px:
            raise ValueError(
                f"frame {frame.number} is {width}x{height}, the view is {input_width_px}x{input_height_px}"
            )
        left = round((input_width_px - width) / 2 - 0.1)
        top = round((input_height_px - height) / 2 - 0.1)
        return cls(left, top, width, height, frame.width_px, frame.height_px)

    def inside(self, pixels: RgbArray) -> RgbArray:
        """Return the part of an input that the frame covers, as a view."""
        across = slice(self.left_px, self.left_px + self.scaled_width_px)
        return pixels[self.top_px : self.top_px + self.scaled_height_px, across]

    def to_frame(self, boxes: Boxes) -> Boxes:
        """Convert boxes to pixels of the upright frame and clip them to it; drop boxes inside the padding.

        >>> there = Boxes(np.float32([[0, 10, 4, 20]]), np.float32([0.5]), np.array([0]))
        >>> Letterbox(0, 8, 16, 16, 32, 32).to_frame(there).xyxy.tolist()
        [[0.0, 4.0, 8.0, 24.0]]
        """
        offset = np.array([self.left_px, self.top_px] * 2, dtype=np.float32)
        gain = np.array([self.scaled_width_px / self.width_px, self.scaled_height_px / self.height_px] * 2, np.float32)
        limit = np.array([self.width_px, self.height_px] * 2, dtype=np.float32)
        xyxy: FloatArray = np.clip((boxes.xyxy - offset) / gain, 0, limit)
        inside = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
        return Boxes(xyxy[inside], boxes.score[inside], boxes.class_index[inside])


def paint(rgb: RgbArray, box: Letterbox, into: RgbArray) -> None:
    """Write the picture and the grey padding around it to `into`, (h, w, 3)."""
    into[:] = _GREY
    box.inside(into)[:] = rgb
