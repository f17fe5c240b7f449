"""Progress of the newest run: frames done of all frames, by evidence, with the rate and the time left.

It is counted from what is on disk: the parts of the run while it runs or after it was interrupted, else the published
coverage. A killed run leaves its parts and nothing else, so the numbers are right then, and a run that is in progress
is not slowed.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

import forensics
from forensics.custody.case_document import Case
from forensics.footage.coverage import State
from forensics.json_object import JsonObject
from forensics.models.model_store import Model
from forensics.tables.evidence import load_evidence
from forensics.tables.stale_evidence import added_evidence
from pipelines.run.plan import RunPlan, make_plan
from pipelines.run.record import faces_in_run_id
from pipelines.settings import Settings

__all__ = ["FrameCount", "measure_rate", "progress_of_parts", "progress_of_tables"]

_WINDOW_S: Final = 600.0
_DETECTED: Final = (State.DETECTED.value, State.DOUBTFUL.value)


@dataclass(frozen=True, slots=True)
class FrameCount:
    """Frames of one evidence.

    Attributes:
        evidence_id, camera_id, path: the evidence.
        frames: number of its frames.
        done: number of frames whose outcome is settled, also those that are outside the mandate.
    """

    evidence_id: str
    camera_id: str
    path: str
    frames: int
    done: int


def progress_of_parts(case: Case, record: JsonObject, *, is_running: bool, now: datetime) -> JsonObject:
    """Return the progress of a run that has published nothing yet; empty if its plan is not known any more.

    Args:
        case: the case.
        record: record of the run.
        is_running: whether it is in progress; then there are a rate and a time left, once a part was stored.
        now: the time at which `is_running` is true.
    """
    plan = _plan_of(case, record)
    if plan is None:
        return {}
    parts = {each.unit: plan.folder.part("detect", each.unit) for each in plan.planned_chunks()}
    counts = [
        FrameCount(
            each.evidence.evidence_id,
            each.evidence.camera_id,
            str(each.evidence.path),
            sum(chunk.n_frames for chunk in each.chunks),
            sum(chunk.n_frames for chunk, unit in zip(each.chunks, each.units, strict=True) if parts[unit].exists()),
        )
        for each in plan.evidence
    ]
    facts = _facts(counts)
    if not is_running:
        return facts
    stored = [(parts[each.unit], each.chunk.n_frames) for each in plan.planned_chunks()]
    rate = measure_rate(_stored_at(stored), plan.folder.record.stat().st_mtime, now.timestamp())
    left = None if rate is None else round((facts["frames"] - facts["done"]) / rate)
    return {**facts, "frames_per_second": rate, "seconds_left": left}


def progress_of_tables(case: Case) -> JsonObject:
    """Return the progress of the run that published the tables: frames that are settled, and those that were detected.

    Evidence that was added since has frames, and none is done.
    """
    rows = forensics.open_case(case.folder.root).coverage()
    n_frames = pl.col("stop_frame") - pl.col("start_frame")
    settled = n_frames.filter(pl.col("settled")).sum()
    counted = rows.group_by("evidence_id", "camera_id").agg(n_frames.sum().alias("frames"), settled.alias("done"))
    evidence, new = load_evidence(case.folder), set(added_evidence(case))
    paths = {item.evidence_id: str(item.path) for item in evidence}
    found = counted.sort("evidence_id").collect().iter_rows(named=True)
    added = [
        FrameCount(item.evidence_id, item.camera_id, str(item.path), item.readable.n_frames, 0)
        for item in evidence
        if item.evidence_id in new and item.readable is not None
    ]
    detected = rows.filter(pl.col("state").is_in(_DETECTED)).select(n_frames.sum()).collect().item()
    facts = _facts([*(FrameCount(path=paths.get(row["evidence_id"], ""), **row) for row in found), *added])
    return {**facts, "detected": detected}


def measure_rate(stored: Iterable[tuple[float, int]], began_s: float, now_s: float) -> float | None:
    """Return the frames per second of the last ten minutes; None if no part was stored in them.

    Parts that are older than the command belong to an earlier one. Time counts from the first part on, because loading
    a model takes a while, and up to now, so that a run that hangs becomes slow.

    Args:
        stored: when each part was stored, in seconds since 1970, and the number of its frames.
        began_s: when the command began.
        now_s: the end of the ten minutes.

    >>> measure_rate([(5, 100), (20, 300), (30, 200)], began_s=10, now_s=60)
    5.0
    """
    first_s = max(began_s, now_s - _WINDOW_S)
    recent = sorted(each for each in stored if each[0] >= first_s)
    if not recent:
        return None
    since, counted = (recent[0][0], recent[1:]) if len(recent) > 1 else (first_s, recent)
    return round(sum(n_frames for _, n_frames in counted) / (now_s - since), 3) or None if now_s > since else None


def _plan_of(case: Case, record: JsonObject) -> RunPlan | None:
    """Return the plan of a recorded run; None if another version of the program, or of a library, made it."""
    try:
        settings = Settings.model_validate(record["settings"])
    except (ValueError, KeyError):  # of pydantic, or a record without them
        return None
    named = record["model"]
    model = Model(named["name"], None, named["sha256"], named["format"])
    plan = make_plan(case, load_evidence(case.folder), settings, model, faces_in_run_id(record))
    return plan if plan.folder.run_id == record["run"] else None


def _stored_at(parts: Iterable[tuple[Path, int]]) -> list[tuple[float, int]]:
    return [(path.stat().st_mtime, n_frames) for path, n_frames in parts if path.exists()]


def _facts(counts: Iterable[FrameCount]) -> JsonObject:
    """Return all frames, those done, their share in percent, and the evidence that is not done.

    The share is rounded down, so that it is 100 only if nothing is left.
    """
    each = list(counts)
    n_frames, n_done = sum(one.frames for one in each), sum(one.done for one in each)
    return {
        "frames": n_frames,
        "done": n_done,
        "percent": 1000 * n_done // n_frames / 10 if n_frames else 100.0,
        "unfinished": [asdict(one) for one in each if one.done < one.frames],
    }
