"""What is recorded of each still: when it was taken, by which source, and its size."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

__all__ = ["PictureFacts", "Timing"]


class Timing(StrEnum):
    """Origin of the frame times."""

    CONTAINER = "container"
    ASSUMED = "assumed"
    EXIF = "exif"
    FILE_NAME = "file_name"
    FILE_TIME = "file_time"


@dataclass(frozen=True, slots=True, eq=False)
class PictureFacts:
    """Facts about the stills of one evidence, as parallel columns in the order of the frames.

    Attributes:
        timings: origin of the time of each; assumed if nothing states when it was taken, so that only its place in the
            order of names is known.
        taken_us: (N,) int64 microseconds since the first picture that has a time, as recorded; valid where timed.
        size_px: (N, 2) int32, width and height of the upright picture; 0 where unknown.
    """

    timings: tuple[Timing, ...]
    taken_us: npt.NDArray[np.int64]
    size_px: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        n_pictures = len(self.timings)
        if self.taken_us.shape != (n_pictures,) or self.size_px.shape != (n_pictures, 2):
            raise ValueError(
                f"picture facts: {n_pictures} pictures, taken_us has shape {self.taken_us.shape}, "
                f"size_px {self.size_px.shape}"
            )

    @property
    def is_timed(self) -> npt.NDArray[np.bool_]:
        """Whether a time is recorded for each picture, (N,) bool."""
        return self.is_timed_by(*(timing for timing in Timing if timing is not Timing.ASSUMED))

    def is_timed_by(self, *timings: Timing) -> npt.NDArray[np.bool_]:
        """Whether the time of each picture is from one of these origins, (N,) bool."""
        return np.array([timing in timings for timing in self.timings], dtype=np.bool_)
