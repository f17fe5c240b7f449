"""A case of one painted clip, and a detector that reads the painted number and answers with known boxes."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from forensics.custody.mandate import Mandate, Mode
from forensics.decoding.child import Limits
from forensics.detection.detections import Boxes
from forensics.footage.frames import Frame, View
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.models.model_store import BUILTIN
from pipelines.custody.case_document import Case
from pipelines.custody.case_store import load_case, make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.intake.ingest import Given, ingest
from pipelines.run.driver import RunResult, run_case
from pipelines.run.metrics import RunMetrics
from pipelines.run.progress import NoProgress, Progress
from pipelines.runners.serial import SerialRunner
from pipelines.settings import load_settings
from pipelines.stages.port import Runner
from testing.painted.encode import Recipe, encode
from testing.painted.picture import number_in

__all__ = ["CHUNKS", "N_FRAMES", "START_US", "PaintedDetector", "copied", "make_painted_case", "run", "table"]

N_FRAMES = 12
RATE = Fraction(5)
CHUNKS = ((0, 4), (4, 8), (8, 12))
START_US = 1_777_629_600_000_000  # 2026-05-01T10:00:00Z
_SETTINGS = ("chunk.seconds=0.8", "run.stall_s=20")


@dataclass(frozen=True, slots=True)
class PaintedDetector:
    """Fills `Detector`: one walker in every frame, and something fleeting in frame 6.

    Attributes:
        failing: painted numbers at which it raises.
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
                raise RuntimeError(f"cannot bear number {number}")
            yield frame.number, _boxes_of(number)


def _boxes_of(number: int) -> Boxes:
    rows = [(*walker_xyxy(number), walker_score(number))]
    if number == 6:
        rows.append((120, 8, 130, 28, 0.25))
    values = np.array(rows, dtype=np.float32)
    return Boxes(values[:, :4], values[:, 4], np.zeros(len(rows), dtype=np.int64))


def walker_xyxy(number: int) -> tuple[int, int, int, int]:
    return (10 + number % 64, 20, 40 + number % 64, 80)


def walker_score(number: int) -> float:
    """A number that float32 holds exactly; it rises, so that the last frame is the best."""
    return 0.5 + number / 256


def make_painted_case(folder: Path, **given: Any) -> Case:
    """A case below `folder` whose camera ``gate`` took twelve frames, a keyframe every fourth."""
    clip = encode(
        folder / "gate.mp4",
        Recipe(options={"preset": "ultrafast", "bf": "0"}, rate=RATE, gop=4),
        [number / RATE for number in range(N_FRAMES)],
    )
    return make_case_of(folder / "case", Given(clip, "gate", **given))


def make_case_of(root: Path, *given: Given) -> Case:
    mandate = Mandate(Mode.SCENE, title="t", purpose="p", operator="o")
    case = make_case(root, mandate, now=datetime(2026, 5, 2, tzinfo=UTC))
    with open_session(root, "ingest", need=Need.WORK) as session:
        ingest(session.files, given, limits=Limits(), on_source=lambda source: None)
    return case


def copied(case: Case, root: Path) -> Case:
    """The same case once more, before any run."""
    shutil.copytree(case.folder.root, root)
    return load_case(root)


def run(
    case: Case,
    *assignments: str,
    progress: Progress | None = None,
    runner: Runner | None = None,
    metrics: RunMetrics | None = None,
) -> RunResult:
    """One run, in this process unless a runner says where; the case is read anew, as a command would."""
    with open_session(case.folder.root, "run", need=Need.WORK) as session:
        return run_case(
            session.case,
            load_settings(None, (*_SETTINGS, *assignments)),
            BUILTIN,
            files=session.files,
            runner=runner or SerialRunner(retries=1),
            progress=progress or NoProgress(),
            metrics=metrics,
        )


def table(case: Case, name: str) -> pl.DataFrame:
    """A published table."""
    return pl.read_parquet(case.folder.tables / name / "*.parquet")
