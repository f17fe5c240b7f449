"""What people should know of the rows that a query prints: what may be missing or uncertain, why none was found."""

from dataclasses import replace
from typing import Final

import polars as pl

from forensics.custody.case_document import Case
from forensics.footage.coverage import State
from forensics.spelling import in_shell
from forensics.tables.open import OpenCase
from forensics.tables.schemas import CANDIDATES_TABLE
from forensics.tables.searched_scope import is_mandate_changed
from forensics.tables.stale_evidence import added_evidence, stale_evidence, stale_sources
from forensics.tables.time_selection import POSSIBLY, WITHIN, times_of
from forensics.wording import counted
from pipelines.cli.output import say
from pipelines.cli.row_selection import RowFilter, wanted_rows
from pipelines.cli.run_summary import no_sighting_hint
from pipelines.run.record import newest_record
from pipelines.run.spot_check_report import describe_spot_check

__all__ = [
    "print_error_rates",
    "print_hints",
    "print_missing_rows",
    "print_older_run",
    "print_possible_rows",
    "print_rows_of_unknown_error",
    "print_untimed_rows",
    "values_of",
]

# Tables that say of themselves what is not there.
_OF_WHAT_WAS_GIVEN: Final = ("sources", "evidence", "failures", "coverage")


def print_older_run(case: Case, opened: OpenCase) -> None:
    """Print whose tables these are if the last run published none, and what was added, corrected or amended since."""
    last = newest_record(opened.folder)
    if last.get("run") not in (None, opened.run_id):
        say(f"the tables are those of run {opened.run_id}; the last run, {last['run']}, has published none yet")
    root, n_added = in_shell(opened.folder.root), len(added_evidence(case))
    n_stale, n_paths = len(stale_evidence(case)), len(stale_sources(case))
    if n_added:
        added = counted(n_added, "recording was", "recordings were")
        say(f"{added} added after this run; `forensics run {root}` searches them")
    if n_stale:
        recordings = counted(n_stale, "recording", "recordings")
        say(f"camera or clock of {recordings} was corrected after this run; `forensics run {root}` publishes them")
    if n_paths:
        paths = counted(n_paths, "path", "paths")
        say(f"camera of {paths} without evidence was corrected after this run; `forensics run {root}` publishes them")
    is_changed = is_mandate_changed(case)
    if is_changed is not False:
        changed = "was changed" if is_changed else "may have been changed, which these tables do not state,"
        say(
            f"the mandate {changed} after this run: rows may lie outside of it, and footage inside may not have been "
            f"searched; `forensics run {root}` applies the mandate"
        )


def print_missing_rows(opened: OpenCase, table: str) -> dict[str, int]:
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


def print_untimed_rows(opened: OpenCase, table: str, row_filter: RowFilter) -> None:
    """Print how many rows have no time, and why: start or section of their recording, or their picture, is undated."""
    if not row_filter.has_times or table == CANDIDATES_TABLE:
        return
    others = wanted_rows(opened.table(table), table, replace(row_filter, since=None, until=None))
    first, _ = times_of(others.collect_schema().names()) or ("", "")
    untimed = others.filter(pl.col(first).is_null()).select("evidence_id")
    starts = opened.evidence().select("evidence_id", pl.col("start_utc").is_not_null().alias("has_start"))
    counts = dict(untimed.join(starts, on="evidence_id", how="left").group_by("has_start").len().collect().iter_rows())
    reasons = {
        False: "give the start of the recording: forensics ingest --start",
        True: "the start of the recording is known, but nothing dates their picture or section (docs/frames.md)",
    }
    for has_start, reason in reasons.items():
        if n_rows := counts.get(has_start):
            rows = counted(n_rows, "row has", "rows have")
            say(f"{rows} no time, so no time filter selects them; {reason}")


def print_rows_of_unknown_error(opened: OpenCase, table: str, row_filter: RowFilter) -> None:
    """Print how many rows were left out as if their clock were exact, because nobody stated its error."""
    if not row_filter.has_times or table == CANDIDATES_TABLE:
        return
    of_any_time = replace(row_filter, since=None, until=None)
    n_within, n_all = (_n_of_unknown_error(opened, table, each) for each in (row_filter, of_any_time))
    if n_left_out := n_all - n_within:
        rows = counted(n_left_out, "row was", "rows were")
        say(
            f"{rows} left out although nobody stated the error of the clock, so they may be within these times: "
            "forensics case clock CASE CAMERA --clock-error 2s"
        )


def _n_of_unknown_error(opened: OpenCase, table: str, row_filter: RowFilter) -> int:
    """Return how many of the wanted rows have a time, and a clock whose error nobody stated."""
    rows = wanted_rows(opened.table(table), table, row_filter)
    first, _ = times_of(rows.collect_schema().names()) or ("", "")
    is_unknown = pl.col("clock_error_ms").is_null() & pl.col(first).is_not_null()
    return int(rows.select(is_unknown.sum()).collect().item())


def print_possible_rows(found: pl.DataFrame) -> None:
    """Print how many of the rows are within the times only if their clock is off."""
    n_possible = 0 if WITHIN not in found.columns else int((found[WITHIN] == POSSIBLY).sum())
    if n_possible:
        rows = f"of {len(found)} rows, {n_possible} {'is' if n_possible == 1 else 'are'}"
        say(f"{rows} possibly within these times, and possibly not: a clock may be off by its error")
        n_unknown = int(found["clock_error_ms"].is_null().sum())
        if n_unknown:
            of_them = counted(n_unknown, "row has a clock", "rows have a clock")
            say(f"{of_them} whose error nobody stated: forensics case clock CASE CAMERA --clock-error 2s")


def print_hints(opened: OpenCase, rows: pl.LazyFrame, table: str, row_filter: RowFilter) -> None:
    """Print why no row may have been found: an unknown class or entry, or frames that the motion gate skipped."""
    entry_id = row_filter.equal["entry_id"]
    if table == "sightings" and (hint := no_sighting_hint(opened)):
        say(hint)
    if entry_id is not None and entry_id not in (entries := values_of(rows, "entry_id")):
        say(f"no face was compared with an entry {entry_id!r}; compared entries: {', '.join(entries) or 'none'}")

    class_name, seen = row_filter.equal["class_name"], "sightings" if table == CANDIDATES_TABLE else table
    if class_name is not None and class_name not in (classes := values_of(opened.table(seen), "class_name")):
        say(f"no row has class {class_name!r}; classes: {', '.join(classes) or 'none'}")
    audit = newest_record(opened.folder).get("audit")
    if audit and table not in ("sources", "evidence"):
        say(describe_spot_check(audit))


def values_of(rows: pl.LazyFrame, column: str) -> list[str]:
    """Return the values of a column, sorted, each once."""
    values: list[str] = rows.select(column).unique().collect()[column].to_list()
    return sorted(values)


def print_error_rates(found: pl.DataFrame) -> None:
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
