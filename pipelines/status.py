"""What a case holds and how far its work is."""

from typing import Any

import polars as pl

import forensics
from forensics.case import CaseFolder
from forensics.evidence import Evidence, Verdict
from forensics.tables.evidence import load_evidence, load_sources
from forensics.tables.open import read_manifest
from pipelines.case_file import Case
from pipelines.case_lock import is_held
from pipelines.ingest import unknown_clocks
from pipelines.run_record import newest_record

__all__ = ["case_status"]


def case_status(case: Case) -> dict[str, Any]:
    """Counts, the newest run's state, coverage by state, and everything that is not in order."""
    folder = case.folder
    sources, evidence = load_sources(folder), load_evidence(folder)
    run = newest_record(folder)
    published = folder.manifest.exists()
    problems = [f"{s.verdict.value}: {s.path}: {s.reason}" for s in sources if s.verdict is not Verdict.OK]
    return {
        "case": str(folder.root),
        "sources": len(sources),
        "evidence": len(evidence),
        "run": run.get("run"),
        "state": _state(folder, run.get("state", "nothing was run yet")),
        "published_run": read_manifest(folder)["run"] if published else None,
        "figures": run.get("figures", {}),
        "coverage": _coverage(folder) if published else [],
        "problems": [
            *problems,
            *unknown_clocks(case),
            *_absent(folder, evidence),
            *(_failures(folder) if published else []),
        ],
    }


def _state(folder: CaseFolder, recorded: str) -> str:
    """The recorded state; a run that died could not record its end."""
    return "interrupted" if recorded == "running" and not is_held(folder) else recorded


def _absent(folder: CaseFolder, evidence: list[Evidence]) -> list[str]:
    find = f"`forensics evidence relocate {folder.root} FOLDER` finds it"
    return [f"absent: {item.path} is not there any more; {find}" for item in evidence if not item.path.exists()]


def _coverage(folder: CaseFolder) -> list[dict[str, Any]]:
    frames = (pl.col("stop_frame") - pl.col("start_frame")).sum().alias("frames")
    rows = forensics.open_case(folder.root).coverage().group_by("state", "reason", "settled").agg(frames)
    return rows.sort("state", "reason", "settled").collect().to_dicts()


def _failures(folder: CaseFolder) -> list[str]:
    rows = forensics.open_case(folder.root).failures().collect().iter_rows(named=True)
    return [
        f"{r['stage']}: {r['evidence_id']} {r['unit']}: {r['error']}: {r['detail']} (will be tried again)" for r in rows
    ]
