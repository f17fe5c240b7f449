"""`status`, `query`, `verify` and `export`: what came out, and whether it still is what it was."""

import io
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import polars as pl

import forensics
from forensics.adapters.contact_sheet import write_contact_sheet
from forensics.errors import IntegrityBroken, UsageError
from forensics.export_mot import mot_lines
from forensics.tables.evidence import load_evidence
from forensics.tables.open import OpenCase, candidates_of
from forensics.tables.schemas import CANDIDATES_TABLE, TABLES
from pipelines.casework import Need, casework
from pipelines.cli.output import emit, json_option, one_line, parse_utc, path_type, reason_option, say, table_text
from pipelines.outputs import output_file, output_folder
from pipelines.status import case_status
from pipelines.verify import verify_case

__all__ = ["export", "pictures_of", "query", "sightings_text", "status", "verify"]

# What people want to see first; --format csv, json and parquet give every column.
_SHOWN = {
    "sightings": [
        "camera_id",
        "class_name",
        "first_utc",
        "first_s",
        "last_s",
        "n_detections",
        "mean_score",
        "thumbnail",
    ],
    "coverage": ["camera_id", "evidence_id", "start_frame", "stop_frame", "state", "reason", "settled", "detail"],
    "evidence": [
        "evidence_id",
        "camera_id",
        "path",
        "codec",
        "width",
        "height",
        "n_frames",
        "start_utc",
        "verdict",
        "reason",
    ],
    "candidates": [
        "sighting_id",
        "entry_id",
        "rank",
        "decision",
        "similarity",
        "margin",
        "threshold",
        "n_faces",
        "quality",
        "expected_false_candidates",
        "reason",
    ],
    "tracks": ["track_id", "camera_id", "class_name", "first_frame", "last_frame", "n_detections"],
    "detections": ["camera_id", "frame", "utc", "class_name", "score", "x1", "y1", "x2", "y2", "track_id"],
}
_TIME_COLUMNS = {"sightings": ("first_utc", "last_utc"), "detections": ("utc", "utc")}
# Thresholds are stated to three: what passes by 0.005 must not look equal.
_DECIMALS = {CANDIDATES_TABLE: 3}
_LINES = 50


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def status(root: Path, as_json: bool) -> None:
    """What the case holds, what was looked at, and what went wrong.

    \b
    Example:
      forensics status my-case
    """
    with casework(root, "status", need=Need.LOOK) as work:
        facts = case_status(work.case)
    emit(facts, "\n".join(_status_lines(facts)), as_json)


def _status_lines(facts: dict[str, Any]) -> list[str]:
    lines = [f"{name.replace('_', ' '):>14}  {facts[name]}" for name in ("case", "sources", "evidence", "run", "state")]
    if facts["coverage"]:
        rows = [[row["state"], row["reason"] or "-", row["frames"], row["settled"]] for row in facts["coverage"]]
        lines += ["", table_text(["state", "reason", "frames", "settled"], rows)]
    if facts["problems"]:
        lines += ["", "not in order:", *(f"  {one_line(problem)}" for problem in facts["problems"])]
    return lines


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("table", type=click.Choice(list(TABLES)), default="sightings")
@click.option("--camera", help="Only this camera.")
@click.option("--from", "since", type=parse_utc(), help="Only what was there at or after this instant.")
@click.option("--to", "until", type=parse_utc(), help="Only what was there before this instant.")
@click.option("--class", "class_name", help="Only this class, such as person.")
@click.option("--entry", "entry_id", help="Only this entry of the watch-list; candidates only.")
@click.option("--limit", type=click.IntRange(1), help=f"At most so many rows; a table shows {_LINES} unless told.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
    help="A table for people shows some columns; the others give all.",
)
@click.option("--pictures", type=path_type, metavar="FILE.png", help="Also write the thumbnails on one sheet.")
@reason_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def query(
    root: Path,
    table: str,
    camera: str | None,
    since: datetime | None,
    until: datetime | None,
    class_name: str | None,
    limit: int | None,
    kind: str,
    pictures: Path | None,
    entry_id: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Rows of a published table; sightings unless another is named.

    The table candidates is read for a reason, which the case's log keeps.

    \b
    Example:
      forensics query my-case --camera gate --class person --pictures people.png
      forensics query my-case candidates --entry E1 --reason "report to the prosecutor"
    """
    equal = {"camera_id": camera, "class_name": class_name, "entry_id": entry_id}
    asked = {"table": table, **{name: value for name, value in equal.items() if value is not None}}
    need = Need.RESULTS if table == CANDIDATES_TABLE else Need.LOOK
    with casework(root, "query", need=need, reason=reason, facts=asked) as work:
        if pictures is not None:
            output_file(work.folder, pictures)
        opened = forensics.open_case(root)
        rows = _filtered(_opened_table(opened, table), table, equal, since, until)
        found = rows.collect() if limit is None else rows.head(limit).collect()
        if pictures is not None:
            _write_pictures(opened, table, found, pictures)
        if not len(found):
            _hint(opened, camera)
        work.recorded.outputs["rows"] = len(found)
    if table == CANDIDATES_TABLE:
        say("candidates for examination, not findings; model, error rates and limits: `forensics case disclose`")
    if as_json:
        emit({"table": table, "run": opened.run_id, "rows": found.to_dicts()}, "", as_json)
    else:
        _print(found, table, kind)


def _opened_table(opened: OpenCase, table: str) -> pl.LazyFrame:
    return candidates_of(opened.folder) if table == CANDIDATES_TABLE else opened.table(table)


def _filtered(
    rows: pl.LazyFrame, table: str, equal: dict[str, str | None], since: datetime | None, until: datetime | None
) -> pl.LazyFrame:
    for column, value in equal.items():
        if value is not None:
            _require(table, column in TABLES[table].names, f"has no column {column}")
            rows = rows.filter(pl.col(column) == value)
    if since is not None or until is not None:
        _require(table, table in _TIME_COLUMNS, "has no times to filter by")
        first, last = _TIME_COLUMNS[table]
        rows = rows.filter(pl.col(last) >= since) if since is not None else rows
        rows = rows.filter(pl.col(first) < until) if until is not None else rows
    return rows


def _hint(opened: OpenCase, camera: str | None) -> None:
    """Say why nothing may have been found: a name that the case does not know."""
    cameras = sorted(opened.evidence().select("camera_id").unique().collect()["camera_id"].to_list())
    if camera is not None and camera not in cameras:
        say(f"the case has no camera {camera!r}, it has {', '.join(cameras)}")


def _require(table: str, is_met: bool, problem: str) -> None:
    if not is_met:
        raise UsageError(f"the table {table} {problem}", "leave the option out, or query another table")


def _print(found: pl.DataFrame, table: str, kind: str) -> None:
    if kind == "csv":
        nested = [name for name, dtype in found.schema.items() if isinstance(dtype, pl.List)]
        flat = found.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(" ") for name in nested)
        print(flat.write_csv(), end="")
    elif kind == "json":
        print(found.write_json())
    elif kind == "parquet":
        buffer = io.BytesIO()
        found.write_parquet(buffer)
        sys.stdout.buffer.write(buffer.getvalue())
    else:
        _print_table(found, table)


def _print_table(found: pl.DataFrame, table: str) -> None:
    shown = found.head(_LINES)
    if table == "sightings":
        print(sightings_text(shown))
    else:
        columns = _SHOWN.get(table, found.columns)
        rows = [list(row) for row in shown.select(columns).iter_rows()]
        print(table_text(columns, rows, decimals=_DECIMALS.get(table, 2)))
    if len(found) > _LINES:
        say(f"{len(found) - _LINES} more rows; see --limit, or --format csv, json or parquet")


def sightings_text(found: pl.DataFrame) -> str:
    """Sightings for people: when, where, what, for how long, and the picture."""
    seconds = [(pl.col(f"{end}_media_us") / 1e6).alias(f"{end}_s") for end in ("first", "last")]
    columns = _SHOWN["sightings"]
    return table_text(columns, [list(row) for row in found.with_columns(seconds).select(columns).iter_rows()])


def pictures_of(opened: OpenCase, found: pl.DataFrame) -> list[tuple[Path, str, str]]:
    """(file, first line, second line) of every sighting that has a thumbnail."""
    return [
        (opened.folder.root / row["thumbnail"], f"{row['camera_id']}  {row['class_name']}", _when(row))
        for row in found.iter_rows(named=True)
        if row["thumbnail"]
    ]


def _when(row: dict[str, Any]) -> str:
    if row["first_utc"] is not None:
        return f"{row['first_utc']:%Y-%m-%d %H:%M:%S}Z"
    return f"{row['first_media_us'] / 1e6:.1f} s to {row['last_media_us'] / 1e6:.1f} s"


def _write_pictures(opened: OpenCase, table: str, found: pl.DataFrame, target: Path) -> None:
    _require(table, table == "sightings", "has no pictures")
    titled = pictures_of(opened, found)
    if not titled:
        raise UsageError("no row that was found has a picture", "widen the query")
    write_contact_sheet(titled, target)
    say(f"{len(titled)} pictures in {target}")


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def verify(root: Path, as_json: bool) -> None:
    """Check that evidence, indexes and published files still are what they were; exit 5 if not.

    \b
    Example:
      forensics verify my-case
    """
    with casework(root, "verify", need=Need.CHECK) as work:
        report = verify_case(work.case)
        text = "\n".join(report.problems) or f"{report.n_checked} files are what they were, the log is whole"
        emit({"checked": report.n_checked, "problems": list(report.problems)}, text, as_json)
        if report.problems:
            more = f" (and {len(report.problems) - 1} more)" if len(report.problems) > 1 else ""
            raise IntegrityBroken(
                f"{report.problems[0]}{more}",
                "restore the file from a copy, run again to make the tables anew, or, if footage was moved, "
                f"`forensics evidence relocate {root} FOLDER`",
            )


@click.group()
def export() -> None:
    """Hand results to other tools."""


@export.command("mot")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--output", "-o", type=path_type, required=True, help="Folder for one text file per evidence.")
@click.option("--class", "class_name", help="Only this class, such as person.")
@reason_option
@json_option
def mot(root: Path, output: Path, class_name: str | None, reason: str, as_json: bool) -> None:
    """Tracks as MOT Challenge text, one file per evidence.

    \b
    Example:
      forensics export mot my-case -o tracks --class person
    """
    facts = {"format": "mot", "output": str(output)}
    with casework(root, "export", need=Need.LOOK, reason=reason, facts=facts) as work:
        output_folder(work.folder, output, [_mot_name(item.evidence_id) for item in load_evidence(work.folder)])
        detections = forensics.open_case(root).detections()
        rows = _filtered(detections, "detections", {"class_name": class_name}, None, None).collect()
        written = _write_mot(rows, output)
        work.recorded.outputs["files"] = len(written)
    emit({"files": written}, "\n".join(written.values()), as_json)


def _mot_name(evidence_id: object) -> str:
    return f"{evidence_id}.txt"


def _write_mot(rows: pl.DataFrame, output: Path) -> dict[str, str]:
    """One text file per evidence; returns their paths by evidence id."""
    output.mkdir(exist_ok=True)
    written = {}
    for (evidence_id,), part in rows.partition_by("evidence_id", as_dict=True, maintain_order=True).items():
        boxes = part.select("x1", "y1", "x2", "y2").to_numpy()
        lines = mot_lines(
            part["frame"].to_numpy(), boxes, part["score"].to_numpy(), track_id=part["track_id"].to_list()
        )
        target = output / _mot_name(evidence_id)
        target.write_text("".join(f"{line}\n" for line in lines))
        written[str(evidence_id)] = str(target)
    return written
