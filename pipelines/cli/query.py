"""`query`: rows of one published table, for people or for programs."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import polars as pl

import forensics
from forensics.adapters.pictures.contact_sheet import PER_PAGE, has_unwritable_names, page_names
from forensics.adapters.pictures.sheet_files import require_picture_name
from forensics.custody.case_document import Case
from forensics.errors import UsageError
from forensics.faces.comparison import DECISIONS_TO_REVIEW
from forensics.json_object import JsonObject
from forensics.tables.open import OpenCase, add_review_states
from forensics.tables.published import candidates_of
from forensics.tables.schemas import CANDIDATES_TABLE, TABLES
from forensics.tables.time_selection import WITHIN, local, times_of
from forensics.wording import counted
from pipelines.cli.known_camera import known_camera
from pipelines.cli.output import emit, path_type, reason_option, say
from pipelines.cli.output_options import OutputOptions, with_output_options
from pipelines.cli.query_options import RowOptions, with_row_options
from pipelines.cli.query_remarks import (
    print_error_rates,
    print_hints,
    print_missing_rows,
    print_older_run,
    print_possible_rows,
    print_rows_of_unknown_error,
    print_untimed_rows,
    values_of,
)
from pipelines.cli.row_formats import print_rows
from pipelines.cli.row_selection import RowFilter, in_order, largest_error, require, wanted_rows
from pipelines.cli.sighting_sheet import cells_of, draw_sheets, heading_of
from pipelines.cli.time_zone_option import with_zone
from pipelines.custody.case_store import load_case
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Need, Session
from pipelines.review.reviews import review_states
from pipelines.run.face_choice import faces_text
from pipelines.run.record import faces_of_run, model_of_run, model_text

__all__ = ["query"]

# Tables that are the same whichever model looked.
_BEFORE_ANY_MODEL: Final = ("sources", "evidence", "sections", "frames")
# Where and when a candidate was seen: what every answer about candidates gains from `sightings`.
_WHERE: Final = ("camera_id", "first_utc", "last_utc", "clock_error_ms")
# What asks for examination goes first; everything else stays as it was published.
_FIRST: Final = {decision: place for place, decision in enumerate(DECISIONS_TO_REVIEW)}


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("table", type=click.Choice(list(TABLES)), default="sightings")
@with_zone
@with_row_options
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
    row_options: RowOptions,
    zone: str | None,
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
    row whether it is certainly or possibly within these times; rows that cannot be are left out. With --tz, times
    are read and printed in that zone, and columns are called local instead of utc.

    \b
    Example:
      forensics query my-case --camera gate --class person --pictures people.png
      forensics query my-case candidates --decision candidate --reason "for the prosecutor"
    """
    row_filter = row_options.row_filter
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
        row_filter = _spelled_as_in(session.case, opened, row_filter)
        rows = _candidates_with_where(session, opened) if table == CANDIDATES_TABLE else opened.table(table)
        found = _found(opened, rows, table, row_filter, by_time=row_options.is_by_time, limit=row_options.limit)
        if not len(found):
            print_hints(opened, rows, table, row_filter)
        if pictures is not None:
            _write_pictures(session, outputs, opened, found, row_filter, pictures, zone)
        facts = _print_remarks(session, opened, found, table, row_filter, names_model=kind == "table" and not as_json)
        session.record.outputs["rows"] = len(found)
    if as_json:
        shown = found if zone is None else local(found.lazy(), zone).collect()
        emit({**facts, "rows": shown.to_dicts()}, "", as_json)
    else:
        print_rows(opened, found, table, kind, limit=row_options.limit, zone=zone)


def _print_remarks(
    session: Session, opened: OpenCase, found: pl.DataFrame, table: str, row_filter: RowFilter, *, names_model: bool
) -> JsonObject:
    """Print what people should know of these rows; return what programs should, as facts about the answer."""
    model = model_of_run(opened.folder, opened.run_id)
    if names_model and table not in _BEFORE_ANY_MODEL:
        say(f"run {opened.run_id}, model {model_text(model)}")
    print_older_run(session.case, opened)
    missed = print_missing_rows(opened, table)
    print_untimed_rows(opened, table, row_filter)
    print_rows_of_unknown_error(opened, table, row_filter)
    print_possible_rows(found)
    facts: JsonObject = {"table": table, "run": opened.run_id, "model": model.get("name"), **missed}
    if table == CANDIDATES_TABLE:
        facts["face_models"] = faces_of_run(opened.folder, opened.run_id)
        say(f"faces: {faces_text(facts['face_models'])}")
        print_error_rates(found)
    return facts


def _found(
    opened: OpenCase, rows: pl.LazyFrame, table: str, row_filter: RowFilter, *, by_time: bool, limit: int | None
) -> pl.DataFrame:
    kept = wanted_rows(rows, table, row_filter, largest_error(opened) if row_filter.has_times else None)
    if table == CANDIDATES_TABLE:
        columns = [*TABLES[table].names, "review_state", *_WHERE, *([WITHIN] if row_filter.has_times else [])]
        kept = kept.select(columns)
    times = times_of(kept.collect_schema().names())
    if by_time:
        require(table, times is not None, "has no times to sort by")
        kept = kept.sort(times[0] if times else [], nulls_last=True, maintain_order=True)
    elif times is not None and table != CANDIDATES_TABLE:
        kept = in_order(kept, "camera_id", times[0])
    return kept.collect() if limit is None else kept.head(limit).collect()


def _candidates_with_where(session: Session, opened: OpenCase) -> pl.LazyFrame:
    """Every compared pair with its review, and where and when it was seen; first what asks for examination."""
    seen = opened.sightings().select("sighting_id", *_WHERE, "class_name")
    place = pl.col("decision").replace_strict(_FIRST, default=len(_FIRST), return_dtype=pl.Int8)
    pairs = add_review_states(candidates_of(opened.folder, session.key), review_states(session.case))
    joined = pairs.join(seen, on="sighting_id", how="left", maintain_order="left")
    return joined.sort(place, "camera_id", "first_utc", nulls_last=True, maintain_order=True)


def _spelled_as_in(case: Case, opened: OpenCase, row_filter: RowFilter) -> RowFilter:
    """Return the filter with the camera as the case spells it.

    Raises:
        UsageError: the case has no such camera.
    """
    camera = row_filter.equal["camera_id"]
    if camera is None:
        return row_filter
    known = known_camera(case, camera, published=values_of(opened.evidence(), "camera_id"))
    return replace(row_filter, equal={**row_filter.equal, "camera_id": known})


def _write_pictures(
    session: Session,
    outputs: Outputs,
    opened: OpenCase,
    found: pl.DataFrame,
    row_filter: RowFilter,
    target: Path,
    zone: str | None,
) -> None:
    """Write the contact sheets of sightings; every file is checked before the first one is written."""
    key = session.key if session.case.mandate.mode.compares_faces else None
    cells = cells_of(opened, found, key, zone)
    if not cells:
        problem = "no row that was found has a picture" if len(found) else "no row was found, so there is no picture"
        raise UsageError(problem, "change the filter, or leave out --pictures")
    pages = page_names(target, len(cells))
    for page in pages:
        outputs.check(page)
    heading = heading_of(session.case, opened, found, row_filter.facts, session.now, zone)
    for page, data in draw_sheets(heading, cells, target):
        outputs.write(page, data)
    places = str(target) if len(pages) == 1 else f"{pages[0]} to {pages[-1].name}"
    if has_unwritable_names(cells):
        say("no font of this machine has all characters of these names, so the pictures show escapes; install a font")
    say(f"{counted(len(cells), 'picture', 'pictures')} of {counted(len(found), 'row', 'rows')} in {places}")
