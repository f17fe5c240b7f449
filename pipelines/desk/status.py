"""Status of a case: its content, its newest run, its problems, and the next step."""

from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

import forensics
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.custody.result_retention import results_removed
from forensics.footage.evidence import Source
from forensics.json_object import JsonObject
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence, load_sources
from forensics.tables.manifest import read_manifest
from forensics.tables.searched_scope import is_mandate_changed
from forensics.tables.stale_evidence import added_evidence, stale_evidence
from forensics.wording import counted
from pipelines.custody.mandate_text import authority_text, report_text
from pipelines.custody.retention_text import removal_text, retention_facts, retention_text
from pipelines.desk.problems import absent_footage, group_problems, problems_of
from pipelines.desk.run_progress import progress_of_parts, progress_of_tables
from pipelines.review.search_status import search_status
from pipelines.run.record import STATE_MEANINGS, RunState, newest_record, run_state

__all__ = ["case_status"]

_PUBLISHED: Final = frozenset({RunState.COMPLETE, RunState.WITH_GAPS})
"""States of a run that has published tables."""


def case_status(case: Case, now: datetime) -> JsonObject:
    """Return counts, the newest run's state, the mandate status, open reviews, coverage, problems and the next step."""
    folder = case.folder
    sources, evidence = load_sources(folder), load_evidence(folder)
    run = newest_record(folder)
    published = folder.manifest.exists()
    state = run_state(folder, run)
    search, mandate = search_status(case), mandate_status(case.mandate, now)
    published_run = read_manifest(folder)["run"] if published else None
    problems = problems_of(case, now)
    n_added, n_corrected = (len(added_evidence(case)), len(stale_evidence(case))) if published else (0, 0)
    is_amended = is_mandate_changed(case) if published else False
    return {
        "case": str(folder.root),
        "sources": len(sources),
        "evidence": len(evidence),
        "run": run.get("run"),
        "model": run.get("model"),
        "face_models": run.get("faces"),
        "state": state.value,
        "meaning": _meaning(state, n_added, n_corrected, is_amended=is_amended),
        "added_since": n_added,
        "corrected_since": n_corrected,
        "mandate_changed_since": is_amended,
        "progress": _progress(case, run, state, published_run, now),
        "standing": mandate.value,
        **_mandate_facts(case, now),
        **search,
        **retention_facts(case),
        "retention": retention_text(case),
        "removed": removal_text(case, may_run=mandate is MandateStatus.ACTIVE),
        "published_run": published_run,
        "audit": run.get("audit"),
        "figures": run.get("figures", {}),
        "coverage": _coverage(folder) if published else [],
        "problems": [problem.text for problem in problems],
        "problem_groups": group_problems(problems),
        "next": _next_step(
            case,
            mandate,
            state,
            search,
            n_evidence=len(evidence),
            is_stale=published and (_is_stale(folder, sources) or n_added + n_corrected > 0 or is_amended is not False),
            is_unfinished=published and not forensics.open_case(folder.root).failures().collect().is_empty(),
            is_absent=bool(absent_footage(folder, evidence)),
        ),
    }


def _meaning(state: RunState, n_added: int, n_corrected: int, *, is_amended: bool | None) -> str:
    """Return what a state means, and for how many recordings or for which mandate the tables are older than the case.

    >>> _meaning(RunState.COMPLETE, 2, 1, is_amended=False)
    'the tables are older than 2 recordings that were added and 1 recording that was corrected since'
    """
    added = counted(n_added, "recording that was added", "recordings that were added")
    corrected = counted(n_corrected, "recording that was corrected", "recordings that were corrected")
    mandate = f"the mandate, which {'was' if is_amended else 'may have been'} changed"
    found = ((added, n_added), (corrected, n_corrected), (mandate, is_amended is not False))
    changes = [text for text, is_found in found if is_found]
    if not changes or state not in _PUBLISHED:
        return STATE_MEANINGS[state]
    older = f"the tables are older than {' and '.join(changes)} since"
    return older if state is RunState.COMPLETE else f"{STATE_MEANINGS[state]}; {older}"


def _progress(case: Case, run: JsonObject, state: RunState, published_run: str | None, now: datetime) -> JsonObject:
    """Return the frames done of all frames of the newest run; empty if that is not known."""
    if state is RunState.NOT_RUN:
        return {}
    if state in _PUBLISHED:
        return progress_of_tables(case) if published_run == run["run"] else {}
    return progress_of_parts(case, run, is_running=state is RunState.RUNNING, now=now)


def _mandate_facts(case: Case, now: datetime) -> JsonObject:
    """Return authority or report, and expiry of the mandate, in modes that compare faces."""
    mandate = case.mandate
    if not mandate.mode.compares_faces or mandate.expires_utc is None:
        return {}
    return {
        "authority": authority_text(mandate, now),
        "report": report_text(mandate),
        "expires_utc": mandate.expires_utc.isoformat(),
    }


def _next_step(
    case: Case,
    mandate: MandateStatus,
    state: RunState,
    search: JsonObject,
    *,
    n_evidence: int,
    is_stale: bool,
    is_unfinished: bool,
    is_absent: bool,
) -> str:
    """Return the next command for the user."""
    root = case.folder.root
    if mandate is MandateStatus.LAPSED:
        deny = f"forensics case deny {in_shell(root)} --reason TEXT"
        return f"forensics case authorise {in_shell(root)}, or {deny}"
    if mandate is not MandateStatus.ACTIVE:
        return "none; this case is closed"
    if state is RunState.RUNNING:
        return f"wait, or forensics cancel {in_shell(root)}"
    work = f"forensics evidence relocate {in_shell(root)} FOLDER" if is_absent else f"forensics run {in_shell(root)}"
    is_due = is_stale or state in {RunState.NOT_RUN, RunState.INTERRUPTED} or results_removed(case.folder) is not None
    return _next_work(root, work, search, n_evidence=n_evidence, is_due=is_due, is_unfinished=is_unfinished)


def _is_stale(folder: CaseFolder, sources: list[Source]) -> bool:
    """Whether footage was added or withdrawn since the tables were published."""
    published = forensics.open_case(folder.root).sources().select("path", "evidence_id").collect().rows()
    return set(published) != {(str(source.path), source.evidence_id) for source in sources}


def _next_work(root: Path, work: str, search: JsonObject, *, n_evidence: int, is_due: bool, is_unfinished: bool) -> str:
    """Return the next command of a case that may work; `work` is the command that makes its tables current."""
    if not n_evidence:
        return f"forensics ingest {in_shell(root)} FOOTAGE... --camera ID"
    if search and not search["entries"]:
        return f'forensics watchlist add {in_shell(root)} ENTRY PICTURE --basis "..." --expires DAY'
    if is_due or search.get("uncounted"):
        return work
    if search.get("wait_for_first") or search.get("wait_for_second"):
        return f"forensics review {in_shell(root)} --as NAME --reason TEXT"
    if is_unfinished:
        return work
    return f"forensics query {in_shell(root)}"


def _coverage(folder: CaseFolder) -> list[JsonObject]:
    frames = (pl.col("stop_frame") - pl.col("start_frame")).sum().alias("frames")
    rows = forensics.open_case(folder.root).coverage().group_by("state", "reason", "settled").agg(frames)
    return rows.sort("state", "reason", "settled").collect().to_dicts()
