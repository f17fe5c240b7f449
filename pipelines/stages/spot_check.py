"""Frames that the gate passed over, drawn by lot and looked at all the same: what is in them decides about no track."""

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
from pipelines.stages.detection_context import FrameSource

__all__ = ["SpotCheck", "SpotCheckWork", "works_for"]

# Enough that a worker is busy for seconds, few enough that all workers have some.
_FRAMES_PER_WORK: Final = 25


@dataclass(frozen=True, slots=True)
class SpotCheckWork:
    """Some of the frames of one evidence that were drawn.

    Attributes:
        evidence: whose.
        scope: which of its frames the case may look at.
        frames: increasing.
        unit: the name of what is made of them.
    """

    evidence: Evidence
    scope: Scope
    frames: tuple[int, ...]
    unit: str


def works_for(evidence: Evidence, scope: Scope, drawn: Int64Array, facts: dict[str, object]) -> list[SpotCheckWork]:
    """The frames that the lot fell on, in groups.

    Args:
        evidence: whose.
        scope: which of its frames the case may look at.
        drawn: (N,) int64, increasing.
        facts: what decides what is seen in a frame.
    """
    groups = np.split(drawn, np.arange(_FRAMES_PER_WORK, len(drawn), _FRAMES_PER_WORK)) if len(drawn) else []
    return [
        SpotCheckWork(evidence, scope, tuple(group), digest_of({**facts, "audited": group}))
        for group in (each.tolist() for each in groups)
    ]


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """Looks at single frames.

    Attributes:
        detect: what looked at the others.
    """

    detect: Detect
    name: ClassVar[str] = "audit"

    @property
    def uses_gpu(self) -> bool:
        """Whether a worker needs one of its own."""
        return self.detect.uses_gpu

    def frames_in(self, item: SpotCheckWork) -> int:
        """All from the first to the last, if each has to be decoded."""
        return item.frames[-1] - item.frames[0] + 1

    def open(self) -> Callable[[SpotCheckWork], pa.Table]:
        """Load the detector and start the decoding child, once per worker."""
        return _Opened(self.detect)


class _Opened:
    def __init__(self, stage: Detect) -> None:
        self._looker = FrameSource(stage.settings, stage.model, stage.case, stage.limits)
        self.close = self._looker.close

    def __call__(self, work: SpotCheckWork) -> pa.Table:
        looker, frames = self._looker, np.array(work.frames, dtype=np.int64)
        references = looker.references(work.evidence, work.scope, start=work.frames[0], stop=work.frames[-1] + 1)
        seen: dict[int, Boxes | None] = dict.fromkeys(work.frames)
        seen |= dict(looker.detector.detect(_only_frames(looker.read(work.evidence, frames)), references))
        return spot_check_table(list(seen.items()), looker.detector.class_names)


def _only_frames(items: Iterable[Item]) -> Iterator[Frame]:
    return (item for item in items if isinstance(item, Frame))
