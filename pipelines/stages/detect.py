"""Chunk in, detections out: decode, choose, detect in one place, so that no frame leaves the worker."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import ClassVar

import numpy as np
import pyarrow as pa

from forensics.adapters.pictures.frame_summary import luma_grid
from forensics.custody.case_folder import CaseFolder
from forensics.custody.scope import Scope
from forensics.decoding.child import Limits
from forensics.detection.detections import Boxes
from forensics.detection.detector import Detector
from forensics.footage.chunks import Chunk, sampled
from forensics.footage.evidence import Evidence
from forensics.footage.frames import Frame, Gap, Item
from forensics.footage.motion_gate import GateRules, MotionGate, windows
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.models.model_store import Model
from forensics.sampling.refinement import FrameOutcome, refine
from forensics.tables.parts import DetectRows
from pipelines.settings import DetectSettings
from pipelines.stages.detection_context import FrameSource

__all__ = ["ChunkWork", "Detect", "detect_chunk", "wanted_frames"]


@dataclass(frozen=True, slots=True)
class ChunkWork:
    """One chunk, the evidence it belongs to, and which of its frames may be looked at."""

    chunk: Chunk
    evidence: Evidence
    scope: Scope


@dataclass(frozen=True, slots=True)
class Detect:
    """Finds objects in one chunk of one evidence.

    Attributes:
        settings: what is looked for.
        model: the resolved model, whose digest stands in the run.
        case: where the packet indexes lie.
        limits: when a decoding child is given up.
        gate: which frames are passed over; None where every chosen one is looked at.
        n_decoders: how many children of a worker decode at once.
    """

    settings: DetectSettings
    model: Model
    case: CaseFolder
    limits: Limits
    gate: GateRules | None = None
    n_decoders: int = 1
    name: ClassVar[str] = "detect"

    @property
    def uses_gpu(self) -> bool:
        """Whether a worker needs one of its own."""
        return self.settings.device == "cuda"

    def frames_in(self, item: ChunkWork) -> int:
        """The chunk's."""
        return item.chunk.n_frames

    def open(self) -> Callable[[ChunkWork], pa.Table]:
        """Load the detector and start the decoding child, once per worker."""
        return _Opened(self)


class _Opened:
    """The work of one worker."""

    def __init__(self, stage: Detect) -> None:
        self._looker = FrameSource(stage.settings, stage.model, stage.case, stage.limits, stage.n_decoders)
        self._rate = stage.settings.frames_per_second
        self._gate = stage.gate
        self.close = self._looker.close

    def __call__(self, work: ChunkWork) -> pa.Table:
        looker, chunk, scope = self._looker, work.chunk, work.scope
        index = looker.index(work.evidence)
        references = looker.references(work.evidence, scope, start=chunk.start, stop=chunk.stop)
        wanted = scope.inside(wanted_frames(index, chunk, self._rate))
        if self._gate is None:
            frames = looker.read(work.evidence, wanted)
            rows = DetectRows(chunk, scope, wanted)
            return detect_chunk(rows, frames, detector=looker.detector, references=references)
        items = looker.read(work.evidence, wanted, MotionGate(self._gate, windows(index, self._gate.window_us)))
        look = partial(_look, looker.detector, references)
        found = refine(items, look, media_us=index.media_us, rules=self._gate)
        return gated_chunk(DetectRows(chunk, scope, wanted), found, looker.detector.class_names)


def _look(detector: Detector, references: Sequence[Frame], frame: Frame) -> Boxes:
    """The boxes of one frame."""
    ((_, boxes),) = detector.detect([frame], references)
    return boxes


def wanted_frames(index: PacketIndex, chunk: Chunk, rate: Fraction | None) -> Int64Array:
    """The frames of the chunk that are looked at, if the case may."""
    if rate is None:
        return np.arange(chunk.start, chunk.stop, dtype=np.int64)
    chosen = sampled(index, rate)
    return chosen[np.searchsorted(chosen, chunk.start) : np.searchsorted(chosen, chunk.stop)]


def detect_chunk(
    rows: DetectRows, frames: Iterable[Item], *, detector: Detector, references: Sequence[Frame]
) -> pa.Table:
    """One row for every frame of the chunk: what was seen in it, or why it was not looked at.

    Args:
        rows: of the chunk; they know which frames must be told of.
        frames: one `Frame` or `Gap` for each of those.
        detector: finds the boxes.
        references: frames the detector asked for.
    """
    for number, boxes in detector.detect(_frames(frames, rows), references):
        rows.detected(number, boxes)
    return rows.table(detector.class_names)


def gated_chunk(rows: DetectRows, found: Iterable[FrameOutcome | Gap], class_names: tuple[str, ...]) -> pa.Table:
    """The same from what was found behind the gate."""
    for each in found:
        if isinstance(each, Gap):
            rows.gap(each)
        else:
            rows.found(each)
    return rows.table(class_names)


def _frames(items: Iterable[Item], rows: DetectRows) -> Iterator[Frame]:
    for item in items:
        if isinstance(item, Gap):
            rows.gap(item)
        elif isinstance(item, Frame):
            rows.glanced(item.number, luma_grid(item.rgb))
            yield item
