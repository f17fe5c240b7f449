"""Output formats of rows: text and pictures for people; CSV, JSON and Parquet for programs."""

import io
import sys
from collections.abc import Iterable
from typing import Any, Final

import polars as pl

from forensics.tables.open import OpenCase
from forensics.tables.schemas import CANDIDATES_TABLE
from forensics.wording import counted
from pipelines.cli.output import print_json, say, table_text

__all__ = ["SHOWN_LINES", "print_rows", "sightings_text"]

# Columns that say nothing in a run without a motion gate, without a calibration, or without doubtful frames.
_SHOWN_IF_KNOWN: Final = ("change", "log10_ratio", "doubtful", "n_doubtful")
_ERROR: Final = "±"
"""Column with the error of the clock, in words."""
# The main columns for people; --format csv, json and parquet give every column.
_SHOWN: Final = {
    "sightings": [
        *("camera_id", "class_name", "first_utc", "last_utc", _ERROR, "within", "first_s", "last_s"),
        *("n_doubtful", "sighting_id"),
    ],
    "coverage": [
        *("camera_id", "evidence_id", "start_frame", "stop_frame"),
        *("state", "reason", "change", "settled", "detail"),
    ],
    "evidence": [
        *("evidence_id", "camera_id", "path", "codec", "width", "height"),
        *("n_frames", "start_utc", "verdict", "reason"),
    ],
    CANDIDATES_TABLE: [
        *("sighting_id", "entry_id", "camera_id", "first_utc", _ERROR, "within", "rank", "decision", "review_state"),
        *("similarity", "margin", "log10_ratio", "n_faces", "reason"),
    ],
    "detections": [
        *("camera_id", "frame", "utc", "within", "class_name", "score"),
        *("x1", "y1", "x2", "y2", "doubtful", "track_id"),
    ],
}
# Thresholds are stated to three: what passes by 0.005 must not look equal.
_DECIMALS: Final = {CANDIDATES_TABLE: 3}
SHOWN_LINES: Final = 50


def print_rows(opened: OpenCase, found: pl.DataFrame, table: str, kind: str, *, limit: int | None) -> None:
    """Print rows of a table: ``table`` for people, `SHOWN_LINES` unless a limit is given; others with all columns."""
    if kind == "csv":
        nested = [name for name, dtype in found.schema.items() if isinstance(dtype, pl.List)]
        flat = found.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(" ") for name in nested)
        print(flat.write_csv(), end="")
    elif kind == "json":
        print_json(found.write_json())
    elif kind == "parquet":
        buffer = io.BytesIO()
        found.write_parquet(buffer)
        sys.stdout.buffer.write(buffer.getvalue())
    else:
        _print_table(opened, found, table, limit or SHOWN_LINES)


def _print_table(opened: OpenCase, found: pl.DataFrame, table: str, n_shown: int) -> None:
    shown = found.head(n_shown)
    if table == "sightings":
        print(sightings_text(opened, shown))
    elif table == CANDIDATES_TABLE:
        print(_candidates_text(shown))
    else:
        columns = _shown(found, table)
        print(table_text(columns, _rows_of(shown, columns), decimals=_DECIMALS.get(table, 2)))
    if len(found) > n_shown:
        left = counted(len(found) - n_shown, "more row", "more rows")
        say(f"{left}; use --limit N, or --format csv, json or parquet")


def _rows_of(found: pl.DataFrame, columns: Iterable[str]) -> list[list[Any]]:
    return [list(row) for row in found.select(columns).iter_rows()]


def _shown(found: pl.DataFrame, table: str) -> list[str]:
    """Return the columns that people need and that the rows have; tables of older versions lack some."""
    columns = [name for name in _SHOWN.get(table, found.columns) if name in found.columns]
    return [name for name in columns if name not in _SHOWN_IF_KNOWN or _says_something(found, name)]


def _says_something(found: pl.DataFrame, name: str) -> bool:
    """Whether a column holds anything but nulls, zeros and false."""
    return bool((found[name].cast(pl.Float64).fill_null(0) != 0).any())


def _candidates_text(found: pl.DataFrame) -> str:
    """Return candidates as text for people."""
    named = found.rename({"log10_likelihood_ratio": "log10_ratio"}).with_columns(_error_text())
    columns = _shown(named, CANDIDATES_TABLE)
    return table_text(columns, _rows_of(named, columns), decimals=_DECIMALS[CANDIDATES_TABLE])


def sightings_text(opened: OpenCase, found: pl.DataFrame) -> str:
    """Return sightings as text for people.

    The recording and its id are shown where one camera has several recordings; seconds in it where a time is unknown.
    """
    is_timed = found["first_utc"].is_not_null()
    found = found.with_columns(_error_text()) if is_timed.any() else found.drop("first_utc", "last_utc")
    if not is_timed.all():
        found = found.with_columns((pl.col(f"{end}_media_us") / 1e6).alias(f"{end}_s") for end in ("first", "last"))
    columns = _shown(found, "sightings")
    recordings = _recordings(opened)
    if recordings["camera_id"].is_duplicated().any():
        found = found.join(recordings.drop("camera_id"), on="evidence_id", how="left", maintain_order="left")
        columns = [columns[0], "recording", "evidence_id", *columns[1:]]
    return table_text(columns, _rows_of(found, columns))


def _error_text() -> pl.Expr:
    """Return the error of the clock of a row in words: "?" if nobody stated it, empty without a time."""
    seconds = pl.format("{} s", (pl.col("clock_error_ms") / 1000).cast(pl.String).str.strip_suffix(".0"))
    stated = pl.when(pl.col("clock_error_ms").is_null()).then(pl.lit("?")).otherwise(seconds)
    return pl.when(pl.col("first_utc").is_null()).then(pl.lit("")).otherwise(stated).alias(_ERROR)


def _recordings(opened: OpenCase) -> pl.DataFrame:
    """Return every evidence with its camera and the name of its file."""
    name = pl.col("path").str.extract(r"([^/]+)/?$").alias("recording")
    return opened.evidence().select("evidence_id", "camera_id", name).collect()
