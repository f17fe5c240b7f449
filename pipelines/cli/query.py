"""`query`: rows of one published table, for people or for programs."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import click
import polars as pl

import forensics
from forensics.adapters.pictures.contact_sheet import PER_PAGE, has_unwritable_names, page_names
from forensics.adapters.pictures.sheet_files import require_picture_name
from forensics.custody.sealer import Sealer
from forensics.errors import UsageError
from forensics.faces.comparison import DECISIONS_TO_REVIEW, Decision
from forensics.footage.coverage import State
from forensics.spelling import in_shell, spelled_as_known
from forensics.tables.open import OpenCase, candidates_of
from forensics.tables.schemas import CANDIDATES_TABLE, TABLES
from forensics.wording import counted
from pipelines.cli.output import emit, parse_utc, path_type, reason_option, say
from pipelines.cli.output_options import OutputOptions, with_output_options
from pipelines.cli.row_formats import SHOWN_LINES, print_rows
from pipelines.cli.row_selection import POSSIBLY, TIME_COLUMNS, WITHIN, RowFilter, clock_errors_of, require, wanted_rows
from pipelines.cli.run_summary import no_sighting_hint
from pipelines.cli.sighting_sheet import cells_of, draw_sheets, heading_of
from pipelines.custody.case_store import load_case
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Need, Session
from pipelines.run.record import model_of_run, model_text, newest_record
from pipelines.run.spot_check_report import describe_spot_check

__all__ = ["query"]

# Tables that are the same whichever model looked.
_BEFORE_ANY_MODEL: Final = ("sources", "evidence", "sections")
# Tables that say of themselves what is not there.
_OF_WHAT_WAS_GIVEN: Final = ("sources", "evidence", "failures", "coverage")
# Where and when a candidate was seen: what every answer about candidates gains from `sightings`.
_WHERE: Final = ("camera_id", "first_utc", "last_utc", "clock_error_ms")
# What asks for examination goes first; everything else stays as it was published.
_FIRST: Final = {decision: place for place, decision in enumerate(DECISIONS_TO_REVIEW)}


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("table", type=click.Choice(list(TABLES)), default="sightings")
@click.option("--camera", help="Only this camera.")
@click.option("--from", "since", type=parse_utc(), help="Only rows that end at or after this time, or may.")
@click.option("--to", "until", type=parse_utc(), help="Only rows that start before this time, or may.")
@click.option("--class", "class_name", help="Only this class, such as person.")
@click.option("--entry", "entry_id", help="Only this entry of the watch-list. Candidates only.")
@click.option(
    "--decision",
    "decisions",
    multiple=True,
    type=click.Choice([decision.value for decision in Decision]),
    help="Only this decision. Can be given several times. Candidates only.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    help=f"Largest number of rows.  [default: {SHOWN_LINES} for format table, else all]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
    help="table: for people, main columns; the others: all columns.",
)
@click.option(
    "--pictures",
    type=path_type,
    metavar="FILE.png",
    help=f"Write the thumbnails of the rows as well; {PER_PAGE} a page, FILE-1.png, FILE-2.png and so on.",
)
@with_output_options
@reason_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def query(
    root: Path,
    table: str,
    camera: str | None,
    since: datetime | None,
    until: datetime | None,
    class_name: str | None,
    entry_id: str | None,
    decisions: tuple[str, ...],
    limit: int | None,
    kind: str,
    pictures: Path | None,
    reason: str,
    as_json: bool,
    output_options: OutputOptions,
) -> None:
    """Show rows of a published table; sightings if no table is named.

    The table candidates needs a --reason, which the case's log keeps; so do the pictures of a case that compares
    faces. The rows of candidates include camera and time, and candidates come first.

    A clock may be off by as much as its error, in column ±. With --from or --to, the column within says of each
    row whether it is certainly or possibly within these times; rows that cannot be are left out.

    \b
    Example:
      forensics query my-case --camera gate --class person --pictures people.png
      forensics query my-case candidates --decision candidate --reason "for the prosecutor"
    """
    equal = {"camera_id": camera, "class_name": class_name, "entry_id": entry_id}
    row_filter = RowFilter(equal, decisions, since, until)
    shows_people = table == CANDIDATES_TABLE or (pictures is not None and load_case(root).mandate.mode.compares_faces)
    need = Need.RESULTS if shows_people else Need.READ
    asked = {"table": table, **output_options.facts}
    with open_session(root, "query", need=need, reason=reason, facts=asked, private=row_filter.facts) as session:
        outputs = output_options.outputs_of(session)
        if pictures is not None:
            require(table, table == "sightings", "has no pictures")
            outputs.check(pictures)
            require_picture_name(pictures)
        opened = forensics.open_case(root)
        row_filter = _spelled_as_in(opened, row_filter)
        rows = _candidates_with_where(opened, session.key) if table == CANDIDATES_TABLE else opened.table(table)
        found = _found(rows, table, row_filter, limit, clock_errors_of(opened) if row_filter.has_times else None)
        if not len(found):
            _print_hints(opened, rows, table, row_filter)
        if pictures is not None:
            _write_pictures(session, outputs, opened, found, row_filter, pictures)
        model = model_of_run(opened.folder, opened.run_id)
        if kind == "table" and not as_json and table not in _BEFORE_ANY_MODEL:
            say(f"run {opened.run_id}, model {model_text(model)}")
        _print_older_run(opened)
        missed = _print_missing_rows(opened, table)
        _print_untimed_rows(opened, table, row_filter)
        _print_possible_rows(found)
        session.record.outputs["rows"] = len(found)
    if table == CANDIDATES_TABLE:
        _print_error_rates(found)
    if as_json:
        emit(
            {"table": table, "run": opened.run_id, "model": model.get("name"), **missed, "rows": found.to_dicts()},
            "",
            as_json,
        )
    else:
        print_rows(opened, found, table, kind, limit=limit)


def _found(
    rows: pl.LazyFrame, table: str, row_filter: RowFilter, limit: int | None, clock_errors: pl.DataFrame | None
) -> pl.DataFrame:
    kept = wanted_rows(rows, table, row_filter, clock_errors)
    if table == CANDIDATES_TABLE:
        kept = kept.select(*TABLES[table].names, *_WHERE, *([WITHIN] if row_filter.has_times else []))
    return kept.collect() if limit is None else kept.head(limit).collect()


def _candidates_with_where(opened: OpenCase, key: Sealer) -> pl.LazyFrame:
    """Every compared pair with camera, times and class of its sighting, what asks for examination first."""
    seen = opened.sightings().select("sighting_id", *_WHERE, "class_name")
    place = pl.col("decision").replace_strict(_FIRST, default=len(_FIRST), return_dtype=pl.Int8)
    joined = candidates_of(opened.folder, key).join(seen, on="sighting_id", how="left", maintain_order="left")
    return joined.sort(place, maintain_order=True)


def _print_older_run(opened: OpenCase) -> None:
    """Print whose tables these are if the last run published none."""
    last = newest_record(opened.folder)
    if last.get("run") not in (None, opened.run_id):
        say(f"the tables are those of run {opened.run_id}; the last run, {last['run']}, has published none yet")


def _print_missing_rows(opened: OpenCase, table: str) -> dict[str, int]:
    """Print what may be missing from the rows: failed work, and frames without a picture; returns both counts."""
    failures = opened.failures().collect()
    n_frames, n_doubtful = _n_frames(opened, State.GAP), _n_frames(opened, State.DOUBTFUL)
    if table not in _OF_WHAT_WAS_GIVEN:
        root = in_shell(opened.folder.root)
        if len(failures):
            stages = ", ".join(failures["stage"].unique(maintain_order=True))
            say(f"rows may be missing because work failed ({stages}); see `forensics status {root}`")
        if n_frames:
            say(f"{counted(n_frames, 'frame', 'frames')} could not be processed; see `forensics query {root} coverage`")
        if n_doubtful:
            damaged = counted(n_doubtful, "damaged frame was", "damaged frames were")
            say(f"{damaged} searched; what was found there is marked doubtful, because the picture may be wrong")
    return {"failures": len(failures), "gap_frames": n_frames, "doubtful_frames": n_doubtful}


def _n_frames(opened: OpenCase, state: State) -> int:
    """Return how many frames of the case have this outcome."""
    n_frames = (pl.col("stop_frame") - pl.col("start_frame")).sum()
    return int(opened.coverage().filter(pl.col("state") == state.value).select(n_frames).collect().item() or 0)


def _print_untimed_rows(opened: OpenCase, table: str, row_filter: RowFilter) -> None:
    """Print how many rows have no time, because the start of their recording is unknown."""
    if not row_filter.has_times or table == CANDIDATES_TABLE:
        return
    first, _ = TIME_COLUMNS[table]
    others = wanted_rows(opened.table(table), table, replace(row_filter, since=None, until=None))
    n_untimed = int(others.select(pl.col(first).is_null().sum()).collect().item())
    if n_untimed:
        rows = counted(n_untimed, "row has", "rows have")
        say(
            f"{rows} no time, so no time filter selects them; give the start of the recording: forensics ingest --start"
        )


def _print_possible_rows(found: pl.DataFrame) -> None:
    """Print how many of the rows are within the times only if their clock is off."""
    n_possible = 0 if WITHIN not in found.columns else int((found[WITHIN] == POSSIBLY).sum())
    if n_possible:
        rows = f"of {len(found)} rows, {n_possible} {'is' if n_possible == 1 else 'are'}"
        say(f"{rows} possibly within these times, and possibly not: a clock may be off by its error")


def _spelled_as_in(opened: OpenCase, row_filter: RowFilter) -> RowFilter:
    """Return the filter with the camera as the case spells it; a keyboard may compose its letters in another way."""
    camera = row_filter.equal["camera_id"]
    if camera is None:
        return row_filter
    known = spelled_as_known(camera, _values(opened.evidence(), "camera_id"))
    return replace(row_filter, equal={**row_filter.equal, "camera_id": known})


def _print_hints(opened: OpenCase, rows: pl.LazyFrame, table: str, row_filter: RowFilter) -> None:
    """Print why no row may have been found: an unknown name, or frames that the motion gate skipped."""
    camera, entry_id = row_filter.equal["camera_id"], row_filter.equal["entry_id"]
    if table == "sightings" and _is_empty(rows) and not _is_empty(opened.detections()):
        say(no_sighting_hint(opened.folder))
    if camera is not None and camera not in (cameras := _values(opened.evidence(), "camera_id")):
        say(f"the case has no camera {camera!r}; cameras: {', '.join(cameras)}")
    if entry_id is not None and entry_id not in (entries := _values(rows, "entry_id")):
        say(f"no face was compared with an entry {entry_id!r}; compared entries: {', '.join(entries) or 'none'}")

    class_name, seen = row_filter.equal["class_name"], "sightings" if table == CANDIDATES_TABLE else table
    if class_name is not None and class_name not in (classes := _values(opened.table(seen), "class_name")):
        say(f"no row has class {class_name!r}; classes: {', '.join(classes) or 'none'}")
    audit = newest_record(opened.folder).get("audit")
    if audit and table not in ("sources", "evidence"):
        say(describe_spot_check(audit))


def _is_empty(rows: pl.LazyFrame) -> bool:
    return rows.limit(1).collect().is_empty()


def _values(rows: pl.LazyFrame, column: str) -> list[str]:
    values: list[str] = rows.select(column).unique().collect()[column].to_list()
    return sorted(values)


def _print_error_rates(found: pl.DataFrame) -> None:
    """Print what holds for all candidates: threshold and expected false candidates."""
    say(
        "These are candidates for examination, not findings. Model, error rates and limits: "
        "forensics case disclose CASE -o FILE.json --recipient TEXT --reason TEXT"
    )
    if not len(found):
        return
    threshold, expected = found.row(0, named=True)["threshold"], found.row(0, named=True)["expected_false_candidates"]
    rate = "unknown, no error rates are published for this model" if expected is None else f"{expected:.2g}"
    say(f"Threshold: {threshold:.3f}. Expected false candidates in this run: {rate}.")


def _write_pictures(
    session: Session, outputs: Outputs, opened: OpenCase, found: pl.DataFrame, row_filter: RowFilter, target: Path
) -> None:
    """Write the contact sheets of sightings; every file is checked before the first one is written."""
    key = session.key if session.case.mandate.mode.compares_faces else None
    cells = cells_of(opened, found, key)
    if not cells:
        problem = "no row that was found has a picture" if len(found) else "no row was found, so there is no picture"
        raise UsageError(problem, "change the filter, or leave out --pictures")
    pages = page_names(target, len(cells))
    for page in pages:
        outputs.check(page)
    heading = heading_of(session.case, opened, found, row_filter.facts, session.now)
    for page, data in draw_sheets(heading, cells, target):
        outputs.write(page, data)
    places = str(target) if len(pages) == 1 else f"{pages[0]} to {pages[-1].name}"
    if has_unwritable_names(cells):
        say("no font of this machine has all characters of these names, so the pictures show escapes; install a font")
    say(f"{counted(len(cells), 'picture', 'pictures')} of {counted(len(found), 'row', 'rows')} in {places}")
