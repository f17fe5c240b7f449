"""Status of a case: its content, its newest run, its problems, and the next step."""

from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

import forensics
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.custody.result_retention import results_removed
from forensics.errors import ForensicsError
from forensics.footage.evidence import Evidence, Source, Verdict
from forensics.json_object import JsonObject
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence, load_sources
from forensics.tables.manifest import read_manifest
from pipelines.custody.case_lock import is_locked
from pipelines.custody.earlier_denials import describe_denials
from pipelines.custody.mandate_text import authority_text, report_text
from pipelines.custody.retention_text import removal_text, retention_facts, retention_text
from pipelines.intake.unknown_clocks import describe_unknown_clocks
from pipelines.review.search_status import search_status
from pipelines.run.record import newest_record

__all__ = ["case_status"]

_NOT_RUN: Final = "nothing was run yet"


def case_status(case: Case, now: datetime) -> JsonObject:
    """Return counts, the newest run's state, the mandate status, open reviews, coverage, problems and the next step."""
    folder = case.folder
    sources, evidence = load_sources(folder), load_evidence(folder)
    run = newest_record(folder)
    published = folder.manifest.exists()
    state = _state(folder, run.get("state", _NOT_RUN))
    search, mandate = search_status(case), mandate_status(case.mandate, now)
    problems = [_source_problem(folder, source, sources) for source in sources if source.verdict is not Verdict.OK]
    return {
        "case": str(folder.root),
        "sources": len(sources),
        "evidence": len(evidence),
        "run": run.get("run"),
        "model": run.get("model"),
        "state": state,
        "standing": mandate.value,
        **_mandate_facts(case, now),
        **search,
        **retention_facts(case),
        "retention": retention_text(case),
        "removed": removal_text(case, may_run=mandate is MandateStatus.ACTIVE),
        "published_run": read_manifest(folder)["run"] if published else None,
        "audit": run.get("audit"),
        "figures": run.get("figures", {}),
        "coverage": _coverage(folder) if published else [],
        "problems": [
            *problems,
            *(_found_by_run(folder, sources) if published else []),
            *describe_unknown_clocks(case, evidence),
            *(_denials(case) if mandate is MandateStatus.ACTIVE else []),
            *_absent(folder, evidence),
            *_claimed_twice(folder, evidence),
            *(_failures(folder) if published else []),
        ],
        "next": _next_step(
            case,
            mandate,
            state,
            search,
            n_evidence=len(evidence),
            is_stale=published and _is_stale(folder, sources),
            is_unfinished=published and not forensics.open_case(folder.root).failures().collect().is_empty(),
            is_absent=bool(_absent(folder, evidence)),
        ),
    }


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


def _denials(case: Case) -> list[str]:
    """Return a problem for each denial that the case must acknowledge; or why these are not known."""
    try:
        return describe_denials(case)
    except ForensicsError as error:
        return [f"denials of other cases are not known: {error}"]


def _next_step(
    case: Case,
    mandate: MandateStatus,
    state: str,
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
    if state == "running":
        return f"wait, or forensics cancel {in_shell(root)}"
    work = f"forensics evidence relocate {in_shell(root)} FOLDER" if is_absent else f"forensics run {in_shell(root)}"
    is_due = is_stale or state in {_NOT_RUN, "interrupted"} or results_removed(case.folder) is not None
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


def _state(folder: CaseFolder, recorded: str) -> str:
    """Return the state of the run; a record says `running` for ever if the run was killed."""
    return "interrupted" if recorded == "running" and not is_locked(folder) else recorded


def _source_problem(folder: CaseFolder, source: Source, sources: list[Source]) -> str:
    """Return why a source is not complete, and how to withdraw it if it yields no frames."""
    withdraw = f"`forensics evidence withdraw {in_shell(folder.root)} {in_shell(source.path)}`"
    way_out = ""
    if source.evidence_id is None:
        way_out = f"; if it was given by mistake, withdraw it with {withdraw}"
    elif source.verdict is Verdict.REJECTED and any(
        each.path == source.path and each.verdict is not Verdict.REJECTED for each in sources
    ):
        way_out = f"; the file that is there now was read; withdraw the earlier one with {withdraw}"
    return f"{source.verdict.value}: {source.path}: {source.reason}{way_out}"


def _found_by_run(folder: CaseFolder, sources: list[Source]) -> list[str]:
    """Return what the newest run found missing in footage that was whole when it was ingested."""
    whole = {str(source.path) for source in sources if source.verdict is Verdict.OK}
    rows = (
        forensics.open_case(folder.root).sources().select("path", "verdict", "reason").collect().iter_rows(named=True)
    )
    return [
        f"{row['verdict']}: {row['path']}: {row['reason']}"
        for row in rows
        if row["path"] in whole and row["verdict"] != Verdict.OK.value
    ]


def _claimed_twice(folder: CaseFolder, evidence: list[Evidence]) -> list[str]:
    """Return a problem for each path with several recordings, of which it can hold only one."""
    by_path = defaultdict[str, list[str]](list)
    for item in evidence:
        if item.readable is not None:
            by_path[str(item.path)].append(item.evidence_id)
    find = f"find the others with `forensics evidence relocate {in_shell(folder.root)} FOLDER`"
    return [
        f"claimed twice: evidence {' and '.join(ids)} were all read at {path}, which can hold only one of them; {find}"
        for path, ids in by_path.items()
        if len(ids) > 1
    ]


def _absent(folder: CaseFolder, evidence: list[Evidence]) -> list[str]:
    """Return a problem for each missing file; objects of a store are checked only when they are read."""
    find = f"find it with `forensics evidence relocate {in_shell(folder.root)} FOLDER`"
    return [
        f"absent: {item.path} is missing; {find}"
        for item in evidence
        if isinstance(item.path, Path) and not item.path.exists()
    ]


def _coverage(folder: CaseFolder) -> list[JsonObject]:
    frames = (pl.col("stop_frame") - pl.col("start_frame")).sum().alias("frames")
    rows = forensics.open_case(folder.root).coverage().group_by("state", "reason", "settled").agg(frames)
    return rows.sort("state", "reason", "settled").collect().to_dicts()


def _failures(folder: CaseFolder) -> list[str]:
    rows = forensics.open_case(folder.root).failures().collect().iter_rows(named=True)
    return [
        f"{r['stage']}: {r['evidence_id']} {r['unit']}: {r['error']}: {r['detail']} (the next run tries again)"
        for r in rows
    ]
