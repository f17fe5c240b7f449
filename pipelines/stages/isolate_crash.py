"""Stage `examine`: find the groups of pictures that crash decoder or detector, by halving a chunk at keyframes.

With a motion gate, the chunk is halved at the starts of windows, and the smallest piece is a window.

Each piece is detected alone in a fresh process, detector included. A group of pictures whose process crashes twice
becomes a settled gap; all others are detected as usual. A killed process, a time limit or a lack of memory does not
prove that the footage is the cause; the whole chunk is then left to the next run.
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
from forensics.footage.motion_gate import possible_chunk_starts
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.tables.evidence import load_index
from forensics.tables.parts import DetectRows
from pipelines.stages.detect import ChunkWork, Detect, wanted_frames
from pipelines.stages.port import patience

__all__ = ["IsolateCrash", "detect_alone", "isolate_crash"]

DetectPiece = Callable[[ChunkWork], pa.Table]
_REASON: Final = "detector_died"


@dataclass(frozen=True, slots=True)
class IsolateCrash:
    """Detects in a chunk whose worker died or hung.

    Attributes:
        detect: the stage that the worker executed.
    """

    detect: Detect
    name: ClassVar[str] = "examine"

    def frames_in(self, item: ChunkWork) -> int:
        """Return the chunk's frames, once for each time it can be halved, and twice for the smallest piece."""
        return item.chunk.n_frames * (2 + item.chunk.n_frames.bit_length())

    def open(self) -> Callable[[ChunkWork], pa.Table]:
        """Load nothing; each piece loads the detector in its own process."""
        return self._isolate

    def _isolate(self, work: ChunkWork) -> pa.Table:
        index = load_index(self.detect.case, work.evidence)
        detect_piece = partial(_detect_in_fresh_process, self.detect)
        places = possible_chunk_starts(index, self.detect.gate)
        return pa.concat_tables(isolate_crash(work, places, detect_piece, partial(_gap_table, self.detect, index)))


def isolate_crash(
    work: ChunkWork, places: Int64Array, detect_piece: DetectPiece, make_gaps: Callable[[ChunkWork, str], pa.Table]
) -> Iterator[pa.Table]:
    """Yield the tables of a chunk's pieces, in order.

    Args:
        work: the chunk.
        places: (P,) int64, frames where it may be cut.
        detect_piece: detects in a piece, in a process of its own.
        make_gaps: returns the table of a piece that crashes its process, with this detail.

    Raises:
        DecoderLost: a process was lost, and nothing indicates that the footage caused it.
    """
    halves = _halve(work, places)
    outcome = _try_piece(work, detect_piece)
    if isinstance(outcome, DecoderLost) and not halves:
        outcome = _try_piece(work, detect_piece)
    if isinstance(outcome, pa.Table):
        yield outcome
    elif halves:
        for half in halves:
            yield from isolate_crash(half, places, detect_piece, make_gaps)
    else:
        yield make_gaps(work, f"alone in a fresh process, twice: {outcome.detail}")


def _try_piece(work: ChunkWork, detect_piece: DetectPiece) -> "pa.Table | DecoderLost":
    """Return the table of a piece, or the crash of its process if the footage may have caused it."""
    try:
        return detect_piece(work)
    except DecoderLost as error:
        if not error.blames_footage:
            raise
        return error


def _halve(work: ChunkWork, places: Int64Array) -> tuple[ChunkWork, ...]:
    """Cut the chunk at the place nearest to its middle; empty if it cannot be cut."""
    chunk = work.chunk
    inside = places[(places > chunk.start) & (places < chunk.stop)]
    if not len(inside):
        return ()
    middle = int(inside[np.argmin(np.abs(inside - (chunk.start + chunk.stop) // 2))])
    return tuple(replace(work, chunk=half) for half in (replace(chunk, stop=middle), replace(chunk, start=middle)))


def _detect_in_fresh_process(stage: Detect, work: ChunkWork) -> pa.Table:
    assert work.evidence.readable is not None
    limits = Limits(stage.limits.stall_s, memory_bytes=stage.limits.memory_bytes)
    with DecodingChild(limits) as process:
        path, allowed = work.evidence.readable.footage.path, patience(work.chunk.n_frames)
        return process.call(path, detect_alone, patience=allowed, stage=stage, work=work)


def detect_alone(stage: Detect, work: ChunkWork) -> pa.Table:
    """Detect in one piece with a detector and a decoder that are opened for it alone."""
    opened: Any = stage.open()
    with closing(opened):
        table: pa.Table = opened(work)
        return table


def _gap_table(stage: Detect, index: PacketIndex, work: ChunkWork, detail: str) -> pa.Table:
    """Return the table of a piece in which every sampled frame is a gap."""
    rows = DetectRows(work.chunk, work.scope)
    for number in work.scope.select(wanted_frames(index, work.chunk, stage.settings.frames_per_second)).tolist():
        rows.set_gap(Gap(number, _REASON, detail))
    return rows.table()
