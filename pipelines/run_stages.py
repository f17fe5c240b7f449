"""The stages of a run, each doing only what has no part yet; see `pipelines/run.py` for their order."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import length_hint
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from forensics.auditing import drawn, to_be_drawn
from forensics.decoding.child import Limits
from forensics.digests import digest_of
from forensics.evidence import Evidence
from forensics.models.shelf import Model
from forensics.tables.files import write_table
from forensics.tables.outcomes import Failure
from forensics.tables.parts import DetectRows
from pipelines.adoption import adopt, adoptable
from pipelines.custody.case_file import Case
from pipelines.footage_guard import FootageGuard
from pipelines.parts_guard import PartsGuard
from pipelines.plan import EvidencePlan, PlannedChunk, RunPlan
from pipelines.progress import Progress
from pipelines.run_record import hardware_for
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.stages.audit import Audit, AuditWork
from pipelines.stages.audit import works_for as audit_works_for
from pipelines.stages.detect import ChunkWork, Detect
from pipelines.stages.examine import Examine
from pipelines.stages.port import WORKER_LOST, Done, Failed, ItemT, ResultT, Runner, Stage
from pipelines.stages.recognise import Recognise, RecogniseWork, works_for
from pipelines.stages.sight import Sight, SightWork
from pipelines.stages.track import EvidenceWork, Track
from pipelines.stopping import StopRequest

__all__ = ["Run", "audit", "detect", "recognise", "recognise_works", "sight", "sight_works", "track"]


@dataclass(slots=True)
class Run:
    """A run while it works."""

    case: Case
    settings: Settings
    model: Model
    plan: RunPlan
    runner: Runner
    progress: Progress
    stop: StopRequest
    parts: PartsGuard
    recognition: Recognition | None = None
    failures: list[Failure] = field(default_factory=list)
    lost: dict[str, Failure] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    peak_bytes: int = 0
    guard: FootageGuard = field(default_factory=FootageGuard)

    @property
    def limits(self) -> Limits:
        """When a decoding child is given up."""
        settings = self.settings
        return Limits(settings.run.stall_s, settings.detect.hang_s, settings.run.decoder_memory_bytes)


def _map(
    run: Run, stage: Stage[ItemT, ResultT], items: Iterable[ItemT]
) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
    """The runner's results, timed; once somebody asks to stop, nothing more is begun."""
    asked_s, done = time.time(), list[_Span]()
    for outcome in run.runner.map(stage, _UntilStopped(items, run.stop)):
        if isinstance(outcome, Done):
            done.append(_Span(outcome.began_s, outcome.seconds, outcome.cpu_s))
            run.peak_bytes = max(run.peak_bytes, outcome.peak_bytes)
        yield outcome
    run.figures[stage.name] = _spent(asked_s, done)
    run.stop.obey()


class _UntilStopped(Iterator[ItemT]):
    """The items until somebody asks to stop; it says how many are left, where they do."""

    def __init__(self, items: Iterable[ItemT], stop: StopRequest) -> None:
        self._items = iter(items)
        self._stop = stop

    def __next__(self) -> ItemT:
        if self._stop.is_made:
            raise StopIteration
        return next(self._items)

    def __length_hint__(self) -> int:
        return 0 if self._stop.is_made else length_hint(self._items, 1)


@dataclass(frozen=True, slots=True)
class _Span:
    """When a worker was busy with an item, and what that cost."""

    began_s: float
    seconds: float
    cpu_s: float


def _spent(asked_s: float, done: list[_Span]) -> dict[str, float]:
    """Seconds until the first worker began, from there to the last end, and of all workers together."""
    began = min((span.began_s for span in done), default=asked_s)
    ended = max((span.began_s + span.seconds for span in done), default=asked_s)
    return {
        "startup_seconds": round(began - asked_s, 3),
        "working_seconds": round(ended - began, 3),
        "busy_seconds": round(sum(span.seconds for span in done), 3),
        "cpu_seconds": round(sum(span.cpu_s for span in done), 3),
    }


def detect(run: Run) -> None:
    """One part for every chunk that has none and whose footage still is what was ingested."""
    hardware = None if run.settings.run.mixed_hardware else hardware_for(run.settings)
    others = adoptable(run.plan.folder, hardware)
    for planned in run.plan.chunks_to_do():
        if planned.is_outside:
            _keep_outside(run, planned)
        else:
            adopt(run.plan.folder, planned.unit, others, run.parts)
    waiting = run.plan.chunks_to_do()
    units = {planned.chunk: planned.unit for planned in waiting}
    admitted = _admitted(run, (planned.evidence for planned in waiting))
    todo = [
        ChunkWork(planned.chunk, planned.evidence, planned.scope)
        for planned in waiting
        if planned.evidence.evidence_id in admitted
    ]
    todo.sort(key=_is_usual(todo))
    n_frames = sum(work.chunk.n_frames for work in todo)
    if todo:
        run.progress.begin("detect", n_frames, "frames")
        for outcome in _detected(run, _detect_stage(run), todo):
            run.progress.advance(outcome.item.chunk.n_frames)
            _keep_chunk(run, units[outcome.item.chunk], outcome)
        run.progress.end()
    run.figures["frames_detected_now"] = n_frames


def _is_usual(works: list[ChunkWork]) -> Callable[[ChunkWork], bool]:
    """What sorts chunks that cannot be cut and are far longer than most to the front: nobody waits for them alone."""
    usual = float(np.median([work.chunk.n_frames for work in works])) if works else 0.0
    return lambda work: work.chunk.n_frames <= 2 * usual


def _detect_stage(run: Run) -> Detect:
    gate = run.settings.gate if run.settings.is_gated else None
    return Detect(run.settings.detect, run.model, run.case.folder, run.limits, gate, run.settings.run.decoders)


def _detected(
    run: Run, stage: Detect, works: list[ChunkWork]
) -> Iterator[Done[ChunkWork, pa.Table] | Failed[ChunkWork]]:
    """What became of every chunk; those that their worker did not survive are examined piece by piece, at the end."""
    deadly = []
    for outcome in _map(run, stage, works):
        if isinstance(outcome, Failed) and outcome.error in WORKER_LOST:
            deadly.append(outcome.item)
        else:
            yield outcome
    if deadly:
        yield from _map(run, Examine(stage), deadly)


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
    if todo:
        run.progress.begin("track", len(todo), "files")
        stage = Track(run.settings.track.parameters(), run.case.folder, run.settings.track.method)
        for outcome in _map(run, stage, todo):
            run.progress.advance(1)
            _keep(run, "track", outcome.item.unit, outcome.item.evidence, outcome)
        run.progress.end()
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


def audit(run: Run, tracked: list[EvidenceWork]) -> dict[str, tuple[Path, ...]]:
    """Parts of the frames that the gate passed over and the lot fell on, by evidence; none without a gate."""
    if not run.settings.is_gated:
        return {}
    works = _audit_works(run, tracked)
    part = run.plan.folder.part
    waiting = [work for work in works if not part("audit", work.unit).exists()]
    admitted = _admitted(run, (work.evidence for work in waiting))
    todo = [work for work in waiting if work.evidence.evidence_id in admitted]
    if todo:
        run.progress.begin("audit", sum(len(work.frames) for work in todo), "frames")
        for outcome in _map(run, Audit(_detect_stage(run)), todo):
            run.progress.advance(len(outcome.item.frames))
            if run.guard.still_admits(outcome.item.evidence):
                _keep(run, "audit", outcome.item.unit, outcome.item.evidence, outcome)
        run.progress.end()
    made = defaultdict[str, tuple[Path, ...]](tuple)
    for work in works:
        if part("audit", work.unit).exists():
            made[work.evidence.evidence_id] += (part("audit", work.unit),)
    return made


def _audit_works(run: Run, tracked: list[EvidenceWork]) -> list[AuditWork]:
    """What the lot falls on, of all that the gate passed over in this run."""
    gate = run.settings.gate
    passed = [work.passed_over() for work in tracked]
    numbers = to_be_drawn([len(frames) for frames in passed], share=gate.audit_share, least=gate.audit_frames)
    works: list[AuditWork] = []
    for plan, frames, n_drawn in zip(run.plan.evidence, passed, numbers, strict=True):
        lot = drawn(plan.evidence.evidence_id, frames, n_drawn, gate.audit_seed)
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
    if todo:
        run.progress.begin("sight", len(todo), "files")
        for outcome in _map(run, Sight(run.case.folder, run.limits), todo):
            run.progress.advance(1)
            if run.guard.still_admits(outcome.item.tracked.evidence):
                _keep(run, "sight", outcome.item.unit, outcome.item.tracked.evidence, outcome)
        run.progress.end()


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
    run.progress.begin("recognise", sum(len(work.tracks) for work in todo), "people")
    for outcome in _map(run, stage, todo):
        run.progress.advance(len(outcome.item.tracks))
        if run.guard.still_admits(outcome.item.evidence):
            _keep(run, "recognise", outcome.item.unit, outcome.item.evidence, outcome)
    run.progress.end()
