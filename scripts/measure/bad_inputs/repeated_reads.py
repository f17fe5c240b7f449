"""Reads of the same frames in other orders and ranges, whose outcomes must be those of one read of all frames."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from random import Random

import numpy as np

from forensics.footage.frames import Frame, Item
from forensics.footage.timeline import Int64Array

__all__ = ["Read", "differing_reads"]

Read = Callable[[Int64Array], Iterable[Item]]
"""Yields one item for every wanted frame, see `FrameReader.read`."""

_RANGE_FRAMES = 17
_MOST_FAULTS = 3


def differing_reads(read: Read, n_frames: int, *, seed: str, n_requests: int) -> list[str]:
    """Return how frames that are read alone or in ranges differ from those of one read, a line for each of the first.

    Args:
        read: of the file.
        n_frames: number of rows of its index.
        seed: chooses the requests.
        n_requests: number of single frames, and of ranges; more than `n_frames` means each once.
    """
    in_order, faults = _outcomes(read, np.arange(n_frames))
    for wanted in _requests(n_frames, Random(seed), n_requests) if not faults else ():
        found, raised = _outcomes(read, wanted)
        faults += raised
        faults += [
            f"frame {number} is {outcome} if frames {_describe(wanted)} are read, and {in_order[number]} in order"
            for number, outcome in found.items()
            if outcome != in_order[number]
        ]
        if len(faults) > _MOST_FAULTS:
            return [*faults[:_MOST_FAULTS], "and perhaps more"]
    return faults


def _outcomes(read: Read, wanted: Int64Array) -> tuple[dict[int, str], list[str]]:
    """Return the outcome of every wanted frame, and a fault if an error ended the read or a number is not as wanted."""
    found: list[tuple[int, str]] = []
    try:
        found = [(item.number, _outcome_of(item)) for item in read(wanted)]
    except Exception as error:  # any error is a result of the test, whatever its class
        return {}, [f"{type(error).__name__} if frames {_describe(wanted)} are read: {error}"]
    numbers = [number for number, _ in found]
    return dict(found), [] if numbers == wanted.tolist() else [f"frames {_describe(wanted)} are read as {numbers}"]


def _outcome_of(item: Item) -> str:
    """Return pixels, size, time and doubt of a frame, or reason and detail of a gap, as text."""
    if not isinstance(item, Frame):
        return str(item)
    pixels = hashlib.sha256(item.rgb.tobytes()).hexdigest()[:12]
    doubt = f" in doubt: {item.doubt}" if item.doubt else ""
    return f"picture {pixels} of {item.width_px}x{item.height_px} at pts {item.pts}{doubt}"


def _requests(n_frames: int, rng: Random, n_requests: int) -> Iterator[Int64Array]:
    """Yield single frames in random order, then ranges from any frame, some with frames left out."""
    n_requests = min(n_requests, n_frames)
    for number in rng.sample(range(n_frames), n_requests):
        yield np.array([number])
    for start in rng.sample(range(n_frames), n_requests):
        yield np.arange(start, min(n_frames, start + rng.randint(2, _RANGE_FRAMES)), rng.choice((1, 1, 2, 7)))


def _describe(wanted: Int64Array) -> str:
    return str(wanted.tolist()) if len(wanted) < 4 else f"[{wanted[0]}, {wanted[1]} ... {wanted[-1]}]"
