"""A run: plan, detect, track, sight, publish. Running the same again does only what is missing.

The driver is the only writer. Workers return tables; a part that exists is the mark that its work is
done, so nothing else is remembered. What fails stays visible: a lost chunk is an unsettled gap in
`coverage` and a row in `failures`, and the next run tries it again.
"""

import contextlib
import errno
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forensics.custody.case_folder import RunFolder
from forensics.digests import sha256_of_file
from forensics.errors import CannotStart, ForensicsError, IntegrityBroken, UsageError
from forensics.footage.chunks import Chunk
from forensics.footage.evidence import Verdict
from forensics.models.model_store import Model
from forensics.tables.evidence import load_evidence, load_sources
from forensics.tables.outcomes import ChunkOutcome, EvidenceOutcome, Failure
from forensics.tables.publish import publish, put_in_place, remove_unnamed_pictures
from forensics.tables.run_inventory import encode_inventory
from forensics.tables.spot_check_rows import SpotCheckedEvidence, spot_checked_evidence
from pipelines.custody.case_document import Case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.run.cancellation import Interrupted, StopRequest
from pipelines.run.context import Run
from pipelines.run.footage_integrity import Loss
from pipelines.run.metrics import RunMetrics
from pipelines.run.part_integrity import PartChecker
from pipelines.run.plan import EvidencePlan, RunPlan, keep_boundaries, make_plan
from pipelines.run.progress import Progress
from pipelines.run.record import begin_record, finish_record, interrupt_record
from pipelines.run.spot_check_report import spot_check_facts
from pipelines.run.stage_loop import detect, recognise, recognise_works, sight, sight_works, spot_check, track
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.stages.port import Runner
from pipelines.stages.track import EvidenceWork

__all__ = ["Interrupted", "RunResult", "plan_run", "result_facts", "run_case"]

_SPARE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of a run.

    Attributes:
        folder: where it lies.
        manifest: the published files with rows and digests.
        is_clean: False if some source is partial or rejected, or some work is unsettled.
        failures: units of work that gave nothing.
        recognise_parts: of which the published candidates were made.
        figures: frames, seconds by stage, frames per second, peak memory.
        n_frames: of all readable evidence.
        outside: how many of them the case may not look at, by reason.
        remade: what became of stored parts that were not what had been written, a line for each.
        audit: what was found in frames that the gate had passed over; None without a gate.
        is_as_before: whether what is published is, byte for byte, what was published before, whatever lay there since.
    """

    folder: RunFolder
    manifest: dict[str, Any]
    is_clean: bool
    failures: tuple[Failure, ...]
    recognise_parts: tuple[Path, ...]
    figures: dict[str, Any]
    n_frames: int
    outside: dict[str, int]
    remade: tuple[str, ...]
    spot_check: dict[str, Any] | None
    is_as_before: bool

    @property
    def lost_footage(self) -> tuple[str, ...]:
        """What became of footage that is missing or is no longer what was ingested, a line for each."""
        return tuple(f"{f.error}: {f.detail}" for f in self.failures if f.stage == "footage")

    @property
    def is_unfinished(self) -> bool:
        """Whether the next run may finish what this one could not; lost footage must be found first."""
        return any(failure.stage != "footage" for failure in self.failures)

    @property
    def candidates(self) -> int | None:
        """How many there are for examination; None where no face was compared."""
        found: int | None = self.manifest["candidates"]
        return found


def plan_run(case: Case, settings: Settings, model: Model) -> RunPlan:
    """What a run would do now.

    Raises:
        CannotStart: there is no readable evidence.
    """
    plan = make_plan(case, load_evidence(case.folder), settings, model)
    if not plan.evidence:
        raise CannotStart(
            "there is no readable footage",
            "add some with `forensics ingest`, see `forensics status`",
            case.folder.root,
        )
    return plan


def run_case(
    case: Case,
    settings: Settings,
    model: Model,
    *,
    files: DecidingFiles,
    runner: Runner,
    progress: Progress,
    metrics: RunMetrics | None = None,
    recognition: Recognition | None = None,
    stop: StopRequest | None = None,
) -> RunResult:
    """Do what is missing and publish the tables; the caller holds the case's lock.

    Args:
        case: whose footage.
        settings: what to look for.
        model: the detector's.
        files: writes what the log must know of: the record and the manifest.
        runner: where the work is done.
        progress: told how far it is.
        metrics: told what an admin watches; None: nobody does.
        recognition: what faces are compared with; None compares none.
        stop: who may ask the run to end; None: whoever cancels on the case.

    Raises:
        CannotStart: no readable evidence, not enough disk space, another kind of machine.
        IntegrityBroken: an index or a record is not what was written; altered footage is an unsettled gap.
        CoverageBroken: the parts do not account for every frame; nothing was published.
        Interrupted: a cancel was asked for.
    """
    plan = plan_run(case, settings, model)
    stop = stop or StopRequest(case.folder.cancel_file)
    parts, metrics = PartChecker.of(case.folder), metrics or RunMetrics(None, case.folder.root.name)
    run = Run(case, settings, model, plan, runner, progress, stop, parts, metrics, recognition)
    for linked in plan.folder.links_out():
        raise IntegrityBroken(linked, "put there what belongs there; a case is moved as a whole")
    stop.cancel_file.unlink(missing_ok=True)
    _check_disk(plan)
    begin_record(files, plan, settings, model, recognition)
    try:
        return _completed(run, files)
    except BaseException as error:
        with contextlib.suppress(OSError, ForensicsError):  # what ended it is what must be said
            interrupt_record(files, plan.folder.record, is_refused=_is_refusal(error, plan.folder))
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise CannotStart(
                "the disk is full", "free some space and run the same command again: it goes on", case.folder.root
            ) from error
        raise
    finally:
        metrics.ended()


def _is_refusal(error: BaseException, folder: RunFolder) -> bool:
    """Whether the run could not even begin as it was asked for, so that no later one takes its settings."""
    has_begun = any(folder.root.glob("parts/*/*.parquet"))
    return isinstance(error, UsageError) or (isinstance(error, CannotStart) and not has_begun)


def _completed(run: Run, files: DecidingFiles) -> RunResult:
    remade = run.parts.clear(run.plan.folder, files.note)
    keep_boundaries(run.plan)
    with run.stop.heard():
        detect(run)
        tracked = track(run)
        audit_parts = spot_check(run, tracked)
        sight(run, tracked)
        if run.recognition is not None:
            recognise(run, run.recognition, tracked)
        run.stop.obey()
    outcomes = [
        replace(_outcome(run, plan, work), audit_parts=audit_parts.get(plan.evidence.evidence_id, ()))
        for plan, work in zip(run.plan.evidence, tracked, strict=True)
    ]
    for evidence_id, loss in sorted(run.guard.lost.items()):
        run.failures.append(Failure(evidence_id, "footage", "whole evidence", 1, loss.reason, loss.detail))
    audits = _audits(run, outcomes)
    before = _published_sha256(run.case)
    manifest = _publish(run, files, outcomes, audits)
    result = RunResult(
        folder=run.plan.folder,
        manifest=manifest,
        is_clean=_is_clean(run, manifest),
        failures=tuple(run.failures),
        recognise_parts=tuple(part for outcome in outcomes for part in outcome.recognise_parts),
        figures=run.figures,
        n_frames=run.plan.n_frames,
        outside=run.plan.outside,
        remade=remade,
        spot_check=spot_check_facts(run.settings, audits.values()),
        is_as_before=_published_sha256(run.case) == before,
    )
    finish_record(files, run.plan.folder.record, is_clean=result.is_clean, figures=run.figures, audit=result.spot_check)
    return result


def _published_sha256(case: Case) -> str | None:
    """Of the published manifest, which names every table with its digest; None before the first run has ended."""
    return sha256_of_file(case.folder.manifest) if case.folder.manifest.exists() else None


def _audits(run: Run, outcomes: list[EvidenceOutcome]) -> dict[str, SpotCheckedEvidence]:
    """What was found in frames that the gate had passed over, by evidence; nothing without a gate."""
    if not run.settings.is_gated:
        return {}
    least_score = run.settings.track.activation_score
    return {each.evidence.evidence_id: spot_checked_evidence(run.case.folder, each, least_score) for each in outcomes}


def _check_disk(plan: RunPlan) -> None:
    free = shutil.disk_usage(plan.folder.case_root).free
    needed = plan.bytes_to_write + _SPARE_BYTES
    if free < needed:
        raise CannotStart(
            f"{free >> 20} MiB are free, the run needs about {needed >> 20} MiB",
            "free some space or put the case on another disk",
            plan.folder.case_root,
        )


def _recognise_parts(run: Run, work: EvidenceWork) -> tuple[Path, ...]:
    if run.recognition is None:
        return ()
    works = [w for each in sight_works(run, [work]) for w in recognise_works(run, run.recognition, each)]
    paths = (run.plan.folder.part("recognise", each.unit) for each in works)
    return tuple(path for path in paths if path.exists())


def _outcome(run: Run, plan: EvidencePlan, work: EvidenceWork) -> EvidenceOutcome:
    return EvidenceOutcome(
        evidence=plan.evidence,
        camera=run.case.camera(plan.evidence.camera_id),
        chunks=tuple(_chunk_outcome(run, chunk, unit) for chunk, unit in zip(plan.chunks, plan.units, strict=True)),
        track_part=_if_there(run.plan.folder.part("track", work.unit)),
        sight_part=_if_there(run.plan.folder.part("sight", work.unit)),
        recognise_parts=_recognise_parts(run, work),
    )


def _chunk_outcome(run: Run, chunk: Chunk, unit: str) -> ChunkOutcome:
    part = _if_there(run.plan.folder.part("detect", unit))
    if part is not None:
        return ChunkOutcome(chunk, part)
    if unit in run.lost:
        return ChunkOutcome(chunk, None, run.lost[unit].error, run.lost[unit].detail)
    loss = run.guard.lost.get(chunk.evidence_id, Loss("not_done", ""))
    return ChunkOutcome(chunk, None, loss.reason, loss.detail)


def _if_there(path: Path) -> Path | None:
    return path if path.exists() else None


def _publish(
    run: Run, files: DecidingFiles, outcomes: list[EvidenceOutcome], audits: dict[str, SpotCheckedEvidence]
) -> dict[str, Any]:
    began = time.perf_counter()
    manifest = publish(
        run.plan.folder,
        outcomes=outcomes,
        evidence=[*(plan.evidence for plan in run.plan.evidence), *run.plan.unreadable],
        sources=load_sources(run.case.folder),
        failures=run.failures,
        settings_digest=run.plan.settings_digest,
        audits=audits,
        compared=run.recognition.compared if run.recognition else None,
    )
    files.write(run.plan.folder.parts_list, encode_inventory(run.plan.folder, outcomes))
    with files.replacing(run.case.folder.manifest, sha256_of_file(run.plan.folder.manifest)):
        put_in_place(run.plan.folder)
    remove_unnamed_pictures(run.plan.folder, manifest)
    run.metrics.published()
    run.figures["publish"] = {"seconds": round(time.perf_counter() - began, 3)}
    run.figures["peak_worker_bytes"] = run.peak_bytes
    return manifest


def _is_clean(run: Run, manifest: dict[str, Any]) -> bool:
    """Whether every source is whole, every frame of it could be handed out, and nobody is unsure what may be seen."""
    whole = all(source.verdict is Verdict.OK for source in load_sources(run.case.folder))
    is_known = all(plan.scope.reason != "scope_unknown" for plan in run.plan.evidence)
    return whole and is_known and not run.failures and not manifest["gap_frames"]


def result_facts(result: RunResult) -> dict[str, Any]:
    """What the case's log says of a run that ended: what was published, and who was found to be examined."""
    return {
        "run": result.folder.run_id,
        "clean": result.is_clean,
        "manifest_sha256": sha256_of_file(result.folder.manifest),
        "candidates": result.candidates,
    }
