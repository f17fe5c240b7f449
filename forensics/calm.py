"""What packets tell of movement before anything is decoded: where it begins, they become larger, or smaller.

How large they are depends on camera, encoder, noise and rate control, so each group of pictures is held against what is
usual in its window. Where there is no noise, packets in which nothing moves are a small part of their keyframe. Whoever
comes and goes between two keyframes without a trace in the size of a packet is not told of.
"""

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from forensics.timeline import Int64Array, PacketIndex

__all__ = ["FloatArray", "stir_in_groups"]

FloatArray = npt.NDArray[np.float64]

_UNUSUAL: Final = 1.25
_OF_KEYFRAME: Final = 0.03


def stir_in_groups(index: PacketIndex, starts: Int64Array) -> FloatArray:
    """How much the packets of each group of pictures tell of movement, 1 being the least that counts.

    Args:
        index: of the evidence.
        starts: (W,) int64, where windows begin.

    Returns:
        (K,) float64, for each keyframe: the largest packet of its group but its own, over 3 % of the keyframe's; or how
        many times that packet is larger or smaller than the median of its window, over 1.25, whichever is less.
        Infinite where there is none, where a packet is damaged or has no address of its own, and for the last group of
        a window, which no keyframe of the same window ends.
    """
    keyframes = index.keyframes
    sizes = index.size.astype(np.float64)
    sizes[index.is_ambiguous] = sizes[list(index.damaged)] = np.inf
    own = sizes[keyframes]
    sizes[keyframes] = np.where(np.isinf(own), np.inf, 0)
    largest = np.maximum.reduceat(sizes, keyframes)
    largest[largest == 0] = np.inf
    first = np.flatnonzero(np.diff(np.searchsorted(starts, keyframes, side="right"), prepend=-1))
    edges = np.append(first, len(keyframes))
    groups = [largest[start:stop] for start, stop in pairwise(edges.tolist())]
    usual = np.repeat([_median(group) for group in groups], np.diff(edges))
    is_told = np.isfinite(largest)
    is_told[edges[1:] - 1] = False
    stir = np.full(len(largest), np.inf)
    ratio = largest[is_told] / usual[is_told]
    stir[is_told] = np.minimum(
        np.maximum(ratio, 1 / ratio) / _UNUSUAL, largest[is_told] / (_OF_KEYFRAME * own[is_told])
    )
    return stir


def _median(sizes: FloatArray) -> float:
    """Of those that are known; 1 where none is."""
    known = sizes[np.isfinite(sizes)]
    return float(np.median(known)) if len(known) else 1.0
