"""Joints of transport streams: places where files were joined byte by byte, or a recorder restarted.

The counters of a transport stream start anew at a joint, and demuxers mark the pictures around it as corrupt, as they
do where packets were lost. At a joint nothing was lost: a keyframe starts in the very packet whose counter breaks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forensics.adapters.video.containers.transport_stream import CounterBreak, find_counter_breaks
from forensics.footage.timeline import BoolArray, Int64Array
from forensics.place import Place

__all__ = ["N_LATE_MARKS", "correct_marks"]

# A parser splits the byte stream into pictures; the corrupt mark may be up to three pictures early.
N_LATE_MARKS = 3


def correct_marks(
    path: Place, stream_id: int, is_corrupt: BoolArray, *, pts: Int64Array, position: Int64Array, is_key: BoolArray
) -> tuple[BoolArray, BoolArray]:
    """Return the marks without those of joints, and the pictures behind joints that are built on other recordings.

    Args:
        path: of the file.
        stream_id: packet identifier of the video.
        is_corrupt: (N,) bool, marks of the demuxer, in file order.
        pts: (N,) int64 ticks.
        position: (N,) int64 byte offsets.
        is_key: (N,) bool.

    Returns:
        two (N,) bool.
    """
    joints = _find_joints(find_counter_breaks(path, stream_id), position, is_key)
    return is_corrupt & ~_is_marked_for(joints, position, is_corrupt), _find_lost_leading(joints, pts, is_key)


@dataclass(frozen=True, slots=True)
class _Joints:
    """Breaks of the counter of a transport stream.

    Attributes:
        breaks: (B,) int64 byte offsets of all of them, in order.
        keyframes: (B,) int64, the keyframe that starts in that very packet; -1 where packets were lost.
    """

    breaks: Int64Array
    keyframes: Int64Array


def _find_joints(breaks: Sequence[CounterBreak] | None, position: Int64Array, is_key: BoolArray) -> _Joints:
    """Return the breaks, with those at which nothing was lost: files were joined there, or a recorder restarted."""
    key_at = {int(position[key]): int(key) for key in np.flatnonzero(is_key)}
    found = [(each.position, key_at.get(each.position, -1) if each.starts_unit else -1) for each in breaks or ()]
    columns = np.array(found, dtype=np.int64).reshape(-1, 2).T
    return _Joints(columns[0], columns[1])


def _is_marked_for(joints: _Joints, position: Int64Array, is_corrupt: BoolArray) -> BoolArray:
    """Return (N,) bool, the pictures that are marked as corrupt for no other reason than a joint."""
    found = np.zeros(len(position), dtype=bool)
    for number in np.flatnonzero(is_corrupt).tolist():
        end = position[min(number + N_LATE_MARKS, len(position) - 1)]
        near = joints.keyframes[(joints.breaks >= position[number]) & (joints.breaks <= end)]
        found[number] = bool(len(near)) and bool(np.all(near >= 0))
    return found


def _find_lost_leading(joints: _Joints, pts: Int64Array, is_key: BoolArray) -> BoolArray:
    """Return (N,) bool, the pictures behind a joint that are built on pictures that are not those before the joint.

    They are stored after the first keyframe and shown before it. If the clock goes on without a pause, files were cut
    from one recording, and the pictures before the joint are theirs.
    """
    found = np.zeros(len(pts), dtype=bool)
    step = np.median(np.diff(np.sort(pts))) if len(pts) > 1 else 0
    for key in joints.keyframes[joints.keyframes > 0].tolist():
        following = np.flatnonzero(is_key[key + 1 :])
        stop = key + 1 + int(following[0]) if len(following) else len(pts)
        leading = key + 1 + np.flatnonzero(pts[key + 1 : stop] < pts[key])
        if len(leading) and not 0 < pts[leading].min() - pts[:key].max() <= 1.5 * step:
            found[leading] = True
    return found
