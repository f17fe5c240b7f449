"""`query`: rows of one published table, for people or for programs."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
import polars as pl

import forensics
from forensics.adapters.pictures.contact_sheet import write_contact_sheet
from forensics.errors import UsageError
from forensics.faces.comparison import Decision
from forensics.spelling import in_shell
from forensics.tables.open import OpenCase, candidates_of
from forensics.tables.schemas import CANDIDATES_TABLE, TABLES
from pipelines.cli.output import counted, emit, parse_utc, path_type, reason_option, say
from pipelines.cli.row_formats import SHOWN_LINES, pictures_of, print_rows
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import output_file
from pipelines.custody.session import Need
from pipelines.run.record import newest_record
from pipelines.run.spot_check_report import spot_check_text

__all__ = ["Wanted", "query", "wanted_rows"]

_TIME_COLUMNS: Final = {
    "sightings": ("first_utc", "last_utc"),
    CANDIDATES_TABLE: ("first_utc", "last_utc"),
    "detections": ("utc", "utc"),
}
# Tables that say of themselves what is not there.
_OF_WHAT_WAS_GIVEN: Final = ("sources", "evidence", "failures", "coverage")
# Where and when a candidate was seen: what every answer about candidates gains from `sightings`.
_WHERE: Final = ("camera_id", "first_utc", "last_utc")
# What asks for examination goes first; everything else stays as it was published.
_FIRST: Final = {Decision.CANDIDATE.value: 0, Decision.LEAD.value: 1}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a table are asked for; what is None or empty asks for nothing.

    Attributes:
        equal: the value that a column must have.
        decisions: any of these, of candidates.
        since, until: what was there at or after the one, and before the other.
    """

    equal: dict[str, str | None]
    decisions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What is asked, for the case's log."""
        times = {"from": self.since, "to": self.until}
        said = {name: value for name, value in self.equal.items() if value is not None}
        said |= {name: value.isoformat() for name, value in times.items() if value is not None}
        return said | ({"decision": list(self.decisions)} if self.decisions else {})


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("table", type=click.Choice(list(TABLES)), default="sightings")
@click.option("--camera", help="Only this camera.")
@click.option("--from", "since", type=parse_utc(), help="Only what was there at or after this instant.")
@click.option("--to", "until", type=parse_utc(), help="Only what was there before this instant.")
@click.option("--class", "class_name", help="Only this class, such as person.")
@click.option("--entry", "entry_id", help="Only this entry of the watch-list; candidates only.")
@click.option(
    "--decision",
    "decisions",
    multiple=True,
    type=click.Choice([decision.value for decision in Decision]),
    help="Only what the rules made this of; repeat it; candidates only.",
)
@click.option("--limit", type=click.IntRange(1), help=f"At most so many rows; a table shows {SHOWN_LINES} unless told.")
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
def query(root: Path, table: str, reason: str, as_json: bool, **options: Any) -> None:
    """Rows of a published table; sightings unless another is named.

    The table candidates is read for a reason, which the case's log keeps. Its rows say where and when as well,
    and what asks for examination comes first.

    \b
    Example:
      forensics query my-case --camera gate --class person --pictures people.png
      forensics query my-case candidates --decision candidate --reason "for the prosecutor"
    """
    wanted = Wanted(
        {"camera_id": options["camera"], "class_name": options["class_name"], "entry_id": options["entry_id"]},
        *(options[name] for name in ("decisions", "since", "until")),
    )
    need = Need.RESULTS if table == CANDIDATES_TABLE else Need.LOOK
    facts = {"table": table, **wanted.facts}
    with open_session(root, "query", need=need, reason=reason, facts=facts) as session:
        if options["pictures"] is not None:
            output_file(session.folder, options["pictures"])
        opened = forensics.open_case(root)
        found = _found(opened, table, wanted, options["limit"])
        if options["pictures"] is not None:
            _write_pictures(opened, table, found, options["pictures"])
        _say_of_run(opened)
        missed = _say_missed(opened, table)
        _say_untimed(opened, table, wanted)
        if not len(found):
            _hint(opened, table, wanted)
        session.recorded.outputs["rows"] = len(found)
    if table == CANDIDATES_TABLE:
        _say_of_all(found)
    if as_json:
        emit({"table": table, "run": opened.run_id, **missed, "rows": found.to_dicts()}, "", as_json)
    else:
        print_rows(opened, found, table, options["kind"])


def _found(opened: OpenCase, table: str, wanted: Wanted, limit: int | None) -> pl.DataFrame:
    rows = _candidates_with_where(opened) if table == CANDIDATES_TABLE else opened.table(table)
    kept = wanted_rows(rows, table, wanted)
    if table == CANDIDATES_TABLE:
        kept = kept.select(*TABLES[table].names, *_WHERE)
    return kept.collect() if limit is None else kept.head(limit).collect()


def _candidates_with_where(opened: OpenCase) -> pl.LazyFrame:
    """Every compared pair with camera, times and class of its sighting, what asks for examination first."""
    seen = opened.sightings().select("sighting_id", *_WHERE, "class_name")
    place = pl.col("decision").replace_strict(_FIRST, default=len(_FIRST), return_dtype=pl.Int8)
    joined = candidates_of(opened.folder).join(seen, on="sighting_id", how="left", maintain_order="left")
    return joined.sort(place, maintain_order=True)


def wanted_rows(rows: pl.LazyFrame, table: str, wanted: Wanted) -> pl.LazyFrame:
    """The rows that were asked for, in their order.

    Raises:
        UsageError: the table has nothing to choose them by.
    """
    names = rows.collect_schema().names()
    for column, value in wanted.equal.items():
        if value is not None:
            _require(table, column in names, f"has no column {column}")
            rows = rows.filter(pl.col(column) == value)
    if wanted.decisions:
        _require(table, "decision" in names, "has no column decision")
        rows = rows.filter(pl.col("decision").is_in(wanted.decisions))
    return _within(rows, table, wanted.since, wanted.until)


def _within(rows: pl.LazyFrame, table: str, since: datetime | None, until: datetime | None) -> pl.LazyFrame:
    if since is None and until is None:
        return rows
    _require(table, table in _TIME_COLUMNS, "has no times to filter by")
    first, last = _TIME_COLUMNS[table]
    rows = rows.filter(pl.col(last) >= since) if since is not None else rows
    return rows.filter(pl.col(first) < until) if until is not None else rows


def _say_of_run(opened: OpenCase) -> None:
    """Whose tables these are, where the last run published none."""
    last = newest_record(opened.folder)
    if last.get("run") not in (None, opened.run_id):
        say(f"the tables are those of run {opened.run_id}; the last run, {last['run']}, has published none")


def _say_missed(opened: OpenCase, table: str) -> dict[str, int]:
    """What these rows cannot tell of, found or not: work that failed, and frames that could not be looked at."""
    failures = opened.failures().collect()
    gaps = opened.coverage().filter(pl.col("state") == "gap")
    n_frames = int(gaps.select((pl.col("stop_frame") - pl.col("start_frame")).sum()).collect().item() or 0)
    if table not in _OF_WHAT_WAS_GIVEN:
        root = in_shell(opened.folder.root)
        if len(failures):
            stages = ", ".join(failures["stage"].unique(maintain_order=True))
            say(f"rows may be missing, since work failed ({stages}): `forensics status {root}` says what and why")
        if n_frames:
            say(f"{counted(n_frames, 'frame was', 'frames were')} not looked at: `forensics query {root} coverage`")
    return {"failures": len(failures), "gap_frames": n_frames}


def _say_untimed(opened: OpenCase, table: str, wanted: Wanted) -> None:
    """How many rows no question about time can find, since nobody said when their recording began."""
    if (wanted.since is None and wanted.until is None) or table == CANDIDATES_TABLE:
        return
    first, _ = _TIME_COLUMNS[table]
    others = wanted_rows(opened.table(table), table, replace(wanted, since=None, until=None))
    n_untimed = int(others.select(pl.col(first).is_null().sum()).collect().item())
    if n_untimed:
        rows = counted(n_untimed, "row has", "rows have")
        say(f"{rows} no time and cannot be chosen by it: say when the recording began, `forensics ingest --start`")


def _hint(opened: OpenCase, table: str, wanted: Wanted) -> None:
    """Say why nothing may have been found: a name that the case does not know, or what the gate may have missed."""
    camera, entry_id = wanted.equal["camera_id"], wanted.equal["entry_id"]
    if camera is not None and camera not in (cameras := _values(opened.evidence(), "camera_id")):
        say(f"the case has no camera {camera!r}, it has {', '.join(cameras)}")
    if entry_id is not None and entry_id not in (entries := _values(candidates_of(opened.folder), "entry_id")):
        say(f"no face was compared with an entry {entry_id!r}, but with {', '.join(entries) or 'none at all'}")

    class_name, seen = wanted.equal["class_name"], "sightings" if table == CANDIDATES_TABLE else table
    if class_name is not None and class_name not in (classes := _values(opened.table(seen), "class_name")):
        say(f"nothing was found of class {class_name!r}, but of {', '.join(classes) or 'none at all'}")
    audit = newest_record(opened.folder).get("audit")
    if audit and table not in ("sources", "evidence"):
        say(spot_check_text(audit))


def _values(rows: pl.LazyFrame, column: str) -> list[str]:
    values: list[str] = rows.select(column).unique().collect()[column].to_list()
    return sorted(values)


def _require(table: str, is_met: bool, problem: str) -> None:
    if not is_met:
        raise UsageError(f"the table {table} {problem}", "leave the option out, or query another table")


def _say_of_all(found: pl.DataFrame) -> None:
    """What holds for every candidate, once."""
    say("candidates for examination, not findings; model, error rates and limits: `forensics case disclose`")
    if not len(found):
        return
    threshold, expected = found.row(0, named=True)["threshold"], found.row(0, named=True)["expected_false_candidates"]
    passing = "nobody published how many strangers would pass"
    if expected is not None:
        passing = f"of all strangers' sightings of the run about {expected:.2g} would pass by chance"
    say(f"least similarity that counts: {threshold:.3f}; {passing}")


def _write_pictures(opened: OpenCase, table: str, found: pl.DataFrame, target: Path) -> None:
    _require(table, table == "sightings", "has no pictures")
    titled = pictures_of(opened, found)
    if not titled:
        raise UsageError("no row that was found has a picture", "widen the query")
    write_contact_sheet(titled, target)
    say(f"{counted(len(titled), 'picture', 'pictures')} in {target}")
