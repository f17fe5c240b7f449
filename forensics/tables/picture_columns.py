"""Columns of a stored packet index of stills: origin of each time, the recorded time, and the size of each picture."""

import json
from typing import Final

import numpy as np
import pyarrow as pa

from forensics.footage.pictures import PictureFacts, Timing
from forensics.footage.timeline import Int64Array
from forensics.tables import schemas

__all__ = ["picture_columns", "picture_facts"]

# In the metadata of an index that an earlier version wrote: numbers of the stills without a capture time.
_UNTIMED: Final = b"forensics.untimed"


def picture_columns(pictures: PictureFacts) -> list[pa.Array]:
    """Return the last columns of `STILLS_INDEX`; null where a picture has no time, or its size is unknown."""
    return [
        pa.array([timing.value for timing in pictures.timings], pa.string()),
        pa.array(pictures.taken_us, mask=~pictures.is_timed),
        *(pa.array(sides, mask=sides == 0) for sides in pictures.size_px.T),
    ]


def picture_facts(table: pa.Table, media_us: Int64Array, timing: Timing) -> PictureFacts:
    """Return what a stored packet index of stills states of each picture.

    An index of an earlier version states no sizes, and of the times only which pictures have none. Where file times are
    the main source, it calls no picture timed; there each has its file time.

    Args:
        table: with the columns of `STILLS_INDEX`, or of `INDEX` if an earlier version wrote it.
        media_us: (N,) int64, media time of each picture.
        timing: origin of the times of most pictures.
    """
    if table.schema.equals(schemas.STILLS_INDEX, check_metadata=False):
        taken_us, width, height = (table[name].fill_null(0).to_numpy() for name in ("taken_us", "width", "height"))
        return PictureFacts(tuple(map(Timing, table["timing"].to_pylist())), taken_us, np.stack([width, height], 1))
    stored = json.loads((table.schema.metadata or {}).get(_UNTIMED, b"[]"))
    untimed = set() if timing is Timing.FILE_TIME else set(stored)
    timings = tuple(Timing.ASSUMED if number in untimed else timing for number in range(len(media_us)))
    return PictureFacts(timings, media_us, np.zeros((len(media_us), 2), dtype=np.int32))
