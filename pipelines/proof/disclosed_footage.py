"""Footage in the disclosure of a case: what the published run searched, and what else was handed in."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import polars as pl

import forensics
from forensics.custody.case_document import Case
from forensics.footage.coverage import State
from forensics.footage.evidence import Evidence, Source
from forensics.json_object import JsonObject
from forensics.tables.evidence import load_evidence, load_sources

__all__ = ["not_searched", "searched"]

_OF_EVIDENCE: Final = (
    *("evidence_id", "sha256", "bytes", "camera_id", "file_name", "verdict", "reason"),
    *("start_utc", "end_utc", "start_stated", "start_camera_clock"),
    *("clock_offset_ms", "clock_drift_ppm", "clock_error_ms"),
)
_SEARCHED: Final = (State.DETECTED.value, State.DOUBTFUL.value, State.CARRIED.value)
"""States of frames whose content is known."""


def searched(case: Case) -> list[JsonObject]:
    """Return every recording of which the published run searched a frame, with camera and clock as its tables state.

    Raises:
        UsageError: nothing was published.
    """
    ids, published = _searched_ids(case), forensics.open_case(case.folder.root).evidence()
    rows = published.filter(pl.col("evidence_id").is_in(ids)).select(*_OF_EVIDENCE).collect()
    return rows.rename({"bytes": "size_bytes", "file_name": "file"}).to_dicts()


def not_searched(case: Case, why_no_tables: str = "") -> list[JsonObject]:
    """Return everything else that was handed in, with verdict and reason: recordings by id, then unreadable paths.

    Args:
        case: the case.
        why_no_tables: why nothing is published; empty if there are published tables.
    """
    ids = set[str]() if why_no_tables else set(_searched_ids(case))
    why = defaultdict(lambda: why_no_tables or "added after the run", {} if why_no_tables else _reasons(case))
    recordings = [
        _facts(item, sha256=item.sha256, reason=item.reason if item.readable is None else why[item.evidence_id])
        for item in load_evidence(case.folder)
        if item.evidence_id not in ids
    ]
    rejected = (source for source in load_sources(case.folder) if source.evidence_id is None)
    return [*recordings, *(_facts(source, sha256=None, reason=source.reason) for source in rejected)]


def _facts(item: Evidence | Source, *, sha256: str | None, reason: str) -> JsonObject:
    return {
        "evidence_id": item.evidence_id,
        "sha256": sha256,
        "camera_id": item.camera_id,
        "file": item.path.name,
        "verdict": item.verdict.value,
        "reason": reason,
    }


def _searched_ids(case: Case) -> list[str]:
    coverage = forensics.open_case(case.folder.root).coverage().filter(pl.col("state").is_in(_SEARCHED))
    ids: list[str] = coverage.select("evidence_id").unique().collect()["evidence_id"].to_list()
    return ids


def _reasons(case: Case) -> dict[str, str]:
    """Return for each published recording why frames of it were not searched."""
    coverage = forensics.open_case(case.folder.root).coverage().filter(pl.col("start_frame") < pl.col("stop_frame"))
    rows: Iterable[tuple[Any, ...]] = (
        coverage.select("evidence_id", "reason", "detail").unique(maintain_order=True).collect().iter_rows()
    )
    reasons = defaultdict[str, list[str]](list)
    for evidence_id, reason, detail in rows:
        reasons[evidence_id].append(f"{reason}: {detail}" if detail else reason)
    return {evidence_id: "; ".join(texts) for evidence_id, texts in reasons.items()}
