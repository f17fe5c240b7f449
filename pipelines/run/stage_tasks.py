"""Tasks of each stage for the stage loop; `pipelines/run/driver.py` defines their order."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from forensics.custody.case_folder import CaseFolder
from forensics.digests import digest_of
from forensics.models.model_store import Model
from forensics.sampling.spot_check import draw_sample, sample_sizes
from forensics.tables.files import encode_table
from forensics.tables.parts import DetectRows
from pipelines.run.context import RunContext, RunLedger, limits_of_run
from pipelines.run.part_reuse import reusable_parts, reuse_part
from pipelines.run.plan import EvidencePlan, PlannedChunk
from pipelines.run.stage_loop import Outcome, StageTask, run_stage
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.stages.detect import ChunkWork, Detect
from pipelines.stages.detection_context import DetectorLoader
from pipelines.stages.isolate_crash import IsolateCrash
from pipelines.stages.port import Done
from pipelines.stages.recognise import Recognise, RecogniseWork
from pipelines.stages.recognise import works_for as recognise_works_for
from pipelines.stages.sight import Sight, SightWork
from pipelines.stages.spot_check import SpotCheck, SpotCheckWork
from pipelines.stages.spot_check import works_for as spot_check_works_for
from pipelines.stages.track import EvidenceWork, Track

__all__ = [
    "detect",
    "detect_stage",
    "recognise",
    "recognise_works",
    "sight",
    "sight_works",
    "spot_check",
    "track",
    "track_works",
]


def detect(context: RunContext, ledger: RunLedger) -> None:
    """Make a part for every chunk that has none and whose footage has not changed since ingest."""
    _fill_without_decoding(context)
    stage, backlog = _detect_stage(context), _Backlog(context)
    works = [ChunkWork(each.chunk, each.evidence, each.scope, each.unit) for each in context.plan.planned_chunks()]
    works.sort(key=_is_of_usual_length(works))
    task = StageTask(
        stage,
        works,
        counted_in="frames",
        size=lambda work: work.chunk.n_frames,
        name_in_failures=lambda work: f"frames {work.chunk.start}-{work.chunk.stop - 1}",
        retry_lost_with=IsolateCrash(stage),
        on_outcome=backlog.reduce,
        on_part=context.metrics.part_stored,
    )
    detected = run_stage(context, ledger, task)
    ledger.figures["frames_detected_now"] = sum(work.chunk.n_frames for work in detected)


def _fill_without_decoding(context: RunContext) -> None:
    """Write the parts of chunks outside the scope, and link the parts that other runs have made."""
    others = reusable_parts(context.plan.folder, context.settings)
    for planned in context.plan.chunks_to_do():
        if planned.is_outside:
            part = context.plan.folder.part("detect", planned.unit)
            context.records.store(part, encode_table(DetectRows(planned.chunk, planned.scope).table()))
        else:
            reuse_part(context.plan.folder, planned.unit, others, context.parts, context.records)


class _Backlog:
    """Media time of the footage that waits for the detector, reported to the metrics."""

    def __init__(self, context: RunContext) -> None:
        self._metrics = context.metrics
        self._seconds_per_frame = {
            plan.evidence.evidence_id: plan.seconds / max(1, plan.evidence.n_frames) for plan in context.plan.evidence
        }
        self._waiting_s = sum(map(self._seconds_of, context.plan.chunks_to_do()))
        self._metrics.set_backlog(self._waiting_s)

    def reduce(self, outcome: Outcome[ChunkWork]) -> None:
        """Subtract a detected chunk."""
        if isinstance(outcome, Done):
            self._waiting_s -= self._seconds_of(outcome.item)
        self._metrics.set_backlog(self._waiting_s)

    def _seconds_of(self, item: ChunkWork | PlannedChunk) -> float:
        """Return the approximate duration of a chunk: its share of the evidence."""
        return self._seconds_per_frame[item.chunk.evidence_id] * item.chunk.n_frames


def _is_of_usual_length(works: Sequence[ChunkWork]) -> Callable[[ChunkWork], bool]:
    """Return a sort key that puts much longer chunks first, so that none of them runs alone at the end."""
    usual = float(np.median([work.chunk.n_frames for work in works])) if works else 0.0
    return lambda work: work.chunk.n_frames <= 2 * usual


def detect_stage(case: CaseFolder, settings: Settings, model: Model, load_detector: DetectorLoader) -> Detect:
    """Return the stage `detect` with these settings."""
    limits = limits_of_run(settings)
    return Detect(settings.detect, model, case, limits, settings.gate_rules, settings.run.decoders, load_detector)


def _detect_stage(context: RunContext) -> Detect:
    return detect_stage(context.case.folder, context.settings, context.model, context.load_detector)


def track_works(context: RunContext) -> list[EvidenceWork]:
    """Return the stored detections of every evidence."""
    return [_track_work(context, plan) for plan in context.plan.evidence]


def _track_work(context: RunContext, plan: EvidencePlan) -> EvidenceWork:
    evidence_id, part = plan.evidence.evidence_id, context.plan.folder.part
    if plan.is_outside:
        return EvidenceWork(plan.evidence, (), digest_of({"evidence": evidence_id, "outside": True}))
    units = [unit for unit in plan.units if context.has_part("detect", unit)]
    facts = {"evidence": evidence_id, "detect": units, "settings": context.plan.tracks_digest}
    parts = tuple(part("detect", unit) for unit in units)
    return EvidenceWork(plan.evidence, parts, digest_of(facts), plan.is_sparse)


def track(context: RunContext, ledger: RunLedger, works: Sequence[EvidenceWork]) -> None:
    """Make a track part for every evidence."""
    settings = context.settings.track
    stage = Track(settings.parameters(), context.case.folder, settings.single_frame_score, settings.method)
    items = [work for work in works if work.detect_parts]
    run_stage(context, ledger, StageTask(stage, items, counted_in="files", reads_footage=False))


def spot_check(context: RunContext, ledger: RunLedger, tracked: Sequence[EvidenceWork]) -> dict[str, tuple[Path, ...]]:
    """Detect in frames drawn at random among those that the gate skipped; returns the parts by evidence."""
    if not context.settings.is_gated:
        return {}
    works = _spot_check_works(context, tracked)
    stage = SpotCheck(_detect_stage(context))
    run_stage(context, ledger, StageTask(stage, works, counted_in="frames", size=lambda work: len(work.frames)))
    parts = defaultdict[str, tuple[Path, ...]](tuple)
    for work in works:
        if context.has_part(stage.name, work.unit):
            parts[work.evidence.evidence_id] += (context.plan.folder.part(stage.name, work.unit),)
    return parts


def _spot_check_works(context: RunContext, tracked: Sequence[EvidenceWork]) -> list[SpotCheckWork]:
    gate = context.settings.gate
    skipped = [work.load_skipped_frames() for work in tracked]
    sizes = sample_sizes([len(frames) for frames in skipped], share=gate.audit_share, minimum=gate.audit_frames)
    works: list[SpotCheckWork] = []
    for plan, frames, size in zip(context.plan.evidence, skipped, sizes, strict=True):
        sample = draw_sample(plan.evidence.evidence_id, frames, size, gate.audit_seed)
        works += spot_check_works_for(plan.evidence, plan.scope, sample, {"look": plan.detect_digest})
    return works


def sight_works(context: RunContext, tracked: Sequence[EvidenceWork]) -> list[SightWork]:
    """Return the work of the stage `sight`, whether its track part exists or not."""
    return [SightWork(work, context.plan.folder.part("track", work.unit), work.unit) for work in tracked]


def sight(context: RunContext, ledger: RunLedger, tracked: Sequence[EvidenceWork]) -> None:
    """Make a sight part for every evidence that was tracked."""
    thumbnails = context.settings.sight.thumbnails
    stage = Sight(context.case.folder, context.limits, seals_thumbnails=context.key is not None, thumbnails=thumbnails)
    works = [work for work in sight_works(context, tracked) if work.track_part.exists()]
    run_stage(context, ledger, StageTask(stage, works, counted_in="files"))


def recognise_works(
    context: RunContext, recognition: Recognition, tracked: Sequence[EvidenceWork]
) -> list[RecogniseWork]:
    """Return the sighted people in groups; none where the watch-list is empty."""
    if not recognition.entries:
        return []
    settings = context.settings.recognise.model_dump(mode="json", exclude={"detector", "model"})
    facts = {**recognition.facts, "settings": settings, "run": context.plan.settings_digest}
    part = context.plan.folder.part
    return [
        work
        for sighted in sight_works(context, tracked)
        if context.has_part("sight", sighted.unit)
        for work in recognise_works_for(sighted, part("sight", sighted.unit), facts)
    ]


def recognise(
    context: RunContext, ledger: RunLedger, recognition: Recognition, tracked: Sequence[EvidenceWork]
) -> None:
    """Make a recognise part for every group of sighted people."""
    stage = Recognise(
        context.settings.recognise,
        recognition.references,
        context.plan.tracks_digest,
        context.case.folder,
        context.limits,
    )
    works = recognise_works(context, recognition, tracked)
    run_stage(context, ledger, StageTask(stage, works, counted_in="people", size=lambda work: len(work.tracks)))
