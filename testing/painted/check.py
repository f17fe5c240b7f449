"""Comparison of a whole file with the truth: every frame, in order, however it is read."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import Int64Array
from testing.painted.picture import number_in

__all__ = ["differences"]

# Of any channel of any pixel: the two programs scale colours by different versions of a library.
_LARGEST_DIFFERENCE = 24
_N_SINGLE_READS, _N_RANGES, _RANGE_FRAMES = 8, 4, 17
_LARGEST_TIME_ERROR_US = 1000


def differences(
    path: Path,
    numbers: Sequence[int],
    *,
    seed: int,
    pictures: Sequence[RgbArray] | None = None,
    times_us: Sequence[int] = (),
    section_starts: Sequence[int] | None = None,
    assumed_rate: Fraction | None = None,
) -> list[str]:
    """Return how a file differs from the truth, one line each; an empty list if every frame is right.

    Args:
        path: the file, which is healthy.
        numbers: painted number of every frame, in order.
        seed: chooses the frames that are read alone and in ranges.
        pictures: every decoded picture, in order; None to compare numbers only.
        times_us: media time of every frame, in microseconds; empty to compare no times.
        section_starts: frames at which sections begin, without the first; None to compare none.
        assumed_rate: frames per second that the user gives.
    """
    try:
        indexed = index_file(path, working_copy=path.with_name(f"{path.name}_copy"), assumed_rate=assumed_rate)
    except UnreadableFootage as error:
        return [f"rejected: {error.reason}: {error.detail}"]
    n_frames = indexed.index.n_frames
    if n_frames != len(numbers):
        return [f"{n_frames} frames are indexed, {len(numbers)} are there; {indexed.shortfall}"]
    found = [f"not whole: {indexed.shortfall}"] if indexed.shortfall else []
    starts = [section.start for section in indexed.index.sections[1:]]
    if section_starts is not None and starts != list(section_starts):
        found.append(f"sections begin at {starts}, expected {list(section_starts)}")
    if len(times_us):
        found += _wrong_times(indexed.index.media_us, np.array(times_us))
    return found + [
        line for wanted in _requests(indexed, seed) for line in _wrong_frames(indexed, wanted, numbers, pictures)
    ]


def _wrong_times(media_us: Int64Array, expected: Int64Array) -> list[str]:
    wrong = np.flatnonzero(np.abs(media_us - expected) > _LARGEST_TIME_ERROR_US)
    return [f"frame {n} is at {media_us[n]} us, expected {expected[n]} us" for n in wrong[:1].tolist()]


def _requests(indexed: Indexed, seed: int) -> Iterator[Int64Array]:
    """Yield all frames in order, single frames, and ranges from keyframes."""
    index, generator = indexed.index, np.random.default_rng(seed)
    yield np.arange(index.n_frames)
    for number in generator.permutation(index.n_frames)[:_N_SINGLE_READS]:
        yield np.array([number])
    for start in generator.choice(index.keyframes, _N_RANGES):
        yield np.arange(start, min(start + _RANGE_FRAMES, index.n_frames))


def _wrong_frames(
    indexed: Indexed, wanted: Int64Array, numbers: Sequence[int], pictures: Sequence[RgbArray] | None
) -> list[str]:
    """Return what is wrong in the answer of a fresh reader to one request; the first fault only."""
    where = f"frames {wanted[0]} to {wanted[-1]}"
    for item in open_reader(indexed.footage, indexed.index, View()).read(wanted):
        if not isinstance(item, Frame):
            return [f"{where}: {item}"]
        seen = number_in(item.rgb)
        if seen != numbers[item.number]:
            return [f"{where}: frame {item.number} shows number {seen}, expected {numbers[item.number]}"]
        if pictures is not None:
            off = int(np.abs(item.rgb.astype(np.int16) - pictures[item.number]).max())
            if off > _LARGEST_DIFFERENCE:
                return [f"{where}: frame {item.number} differs from the truth by {off}"]
    return []
