"""The stages of a run, each doing only what has no part yet; see `pipelines/run/driver.py` for their order."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from forensics.digests import digest_of
from forensics.footage.chunks import Chunk
from forensics.footage.evidence import Evidence
from forensics.sampling.spot_check import draw_sample, sample_sizes
from forensics.tables.files import write_table
from forensics.tables.outcomes import Failure
from forensics.tables.parts import DetectRows
from pipelines.run.context import Run, mapped
from pipelines.run.part_reuse import reusable_parts, reuse_part
from pipelines.run.plan import EvidencePlan, PlannedChunk
from pipelines.search.recognition import Recognition
from pipelines.stages.detect import ChunkWork, Detect
from pipelines.stages.isolate_crash import IsolateCrash
from pipelines.stages.port import WORKER_LOST, Done, Failed
from pipelines.stages.recognise import Recognise, RecogniseWork, works_for
from pipelines.stages.sight import Sight, SightWork
from pipelines.stages.spot_check import SpotCheck, SpotCheckWork
from pipelines.stages.spot_check import works_for as audit_works_for
from pipelines.stages.track import EvidenceWork, Track

__all__ = ["detect", "recognise", "recognise_works", "sight", "sight_works", "spot_check", "track"]


def detect(run: Run) -> None:
    """One part for every chunk that has none and whose footage still is what was ingested."""
    others = reusable_parts(run.plan.folder, run.settings)
    for planned in run.plan.chunks_to_do():
        if planned.is_outside:
            _keep_outside(run, planned)
        else:
            reuse_part(run.plan.folder, planned.unit, others, run.parts)
    waiting = run.plan.chunks_to_do()
    units = {planned.chunk: planned.unit for planned in waiting}
    admitted = _admitted(run, (planned.evidence for planned in waiting))
    todo = [
        ChunkWork(planned.chunk, planned.evidence, planned.scope)
        for planned in waiting
        if planned.evidence.evidence_id in admitted
    ]
    todo.sort(key=_is_usual(todo))
    backlog_s = sum(_media_seconds(run, planned.chunk) for planned in waiting)
    run.metrics.backlog(backlog_s)
    for outcome in _detected(run, _detect_stage(run), todo, n_done=run.plan.n_chunks - len(waiting)):
        chunk = outcome.item.chunk
        backlog_s -= _media_seconds(run, chunk) if isinstance(outcome, Done) else 0
        run.metrics.backlog(backlog_s)
        _keep_chunk(run, units[chunk], outcome)
    run.metrics.refused("detect", len(waiting) - len(todo))
    run.figures["frames_detected_now"] = sum(work.chunk.n_frames for work in todo)


def _media_seconds(run: Run, chunk: Chunk) -> float:
    """About how long a chunk is: its share of its evidence."""
    plan = next(each for each in run.plan.evidence if each.evidence.evidence_id == chunk.evidence_id)
    return plan.seconds * chunk.n_frames / max(1, plan.evidence.n_frames)


def _is_usual(works: list[ChunkWork]) -> Callable[[ChunkWork], bool]:
    """What sorts chunks that cannot be cut and are far longer than most to the front: nobody waits for them alone."""
    usual = float(np.median([work.chunk.n_frames for work in works])) if works else 0.0
    return lambda work: work.chunk.n_frames <= 2 * usual


def _detect_stage(run: Run) -> Detect:
    settings = run.settings
    return Detect(settings.detect, run.model, run.case.folder, run.limits, settings.gate_rules, settings.run.decoders)


def _detected(
    run: Run, stage: Detect, works: list[ChunkWork], n_done: int
) -> Iterator[Done[ChunkWork, pa.Table] | Failed[ChunkWork]]:
    """What became of every chunk; those that their worker did not survive are examined piece by piece, at the end."""
    deadly = []
    for outcome in mapped(run, stage, works, unit="frames", size=_frames_in, n_done=n_done):
        if isinstance(outcome, Failed) and outcome.error in WORKER_LOST:
            deadly.append(outcome.item)
        else:
            yield outcome
    yield from mapped(run, IsolateCrash(stage), deadly, unit="frames", size=_frames_in)


def _frames_in(work: ChunkWork) -> int:
    return work.chunk.n_frames


def _admitted(run: Run, evidence: Iterable[Evidence]) -> set[str]:
    """Ids of the evidence that may be decoded; what was altered or is missing waits for the next run."""
    return {evidence_id for evidence_id, item in _by_id(evidence).items() if run.guard.admits(item)}


def _by_id(evidence: Iterable[Evidence]) -> dict[str, Evidence]:
    return {item.evidence_id: item for item in evidence}


def _keep_chunk(run: Run, unit: str, outcome: Done[ChunkWork, pa.Table] | Failed[ChunkWork]) -> None:
    """Store the part; nothing is kept of footage that changed while it was read."""
    work = outcome.item
    if not run.guard.still_admits(work.evidence):
        return
    if isinstance(outcome, Done):
        write_table(run.plan.folder.part("detect", unit), outcome.result)
        run.metrics.seen(outcome.result)
    else:
        frames = f"frames {work.chunk.start}-{work.chunk.stop - 1}"
        run.lost[unit] = _failed(run, work.chunk.evidence_id, "detect", frames, outcome)


def _keep_outside(run: Run, planned: PlannedChunk) -> None:
    """Store that nothing of a chunk was looked at, because nothing of it may be; nothing is opened."""
    write_table(run.plan.folder.part("detect", planned.unit), DetectRows(planned.chunk, planned.scope).table())


def _failed(run: Run, evidence_id: str, stage: str, unit: str, outcome: Failed[Any]) -> Failure:
    failure = Failure(evidence_id, stage, unit, outcome.attempts, outcome.error, outcome.detail)
    run.failures.append(failure)
    return failure


def track(run: Run) -> list[EvidenceWork]:
    """A track part for every evidence; those that failed stand in `failures`."""
    works = [_evidence_work(run, each) for each in run.plan.evidence]
    todo = [work for work in works if work.detect_parts and not run.plan.folder.part("track", work.unit).exists()]
    stage = Track(run.settings.track.parameters(), run.case.folder, run.settings.track.method)
    for outcome in mapped(run, stage, todo, unit="files", n_done=len(works) - len(todo)):
        _keep(run, "track", outcome.item.unit, outcome.item.evidence, outcome)
    return works


def _evidence_work(run: Run, plan: EvidencePlan) -> EvidenceWork:
    if plan.is_outside:
        return EvidenceWork(plan.evidence, (), digest_of({"evidence": plan.evidence.evidence_id, "outside": True}))
    made = [unit for unit in plan.units if run.plan.folder.part("detect", unit).exists()]
    unit = digest_of({"evidence": plan.evidence.evidence_id, "detect": made, "settings": run.plan.settings_digest})
    return EvidenceWork(plan.evidence, tuple(run.plan.folder.part("detect", name) for name in made), unit)


def _keep(run: Run, stage: str, unit: str, evidence: Evidence, outcome: Done[Any, pa.Table] | Failed[Any]) -> None:
    if isinstance(outcome, Done):
        write_table(run.plan.folder.part(stage, unit), outcome.result)
    else:
        _failed(run, evidence.evidence_id, stage, "whole evidence", outcome)


def spot_check(run: Run, tracked: list[EvidenceWork]) -> dict[str, tuple[Path, ...]]:
    """Parts of the frames that the gate passed over and the lot fell on, by evidence; none without a gate."""
    if not run.settings.is_gated:
        return {}
    works = _audit_works(run, tracked)
    part = run.plan.folder.part
    waiting = [work for work in works if not part("audit", work.unit).exists()]
    admitted = _admitted(run, (work.evidence for work in waiting))
    todo = [work for work in waiting if work.evidence.evidence_id in admitted]
    stage = SpotCheck(_detect_stage(run))
    n_done = len(works) - len(waiting)
    for outcome in mapped(run, stage, todo, unit="frames", size=lambda work: len(work.frames), n_done=n_done):
        if run.guard.still_admits(outcome.item.evidence):
            _keep(run, "audit", outcome.item.unit, outcome.item.evidence, outcome)
    made = defaultdict[str, tuple[Path, ...]](tuple)
    for work in works:
        if part("audit", work.unit).exists():
            made[work.evidence.evidence_id] += (part("audit", work.unit),)
    return made


def _audit_works(run: Run, tracked: list[EvidenceWork]) -> list[SpotCheckWork]:
    """What the lot falls on, of all that the gate passed over in this run."""
    gate = run.settings.gate
    passed = [work.passed_over() for work in tracked]
    numbers = sample_sizes([len(frames) for frames in passed], share=gate.audit_share, least=gate.audit_frames)
    works: list[SpotCheckWork] = []
    for plan, frames, n_drawn in zip(run.plan.evidence, passed, numbers, strict=True):
        lot = draw_sample(plan.evidence.evidence_id, frames, n_drawn, gate.audit_seed)
        works += audit_works_for(plan.evidence, plan.scope, lot, {"look": plan.look_digest})
    return works


def sight_works(run: Run, tracked: list[EvidenceWork]) -> list[SightWork]:
    """What there is to sum up, whether it has a part or not."""
    return [SightWork(work, run.plan.folder.part("track", work.unit), work.unit) for work in tracked]


def sight(run: Run, tracked: list[EvidenceWork]) -> None:
    """A sight part for every evidence that was tracked."""
    part = run.plan.folder.part
    works = sight_works(run, tracked)
    waiting = [work for work in works if work.track_part.exists() and not part("sight", work.unit).exists()]
    admitted = _admitted(run, (work.tracked.evidence for work in waiting))
    todo = [work for work in waiting if work.tracked.evidence.evidence_id in admitted]
    stage = Sight(run.case.folder, run.limits)
    for outcome in mapped(run, stage, todo, unit="files", n_done=len(works) - len(waiting)):
        if run.guard.still_admits(outcome.item.tracked.evidence):
            _keep(run, "sight", outcome.item.unit, outcome.item.tracked.evidence, outcome)


def recognise_works(run: Run, recognition: Recognition, work: SightWork) -> list[RecogniseWork]:
    """The people of one evidence that was sighted, none where the watch-list is empty."""
    sight_part = run.plan.folder.part("sight", work.unit)
    if not recognition.entries or not sight_part.exists():
        return []
    settings = run.settings.recognise.model_dump(mode="json", exclude={"detector", "model"})
    return works_for(work, sight_part, {**recognition.facts, "settings": settings, "run": run.plan.settings_digest})


def recognise(run: Run, recognition: Recognition, tracked: list[EvidenceWork]) -> None:
    """A recognise part for every group of sighted people."""
    works = [w for each in sight_works(run, tracked) for w in recognise_works(run, recognition, each)]
    waiting = [work for work in works if not run.plan.folder.part("recognise", work.unit).exists()]
    admitted = _admitted(run, (work.evidence for work in waiting))
    todo = [work for work in waiting if work.evidence.evidence_id in admitted]
    if not todo:
        return
    stage = Recognise(
        run.settings.recognise,
        recognition.rules,
        recognition.models,
        recognition.entry_ids,
        recognition.people,
        recognition.sealed_templates,
        recognition.origins,
        recognition.key,
        run.plan.settings_digest,
        run.case.folder,
        run.limits,
    )
    n_done = len(works) - len(waiting)
    for outcome in mapped(run, stage, todo, unit="people", size=lambda work: len(work.tracks), n_done=n_done):
        if run.guard.still_admits(outcome.item.evidence):
            _keep(run, "recognise", outcome.item.unit, outcome.item.evidence, outcome)
