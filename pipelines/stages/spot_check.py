"""Stage `audit`: the spot check, detection in a random sample of the frames that the motion gate skipped.

Spot-checked frames never change tracks.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from forensics.custody.scope import Scope
from forensics.detection.detections import Boxes
from forensics.digests import digest_of
from forensics.footage.evidence import Evidence
from forensics.footage.frames import Frame, Item
from forensics.footage.timeline import Int64Array
from forensics.tables.parts import spot_check_table
from pipelines.stages.detect import Detect

__all__ = ["SpotCheck", "SpotCheckWork", "works_for"]

# Large enough to keep a worker busy for seconds, small enough to share among all workers.
_FRAMES_PER_WORK: Final = 25


@dataclass(frozen=True, slots=True)
class SpotCheckWork:
    """A group of sampled frames of one evidence.

    Attributes:
        evidence: the evidence.
        scope: its frames that the case allows to detect.
        frames: frame numbers, increasing.
        unit: content name of the part.
    """

    evidence: Evidence
    scope: Scope
    frames: tuple[int, ...]
    unit: str


def works_for(evidence: Evidence, scope: Scope, sample: Int64Array, facts: dict[str, object]) -> list[SpotCheckWork]:
    """Split the sampled frames of one evidence into groups.

    Args:
        evidence: the evidence.
        scope: its frames that the case allows to detect.
        sample: (N,) int64, frame numbers, increasing.
        facts: everything that decides the detections of a frame.
    """
    groups = np.split(sample, np.arange(_FRAMES_PER_WORK, len(sample), _FRAMES_PER_WORK)) if len(sample) else []
    return [
        SpotCheckWork(evidence, scope, tuple(group), digest_of({**facts, "audited": group}))
        for group in (each.tolist() for each in groups)
    ]


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """Detects objects in single frames.

    Attributes:
        detect: the stage that detected the other frames.
    """

    detect: Detect
    name: ClassVar[str] = "audit"

    @property
    def uses_gpu(self) -> bool:
        """Whether each worker needs a GPU."""
        return self.detect.uses_gpu

    def frames_in(self, item: SpotCheckWork) -> int:
        """Return the number of frames from the first to the last, which is the upper bound."""
        return item.frames[-1] - item.frames[0] + 1

    def open(self) -> Callable[[SpotCheckWork], pa.Table]:
        """Load the detector and start the decoding child, once per worker."""
        return _OpenedSpotCheck(self.detect)


class _OpenedSpotCheck:
    """Spot-checks frames in one worker."""

    def __init__(self, stage: Detect) -> None:
        self._source = stage.frame_source(n_decoders=1)
        self.close = self._source.close

    def __call__(self, work: SpotCheckWork) -> pa.Table:
        source, frames = self._source, np.array(work.frames, dtype=np.int64)
        references = source.references(work.evidence, work.scope, start=work.frames[0], stop=work.frames[-1] + 1)
        boxes: dict[int, Boxes | None] = dict.fromkeys(work.frames)  # None stays where a frame is a gap
        boxes |= dict(source.detector.detect(_without_gaps(source.read(work.evidence, frames)), references))
        return spot_check_table(list(boxes.items()), source.detector.class_names)


def _without_gaps(items: Iterable[Item]) -> Iterator[Frame]:
    return (item for item in items if isinstance(item, Frame))
