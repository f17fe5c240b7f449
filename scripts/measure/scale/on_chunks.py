"""A hundred thousand chunks, planned, and handed to workers that answer at once with a part of no boxes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pyarrow as pa

from forensics.models.model_store import resolve
from forensics.tables.parts import DetectRows
from pipelines.custody.case_store import load_case
from pipelines.run.driver import plan_run
from pipelines.runners.ray import RayRunner, connected
from pipelines.settings import load_settings
from pipelines.stages.detect import ChunkWork
from pipelines.stages.port import Done
from scripts.measure.scale.campus import campus
from scripts.measure.scale.instant_detector import network_that_answers_at_once
from scripts.measure.scale.measured_command import ended

__all__ = ["on_chunks"]

_WORKERS = 2
_LOOK_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Unseen:
    """Answers with the part of a chunk of which nothing was looked at; opens no footage.

    Attributes:
        name: of the stage.
    """

    name: ClassVar[str] = "detect"

    def frames_in(self, item: ChunkWork) -> int:
        """The chunk's."""
        return item.chunk.n_frames

    def open(self) -> Callable[[ChunkWork], pa.Table]:
        """Nothing is loaded."""
        return _unseen


def _unseen(work: ChunkWork) -> pa.Table:
    return DetectRows(work.chunk, work.scope).table()


def on_chunks(folder: Path, *, n_cameras: int, seconds: int) -> dict[str, Any]:
    """Seconds to plan and to hand out a chunk for every group of pictures of so many cameras, and memory of the driver.

    Args:
        folder: empty, on a disk that holds the case.
        n_cameras: one file each.
        seconds: of each file; each second has two and a half groups.
    """
    case, keys = folder / "case", folder / "keys"
    model = network_that_answers_at_once(folder / "at-once")
    ended("case", "init", case, "--purpose", "scale", "--operator", "scale", "--json", keys=keys)
    for path in campus(folder / "footage", n_cameras, seconds):
        ended("ingest", case, path, "--camera", path.stem, "--json", keys=keys)
    settings = ("--model", model, "--set", "chunk.seconds=0.1", "--json")
    planned = ended("run", case, *settings, "--dry-run", keys=keys)
    this, before = psutil.Process(), psutil.Process().memory_info().rss
    resolved = resolve(str(model), trusted_sha256=frozenset())
    plan = plan_run(load_case(case), load_settings(None, (f"detect.model={model}", "chunk.seconds=0.1")), resolved)
    works = [ChunkWork(each.chunk, each.evidence, each.scope) for each in plan.chunks_to_do()]
    most = n_done = 0
    with connected(None, _WORKERS):
        began = time.monotonic()
        for outcome in RayRunner(_WORKERS).map(Unseen(), works):
            n_done += isinstance(outcome, Done)
            if n_done % _LOOK_EVERY == 0:
                most = max(most, this.memory_info().rss)
        spent = time.monotonic() - began
    if n_done != len(works):
        raise SystemExit(f"{n_done} of {len(works)} chunks were answered")
    return {
        "chunks": len(works),
        "plan_s": round(planned.seconds, 1),
        "plan_driver_mib": planned.driver_bytes >> 20,
        "handed_out_s": round(spent, 1),
        "ms_a_chunk": round(spent / len(works) * 1000, 2),
        "driver_mib": most >> 20,
        "of_which_before_mib": before >> 20,
    }
