"""A run: plan, detect, track, sight, publish. Running the same again does only what is missing.

The driver is the only writer. Workers return tables; a part that exists is the mark that its work is
done, so nothing else is remembered. What fails stays visible: a lost chunk is an unsettled gap in
`coverage` and a row in `failures`, and the next run tries it again.
"""

import errno
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from forensics.case import RunFolder
from forensics.chunks import Chunk
from forensics.decoding.child import Limits
from forensics.digests import digest_of, sha256_of_file
from forensics.errors import CannotStart
from forensics.evidence import Evidence, Verdict
from forensics.models.shelf import Model
from forensics.tables.evidence import load_evidence, load_sources
from forensics.tables.files import write_bytes, write_table
from forensics.tables.outcomes import ChunkOutcome, EvidenceOutcome, Failure
from forensics.tables.parts import DetectRows
from forensics.tables.publish import publish, put_in_place
from pipelines.case_file import Case
from pipelines.footage_guard import FootageGuard, Loss
from pipelines.mandate_watch import MandateEnded
from pipelines.plan import EvidencePlan, PlannedChunk, RunPlan, keep_boundaries, make_plan
from pipelines.progress import Progress
from pipelines.recognition import Recognition
from pipelines.run_record import begin_record, finish_record, hardware_for, hardware_in, interrupt_record
from pipelines.settings import Settings
from pipelines.stages.detect import ChunkWork, Detect
from pipelines.stages.port import Done, Failed, ItemT, ResultT, Runner, Stage
from pipelines.stages.recognise import Recognise, RecogniseWork, works_for
from pipelines.stages.sight import Sight, SightWork
from pipelines.stages.track import EvidenceWork, Track

__all__ = ["Interrupted", "RunResult", "plan_run", "result_facts", "run_case"]

_SPARE_BYTES = 256 << 20


class Interrupted(Exception):
    """Somebody asked the run to end; what is done stays done."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of a run.

    Attributes:
        folder: where it lies.
        manifest: the published files with rows and digests.
        is_clean: False if some source is partial or rejected, or some work is unsettled.
        failures: units of work that gave nothing.
        figures: frames, seconds by stage, frames per second, peak memory.
    """

    folder: RunFolder
    manifest: dict[str, Any]
    is_clean: bool
    failures: tuple[Failure, ...]
    figures: dict[str, Any]

    @property
    def candidates(self) -> int | None:
        """How many there are for examination; None where no face was compared."""
        found: int | None = self.manifest["candidates"]
        return found


@dataclass(slots=True)
class _Run:
    """A run while it works."""

    case: Case
    settings: Settings
    model: Model
    plan: RunPlan
    runner: Runner
    progress: Progress
    recognition: Recognition | None = None
    failures: list[Failure] = field(default_factory=list)
    lost: dict[str, Failure] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    peak_bytes: int = 0
    guard: FootageGuard = field(default_factory=FootageGuard)

    @property
    def limits(self) -> Limits:
        return Limits(stall_s=self.settings.run.stall_s, memory_bytes=self.settings.run.decoder_memory_bytes)


def plan_run(case: Case, settings: Settings, model: Model) -> RunPlan:
    """What a run would do now.

    Raises:
        CannotStart: there is no readable evidence.
    """
    plan = make_plan(case, load_evidence(case.folder), settings, model)
    if not plan.evidence:
        raise CannotStart(
            f"{case.folder.root}: there is no readable footage",
            "add some with `forensics ingest`, see `forensics status`",
        )
    return plan


def run_case(
    case: Case,
    settings: Settings,
    model: Model,
    *,
    runner: Runner,
    progress: Progress,
    recognition: Recognition | None = None,
) -> RunResult:
    """Do what is missing and publish the tables; the caller holds the case's lock.

    Args:
        case: whose footage.
        settings: what to look for.
        model: the detector's.
        runner: where the work is done.
        progress: told how far it is.
        recognition: what faces are compared with; None compares none.

    Raises:
        CannotStart: no readable evidence, not enough disk space, another kind of machine.
        IntegrityBroken: an index or a record is not what was written; altered footage is an unsettled gap.
        CoverageBroken: the parts do not account for every frame; nothing was published.
        Interrupted: a cancel was asked for.
    """
    plan = plan_run(case, settings, model)
    run = _Run(case, settings, model, plan, runner, progress, recognition)
    case.folder.cancel_file.unlink(missing_ok=True)
    _check_disk(plan)
    try:
        return _completed(run)
    except (Interrupted, KeyboardInterrupt, MandateEnded):
        interrupt_record(plan.folder.record)
        raise
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise CannotStart(
            f"{case.folder.root}: the disk is full", "free some space and run the same command again: it goes on"
        ) from error


def _completed(run: _Run) -> RunResult:
    begin_record(run.plan, run.settings, run.model)
    _sweep(run.plan.folder)
    keep_boundaries(run.plan)
    _detect(run)
    tracked = _track(run)
    _sight(run, tracked)
    if run.recognition is not None:
        _recognise(run, run.recognition, tracked)
    outcomes = [_outcome(run, plan, work) for plan, work in zip(run.plan.evidence, tracked, strict=True)]
    for evidence_id, loss in sorted(run.guard.lost.items()):
        run.failures.append(Failure(evidence_id, "footage", "whole evidence", 1, loss.reason, loss.detail))
    manifest = _publish(run, outcomes)
    result = RunResult(run.plan.folder, manifest, _is_clean(run, manifest), tuple(run.failures), run.figures)
    finish_record(run.plan.folder.record, is_clean=result.is_clean, figures=run.figures)
    return result


def _check_disk(plan: RunPlan) -> None:
    free = shutil.disk_usage(plan.folder.case_root).free
    needed = plan.bytes_to_write + _SPARE_BYTES
    if free < needed:
        raise CannotStart(
            f"{plan.folder.case_root}: {free >> 20} MiB are free, the run needs about {needed >> 20} MiB",
            "free some space or put the case on another disk",
        )


def _sweep(folder: RunFolder) -> None:
    """Remove what a killed driver was writing; whoever holds the case's lock is the only writer."""
    for unfinished in folder.root.rglob(".*.tmp"):
        unfinished.unlink()


def _map(
    run: _Run, stage: Stage[ItemT, ResultT], items: Iterable[ItemT]
) -> Iterator[Done[ItemT, ResultT] | Failed[ItemT]]:
    """The runner's results, timed, until somebody asks to cancel."""
    asked_s, spans = time.time(), []

    def until_cancelled() -> Iterator[ItemT]:
        for item in items:
            if run.case.folder.cancel_file.exists():
                return
            yield item

    for outcome in run.runner.map(stage, until_cancelled()):
        if isinstance(outcome, Done):
            spans.append((outcome.began_s, outcome.seconds))
            run.peak_bytes = max(run.peak_bytes, outcome.peak_bytes)
        yield outcome
    run.figures[stage.name] = _spent(asked_s, spans)
    if run.case.folder.cancel_file.exists():
        run.case.folder.cancel_file.unlink()
        raise Interrupted("the run was cancelled; run the same command again to go on")


def _spent(asked_s: float, spans: list[tuple[float, float]]) -> dict[str, float]:
    """Seconds until the first worker began, from there to the last end, and of all workers together."""
    began = min((began for began, _ in spans), default=asked_s)
    ended = max((began + seconds for began, seconds in spans), default=asked_s)
    return {
        "startup_seconds": round(began - asked_s, 3),
        "working_seconds": round(ended - began, 3),
        "busy_seconds": round(sum(seconds for _, seconds in spans), 3),
    }


def _detect(run: _Run) -> None:
    """One part for every chunk that has none and whose footage still is what was ingested."""
    for planned in run.plan.chunks_to_do():
        if planned.is_outside:
            _keep_outside(run, planned)
        else:
            _adopt(run, planned.unit)
    waiting = run.plan.chunks_to_do()
    units = {planned.chunk: planned.unit for planned in waiting}
    admitted = _admitted(run, (planned.evidence for planned in waiting))
    todo = [
        ChunkWork(planned.chunk, planned.evidence, planned.scope)
        for planned in waiting
        if planned.evidence.evidence_id in admitted
    ]
    n_frames = sum(work.chunk.n_frames for work in todo)
    if todo:
        run.progress.begin("detect", n_frames, "frames")
        for outcome in _map(run, Detect(run.settings.detect, run.model, run.case.folder, run.limits), todo):
            run.progress.advance(outcome.item.chunk.n_frames)
            _keep_chunk(run, units[outcome.item.chunk], outcome)
        run.progress.end()
    run.figures["frames_detected_now"] = n_frames


def _admitted(run: _Run, evidence: Iterable[Evidence]) -> set[str]:
    """Ids of the evidence that may be decoded; what was altered or is missing waits for the next run."""
    return {evidence_id for evidence_id, item in _by_id(evidence).items() if run.guard.admits(item)}


def _by_id(evidence: Iterable[Evidence]) -> dict[str, Evidence]:
    return {item.evidence_id: item for item in evidence}


def _keep_chunk(run: _Run, unit: str, outcome: Done[ChunkWork, pa.Table] | Failed[ChunkWork]) -> None:
    """Store the part; nothing is kept of footage that changed while it was read."""
    work = outcome.item
    if not run.guard.still_admits(work.evidence):
        return
    if isinstance(outcome, Done):
        write_table(run.plan.folder.part("detect", unit), outcome.result)
    else:
        frames = f"frames {work.chunk.start}-{work.chunk.stop - 1}"
        run.lost[unit] = _failed(run, work.chunk.evidence_id, "detect", frames, outcome)


def _keep_outside(run: _Run, planned: PlannedChunk) -> None:
    """Store that nothing of a chunk was looked at, because nothing of it may be; nothing is opened."""
    write_table(run.plan.folder.part("detect", planned.unit), DetectRows(planned.chunk, planned.scope).table())


def _adopt(run: _Run, unit: str) -> None:
    """Link the same part if another run of this case made it already on such a machine."""
    for other in sorted(run.case.folder.runs.glob(f"*/parts/detect/{unit}.parquet")):
        if run.settings.run.mixed_hardware or hardware_in(other.parents[2] / "run.json") == hardware_for(run.settings):
            _link(other, run.plan.folder.part("detect", unit))
            return


def _link(path: Path, second_name: Path) -> None:
    """Give a file a second name; a copy where the file system has no links."""
    second_name.parent.mkdir(parents=True, exist_ok=True)
    try:
        second_name.hardlink_to(path)
    except OSError:
        write_bytes(second_name, path.read_bytes())


def _failed(run: _Run, evidence_id: str, stage: str, unit: str, outcome: Failed[Any]) -> Failure:
    failure = Failure(evidence_id, stage, unit, outcome.attempts, outcome.error, outcome.detail)
    run.failures.append(failure)
    return failure


def _track(run: _Run) -> list[EvidenceWork]:
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


def _evidence_work(run: _Run, plan: EvidencePlan) -> EvidenceWork:
    if plan.is_outside:
        return EvidenceWork(plan.evidence, (), digest_of({"evidence": plan.evidence.evidence_id, "outside": True}))
    made = [unit for unit in plan.units if run.plan.folder.part("detect", unit).exists()]
    unit = digest_of({"evidence": plan.evidence.evidence_id, "detect": made, "settings": run.plan.settings_digest})
    return EvidenceWork(plan.evidence, tuple(run.plan.folder.part("detect", name) for name in made), unit)


def _keep(run: _Run, stage: str, unit: str, evidence: Evidence, outcome: Done[Any, pa.Table] | Failed[Any]) -> None:
    if isinstance(outcome, Done):
        write_table(run.plan.folder.part(stage, unit), outcome.result)
    else:
        _failed(run, evidence.evidence_id, stage, "whole evidence", outcome)


def _sight_works(run: _Run, tracked: list[EvidenceWork]) -> list[SightWork]:
    return [SightWork(work, run.plan.folder.part("track", work.unit), work.unit) for work in tracked]


def _sight(run: _Run, tracked: list[EvidenceWork]) -> None:
    """A sight part for every evidence that was tracked."""
    part = run.plan.folder.part
    works = _sight_works(run, tracked)
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


def _recognise_works(run: _Run, recognition: Recognition, work: SightWork) -> list[RecogniseWork]:
    """The people of one evidence that was sighted, none where the watch-list is empty."""
    sight_part = run.plan.folder.part("sight", work.unit)
    if not recognition.entries or not sight_part.exists():
        return []
    settings = run.settings.recognise.model_dump(mode="json", exclude={"detector", "model"})
    return works_for(work, sight_part, {**recognition.facts, "settings": settings, "run": run.plan.settings_digest})


def _recognise(run: _Run, recognition: Recognition, tracked: list[EvidenceWork]) -> None:
    """A recognise part for every group of sighted people."""
    works = [w for each in _sight_works(run, tracked) for w in _recognise_works(run, recognition, each)]
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
        recognition.sealed_templates,
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


def _recognise_parts(run: _Run, work: EvidenceWork) -> tuple[Path, ...]:
    if run.recognition is None:
        return ()
    works = [w for each in _sight_works(run, [work]) for w in _recognise_works(run, run.recognition, each)]
    paths = (run.plan.folder.part("recognise", each.unit) for each in works)
    return tuple(path for path in paths if path.exists())


def _outcome(run: _Run, plan: EvidencePlan, work: EvidenceWork) -> EvidenceOutcome:
    return EvidenceOutcome(
        evidence=plan.evidence,
        camera=run.case.camera(plan.evidence.camera_id),
        chunks=tuple(_chunk_outcome(run, chunk, unit) for chunk, unit in zip(plan.chunks, plan.units, strict=True)),
        track_part=_if_there(run.plan.folder.part("track", work.unit)),
        sight_part=_if_there(run.plan.folder.part("sight", work.unit)),
        recognise_parts=_recognise_parts(run, work),
    )


def _chunk_outcome(run: _Run, chunk: Chunk, unit: str) -> ChunkOutcome:
    part = _if_there(run.plan.folder.part("detect", unit))
    if part is not None:
        return ChunkOutcome(chunk, part)
    if unit in run.lost:
        return ChunkOutcome(chunk, None, run.lost[unit].error, run.lost[unit].detail)
    loss = run.guard.lost.get(chunk.evidence_id, Loss("not_done", ""))
    return ChunkOutcome(chunk, None, loss.reason, loss.detail)


def _if_there(path: Path) -> Path | None:
    return path if path.exists() else None


def _publish(run: _Run, outcomes: list[EvidenceOutcome]) -> dict[str, Any]:
    began = time.perf_counter()
    manifest = publish(
        run.plan.folder,
        outcomes=outcomes,
        evidence=[*(plan.evidence for plan in run.plan.evidence), *run.plan.unreadable],
        sources=load_sources(run.case.folder),
        failures=run.failures,
        settings_digest=run.plan.settings_digest,
        compared=run.recognition.compared if run.recognition else None,
    )
    put_in_place(run.plan.folder)
    run.figures["publish"] = {"seconds": round(time.perf_counter() - began, 3)}
    run.figures["peak_worker_bytes"] = run.peak_bytes
    return manifest


def _is_clean(run: _Run, manifest: dict[str, Any]) -> bool:
    """Whether every source is whole, every frame of it could be handed out, and nobody is unsure what may be seen."""
    whole = all(source.verdict is Verdict.OK for source in load_sources(run.case.folder))
    is_known = all(plan.scope.reason != "scope_unknown" for plan in run.plan.evidence)
    return whole and is_known and not run.failures and not manifest["gap_frames"]


def result_facts(result: RunResult) -> dict[str, Any]:
    """What the case's log says of a run that ended: what was published, and who was found to be examined."""
    return {
        "run": result.folder.run_id,
        "clean": result.is_clean,
        "manifest_sha256": sha256_of_file(result.folder.tables / "MANIFEST.json"),
        "candidates": result.candidates,
    }
