"""Plan a hundred thousand chunks and send them to workers that answer at once with an empty part."""

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
from pipelines.load_settings import load_settings
from pipelines.run.driver import plan_run
from pipelines.runners.ray import RayCluster, RayHost
from pipelines.runners.worker_pool import WorkerPool
from pipelines.stages.detect import ChunkWork
from pipelines.stages.port import Done
from scripts.measure.scale.campus import make_campus
from scripts.measure.scale.instant_detector import write_instant_network
from scripts.measure.scale.measured_command import run_forensics

__all__ = ["measure_chunks"]

_WORKERS = 2
_MEASURE_EVERY = 1000


@dataclass(frozen=True, slots=True)
class EmptyDetect:
    """Returns the part of a chunk without any detected frame; opens no footage.

    Attributes:
        name: of the stage.
    """

    name: ClassVar[str] = "detect"

    def frames_in(self, item: ChunkWork) -> int:
        """Return the number of frames of the chunk."""
        return item.chunk.n_frames

    def open(self) -> Callable[[ChunkWork], pa.Table]:
        """Return the work; nothing is loaded."""
        return _empty_part


def _empty_part(work: ChunkWork) -> pa.Table:
    return DetectRows(work.chunk, work.scope).table()


def measure_chunks(folder: Path, *, n_cameras: int, seconds: int) -> dict[str, Any]:
    """Measure planning and scheduling with one chunk for each group of pictures, and the memory of the driver.

    Args:
        folder: an empty folder on a disk with space for the case.
        n_cameras: number of cameras, with one file each.
        seconds: of each file; a second has two and a half groups of pictures.
    """
    case, keys = folder / "case", folder / "keys"
    model = write_instant_network(folder / "at-once")
    run_forensics("case", "init", case, "--purpose", "scale", "--operator", "scale", "--json", keys=keys)
    for path in make_campus(folder / "footage", n_cameras, seconds):
        run_forensics("ingest", case, path, "--camera", path.stem, "--json", keys=keys)
    settings = ("--model", model, "--set", "chunk.seconds=0.1", "--json")
    planned = run_forensics("run", case, *settings, "--dry-run", keys=keys)
    process, before = psutil.Process(), psutil.Process().memory_info().rss
    resolved = resolve(str(model), trusted_sha256=frozenset())
    plan = plan_run(load_case(case), load_settings(None, (f"detect.model={model}", "chunk.seconds=0.1")), resolved)
    works = [ChunkWork(each.chunk, each.evidence, each.scope, each.unit) for each in plan.chunks_to_do()]
    peak_bytes = n_done = 0
    with RayCluster(None, _WORKERS), WorkerPool(RayHost(None, _WORKERS)) as pool:
        start_s = time.monotonic()
        for outcome in pool.map(EmptyDetect(), works):
            n_done += isinstance(outcome, Done)
            if n_done % _MEASURE_EVERY == 0:
                peak_bytes = max(peak_bytes, process.memory_info().rss)
        duration_s = time.monotonic() - start_s
    if n_done != len(works):
        raise SystemExit(f"{n_done} chunks were done, expected {len(works)}")
    return {
        "chunks": len(works),
        "plan_s": round(planned.seconds, 1),
        "plan_driver_mib": planned.driver_bytes >> 20,
        "handed_out_s": round(duration_s, 1),
        "ms_a_chunk": round(duration_s / len(works) * 1000, 2),
        "driver_mib": peak_bytes >> 20,
        "of_which_before_mib": before >> 20,
    }
