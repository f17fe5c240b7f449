"""Which groups of pictures kill whoever detects in them: the chunk is halved at keyframes until they are known.

Behind the gate it is halved where windows begin, and a window is what is lost.

Every piece is worked on alone, in a fresh process with no other work, the detector included. A group of pictures whose
process crashes twice becomes a gap, settled for good; all others are detected as ever. A kill, a wait or a full memory
proves nothing, and leaves the whole chunk to the next run.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from forensics.decoding.child import DecodingChild, Limits
from forensics.errors import DecoderLost
from forensics.footage.frames import Gap
from forensics.footage.motion_gate import cut_places
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.tables.evidence import load_index
from forensics.tables.parts import DetectRows
from pipelines.stages.detect import ChunkWork, Detect, wanted_frames
from pipelines.stages.port import patience

__all__ = ["IsolateCrash", "detect_alone", "isolate_crash"]

Alone = Callable[[ChunkWork], pa.Table]
_REASON: Final = "detector_died"


@dataclass(frozen=True, slots=True)
class IsolateCrash:
    """Detects in a chunk that its worker did not survive.

    Attributes:
        detect: what the worker did.
    """

    detect: Detect
    name: ClassVar[str] = "examine"

    def frames_in(self, item: ChunkWork) -> int:
        """The chunk's, once for each time that it may be halved, and twice at the end."""
        return item.chunk.n_frames * (2 + item.chunk.n_frames.bit_length())

    def open(self) -> Callable[[ChunkWork], pa.Table]:
        """Nothing heavy is loaded; each piece loads what it needs."""
        return self._examine

    def _examine(self, work: ChunkWork) -> pa.Table:
        index = load_index(self.detect.case, work.evidence)
        alone = partial(_in_a_fresh_process, self.detect)
        places = cut_places(index, self.detect.gate)
        return pa.concat_tables(isolate_crash(work, places, alone, partial(_lost, self.detect, index)))


def isolate_crash(
    work: ChunkWork, places: Int64Array, alone: Alone, lost: Callable[[ChunkWork, str], pa.Table]
) -> Iterator[pa.Table]:
    """The tables of a chunk's pieces, in order.

    Args:
        work: the chunk.
        places: (P,) int64, where it may be cut.
        alone: detects in a piece, in a process of its own.
        lost: the table of a group of pictures that cannot be looked at, for this reason.

    Raises:
        DecoderLost: a process was lost, and nothing says that the footage did it.
    """
    halves = _halves(work, places)
    outcome = _survived(work, alone)
    if isinstance(outcome, DecoderLost) and not halves:
        outcome = _survived(work, alone)
    if isinstance(outcome, pa.Table):
        yield outcome
    elif halves:
        for half in halves:
            yield from isolate_crash(half, places, alone, lost)
    else:
        yield lost(work, f"alone in a fresh process, twice: {outcome.detail}")


def _survived(work: ChunkWork, alone: Alone) -> "pa.Table | DecoderLost":
    """The table, or how the process was lost if the footage may have done it."""
    try:
        return alone(work)
    except DecoderLost as error:
        if not error.blames_footage:
            raise
        return error


def _halves(work: ChunkWork, places: Int64Array) -> tuple[ChunkWork, ...]:
    """The chunk cut at the place nearest to its middle; nothing where it cannot be cut."""
    chunk = work.chunk
    inside = places[(places > chunk.start) & (places < chunk.stop)]
    if not len(inside):
        return ()
    middle = int(inside[np.argmin(np.abs(inside - (chunk.start + chunk.stop) // 2))])
    return tuple(replace(work, chunk=half) for half in (replace(chunk, stop=middle), replace(chunk, start=middle)))


def _in_a_fresh_process(stage: Detect, work: ChunkWork) -> pa.Table:
    assert work.evidence.readable is not None
    limits = Limits(stage.limits.stall_s, memory_bytes=stage.limits.memory_bytes)
    with DecodingChild(limits) as process:
        path, allowed = work.evidence.readable.footage.path, patience(work.chunk.n_frames)
        return process.call(path, detect_alone, patience=allowed, stage=stage, work=work)


def detect_alone(stage: Detect, work: ChunkWork) -> pa.Table:
    """The table of one piece, by a detector and a decoder that are opened for it."""
    opened: Any = stage.open()
    with closing(opened):
        table: pa.Table = opened(work)
        return table


def _lost(stage: Detect, index: PacketIndex, work: ChunkWork, detail: str) -> pa.Table:
    """Every frame that should have been looked at is a gap."""
    rows = DetectRows(work.chunk, work.scope)
    for number in work.scope.inside(wanted_frames(index, work.chunk, stage.settings.frames_per_second)).tolist():
        rows.gap(Gap(number, _REASON, detail))
    return rows.table()
