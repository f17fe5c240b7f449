"""Counts the errors of a reader on a painted clip, for tests and for the published table."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import TimeoutError as ChildTimeout
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np

from forensics.footage.evidence import Footage, Indexed
from forensics.footage.frames import Frame, FrameReader, Gap, View
from forensics.footage.timeline import Int64Array, PacketIndex
from testing.painted.kinds import Kind
from testing.painted.picture import number_in

__all__ = ["MODES", "Child", "Count", "expected_numbers", "index_kind", "measure", "measure_all", "measure_decord"]

Result = TypeVar("Result")

OpenReader = Callable[[Footage, PacketIndex, View], FrameReader]

_SEED = 20
_N_RANDOM_READS = 12
_RANGE_FRAMES = 17
_CHILD_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Count:
    """Counts of one reader on one clip in one mode.

    Attributes:
        n_read: number of requested frames.
        wrong: one line for each frame with a wrong number or pts.
        gaps: number and reason of each frame that was not returned, without repetition.
    """

    n_read: int
    wrong: tuple[str, ...]
    gaps: frozenset[tuple[int, str]]


def index_kind(kind: Kind, path: Path) -> Indexed:
    """Index a built clip; a working copy is written beside it."""
    from forensics.adapters.video.indexing.pyav_index import index_file

    return index_file(path, assumed_rate=kind.assumed_rate, working_copy=path.with_name(f"{path.stem}_working_copy"))


def expected_numbers(kind: Kind, index: PacketIndex) -> list[int | None]:
    """Return the painted number of each row of the index, by its time; None if there is none."""
    times = np.array([float(time) for time in kind.times])
    at = index.pts * float(index.time_base)
    if not kind.is_absolute:
        at = at - at[0] + times[0]
    nearest = np.abs(at[:, None] - times[None, :]).argmin(axis=1)
    nearest += np.arange(len(at)) - np.searchsorted(at, at)  # frames of one time are in the order of their numbers
    # the coarsest container clock has ticks of one millisecond
    fits = np.abs(times[nearest] - at) <= 0.001
    return [int(number) if fit else None for number, fit in zip(nearest, fits, strict=True)]


def measure(kind: Kind, indexed: Indexed, open_reader: OpenReader, mode: str) -> Count:
    """Read the clip with one reader in one of `MODES`, and count."""
    reader = open_reader(indexed.footage, indexed.index, View())
    expected = expected_numbers(kind, indexed.index)
    n_read = 0
    wrong: list[str] = []
    gaps: set[tuple[int, str]] = set()
    for wanted in MODES[mode](indexed.index):
        answers = list(_copy_pixels(reader.read(wanted)))
        n_read += len(wanted)
        if [answer.number for answer in answers] != wanted.tolist():
            wrong.append(f"requested {wanted.tolist()}, got {[answer.number for answer in answers]}")
        wrong += [fault for answer in answers if (fault := _fault_of(answer, indexed.index, expected))]
        gaps |= {(answer.number, answer.reason) for answer in answers if isinstance(answer, Gap)}
    return Count(n_read, tuple(wrong), frozenset(gaps))


def _copy_pixels(answers: Iterable[Frame | Gap]) -> Iterator[Frame | Gap]:
    """Copy the pixels, because a reader may reuse their memory for the next frame."""
    for answer in answers:
        if isinstance(answer, Frame):
            yield Frame(answer.number, answer.pts, answer.rgb.copy(), answer.width_px, answer.height_px)
        else:
            yield answer


def _fault_of(answer: Frame | Gap, index: PacketIndex, expected: list[int | None]) -> str:
    if isinstance(answer, Gap):
        return "" if answer.reason else f"gap {answer.number} has no reason"
    if answer.pts != index.pts[answer.number]:
        return f"frame {answer.number} has pts {answer.pts}, expected {index.pts[answer.number]} as in the index"
    seen = number_in(answer.rgb)
    if seen is None or seen != expected[answer.number]:
        return f"frame {answer.number} shows number {seen}, expected {expected[answer.number]}"
    return ""


def _everything(index: PacketIndex) -> Iterator[Int64Array]:
    yield np.arange(index.n_frames, dtype=np.int64)


def _single_frames(index: PacketIndex) -> Iterator[Int64Array]:
    """Yield single frames in shuffled order, the last frame among them."""
    shuffled = np.random.default_rng(_SEED).permutation(index.n_frames - 1)[: _N_RANDOM_READS - 1]
    for number in [*shuffled[:5], index.n_frames - 1, *shuffled[5:]]:
        yield np.array([number], dtype=np.int64)


def _ranges(index: PacketIndex) -> Iterator[Int64Array]:
    """Yield ranges from keyframes, backwards through the file, then from any frame, some with frames left out."""
    generator = np.random.default_rng(_SEED)
    for start in index.keyframes[::-1][:: max(1, len(index.keyframes) // 4)]:
        yield np.arange(start, min(start + _RANGE_FRAMES, index.n_frames), dtype=np.int64)
    for start in generator.permutation(index.n_frames)[:5]:
        yield np.arange(start, min(start + _RANGE_FRAMES, index.n_frames), dtype=np.int64)
    for start in generator.permutation(index.n_frames)[:3]:
        yield np.arange(start, index.n_frames, 7, dtype=np.int64)


MODES: dict[str, Callable[[PacketIndex], Iterator[Int64Array]]] = {
    "sequential": _everything,
    "random": _single_frames,
    "ranges": _ranges,
}


def measure_all(kind: Kind, indexed: Indexed, open_reader: OpenReader) -> dict[str, Count]:
    """Return the counts of all modes."""
    return {mode: measure(kind, indexed, open_reader, mode) for mode in MODES}


def measure_decord(kind: Kind, indexed: Indexed) -> "str | dict[str, Count]":
    """Return the counts of decord, or the reason why it is refused on the clip."""
    from forensics.adapters.video.reading.decord_reader import open_reader, prove

    if indexed.shortfall:
        return f"not tried on damaged files: {indexed.shortfall}"
    refusal = prove(indexed.footage.path, indexed.index, indexed.footage.stream_index)
    return refusal or measure_all(kind, indexed, open_reader)


class Child:
    """A process for code that may hang or die; it is then replaced."""

    def __init__(self) -> None:
        self._pool = get_context("spawn").Pool(1)

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return the result of the function; raises `multiprocessing.TimeoutError` after a time limit."""
        try:
            return self._pool.apply_async(function, arguments).get(_CHILD_LIMIT_S)
        except ChildTimeout:
            self.close()
            self._pool = get_context("spawn").Pool(1)
            raise

    def close(self) -> None:
        """Kill the process."""
        self._pool.terminate()
        self._pool.join()
