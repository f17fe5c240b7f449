"""Export of tracks as MOT Challenge text, which evaluation and annotation tools read.

One line per tracked box: ``frame,id,left,top,width,height,score,-1,-1,-1``. Frames are numbered from 1, as the format
requires; pixels stay as in the tables, from 0. Untracked boxes are left out.
"""

from collections.abc import Iterator, Sequence

from forensics.detection.detections import FloatArray
from forensics.footage.timeline import Int64Array

__all__ = ["mot_lines"]


def mot_lines(
    frame: Int64Array, xyxy: FloatArray, score: FloatArray, *, track_id: Sequence[str | None]
) -> Iterator[str]:
    """Yield the lines of one evidence, in the order of its rows, without line breaks.

    Args:
        frame: (N,) int64 from 0, non-decreasing.
        xyxy: (N, 4) float32 pixels.
        score: (N,) float32.
        track_id: N track ids, None for untracked boxes; numbered from 1 in the order of first appearance.

    >>> import numpy as np
    >>> frame, xyxy = np.array([4, 5]), np.array([[1, 2, 11, 22], [3, 2, 13, 22]])
    >>> list(mot_lines(frame, xyxy, np.array([0.5, 0.25]), track_id=["a", None]))
    ['5,1,1.00,2.00,10.00,20.00,0.5000,-1,-1,-1']
    """
    number_of: dict[str, int] = {}
    for number, box, box_score, name in zip(frame.tolist(), xyxy.tolist(), score.tolist(), track_id, strict=True):
        if name is None:
            continue
        left, top, right, bottom = box
        place = f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
        yield f"{number + 1},{number_of.setdefault(name, len(number_of) + 1)},{place},{box_score:.4f},-1,-1,-1"
