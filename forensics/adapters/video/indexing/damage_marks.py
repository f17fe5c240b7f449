"""Marks of damage on the pictures of one stream, in the order of the file."""

import numpy as np

from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["extend_marks", "find_dependent_packets", "find_misplaced", "pictures_at"]


def extend_marks(is_marked: BoolArray, n_more: int) -> BoolArray:
    """Return the marks, with the next `n_more` packets after each marked one marked as well."""
    found = is_marked.copy()
    for step in range(1, n_more + 1):
        found[step:] |= is_marked[:-step]
    return found


def pictures_at(offsets: list[int], position: Int64Array) -> Int64Array:
    """Return the picture that each of these byte offsets belongs to."""
    return np.maximum(0, np.searchsorted(np.maximum.accumulate(position), offsets, side="right") - 1)


def find_misplaced(position: Int64Array, size: Int64Array) -> BoolArray:
    """Return (N,) bool, the pictures that lie on bytes of earlier ones: fragments of a joined file that state offsets.

    They state where their pictures lay in their own file.
    """
    found = np.zeros(len(position), dtype=bool)
    found[1:] = position[1:] < np.maximum.accumulate(position + size)[:-1]
    return found


def find_dependent_packets(is_lost: BoolArray, is_key: BoolArray, pts: Int64Array) -> BoolArray:
    """Return (N,) bool, the packets stored after a lost one that may depend on it.

    These are all packets up to the next keyframe, and those stored after that keyframe but shown before it.

    >>> lost, key = np.array([0, 1, 0, 0, 0, 0], dtype=bool), np.array([1, 0, 0, 1, 0, 0], dtype=bool)
    >>> find_dependent_packets(lost, key, np.array([0, 1, 2, 5, 4, 6])).tolist()
    [False, False, True, False, True, False]
    """
    found = np.zeros(len(pts), dtype=bool)
    is_after_loss, last_key_pts = False, None
    for number in range(len(pts)):
        if is_key[number]:
            last_key_pts = int(pts[number]) if is_after_loss else None
            is_after_loss = False
        elif is_after_loss or (last_key_pts is not None and pts[number] < last_key_pts):
            found[number] = True
        is_after_loss = is_after_loss or bool(is_lost[number])
    return found
