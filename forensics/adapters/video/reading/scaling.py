"""Conversion of decoded frames to the pixels of a view, the same on every processor."""

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

__all__ = ["Scaler"]

# Without these flags swscale rounds differently with each instruction set.
_EXACT = Interpolation.ACCURATE_RND | Interpolation.BITEXACT


class Scaler:
    """Scales frames to one pixel format.

    Args:
        pixel_format: of the result, such as ``rgb24``.
        method: of interpolation.
    """

    def __init__(self, pixel_format: str, method: Interpolation) -> None:
        self._pixel_format = pixel_format
        self._interpolation = method | _EXACT
        self._reformatter = VideoReformatter()

    def scale(self, frame: VideoFrame, width_px: int, height_px: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a frame, (h, w, 3) or (h, w) uint8."""
        scaled = self._reformatter.reformat(
            frame,
            width=width_px,
            height=height_px,
            format=self._pixel_format,
            interpolation=self._interpolation,
            threads=1,
        )
        return np.asarray(scaled.to_ndarray(), dtype=np.uint8)
