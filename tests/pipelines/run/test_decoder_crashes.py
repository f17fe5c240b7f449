"""Footage that crashes or stalls its decoder: which frames are lost, and which are tried again."""

import gc
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from forensics.custody.case_document import Case
from forensics.errors import DecoderLost
from forensics.footage.chunks import Chunk
from forensics.footage.timeline import PacketIndex
from pipelines.run.driver import RunResult
from pipelines.runners.worker_pool import WorkerPool
from pipelines.stages.detect import ChunkWork
from pipelines.stages.isolate_crash import isolate_crash
from pipelines.stages.model_loaders import ModelLoaders
from testing.painted_case import N_FRAMES, copy_case, make_painted_case, published_table, run
from testing.project import ROOT

POISON = ROOT / "testing" / "crashing_footage"
Poison = Callable[[str], None]


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    """Return a function that makes decoders crash, see `testing/crashing_footage/sitecustomize.py`."""
    monkeypatch.setenv("PYTHONPATH", f"{POISON}:{ROOT}")
    return lambda deeds: monkeypatch.setenv("POISON", deeds)


def covered(case: Case) -> list[tuple[int, int, str, str, bool]]:
    rows = published_table(case, "coverage").select("start_frame", "stop_frame", "state", "reason", "settled")
    return [tuple(row) for row in rows.iter_rows()]


def seen(case: Case) -> list[int]:
    return published_table(case, "detections").filter(pl.col("score") > 0.4)["frame"].to_list()


def tables_of(result: RunResult) -> list[tuple[str, str]]:
    return [(file["path"], file["sha256"]) for file in result.manifest["files"]]


@pytest.mark.parametrize(
    ("deed", "reason"), [("SIGSEGV", "decoder_died"), ("raise", "decoder_died"), ("spin", "decoder_hung")]
)
def test_a_group_that_kills_its_decoder_is_a_settled_gap_and_costs_nothing_else(
    case: Case, poison: Poison, deed: str, reason: str
) -> None:
    poison(f"gate 5 {deed}")
    result = run(case, "detect.hang_s=1")
    assert covered(case) == [(0, 4, "detected", "", True), (4, 8, "gap", reason, True), (8, 12, "detected", "", True)]
    assert seen(case) == [0, 1, 2, 3, 8, 9, 10, 11]
    (detail,) = published_table(case, "coverage").filter(pl.col("state") == "gap")["detail"]
    assert detail.startswith("alone in a fresh decoder, twice: ")
    assert not result.is_clean
    assert result.failures == ()


def test_lost_frames_do_not_depend_on_chunks(painted_once: Case, case: Case, poison: Poison, tmp_path: Path) -> None:
    poison("gate 5 SIGSEGV; gate 9 raise")
    by_groups = dict(tables_of(run(case)))
    whole = dict(tables_of(run(copy_case(painted_once, tmp_path / "again"), "chunk.seconds=60")))
    for table in ("coverage", "detections"):
        assert by_groups[f"{table}.parquet"] == whole[f"{table}.parquet"]


def test_a_crash_that_does_not_repeat_alone_loses_nothing(case: Case, poison: Poison, tmp_path: Path) -> None:
    poison(f"gate 5 SIGSEGV {tmp_path / 'once'}")
    result = run(case, "chunk.seconds=60")
    assert (tmp_path / "once").exists()
    assert covered(case) == [(0, N_FRAMES, "detected", "", True)]
    assert result.is_clean


@pytest.mark.parametrize(("deed", "reason"), [("SIGKILL", "DecoderLost"), ("sleep", "DecoderLost")])
def test_a_killed_or_stalled_decoder_is_an_unsettled_gap_that_the_next_run_fills(
    case: Case, poison: Poison, deed: str, reason: str
) -> None:
    poison(f"gate 5 {deed}")
    lost = run(case, "run.stall_s=1")
    assert covered(case)[1] == (4, 8, "gap", reason, False)
    assert [failure.unit for failure in lost.failures] == ["frames 4-7"]
    poison("")
    again = run(case)
    assert covered(case) == [(0, N_FRAMES, "detected", "", True)]
    assert again.is_clean


# ---- what kills the worker itself, the detector included

GROUPS = Chunk("e", 0, 12)


def pieces_of(kill: Callable[[ChunkWork], DecoderLost | None]) -> list[tuple[str, int, int]]:
    """Return the outcome of each piece of twelve frames, with a keyframe every third, where some kill their process."""

    def detect_chunk(work: ChunkWork) -> Any:
        lost = kill(work)
        if lost is not None:
            raise lost
        return pa.table({"what": ["seen"], "start": [work.chunk.start], "stop": [work.chunk.stop]})

    def lost(work: ChunkWork, detail: str) -> Any:
        assert "SIGSEGV" in detail
        return pa.table({"what": ["lost"], "start": [work.chunk.start], "stop": [work.chunk.stop]})

    index = PacketIndex(np.arange(12), np.arange(12) % 3 == 0, np.ones(12, int), np.zeros(12, bool), Fraction(1, 25))
    work = ChunkWork(GROUPS, cast("Any", None), cast("Any", None), "unit")
    tables = isolate_crash(work, index.keyframes, detect_chunk, lost)
    return [tuple(row.values()) for table in tables for row in table.to_pylist()]


CRASH = DecoderLost(Path("f"), "died", "signal SIGSEGV", True)


def test_the_deadly_group_is_found_by_halving_and_all_others_are_seen() -> None:
    assert pieces_of(lambda work: CRASH if work.chunk.start <= 7 < work.chunk.stop else None) == [
        ("seen", 0, 6),
        ("lost", 6, 9),
        ("seen", 9, 12),
    ]


def test_groups_that_crash_only_together_lose_nothing() -> None:
    assert pieces_of(lambda work: CRASH if work.chunk.n_frames > 3 else None) == [
        ("seen", start, start + 3) for start in (0, 3, 6, 9)
    ]


def test_a_crash_that_does_not_repeat_is_no_gap() -> None:
    crashed: list[int] = []

    def once(work: ChunkWork) -> DecoderLost | None:
        if work.chunk.n_frames == 3 and work.chunk.start not in crashed:
            crashed.append(work.chunk.start)
            return CRASH
        return CRASH if work.chunk.n_frames > 3 else None

    assert [what for what, _, _ in pieces_of(once)] == ["seen"] * 4


def test_a_kill_is_not_blamed_on_the_footage() -> None:
    with pytest.raises(DecoderLost, match="SIGKILL"):
        pieces_of(lambda _: DecoderLost(Path("f"), "died", "signal SIGKILL"))


@pytest.mark.parametrize("is_deadly", [True, False])
def test_a_detector_that_crashes_on_a_picture_costs_that_group_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_deadly: bool
) -> None:
    """The real stage, in real workers of Ray, and the real detector in a process of its own."""
    from pipelines.runners.ray import RayCluster, RayHost

    case = make_painted_case(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{POISON}:{ROOT}")
    monkeypatch.setenv("POISON_DETECTOR", "5 SIGSEGV" if is_deadly else "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with WorkerPool(RayHost(RayCluster(None, 1), 1)) as pool:
            run(case, "chunk.seconds=60", runner=pool, load_detector=ModelLoaders().load_detector)
        gc.collect()
    lost = [("gap", "detector_died", True, 4, 8)] if is_deadly else []
    rows = published_table(case, "coverage").filter(pl.col("state") == "gap")
    assert [tuple(row) for row in rows.select("state", "reason", "settled", "start_frame", "stop_frame").rows()] == lost
