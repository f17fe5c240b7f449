"""docs/tables.md: every column is described, every query runs, and Polars and DuckDB give the same answer."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import forensics
from forensics.detection.detections import Boxes
from forensics.footage.frames import Frame
from forensics.tables.schemas import CANDIDATES, PUBLISHED, RUN_COLUMNS
from testing.commands import Call, clip, new_case
from testing.painted_case import PaintedDetector
from testing.project import ROOT

_PAGE = (ROOT / "docs" / "tables.md").read_text()
_QUERIES = re.findall(r"\*\*(\d+)\. .*?```python\n(.*?)```\n```sql\n(.*?)```", _PAGE, re.DOTALL)
_PREAMBLE = re.search(r"```python\n(from datetime.*?)```", _PAGE, re.DOTALL)
_UTC = pl.Datetime("us", "UTC")
# painted frames have nothing in common, like pictures after a cut
_SERIAL = ("--runner", "serial", "--quiet", "--set", "track.cuts=false", "--set", "detect.fps=5")


class _TwoPeople(PaintedDetector):
    """Finds the walker, and somebody who stands still in every frame."""

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        for number, boxes in super().detect(frames, references):
            xyxy = np.concatenate([boxes.xyxy, np.array([[110, 40, 140, 90]], dtype=np.float32)])
            score = np.append(boxes.score, np.float32(0.75))
            yield number, Boxes(xyxy, score, np.zeros(len(xyxy), dtype=np.int64))


@pytest.fixture
def folder(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two cases after their runs, `my-case` and `other-case`, which is the current folder."""
    call.use_detector(_TwoPeople())
    for number, name in enumerate(("my-case", "other-case")):
        case = new_case(call, tmp_path / name)
        for camera, second in (("gate", 0), ("gate", 20), ("hall", 1)):
            footage = clip(tmp_path / f"{name}-{camera}-{second}.mp4", n_frames=75 + number, seed=second)
            start = ("--start", f"2026-05-01T10:00:{second:02}Z", "--clock-error", "1s")
            assert call("ingest", case, footage, "--camera", camera, *start).code == 0
        assert call("run", case, *_SERIAL).code == 0
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _polars(code: str) -> pl.DataFrame:
    """Return what the last expression of a block of the page gives."""
    assert _PREAMBLE is not None
    *before, last = ast.parse(f"{_PREAMBLE[1]}\n{code}").body
    assert isinstance(last, ast.Expr)
    known: dict[str, Any] = {}
    exec(compile(ast.Module(before, []), "tables.md", "exec"), known)
    answer = eval(compile(ast.Expression(last.value), "tables.md", "eval"), known).collect()
    assert isinstance(answer, pl.DataFrame)
    return answer


def _duckdb(query: str) -> pl.DataFrame:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    answer = pl.from_arrow(connection.sql(query).to_arrow_table())
    assert isinstance(answer, pl.DataFrame)
    return answer


def _rows(answer: pl.DataFrame) -> list[tuple[Any, ...]]:
    plain = answer.with_columns(pl.col(pl.Float32).cast(pl.Float64), pl.col(pl.Datetime).dt.epoch("us"))
    return sorted(plain.rows(), key=repr)


def test_every_query_has_the_same_answer_in_polars_and_duckdb(folder: Path) -> None:
    assert [int(number) for number, *_ in _QUERIES] == list(range(1, 11))
    for number, python, sql in _QUERIES:
        one, other = _polars(python), _duckdb(sql)
        assert one.columns == other.columns, number
        assert _rows(one), number
        assert _rows(one) == _rows(other), number


def test_hours_of_two_days_and_the_two_hours_from_two_to_three_are_counted_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the night to 25 October 2026, 02:30 is 00:30 and 01:30 UTC in Berlin."""
    _, python, sql = _QUERIES[4]
    hours = [(24, 0, 30), (25, 0, 30), (25, 0, 45), (25, 1, 30), (25, 2, 30)]
    times = [datetime(2026, 10, *each, tzinfo=UTC) for each in hours]
    rows = pl.DataFrame({"camera_id": "gate", "first_utc": times}, schema_overrides={"first_utc": _UTC})
    target = tmp_path / "my-case" / "tables"
    target.mkdir(parents=True)
    rows.write_parquet(target / "sightings.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forensics, "open_case", lambda _: SimpleNamespace(sightings=rows.lazy))
    counted = {(24, 0): 1, (25, 0): 2, (25, 1): 1, (25, 2): 1}
    expected = {datetime(2026, 10, *each, tzinfo=UTC): number for each, number in counted.items()}
    for answer in (_polars(python), _duckdb(sql)):
        assert dict(answer.select(pl.col("hour").dt.convert_time_zone("UTC"), "len").iter_rows()) == expected


# ---- globs


def test_the_obvious_glob_is_one_table_of_all_cases(folder: Path) -> None:
    for name in PUBLISHED:
        glob = f"*-case/tables/{name}.parquet"
        n_rows = sum(pq.read_metadata(path).num_rows for path in folder.glob(glob))
        assert pl.scan_parquet(glob).collect().height == n_rows, name
        assert len(_duckdb(f"SELECT * FROM read_parquet('{glob}')")) == n_rows, name
        files = sorted(map(str, folder.glob(glob)))
        assert len(pd.read_parquet(files)) == ds.dataset(files).count_rows() == n_rows, name
    both = pl.scan_parquet("*-case/tables/sightings.parquet").select(pl.col("case_id").n_unique()).collect().item()
    assert both == 2


def test_tables_of_different_names_are_never_read_as_one(folder: Path) -> None:
    with pytest.raises(pl.exceptions.PolarsError):
        pl.scan_parquet("my-case/tables/*.parquet").collect()
    with pytest.raises(duckdb.Error):
        _duckdb("SELECT * FROM read_parquet('my-case/tables/*.parquet')")
    for read in (pd.read_parquet, pq.read_table, pl.read_parquet):
        with pytest.raises(Exception, match=r"(?i)parquet|schema|column|magic"):
            read("my-case/tables")


# ---- columns


def _described(table: str) -> set[str]:
    """Return the columns that the page describes for a table."""
    section = re.search(rf"^## {table}\n(.*?)(?=^## |\Z)", _PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None, table
    cells = re.findall(r"^\| ([a-z0-9_, ]+) \| .*\|$", section[1], re.MULTILINE)
    return {name.strip() for cell in cells for name in cell.split(",")} - {"column"}


@pytest.mark.parametrize("table", [*PUBLISHED, "candidates"])
def test_every_column_is_described(table: str) -> None:
    columns = set(CANDIDATES.names) | {"review_state"} if table == "candidates" else set(PUBLISHED[table].names)
    assert _described(table) == columns - set(RUN_COLUMNS)
