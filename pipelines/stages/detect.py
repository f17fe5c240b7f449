"""Chunk in, detections out: decode, choose, detect in one place, so that no frame leaves the worker."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pyarrow as pa

from forensics.adapters.detectors import load_detector
from forensics.adapters.glance import glance
from forensics.case import CaseFolder
from forensics.chunks import Chunk, sampled
from forensics.decoding.child import DecodingChild, Limits
from forensics.decoding.poison import read_past_poison
from forensics.detector import Detector, DetectorOptions
from forensics.evidence import Evidence
from forensics.frames import Frame, Gap
from forensics.models.shelf import Model
from forensics.scope import Scope
from forensics.tables.evidence import load_index
from forensics.tables.parts import DetectRows
from forensics.timeline import Int64Array, PacketIndex
from pipelines.settings import DetectSettings

__all__ = ["ChunkWork", "Detect", "detect_chunk", "wanted_frames"]

Read = Callable[[Int64Array], Iterator[Frame | Gap]]


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
    """

    settings: DetectSettings
    model: Model
    case: CaseFolder
    limits: Limits
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
        self._index_of = lru_cache(maxsize=2)(lambda evidence: load_index(stage.case, evidence))
        self._references: tuple[tuple[str, bytes], list[Frame]] | None = None

    def __call__(self, work: ChunkWork) -> pa.Table:
        index = self._index_of(work.evidence)
        readable = work.evidence.readable
        assert readable is not None

        def read(wanted: Int64Array) -> Iterator[Frame | Gap]:
            return read_past_poison(self._child, readable.footage, index, self._detector.view, wanted)

        chunk, scope = work.chunk, work.scope
        references = self._references_for(index, chunk, scope, read)
        wanted = scope.inside(wanted_frames(index, chunk, self._rate))
        return detect_chunk(chunk, scope, wanted=wanted, detector=self._detector, read=read, references=references)

    def close(self) -> None:
        """End the decoding child."""
        self._child.close()

    def _references_for(self, index: PacketIndex, chunk: Chunk, scope: Scope, read: Read) -> Sequence[Frame]:
        """What the detector must see beforehand, within the scope; neighbouring chunks mostly want the same."""
        numbers = scope.inside(self._detector.references(index, chunk.start, chunk.stop))
        key = (chunk.evidence_id, numbers.tobytes())
        if self._references is None or self._references[0] != key:
            kept = [replace(frame, rgb=frame.rgb.copy()) for frame in read(numbers) if isinstance(frame, Frame)]
            self._references = (key, kept)
        return self._references[1]


def wanted_frames(index: PacketIndex, chunk: Chunk, rate: Fraction | None) -> Int64Array:
    """The frames of the chunk that are looked at, if the case may."""
    if rate is None:
        return np.arange(chunk.start, chunk.stop, dtype=np.int64)
    chosen = sampled(index, rate)
    return chosen[np.searchsorted(chosen, chunk.start) : np.searchsorted(chosen, chunk.stop)]


def detect_chunk(
    chunk: Chunk, scope: Scope, *, wanted: Int64Array, detector: Detector, read: Read, references: Sequence[Frame]
) -> pa.Table:
    """One row for every frame of the chunk: what was seen in it, or why it was not looked at.

    Args:
        chunk: frames [start, stop).
        scope: the frames that may be looked at.
        wanted: (N,) int64, the frames of the chunk that are looked at, all within the scope.
        detector: finds the boxes.
        read: yields one `Frame` or `Gap` per wanted number.
        references: frames the detector asked for.
    """
    rows = DetectRows(chunk, scope)
    for number, boxes in detector.detect(_frames(read(wanted), rows), references):
        rows.detected(number, boxes, detector.class_names)
    return rows.table()


def _frames(items: Iterator[Frame | Gap], rows: DetectRows) -> Iterator[Frame]:
    for item in items:
        if isinstance(item, Gap):
            rows.gap(item)
        else:
            rows.glanced(item.number, glance(item.rgb))
            yield item
