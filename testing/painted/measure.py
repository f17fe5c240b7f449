"""Counts what a reader gets wrong on a painted clip: the one measure of tests and of the published table."""

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
    """What one reader did with one clip in one mode.

    Attributes:
        n_read: frames and gaps that were asked for.
        wrong: one line per frame that is not what it says.
        gaps: number and reason of each frame that was not handed out, once however often it was asked for.
    """

    n_read: int
    wrong: tuple[str, ...]
    gaps: frozenset[tuple[int, str]]


def index_kind(kind: Kind, path: Path) -> Indexed:
    """The index of a built clip; a working copy goes beside it."""
    from forensics.adapters.video.pyav_index import index_file

    return index_file(path, assumed_rate=kind.assumed_rate, working_copy=path.with_name(f"{path.stem}_working_copy"))


def expected_numbers(kind: Kind, index: PacketIndex) -> list[int | None]:
    """The painted number that belongs to each row of the index by its time; None where none does."""
    times = np.array([float(time) for time in kind.times])
    at = index.pts * float(index.time_base)
    if not kind.is_absolute:
        at = at - at[0] + times[0]
    nearest = np.abs(at[:, None] - times[None, :]).argmin(axis=1)
    # the coarsest container clock ticks once a millisecond
    fits = np.abs(times[nearest] - at) <= 0.001
    return [int(number) if fit else None for number, fit in zip(nearest, fits, strict=True)]


def measure(kind: Kind, indexed: Indexed, open_reader: OpenReader, mode: str) -> Count:
    """Read the clip in one of `MODES` with one reader, and count."""
    reader = open_reader(indexed.footage, indexed.index, View())
    expected = expected_numbers(kind, indexed.index)
    n_read = 0
    wrong: list[str] = []
    gaps: set[tuple[int, str]] = set()
    for wanted in MODES[mode](indexed.index):
        answers = list(_copied(reader.read(wanted)))
        n_read += len(wanted)
        if [answer.number for answer in answers] != wanted.tolist():
            wrong.append(f"asked for {wanted.tolist()}, got {[answer.number for answer in answers]}")
        wrong += [fault for answer in answers if (fault := _fault_of(answer, indexed.index, expected))]
        gaps |= {(answer.number, answer.reason) for answer in answers if isinstance(answer, Gap)}
    return Count(n_read, tuple(wrong), frozenset(gaps))


def _copied(answers: Iterable[Frame | Gap]) -> Iterator[Frame | Gap]:
    """The same answers, pixels copied: a reader may reuse their memory for the next frame."""
    for answer in answers:
        if isinstance(answer, Frame):
            yield Frame(answer.number, answer.pts, answer.rgb.copy(), answer.width_px, answer.height_px)
        else:
            yield answer


def _fault_of(answer: Frame | Gap, index: PacketIndex, expected: list[int | None]) -> str:
    if isinstance(answer, Gap):
        return "" if answer.reason else f"gap {answer.number} has no reason"
    if answer.pts != index.pts[answer.number]:
        return f"frame {answer.number} has pts {answer.pts}, the index {index.pts[answer.number]}"
    seen = number_in(answer.rgb)
    if seen is None or seen != expected[answer.number]:
        return f"frame {answer.number} shows {seen}, not {expected[answer.number]}"
    return ""


def _everything(index: PacketIndex) -> Iterator[Int64Array]:
    yield np.arange(index.n_frames, dtype=np.int64)


def _single_frames(index: PacketIndex) -> Iterator[Int64Array]:
    """Single frames in shuffled order, the last frame among them."""
    drawn = np.random.default_rng(_SEED).permutation(index.n_frames - 1)[: _N_RANDOM_READS - 1]
    for number in [*drawn[:5], index.n_frames - 1, *drawn[5:]]:
        yield np.array([number], dtype=np.int64)


def _ranges(index: PacketIndex) -> Iterator[Int64Array]:
    """Ranges from keyframes, backwards through the file, then from any frame, some with frames left out."""
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
    """One count per mode."""
    return {mode: measure(kind, indexed, open_reader, mode) for mode in MODES}


def measure_decord(kind: Kind, indexed: Indexed) -> "str | dict[str, Count]":
    """Why decord is refused on the clip, or else its counts."""
    from forensics.adapters.video.decord_reader import open_reader, prove

    if indexed.shortfall:
        return f"not tried on damaged files: {indexed.shortfall}"
    refusal = prove(indexed.footage.path, indexed.index, indexed.footage.stream_index)
    return refusal or measure_all(kind, indexed, open_reader)


class Child:
    """A process for calls into code that may hang or die; it is replaced whenever that happened."""

    def __init__(self) -> None:
        self._pool = get_context("spawn").Pool(1)

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """What the function returns; raises `multiprocessing.TimeoutError` where it does not in time."""
        try:
            return self._pool.apply_async(function, arguments).get(_CHILD_LIMIT_S)
        except ChildTimeout:
            self.close()
            self._pool = get_context("spawn").Pool(1)
            raise

    def close(self) -> None:
        """End the process, whatever it does."""
        self._pool.terminate()
        self._pool.join()
