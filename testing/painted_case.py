"""A case of one painted clip, and a detector that reads the painted number and returns known boxes."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from forensics.custody.case_document import Case
from forensics.custody.mandate import Mandate, Mode
from forensics.decoding.child import Limits
from forensics.detection.detections import Boxes
from forensics.detection.detector import Detector
from forensics.footage.frames import Frame, View
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.models.model_store import BUILTIN
from forensics.tables.schemas import RUN_COLUMNS
from pipelines.custody.case_store import load_case, make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.intake.ingest import ingest
from pipelines.intake.ingest_item import IngestItem
from pipelines.load_settings import load_settings
from pipelines.run.driver import RunResult, run_case
from pipelines.run.metrics import RunMetrics
from pipelines.run.progress import NoProgress, Progress
from pipelines.runners.serial import SerialRunner
from pipelines.stages.detection_context import DetectorLoader
from pipelines.stages.port import Runner
from testing.given_detector import GivenDetector
from testing.painted.encode import Recipe, encode
from testing.painted.picture import number_in

__all__ = [
    "CHUNKS",
    "N_FRAMES",
    "START_US",
    "PaintedDetector",
    "copy_case",
    "make_painted_case",
    "published_table",
    "run",
]

N_FRAMES = 12
RATE = Fraction(5)
CHUNKS = ((0, 4), (4, 8), (8, 12))
START_US = 1_777_629_600_000_000  # 2026-05-01T10:00:00Z
_SETTINGS = ("chunk.seconds=0.8", "run.stall_s=20")


@dataclass(frozen=True, slots=True)
class PaintedDetector:
    """Implements `Detector`: one walker in every frame, and a second box in frame 6 only.

    Attributes:
        failing: painted numbers of the frames at which it raises.
    """

    failing: frozenset[int] = field(default=frozenset())
    class_names: tuple[str, ...] = ("person",)
    view: View = field(default=View(160, 96))

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        return np.array([], dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        for frame in frames:
            number = number_in(frame.rgb)
            assert number is not None
            if number in self.failing:
                raise RuntimeError(f"cannot detect in frame {number}")
            yield frame.number, _boxes_of(number)


def _boxes_of(number: int) -> Boxes:
    rows = [(*walker_xyxy(number), walker_score(number))]
    if number == 6:
        rows.append((120, 8, 130, 28, 0.25))
    values = np.array(rows, dtype=np.float32)
    return Boxes(values[:, :4], values[:, 4], np.zeros(len(rows), dtype=np.int64))


_PAINTED = PaintedDetector()


def walker_xyxy(number: int) -> tuple[int, int, int, int]:
    return (10 + number % 64, 20, 40 + number % 64, 80)


def walker_score(number: int) -> float:
    """Return a score that float32 holds exactly; it rises, so that the last frame has the best one."""
    return 0.5 + number / 256


def make_painted_case(folder: Path, **given: Any) -> Case:
    """Make a case below `folder` with twelve frames of camera ``gate``, a keyframe every fourth."""
    clip = encode(
        folder / "gate.mp4",
        Recipe(options={"preset": "ultrafast", "bf": "0"}, rate=RATE, gop=4),
        [number / RATE for number in range(N_FRAMES)],
    )
    return make_case_of(folder / "case", IngestItem(clip, "gate", **given))


def make_case_of(root: Path, *given: IngestItem) -> Case:
    mandate = Mandate(Mode.SCENE, title="t", purpose="p", operator="o")
    case = make_case(root, mandate, now=datetime(2026, 5, 2, tzinfo=UTC))
    with open_session(root, "ingest", need=Need.WORK) as session:
        ingest(session.files, given, limits=Limits(), on_source=lambda source: None)
    return case


def copy_case(case: Case, root: Path) -> Case:
    """Copy a case."""
    shutil.copytree(case.folder.root, root)
    return load_case(root)


def run(
    case: Case,
    *assignments: str,
    progress: Progress | None = None,
    runner: Runner | None = None,
    metrics: RunMetrics | None = None,
    detector: Detector = _PAINTED,
    load_detector: DetectorLoader | None = None,
) -> RunResult:
    """Run the case, in this process unless a runner is given; the case is read from disk, as a command reads it.

    Args:
        case: what to run.
        assignments: settings, each NAME=VALUE.
        progress: what shows the progress; None shows none.
        runner: where the work is done; None does it in this process.
        metrics: what an administrator watches.
        detector: finds the boxes.
        load_detector: opens the detector in a worker, such as a real one; None opens `detector`.
    """
    with open_session(case.folder.root, "run", need=Need.WORK) as session:
        return run_case(
            session.case,
            load_settings(None, (*_SETTINGS, *assignments)),
            BUILTIN,
            files=session.files,
            runner=runner or SerialRunner(retries=1),
            progress=progress or NoProgress(),
            metrics=metrics,
            load_detector=load_detector or GivenDetector(detector),
        )


def published_table(case: Case, name: str) -> pl.DataFrame:
    """Read a published table, without the columns that name the run."""
    return pl.read_parquet(case.folder.tables / f"{name}.parquet").drop(RUN_COLUMNS)
