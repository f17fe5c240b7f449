"""Tables of a run that another one has replaced: where they are, and that both together are one table."""

from pathlib import Path

import polars as pl

from testing.commands import Call, clip

_SERIAL = ("--runner", "serial", "--quiet")


def test_a_run_says_where_the_tables_of_the_run_before_are(call: Call, empty_case: Path, tmp_path: Path) -> None:
    assert call("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate").code == 0
    first = call("run", empty_case, *_SERIAL, "--json").json
    assert first["replaced_run"] is None
    assert call("run", empty_case, *_SERIAL, "--json").json["replaced_run"] is None
    changed = ("--set", "detect.fps=2")
    answer = call("run", empty_case, *_SERIAL, *changed)
    before = empty_case / "runs" / first["run"] / "tables"
    assert f"the tables before, of run {first['run']} with model builtin-1" in answer.out
    assert answer.out.count(str(before)) == 1
    both = pl.read_parquet(empty_case / "runs/*/tables/coverage.parquet").group_by("run_id").agg(pl.len()).height
    assert (both, before.is_dir()) == (2, True)
