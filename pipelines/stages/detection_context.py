"""What a worker needs to look at frames: a detector, a decoding child, and the index of what it reads."""

from collections.abc import Iterator, Sequence
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

__all__ = ["FrameSource", "load_for"]


def load_for(settings: DetectSettings, model: Model) -> Detector:
    """The detector these settings ask for."""
    options = DetectorOptions(
        classes=settings.classes,
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
    """Held by one worker; keeps the detector, the children and the last index.

    Args:
        settings: what is looked for.
        model: with what.
        case: where the packet indexes lie.
        limits: when a decoding child is given up.
        n_decoders: how many of them decode at once.

    Attributes:
        detector: finds the boxes.
    """

    def __init__(
        self, settings: DetectSettings, model: Model, case: CaseFolder, limits: Limits, n_decoders: int = 1
    ) -> None:
        load_opencv().setNumThreads(1)
        self._children = [DecodingChild(limits) for _ in range(n_decoders)]
        self._together = DecoderPool(n_decoders)
        try:
            for child in self._children:
                child.start()  # it loads what it needs while this process loads the detector
            self.detector = load_for(settings, model)
        except BaseException:
            self.close()
            raise
        self._index_of = lru_cache(maxsize=2)(lambda evidence: load_index(case, evidence))
        self._references: tuple[tuple[str, bytes], list[Frame]] | None = None

    def index(self, evidence: Evidence) -> PacketIndex:
        """The addresses of its frames."""
        return self._index_of(evidence)

    def read(self, evidence: Evidence, wanted: Int64Array, watch: MotionGate | None = None) -> Iterator[Item]:
        """The wanted frames as the detector wants them, in order; see `read_past_poison`. One read can be under way.

        Several children take the groups of pictures in turn; what is watched is decoded by one.
        """
        if watch is not None or len(self._children) == 1:
            return self._read_by(self._children[0], evidence, wanted, watch)
        reads = [partial(self._read_by, child, evidence) for child in self._children]
        return self._together.read(reads, _groups(self.index(evidence), wanted))

    def _read_by(
        self, child: DecodingChild, evidence: Evidence, wanted: Int64Array, watch: MotionGate | None = None
    ) -> Iterator[Item]:
        assert evidence.readable is not None
        footage, index = evidence.readable.footage, self.index(evidence)
        return read_past_crashes(child, footage, index, self.detector.view, wanted, watch)

    def references(self, evidence: Evidence, scope: Scope, *, start: int, stop: int) -> Sequence[Frame]:
        """What the detector must see before frames [start, stop), within the scope; neighbours mostly want the same."""
        numbers = scope.inside(self.detector.references(self.index(evidence), start, stop))
        key = (evidence.evidence_id, numbers.tobytes())
        if self._references is None or self._references[0] != key:
            frames = (each for each in self.read(evidence, numbers) if isinstance(each, Frame))
            self._references = (key, [replace(frame, rgb=frame.rgb.copy()) for frame in frames])
        return self._references[1]

    def close(self) -> None:
        """End the decoding children."""
        for child in self._children:
            child.close()
        self._together.close()


def _groups(index: PacketIndex, wanted: Int64Array) -> list[Int64Array]:
    """The wanted frames of each group of pictures."""
    places = np.searchsorted(index.keyframes, wanted, side="right")
    return np.split(wanted, np.flatnonzero(np.diff(places)) + 1) if len(wanted) else []
