"""Chunk in, detections out: decode, choose, detect in one place, so that no frame leaves the worker."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, partial
from typing import ClassVar

import numpy as np
import pyarrow as pa

from forensics.adapters.detectors import load_detector
from forensics.adapters.glance import glance
from forensics.case import CaseFolder
from forensics.chunks import Chunk, sampled
from forensics.closer import CloserRules, Finding, findings
from forensics.decoding.child import DecodingChild, Limits
from forensics.decoding.poison import read_past_poison
from forensics.detections import Boxes
from forensics.detector import Detector, DetectorOptions
from forensics.evidence import Evidence
from forensics.frames import Frame, Gap, Item
from forensics.gate import Watch, windows
from forensics.models.shelf import Model
from forensics.scope import Scope
from forensics.tables.evidence import load_index
from forensics.tables.parts import DetectRows
from forensics.timeline import Int64Array, PacketIndex
from pipelines.settings import DetectSettings, GateSettings

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
    """

    settings: DetectSettings
    model: Model
    case: CaseFolder
    limits: Limits
    gate: GateSettings | None = None
    name: ClassVar[str] = "detect"

    def frames_in(self, item: ChunkWork) -> int:
        """The chunk's."""
        return item.chunk.n_frames

    def open(self) -> Callable[[ChunkWork], pa.Table]:
        """Load the detector and start the decoding child, once per worker."""
        return _Opened(self)


def load_for(settings: DetectSettings, model: Model) -> Detector:
    """The detector these settings ask for."""
    options = DetectorOptions(
        classes=settings.classes,
        min_score=settings.min_score,
        iou=settings.nms_iou,
        threads=settings.threads,
        precision=settings.precision,
        device=settings.device,
    )
    return load_detector(model, options)


class _Opened:
    """The work of one worker; keeps the detector, the child and the last index."""

    def __init__(self, stage: Detect) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._detector = load_for(stage.settings, stage.model)
        self._child = DecodingChild(stage.limits)
        self._rate = stage.settings.frames_per_second
        self._gate = stage.gate
        self._index_of = lru_cache(maxsize=2)(lambda evidence: load_index(stage.case, evidence))
        self._references: tuple[tuple[str, bytes], list[Frame]] | None = None

    def __call__(self, work: ChunkWork) -> pa.Table:
        index = self._index_of(work.evidence)
        chunk, scope = work.chunk, work.scope
        references = self._references_for(index, work)
        wanted = scope.inside(wanted_frames(index, chunk, self._rate))
        if self._gate is None:
            frames = self._read(work.evidence, index, wanted)
            return detect_chunk(chunk, scope, frames=frames, detector=self._detector, references=references)
        rules = self._gate.rules()
        items = self._read(work.evidence, index, wanted, Watch(rules, windows(index, rules.window_us)))
        look = partial(_look, self._detector, references)
        closer = CloserRules(self._gate.follow_score)
        found = findings(items, look, media_us=index.media_us, rules=closer)
        return gated_chunk(chunk, scope, found, self._detector.class_names)

    def close(self) -> None:
        """End the decoding child."""
        self._child.close()

    def _read(
        self, evidence: Evidence, index: PacketIndex, wanted: Int64Array, watch: Watch | None = None
    ) -> Iterator[Item]:
        assert evidence.readable is not None
        return read_past_poison(self._child, evidence.readable.footage, index, self._detector.view, wanted, watch)

    def _references_for(self, index: PacketIndex, work: ChunkWork) -> Sequence[Frame]:
        """What the detector must see beforehand, within the scope; neighbouring chunks mostly want the same."""
        chunk = work.chunk
        numbers = work.scope.inside(self._detector.references(index, chunk.start, chunk.stop))
        key = (chunk.evidence_id, numbers.tobytes())
        if self._references is None or self._references[0] != key:
            frames = (each for each in self._read(work.evidence, index, numbers) if isinstance(each, Frame))
            self._references = (key, [replace(frame, rgb=frame.rgb.copy()) for frame in frames])
        return self._references[1]


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
    chunk: Chunk, scope: Scope, *, frames: Iterable[Item], detector: Detector, references: Sequence[Frame]
) -> pa.Table:
    """One row for every frame of the chunk: what was seen in it, or why it was not looked at.

    Args:
        chunk: frames [start, stop).
        scope: the frames that may be looked at.
        frames: one `Frame` or `Gap` for every frame of the chunk that is looked at, all within the scope.
        detector: finds the boxes.
        references: frames the detector asked for.
    """
    rows = DetectRows(chunk, scope)
    for number, boxes in detector.detect(_frames(frames, rows), references):
        rows.detected(number, boxes)
    return rows.table(detector.class_names)


def gated_chunk(chunk: Chunk, scope: Scope, found: Iterable[Finding | Gap], class_names: tuple[str, ...]) -> pa.Table:
    """The same from what was found behind the gate."""
    rows = DetectRows(chunk, scope)
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
            rows.glanced(item.number, glance(item.rgb))
            yield item
