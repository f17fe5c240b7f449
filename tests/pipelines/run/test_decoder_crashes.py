"""Footage that crashes its decoder or keeps it busy for ever: what is lost, what is not, and what is tried again."""

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

from forensics.errors import DecoderLost
from forensics.footage.chunks import Chunk
from forensics.footage.timeline import PacketIndex
from pipelines.custody.case_document import Case
from pipelines.run.driver import RunResult
from pipelines.stages.detect import ChunkWork
from pipelines.stages.isolate_crash import isolate_crash
from testing.painted_case import N_FRAMES, PaintedDetector, make_painted_case, run, table
from testing.project import ROOT

POISON = ROOT / "testing" / "crashing_footage"
Poison = Callable[[str], None]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr("pipelines.stages.detection_context.load_detector", lambda *_: PaintedDetector())
    return make_painted_case(tmp_path)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    """Whatever is decoded from now on is poisonous as `testing/crashing_footage/sitecustomize.py` says."""
    monkeypatch.setenv("PYTHONPATH", f"{POISON}:{ROOT}")
    return lambda deeds: monkeypatch.setenv("POISON", deeds)


def covered(case: Case) -> list[tuple[int, int, str, str, bool]]:
    rows = table(case, "coverage").select("start_frame", "stop_frame", "state", "reason", "settled")
    return [tuple(row) for row in rows.iter_rows()]


def seen(case: Case) -> list[int]:
    return table(case, "detections").filter(pl.col("score") > 0.4)["frame"].to_list()


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
    (detail,) = table(case, "coverage").filter(pl.col("state") == "gap")["detail"]
    assert detail.startswith("alone in a fresh decoder, twice: ")
    assert not result.is_clean
    assert result.failures == ()


def test_what_is_lost_does_not_depend_on_how_the_work_is_cut(case: Case, poison: Poison, tmp_path: Path) -> None:
    poison("gate 5 SIGSEGV; gate 9 raise")
    again = tmp_path / "again"
    again.mkdir()
    by_groups = run(case)
    whole = run(make_painted_case(again), "chunk.seconds=60")
    assert dict(tables_of(by_groups))["coverage/part-0.parquet"] == dict(tables_of(whole))["coverage/part-0.parquet"]
    assert (
        dict(tables_of(by_groups))["detections/part-0.parquet"] == (dict(tables_of(whole))["detections/part-0.parquet"])
    )


def test_a_crash_that_does_not_repeat_alone_loses_nothing(case: Case, poison: Poison, tmp_path: Path) -> None:
    poison(f"gate 5 SIGSEGV {tmp_path / 'once'}")
    result = run(case, "chunk.seconds=60")
    assert (tmp_path / "once").exists()
    assert covered(case) == [(0, N_FRAMES, "detected", "", True)]
    assert result.is_clean


@pytest.mark.parametrize(("deed", "reason"), [("SIGKILL", "DecoderLost"), ("sleep", "DecoderLost")])
def test_bad_luck_is_unsettled_and_leaves_no_trace_in_the_next_run(
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
    """What becomes of twelve frames with a keyframe every third, where some pieces kill their process."""

    def alone(work: ChunkWork) -> Any:
        lost = kill(work)
        if lost is not None:
            raise lost
        return pa.table({"what": ["seen"], "start": [work.chunk.start], "stop": [work.chunk.stop]})

    def lost(work: ChunkWork, detail: str) -> Any:
        assert "SIGSEGV" in detail
        return pa.table({"what": ["lost"], "start": [work.chunk.start], "stop": [work.chunk.stop]})

    index = PacketIndex(np.arange(12), np.arange(12) % 3 == 0, np.ones(12, int), np.zeros(12, bool), Fraction(1, 25))
    work = ChunkWork(GROUPS, cast("Any", None), cast("Any", None))
    tables = isolate_crash(work, index.keyframes, alone, lost)
    return [tuple(row.values()) for table in tables for row in table.to_pylist()]


CRASH = DecoderLost(Path("f"), "died", "signal SIGSEGV", True)


def test_the_deadly_group_is_found_by_halving_and_all_others_are_seen() -> None:
    assert pieces_of(lambda work: CRASH if work.chunk.start <= 7 < work.chunk.stop else None) == [
        ("seen", 0, 6),
        ("lost", 6, 9),
        ("seen", 9, 12),
    ]


def test_what_kills_only_in_company_loses_nothing() -> None:
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


def test_a_kill_settles_nothing() -> None:
    with pytest.raises(DecoderLost, match="SIGKILL"):
        pieces_of(lambda _: DecoderLost(Path("f"), "died", "signal SIGKILL"))


@pytest.mark.parametrize("is_deadly", [True, False])
def test_a_detector_that_crashes_on_a_picture_costs_that_group_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_deadly: bool
) -> None:
    """The real stage, in real workers of Ray, and the real detector in a process of its own."""
    from pipelines.runners.ray import RayRunner, connected

    case = make_painted_case(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{POISON}:{ROOT}")
    monkeypatch.setenv("POISON_DETECTOR", "5 SIGSEGV" if is_deadly else "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with connected(None, 1):
            run(case, "chunk.seconds=60", runner=RayRunner(1, retries=1))
        gc.collect()
    lost = [("gap", "detector_died", True, 4, 8)] if is_deadly else []
    rows = table(case, "coverage").filter(pl.col("state") == "gap")
    assert [tuple(row) for row in rows.select("state", "reason", "settled", "start_frame", "stop_frame").rows()] == lost
