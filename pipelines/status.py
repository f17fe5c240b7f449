"""What a case holds and how far its work is."""

import json
from typing import Any

import polars as pl

import forensics
from forensics.case import CaseFolder
from forensics.evidence import Verdict
from forensics.tables.evidence import load_evidence, load_sources

__all__ = ["case_status"]


def case_status(folder: CaseFolder) -> dict[str, Any]:
    """Counts, the newest run's state, coverage by state, and everything that is not in order."""
    sources, evidence = load_sources(folder), load_evidence(folder)
    run = _newest_run(folder)
    published = folder.manifest.exists()
    problems = [f"{s.verdict.value}: {s.path}: {s.reason}" for s in sources if s.verdict is not Verdict.OK]
    return {
        "case": str(folder.root),
        "sources": len(sources),
        "evidence": len(evidence),
        "run": run.get("run"),
        "state": run.get("state", "nothing was run yet"),
        "published_run": json.loads(folder.manifest.read_text())["run"] if published else None,
        "figures": run.get("figures", {}),
        "coverage": _coverage(folder) if published else [],
        "problems": [*problems, *(_failures(folder) if published else [])],
    }


def _newest_run(folder: CaseFolder) -> dict[str, Any]:
    records = sorted(folder.runs.glob("*/run.json"), key=lambda path: path.stat().st_mtime_ns)
    newest: dict[str, Any] = json.loads(records[-1].read_text()) if records else {}
    return newest


def _coverage(folder: CaseFolder) -> list[dict[str, Any]]:
    frames = (pl.col("stop_frame") - pl.col("start_frame")).sum().alias("frames")
    rows = forensics.open_case(folder.root).coverage().group_by("state", "reason", "settled").agg(frames)
    return rows.sort("state", "reason", "settled").collect().to_dicts()


def _failures(folder: CaseFolder) -> list[str]:
    rows = forensics.open_case(folder.root).failures().collect().iter_rows(named=True)
    return [
        f"{r['stage']}: {r['evidence_id']} {r['unit']}: {r['error']}: {r['detail']} (will be tried again)" for r in rows
    ]
