"""Output formats of rows: text for people; CSV, JSON and Parquet for programs."""

import io
import sys
from collections.abc import Iterable
from typing import Any, Final

import polars as pl

from forensics.tables.open import OpenCase
from forensics.tables.schemas import CANDIDATES_TABLE
from forensics.tables.time_selection import local
from forensics.wording import counted
from pipelines.cli.fitted_table import fitted_table
from pipelines.cli.output import print_json, say

__all__ = ["SHOWN_LINES", "print_rows", "sightings_text"]

# Columns that say nothing of video, or of a run without a motion gate, a calibration or doubtful frames.
_SHOWN_IF_KNOWN: Final = ("change", "log10_ratio", "doubtful", "n_doubtful", "picture", "best_picture")
_ERROR: Final = "±"
"""Column with the error of the clock, in words."""
# The main columns for people; --format csv, json and parquet give every column.
_SHOWN: Final = {
    "sightings": [
        *("camera_id", "file_name", "best_picture", "class_name", "first_utc", "last_utc", _ERROR, "within"),
        *("first_s", "last_s", "n_doubtful", "sighting_id"),
    ],
    "coverage": [
        *("camera_id", "evidence_id", "start_frame", "stop_frame", "start_utc", "stop_utc", _ERROR, "within"),
        *("state", "reason", "change", "settled", "detail"),
    ],
    "evidence": [
        *("camera_id", "file_name", "start_utc", "end_utc", _ERROR, "within", "start_stated", "n_frames", "verdict"),
        *("evidence_id", "reason"),
    ],
    "sources": ["verdict", "camera_id", "evidence_id", "path", "reason"],
    "sections": [
        *("camera_id", "evidence_id", "section", "start_frame", "stop_frame", "first_utc", "last_utc", _ERROR),
        *("within", "reason"),
    ],
    "frames": [
        *("camera_id", "evidence_id", "picture", "frame", "pts", "media_us", "utc", _ERROR, "within"),
        *("is_key", "is_damaged"),
    ],
    CANDIDATES_TABLE: [
        *("decision", "review_state", "camera_id", "first_utc", _ERROR, "within", "entry_id", "rank"),
        *("similarity", "margin", "log10_ratio", "n_faces", "reason", "sighting_id"),
    ],
    "detections": [
        *("camera_id", "picture", "frame", "utc", _ERROR, "within", "class_name", "score"),
        *("x1", "y1", "x2", "y2", "doubtful", "sighting_id"),
    ],
    "failures": ["evidence_id", "stage", "unit", "attempts", "error", "detail"],
}
# What a terminal may do without, first what may go first. Camera, class and time of what was seen are always shown: a
# row without them can be taken for another object.
_LEAST_IMPORTANT: Final = {
    "sightings": ("file_name", "n_doubtful", "sighting_id"),
    "coverage": ("detail", "change", "settled", "evidence_id", _ERROR, "stop_utc"),
    "evidence": ("reason", "n_frames", "start_stated", _ERROR, "end_utc"),
    "sources": ("evidence_id", "reason"),
    "sections": ("reason", _ERROR, "last_utc", "start_frame", "stop_frame"),
    "frames": ("is_damaged", "is_key", "pts", "evidence_id", "media_us"),
    CANDIDATES_TABLE: ("reason", "n_faces", "margin", "log10_ratio", "rank", "camera_id"),
    "detections": ("doubtful", "sighting_id", "x1 y1 x2 y2", _ERROR),
    "failures": ("attempts", "evidence_id"),
}
_LEAST_IMPORTANT_OF_STILLS: Final = {
    "sightings": ("file_name", "n_doubtful", "sighting_id", "last_utc", _ERROR),
    "detections": ("doubtful", "sighting_id", "frame", "x1 y1 x2 y2", _ERROR),
}
# Thresholds are stated to three: what passes by 0.005 must not look equal.
_DECIMALS: Final = {CANDIDATES_TABLE: 3}
SHOWN_LINES: Final = 50
_UTC: Final = "UTC"


def print_rows(
    opened: OpenCase, found: pl.DataFrame, table: str, kind: str, *, limit: int | None, zone: str | None = None
) -> None:
    """Print rows of a table: ``table`` for people, `SHOWN_LINES` unless a limit is given; others with all columns.

    Args:
        opened: the case.
        found: the rows.
        table: name of the table.
        kind: ``table``, ``csv``, ``json`` or ``parquet``.
        limit: largest number of rows for people; None for `SHOWN_LINES`.
        zone: IANA name of the zone of the times that are printed; None for UTC.
    """
    if kind == "table":
        _print_table(opened, found, table, limit or SHOWN_LINES, zone)
        return
    found = found if zone is None else local(found.lazy(), zone).collect()
    if kind == "csv":
        nested = [name for name, dtype in found.schema.items() if isinstance(dtype, pl.List)]
        flat = found.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(" ") for name in nested)
        print(flat.write_csv(), end="")
    elif kind == "json":
        print_json(found.write_json())
    else:
        buffer = io.BytesIO()
        found.write_parquet(buffer)
        sys.stdout.buffer.write(buffer.getvalue())


def _print_table(opened: OpenCase, found: pl.DataFrame, table: str, n_shown: int, zone: str | None) -> None:
    shown = found.head(n_shown)
    text, note = sightings_text(opened, shown, zone) if table == "sightings" else _rows_text(shown, table, zone)
    print(text)
    if note:
        say(note)
    if len(found) > n_shown:
        left = counted(len(found) - n_shown, "more row", "more rows")
        say(f"{left}; use --limit N, or --format csv, json or parquet")


def sightings_text(opened: OpenCase, found: pl.DataFrame, zone: str | None = None) -> tuple[str, str]:
    """Return sightings as text for people, and a message about columns that were left out.

    The file is shown where one camera has several; seconds in it where no time is known. Of stills the picture is shown
    instead: their media time is only an order.
    """
    if found["first_utc"].is_null().all():
        found = found.drop("first_utc", "last_utc")
        is_video, ends = pl.col("best_picture").is_null(), ("first", "last")
        seconds = (pl.when(is_video).then(pl.col(f"{end}_media_us") / 1e6).alias(f"{end}_s") for end in ends)
        found = found.with_columns(seconds) if found["best_picture"].is_null().any() else found
    files = opened.evidence().select("evidence_id", "camera_id", "file_name").collect()
    if files["camera_id"].is_duplicated().any():
        found = found.join(files.drop("camera_id"), on="evidence_id", how="left", maintain_order="left")
    return _rows_text(found, "sightings", zone)


def _rows_text(found: pl.DataFrame, table: str, zone: str | None) -> tuple[str, str]:
    """Return rows as text for people, and a message about columns that were left out."""
    found = found.rename({"log10_likelihood_ratio": "log10_ratio"}) if table == CANDIDATES_TABLE else found
    columns = [name for name in _SHOWN.get(table, found.columns) if name in found.columns or name == _ERROR]
    columns = [name for name in columns if name not in _SHOWN_IF_KNOWN or _says_something(found, name)]
    times = [name for name in columns if name.endswith("utc")]
    if times and "clock_error_ms" in found.columns:
        found = found.with_columns(_error_text(times[0]))
    else:
        columns = [name for name in columns if name != _ERROR]
    found, names = _with_time_text(found, times, zone)
    rows = _rows_of(found, columns)
    ranked = _LEAST_IMPORTANT.get(table, ())
    if "picture" in columns or "best_picture" in columns:
        ranked = _LEAST_IMPORTANT_OF_STILLS.get(table, ranked)
    important = [names.get(name, name) for name in ranked]
    headings = [names.get(name, name) for name in columns]
    return fitted_table(headings, rows, least_important=important, decimals=_DECIMALS.get(table, 2))


def _rows_of(found: pl.DataFrame, columns: Iterable[str]) -> list[list[Any]]:
    return [list(row) for row in found.select(columns).iter_rows()]


def _says_something(found: pl.DataFrame, name: str) -> bool:
    """Whether a column holds anything but nulls, zeros and false."""
    values = found[name].drop_nulls()
    return bool(len(values) if values.dtype == pl.String else (values.cast(pl.Float64) != 0).any())


def _error_text(time: str) -> pl.Expr:
    """Return the error of the clock of a row in words: "?" if nobody stated it, empty without a time."""
    seconds = pl.format("{} s", (pl.col("clock_error_ms") / 1000).cast(pl.String).str.strip_suffix(".0"))
    stated = pl.when(pl.col("clock_error_ms").is_null()).then(pl.lit("?")).otherwise(seconds)
    return pl.when(pl.col(time).is_null()).then(pl.lit("")).otherwise(stated).alias(_ERROR)


def _with_time_text(found: pl.DataFrame, times: list[str], zone: str | None) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return the rows with times as text, to hundredths of a second, and the headings of these columns.

    A later time of the same day is shown without the day. A local time ends with its offset from UTC. Where other rows
    have a time, one without has its seconds in the file instead; not so a still, whose media time is only an order.
    """
    if not times:
        return found, {}
    pictures = [pl.col(name).is_null() for name in ("picture", "best_picture") if name in found.columns]
    moments = {name: pl.col(name).dt.convert_time_zone(zone or _UTC) for name in times}
    texts = []
    for name, moment in moments.items():
        text = moment.dt.strftime("%Y-%m-%d %H:%M:%S%.3f").str.slice(0, 22)
        is_same_day = (moment.dt.date() == moments[times[0]].dt.date()) & (name != times[0])
        offset = pl.lit("") if zone is None else moment.dt.strftime("%:z")
        shown = pl.when(is_same_day).then(text.str.slice(11)).otherwise(text) + offset
        media = f"{name.removesuffix('utc')}media_us"
        if media in found.columns and found[name].is_not_null().any():
            seconds = pl.format("{} s", (pl.col(media) / 1e6).round(2))
            in_file = seconds + pl.lit(" in the file" if name == times[0] else "")
            shown = shown.fill_null(pl.when(*pictures).then(in_file) if pictures else in_file)
        texts.append(shown.alias(name))
    names = {} if zone is None else {name: f"{name.removesuffix('utc')}local" for name in times}
    return found.with_columns(texts), names
