"""The survival campaign: three of its drills, and that its checks can fail."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from scripts.measure.campaign import Outcome
from scripts.measure.drill.__main__ import all_drills, run_drill
from scripts.measure.drill.job import N_CAMERAS, Job, first_difference
from scripts.measure.drill.trial import Trial

_HERE = (
    "driver of serial killed after 6 parts",
    "killed publishing again between the old tables and the new",
    "disk full when a table is written",
)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Make the job that drills disturb."""
    return Job.make(tmp_path_factory.mktemp("drill"))


@pytest.fixture
def trial(job: Job, tmp_path: Path) -> Iterator[Trial]:
    """Of a case that is as it should be."""
    trial = Trial(job, tmp_path / "trial", random.Random(1))
    trial.folder.mkdir()
    shutil.copytree(job.finished, trial.root)
    yield trial
    trial.clean_up()


def test_there_are_more_than_a_hundred_drills_and_each_has_a_name() -> None:
    names = [drill.name for drill in all_drills()]
    assert len(names) == len(set(names)) > 100
    assert set(_HERE) <= set(names)


def test_the_job_reads_frames_that_need_history_and_sections_and_finds_a_person_in_each(job: Job) -> None:
    def table(name: str) -> pl.DataFrame:
        return pl.read_parquet(job.finished / "tables" / f"{name}.parquet")

    indexes = list(job.case.glob("evidence/index/*.parquet"))
    assert len(indexes) == N_CAMERAS
    assert sum(b"forensics.recovery_frames" in pq.read_schema(path).metadata for path in indexes) == 2
    assert table("sections")["section"].to_list().count(2) == 1
    assert table("sightings")["camera_id"].n_unique() == N_CAMERAS
    assert "gap" not in set(table("coverage")["state"])


@pytest.mark.parametrize("name", _HERE)
def test_a_drill_is_survived(job: Job, tmp_path: Path, name: str) -> None:
    (drill,) = [drill for drill in all_drills() if drill.name == name]
    outcome = run_drill(drill, tmp_path / "trial", job=job, seed=1)
    if outcome.outcome is Outcome.NOT_RUN:
        pytest.skip(outcome.detail)
    assert (outcome.outcome, outcome.detail) == (Outcome.SURVIVED, "")


def test_an_undisturbed_case_passes(trial: Trial) -> None:
    trial.check_result()
    assert trial.problems == []


@pytest.mark.parametrize("table", ["detections", "coverage", "sightings"])
def test_lost_double_and_changed_rows_are_seen(trial: Trial, table: str) -> None:
    path = trial.root / "tables" / f"{table}.parquet"
    rows = pl.read_parquet(path)
    for altered, word in (
        (rows.slice(1), "lost"),
        (pl.concat([rows, rows.slice(0, 1)]), "too often"),
        (rows.with_columns(pl.lit("x").alias("evidence_id")), "lost"),
        (rows.reverse() if len(rows) > 2 else rows, "the same rows in other bytes"),
    ):
        altered.write_parquet(path)
        assert word in first_difference(trial.job.finished, trial.root)


def test_parts_that_were_made_again_and_files_that_were_left_are_seen(trial: Trial) -> None:
    trial.kept_parts = {"runs/r/parts/detect/0.parquet": (1, 1)}
    (trial.root / "evidence" / ".evidence.parquet.0123abcd.tmp").touch()
    trial.check_result()
    assert [problem.split(" such")[0] for problem in trial.problems] == [
        "1 existing parts were computed again,",
        "1 temporary files were left,",
    ]


def test_a_log_without_its_last_line_is_seen(trial: Trial) -> None:
    log = trial.root / "audit.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:1], *lines[2:]]))
    trial.check_result()
    assert any(problem.startswith("verify ended with 5") for problem in trial.problems)
    assert any(problem.startswith("the log: ") for problem in trial.problems)
