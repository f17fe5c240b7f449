"""What a case holds and how far its work is."""

import json
from typing import Any

import polars as pl

import forensics
from forensics.case import CaseFolder
from forensics.errors import IntegrityBroken
from forensics.evidence import Evidence, Verdict
from forensics.tables.evidence import load_evidence, load_sources
from forensics.tables.open import read_manifest

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
        "published_run": read_manifest(folder)["run"] if published else None,
        "figures": run.get("figures", {}),
        "coverage": _coverage(folder) if published else [],
        "problems": [*problems, *_absent(folder, evidence), *(_failures(folder) if published else [])],
    }


def _absent(folder: CaseFolder, evidence: list[Evidence]) -> list[str]:
    find = f"`forensics evidence relocate {folder.root} FOLDER` finds it"
    return [f"absent: {item.path} is not there any more; {find}" for item in evidence if not item.path.exists()]


def _newest_run(folder: CaseFolder) -> dict[str, Any]:
    records = sorted(folder.runs.glob("*/run.json"), key=lambda path: path.stat().st_mtime_ns)
    if not records:
        return {}
    try:
        newest: dict[str, Any] = json.loads(records[-1].read_text())
    except ValueError as error:
        raise IntegrityBroken(
            f"{records[-1]}: not the record of a run any more ({error})",
            "restore it, or delete it: the next run writes it anew",
        ) from error
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
