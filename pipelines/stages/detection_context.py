"""Frame source of a detection worker: holds the detector, the decoding child processes and the packet indexes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np

from forensics.adapters.detectors.load_detector import load_detector
from forensics.adapters.libraries.opencv import load_opencv
from forensics.custody.case_folder import CaseFolder
from forensics.custody.scope import Scope
from forensics.decoding.child import DecodingChild, Limits
from forensics.decoding.child_pool import DecoderPool
from forensics.decoding.decoder_crashes import read_past_crashes
from forensics.detection.detector import Detector, DetectorOptions
from forensics.footage.evidence import Evidence
from forensics.footage.frames import Frame, Item
from forensics.footage.motion_gate import MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.models.model_store import Model
from forensics.tables.evidence import load_index
from pipelines.settings import DetectSettings

__all__ = ["DetectorLoader", "FrameSource", "load_configured_detector"]

DetectorLoader = Callable[[DetectSettings, Model], Detector]


def load_configured_detector(settings: DetectSettings, model: Model) -> Detector:
    """Load the detector for these settings."""
    options = DetectorOptions(
        classes=settings.classes,
        declared_labels=settings.declared_labels,
        min_score=settings.min_score,
        iou=settings.nms_iou,
        threads=settings.threads,
        precision=settings.precision,
        device=settings.device,
        rectangular=settings.rectangular,
        batch=settings.batch,
    )
    return load_detector(model, options)


class FrameSource:
    """Decodes frames for the detector of one worker; caches the last packet indexes and reference frames.

    Args:
        load_detector: loads the detector.
        case: the case folder, for packet indexes.
        limits: limits of time and memory of a decoding child.
        n_decoders: number of decoding children.
        shows_damaged: whether a damaged frame is read with what the decoder makes of it, instead of as a gap.

    Attributes:
        detector: the detector.
    """

    def __init__(
        self,
        load_detector: Callable[[], Detector],
        case: CaseFolder,
        limits: Limits,
        *,
        n_decoders: int,
        shows_damaged: bool = False,
    ) -> None:
        load_opencv().setNumThreads(1)
        self._children = [DecodingChild(limits) for _ in range(n_decoders)]
        self._pool = DecoderPool(n_decoders)
        try:
            for child in self._children:
                child.start()  # loads its libraries while this process loads the detector
            self.detector = load_detector()
        except BaseException:
            self.close()
            raise
        self._view = replace(self.detector.view, shows_damaged=shows_damaged)
        self._index_of = lru_cache(maxsize=2)(lambda evidence: load_index(case, evidence))
        self._references: tuple[tuple[str, bytes], list[Frame]] | None = None

    def index(self, evidence: Evidence) -> PacketIndex:
        """Return the packet index of an evidence."""
        return self._index_of(evidence)

    def read(self, evidence: Evidence, wanted: Int64Array, gate: MotionGate | None = None) -> Iterator[Item]:
        """Yield the wanted frames in order, at the detector's size; see `read_past_crashes`.

        Only one read can be in progress. Several children share the groups of pictures; with a gate, one child decodes
        all frames, because the gate compares each frame with the ones before it.
        """
        if gate is not None or len(self._children) == 1:
            return self._read_with(self._children[0], evidence, wanted, gate)
        reads = [partial(self._read_with, child, evidence) for child in self._children]
        return self._pool.read(reads, _split_by_keyframe(self.index(evidence), wanted))

    def _read_with(
        self, child: DecodingChild, evidence: Evidence, wanted: Int64Array, gate: MotionGate | None = None
    ) -> Iterator[Item]:
        assert evidence.readable is not None
        footage, index = evidence.readable.footage, self.index(evidence)
        return read_past_crashes(child, footage, index, self._view, wanted, gate)

    def references(self, evidence: Evidence, scope: Scope, *, start: int, stop: int) -> Sequence[Frame]:
        """Return the frames that the detector needs before frames [start, stop), within the scope.

        Neighbouring chunks mostly need the same ones, so the last are cached.
        """
        numbers = scope.select(self.detector.references(self.index(evidence), start, stop))
        key = (evidence.evidence_id, numbers.tobytes())
        if self._references is None or self._references[0] != key:
            frames = (each for each in self.read(evidence, numbers) if isinstance(each, Frame) and not each.doubt)
            self._references = (key, [replace(frame, rgb=frame.rgb.copy()) for frame in frames])
        return self._references[1]

    def close(self) -> None:
        """End the decoding children."""
        for child in self._children:
            child.close()
        self._pool.close()


def _split_by_keyframe(index: PacketIndex, wanted: Int64Array) -> list[Int64Array]:
    """Split the wanted frames by group of pictures."""
    places = np.searchsorted(index.keyframes, wanted, side="right")
    return np.split(wanted, np.flatnonzero(np.diff(places)) + 1) if len(wanted) else []
