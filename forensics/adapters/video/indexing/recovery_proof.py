"""Proof, on a sample of one file, that groups of pictures which begin at a recovery point can be decoded from close by.

A recovery point is a promise of the encoder. Decoding a group with the history that the promise asks for is a fast
path, which must equal decoding from the last picture that needs no history. Where it does not, the recovery points are
not used, and the frames behind them are decoded from that picture on.
"""

import hashlib
from dataclasses import replace

import numpy as np

from forensics.adapters.video.reading.group_decoder import split_into_groups
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, View
from forensics.footage.timeline import Int64Array

__all__ = ["without_false_recoveries"]

_N_GROUPS = 4
_MAX_FRAMES = 300


def without_false_recoveries(indexed: Indexed) -> Indexed:
    """Return the indexed file as it is, or without keyframes that need history if a sample of them is not exact."""
    index = indexed.index
    sample = _sample(indexed)
    if sample is None or _pictures(indexed, sample, each_alone=True) == _pictures(indexed, sample, each_alone=False):
        return indexed
    is_key = index.is_key.copy()
    is_key[index.keyframes[index.needs_history]] = False
    return replace(
        indexed,
        index=replace(index, is_key=is_key, recovery_frames=None),
        reader_reason=f"{indexed.reader_reason}; its recovery points are not exact and not used",
    )


def _sample(indexed: Indexed) -> Int64Array | None:
    """Return frames from a group without history up to some groups that need it; None if there are no such groups."""
    index = indexed.index
    needing = np.flatnonzero(index.needs_history)
    independent = np.flatnonzero(~index.needs_history[: needing[0]]) if len(needing) else needing
    if not len(independent):
        return None
    edges = np.append(index.keyframes, index.n_frames)
    start, stop = int(edges[independent[-1]]), int(edges[min(needing[0] + _N_GROUPS, len(index.keyframes))])
    return np.arange(start, min(stop, start + _MAX_FRAMES))


def _pictures(indexed: Indexed, sample: Int64Array, *, each_alone: bool) -> dict[int, str]:
    """Return a digest of each whole picture of the sample, read in one go or each group by a fresh reader."""
    if each_alone:
        groups = split_into_groups(indexed.index, sample, each_alone=True)
        return {
            number: digest
            for group in groups
            for number, digest in _pictures(indexed, np.array(group.wanted), each_alone=False).items()
        }
    found = open_reader(indexed.footage, indexed.index, View()).read(sample)
    return {each.number: hashlib.sha256(each.rgb.tobytes()).hexdigest() for each in found if isinstance(each, Frame)}
