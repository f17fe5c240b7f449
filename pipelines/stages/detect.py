"""Stage `detect`: decode a chunk, sample its frames and detect in them, so that no frame leaves the worker."""

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
from forensics.footage.chunks import Chunk, sampled_frames
from forensics.footage.evidence import Evidence
from forensics.footage.frames import Frame, Gap, Item
from forensics.footage.motion_gate import GateRules, MotionGate, window_starts
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.models.model_store import Model
from forensics.sampling.refinement import FrameOutcome, refine
from forensics.tables.parts import DetectRows
from pipelines.settings import DetectSettings
from pipelines.stages.detection_context import DetectorLoader, FrameSource, load_configured_detector

__all__ = ["ChunkWork", "Detect", "detect_chunk", "wanted_frames"]


@dataclass(frozen=True, slots=True)
class ChunkWork:
    """One chunk, its evidence, the scope of that evidence, and the name of the part."""

    chunk: Chunk
    evidence: Evidence
    scope: Scope
    unit: str


@dataclass(frozen=True, slots=True)
class Detect:
    """Detects objects in one chunk of one evidence.

    Attributes:
        settings: settings of the detector and of sampling.
        model: the detector's model; the run records its digest.
        case: the case folder, for packet indexes.
        limits: limits of time and memory of a decoding child.
        gate: rules of the motion gate; None to detect every sampled frame.
        n_decoders: number of decoding children per worker.
        load_detector: loads the detector in a worker.
    """

    settings: DetectSettings
    model: Model
    case: CaseFolder
    limits: Limits
    gate: GateRules | None = None
    n_decoders: int = 1
    load_detector: DetectorLoader = load_configured_detector
    name: ClassVar[str] = "detect"

    def frame_source(self, *, n_decoders: int) -> FrameSource:
        """Load the detector and start the decoding children, once per worker."""
        detector = partial(self.load_detector, self.settings, self.model)
        shows_damaged = self.settings.damaged == "show"
        return FrameSource(detector, self.case, self.limits, n_decoders=n_decoders, shows_damaged=shows_damaged)

    @property
    def uses_gpu(self) -> bool:
        """Whether each worker needs a GPU."""
        return self.settings.device == "cuda"

    def frames_in(self, item: ChunkWork) -> int:
        """Return the number of frames of the chunk."""
        return item.chunk.n_frames

    def open(self) -> Callable[[ChunkWork], pa.Table]:
        """Load the detector and start the decoding children, once per worker."""
        return _OpenedDetect(self)


class _OpenedDetect:
    """Detects chunks in one worker."""

    def __init__(self, stage: Detect) -> None:
        self._source = stage.frame_source(n_decoders=stage.n_decoders)
        self._rate = stage.settings.frames_per_second
        self._gate = stage.gate
        self.close = self._source.close

    def __call__(self, work: ChunkWork) -> pa.Table:
        source, chunk, scope = self._source, work.chunk, work.scope
        index = source.index(work.evidence)
        references = source.references(work.evidence, scope, start=chunk.start, stop=chunk.stop)
        wanted = scope.select(wanted_frames(index, chunk, self._rate))
        if self._gate is None:
            frames = source.read(work.evidence, wanted)
            rows = DetectRows(chunk, scope, wanted)
            return detect_chunk(rows, frames, detector=source.detector, references=references)
        # what was seen in one range of the scope says nothing about another, which may be hours later
        starts = np.union1d(window_starts(index, self._gate.window_us), scope.starts)
        items = source.read(work.evidence, wanted, MotionGate(self._gate, starts))
        detect_frame = partial(_detect_frame, source.detector, references)
        outcomes = refine(items, detect_frame, media_us=index.media_us, rules=self._gate)
        return detect_gated_chunk(DetectRows(chunk, scope, wanted), outcomes, source.detector.class_names)


def _detect_frame(detector: Detector, references: Sequence[Frame], frame: Frame) -> Boxes:
    """Return the boxes of one frame."""
    ((_, boxes),) = detector.detect([frame], references)
    return boxes


def wanted_frames(index: PacketIndex, chunk: Chunk, rate: Fraction | None) -> Int64Array:
    """Return the sampled frames of the chunk, regardless of the scope: (N,) int64, increasing."""
    if rate is None:
        return np.arange(chunk.start, chunk.stop, dtype=np.int64)
    sampled = sampled_frames(index, rate)
    return sampled[np.searchsorted(sampled, chunk.start) : np.searchsorted(sampled, chunk.stop)]


def detect_chunk(
    rows: DetectRows, frames: Iterable[Item], *, detector: Detector, references: Sequence[Frame]
) -> pa.Table:
    """Detect in the frames of a chunk and return its part: one row per frame.

    Args:
        rows: builder of the part; every wanted frame needs an outcome.
        frames: one `Frame` or `Gap` for each wanted frame.
        detector: the detector.
        references: the frames that the detector needs beforehand.
    """
    for number, boxes in detector.detect(_frames_to_detect(frames, rows), references):
        rows.set_detected(number, boxes)
    return rows.table(detector.class_names)


def detect_gated_chunk(
    rows: DetectRows, outcomes: Iterable[FrameOutcome | Gap], class_names: tuple[str, ...]
) -> pa.Table:
    """Return the part of a chunk from the outcomes behind the motion gate: one row per frame."""
    for outcome in outcomes:
        if isinstance(outcome, Gap):
            rows.set_gap(outcome)
        else:
            rows.set_outcome(outcome)
    return rows.table(class_names)


def _frames_to_detect(items: Iterable[Item], rows: DetectRows) -> Iterator[Frame]:
    """Yield the decoded frames; store luma grids of whole ones, doubts about others, and gaps."""
    for item in items:
        if isinstance(item, Gap):
            rows.set_gap(item)
        elif isinstance(item, Frame) and item.doubt:
            rows.set_doubt(item.doubt)
            yield item
        elif isinstance(item, Frame):
            rows.set_luma_grid(item.number, luma_grid(item.rgb))
            yield item
