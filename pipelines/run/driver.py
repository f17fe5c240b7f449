"""Drives a run: plan, stages in order, publication, record. A repeated run makes only the parts that are missing.

The driver is the only writer; workers return tables. A stored part marks its unit of work as done; no other state is
kept. Failures stay visible: a lost chunk is an unsettled gap in `coverage` and a row in `failures`, and the next run
tries it again.
"""

import contextlib
import errno
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from forensics.custody.case_document import Case
from forensics.custody.case_folder import RunFolder
from forensics.digests import sha256_of_file
from forensics.errors import CannotStart, ForensicsError, UsageError
from forensics.footage.evidence import Verdict
from forensics.json_object import JsonObject
from forensics.models.model_store import Model
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence, load_sources
from forensics.tables.manifest import read_manifest
from forensics.tables.outcomes import EvidenceOutcome, Failure
from forensics.tables.publish import publish, put_in_place, remove_unnamed_pictures
from forensics.tables.run_identity import RunIdentity
from forensics.tables.run_inventory import encode_inventory, parse_inventory, read_inventory
from forensics.tables.searched_scope import SearchedScope
from forensics.tables.spot_check_rows import SpotCheckedEvidence, evaluate_spot_checks
from forensics.wording import counted
from pipelines import clock
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.part_records import PartRecords
from pipelines.intake.evidence_lists import EvidenceLists
from pipelines.run.cancellation import Interrupted, StopRequest
from pipelines.run.context import RunContext, RunLedger
from pipelines.run.footage_integrity import FootageChecker
from pipelines.run.metrics import RunMetrics
from pipelines.run.outcomes import evidence_outcomes
from pipelines.run.part_integrity import PartChecker
from pipelines.run.plan import RunPlan, make_plan, save_boundaries
from pipelines.run.progress import Progress
from pipelines.run.record import begin_record, finish_record, interrupt_record
from pipelines.run.spot_check_report import spot_check_facts
from pipelines.run.stage_tasks import detect, detect_stage, recognise, sight, spot_check, track, track_works
from pipelines.search.published_lists import record_candidates
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.stages.detection_context import DetectorLoader, load_configured_detector
from pipelines.stages.port import Runner

__all__ = ["Interrupted", "RunResult", "plan_run", "plan_run_after_ingest", "result_facts", "run_case"]

_SPARE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class RunResult:
    """Result of a run.

    Attributes:
        folder: the run's folder.
        manifest: the published files with rows and digests.
        is_clean: False if a source is partial or rejected, or a unit of work is unsettled.
        failures: units of work that yielded no part.
        recognise_parts: the parts that the published candidates were made from.
        figures: frames, seconds by stage, frames per second, peak memory.
        n_frames: number of frames of all readable evidence.
        outside: number of these frames that are outside the scope of the case, by reason.
        rebuilt_parts: one message for each stored part that was missing or altered and was made again.
        spot_check: counts of the spot check of skipped frames; None without a gate.
        is_unchanged: whether the published tables equal the ones published before, byte for byte.
        replaced_run: id of another run whose tables were published before; empty if there was none.
        n_gone: number of candidates and leads of the list published before that are not in this one.
    """

    folder: RunFolder
    manifest: JsonObject
    is_clean: bool
    failures: tuple[Failure, ...]
    recognise_parts: tuple[Path, ...]
    figures: JsonObject
    n_frames: int
    outside: dict[str, int]
    rebuilt_parts: tuple[str, ...]
    spot_check: JsonObject | None
    is_unchanged: bool
    replaced_run: str
    n_gone: int

    @property
    def lost_footage(self) -> tuple[str, ...]:
        """One message for each footage that is missing or has changed since ingest."""
        return tuple(f"{f.error}: {f.detail}" for f in self.failures if f.stage == "footage")

    @property
    def is_unfinished(self) -> bool:
        """Whether a later run may process what failed in this one; lost footage must be restored first."""
        return any(failure.stage != "footage" for failure in self.failures)

    @property
    def candidates(self) -> int | None:
        """Number of candidates for examination; None if no faces were compared."""
        n_candidates: int | None = self.manifest["candidates"]
        return n_candidates


def plan_run(case: Case, settings: Settings, model: Model, faces_sha256: str = "") -> RunPlan:
    """Return the plan of a run without running it; see `make_plan`.

    Raises:
        CannotStart: there is no readable evidence.
    """
    return _require_footage(case, make_plan(case, load_evidence(case.folder), settings, model, faces_sha256))


def plan_run_after_ingest(
    case: Case, lists: EvidenceLists, settings: Settings, model: Model, faces_sha256: str = ""
) -> RunPlan:
    """Return the plan of a run after an ingest that was only previewed.

    Args:
        case: the case, which lacks what would be ingested.
        lists: evidence as it would be; packet indexes of new evidence are in a temporary folder.
        settings: all settings of the run.
        model: the detector's model.
        faces_sha256: digest of face detector and embedder; empty without faces.

    Raises:
        CannotStart: there would be no readable evidence.
    """
    is_new = {each: lists.new_files.index_file(each).exists() for each in lists.evidence}
    stored, new = ([item for each, item in lists.evidence.items() if is_new[each] is kind] for kind in (False, True))
    plan = make_plan(case, stored, settings, model, faces_sha256)
    added = make_plan(replace(case, folder=lists.new_files), new, settings, model, faces_sha256)
    both = sorted((*plan.evidence, *added.evidence), key=lambda each: each.evidence.evidence_id)
    return _require_footage(case, replace(plan, evidence=tuple(both)))


def _require_footage(case: Case, plan: RunPlan) -> RunPlan:
    """Return the plan; raise if nothing in it can be read."""
    if not plan.evidence:
        raise CannotStart(
            "the case has no readable footage",
            "add footage with `forensics ingest`; `forensics status` lists what could not be read",
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
    searched: SearchedScope | None = None,
    stop: StopRequest | None = None,
    load_detector: DetectorLoader = load_configured_detector,
) -> RunResult:
    """Make the parts that are missing, and publish the tables; the caller holds the case's lock.

    Args:
        case: the case whose footage is processed.
        settings: all settings of the run.
        model: the detector's model.
        files: writes the files that the log registers: the record and the manifest.
        runner: executes the stages.
        progress: shows progress to the user.
        metrics: Prometheus metrics of the run; None writes no file.
        recognition: references that faces are compared with; None if no faces are compared.
        searched: mandate and clocks as the manifest states them; None for those in the folder of the case.
        stop: the request to cancel; None for the one that `forensics cancel` makes on this case.
        load_detector: loads the detector in a worker.

    Raises:
        CannotStart: no readable evidence, not enough disk space, or another kind of machine.
        IntegrityBroken: an index or a record has changed since it was written. Altered footage is an unsettled gap.
        CoverageBroken: the parts do not account for every frame; nothing was published.
        Interrupted: the run was cancelled.
    """
    plan = plan_run(case, settings, model, "" if recognition is None else recognition.in_run_id)
    if plan.chunks_to_do():
        runner.prepare(detect_stage(case.folder, settings, model, load_detector))
    records = PartRecords.of(plan.folder)
    context = RunContext(
        case=case,
        settings=settings,
        model=model,
        plan=plan,
        runner=runner,
        progress=progress,
        stop=stop or StopRequest(case.folder.cancel_file),
        metrics=metrics or RunMetrics(None, case.folder.root.name),
        recognition=recognition,
        searched=searched or SearchedScope.of(case),
        load_detector=load_detector,
        parts=PartChecker.load(case.folder, records.load()),
        records=records,
        footage=FootageChecker(),
    )
    for link in plan.folder.find_outside_links():
        raise link.to_error("replace the link with the file or folder itself; move a case only as a whole")
    context.stop.cancel_file.unlink(missing_ok=True)
    _check_disk(plan)
    begin_record(files, plan, settings, model, recognition)
    try:
        return _complete(context, files)
    except BaseException as error:
        with contextlib.suppress(OSError, ForensicsError):  # the first error is the one to report
            interrupt_record(files, plan.folder.record, is_refused=_is_refusal(error, plan.folder))
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise CannotStart(
                "the disk is full", "free some space, then run the same command again to continue", case.folder.root
            ) from error
        raise
    finally:
        context.metrics.run_ended()


def _is_refusal(error: BaseException, folder: RunFolder) -> bool:
    """Whether the run failed before its first part, so that later runs do not take over its settings."""
    return isinstance(error, UsageError) or (isinstance(error, CannotStart) and not folder.has_parts)


def _complete(context: RunContext, files: DecidingFiles) -> RunResult:
    """Run the stages in order, publish, and record the result."""
    rebuilt_parts = context.parts.remove_faulty(context.plan.folder, files.note)
    save_boundaries(context.plan)
    ledger = RunLedger(figures={"recordings": len(context.plan.evidence), "sparse_recordings": context.plan.n_sparse})
    with context.stop.handling_interrupts():
        detect(context, ledger)
        tracked = track_works(context)
        track(context, ledger, tracked)
        spot_check_parts = spot_check(context, ledger, tracked)
        sight(context, ledger, tracked)
        if context.recognition is not None:
            recognise(context, ledger, context.recognition, tracked)
        context.stop.raise_if_made()
    outcomes = evidence_outcomes(context, ledger, tracked, spot_check_parts)
    _keep_tables_if_nothing_was_read(context, outcomes)
    for evidence_id, loss in sorted(context.footage.lost.items()):
        failure = Failure(evidence_id, "footage", "whole evidence", 1, loss.reason, loss.detail)
        ledger.failures["footage", evidence_id] = failure
    spot_checks = _spot_checks(context, outcomes)
    before, run_before = _published_sha256(context.case), _published_run(context.case)
    manifest, n_gone = _publish(context, ledger, files, outcomes, spot_checks)
    result = RunResult(
        folder=context.plan.folder,
        manifest=manifest,
        is_clean=_is_clean(context, ledger, manifest),
        failures=tuple(ledger.failures.values()),
        recognise_parts=tuple(part for outcome in outcomes for part in outcome.recognise_parts),
        figures=ledger.figures,
        n_frames=context.plan.n_frames,
        outside=context.plan.outside,
        rebuilt_parts=rebuilt_parts,
        spot_check=spot_check_facts(context.settings, spot_checks.values()),
        is_unchanged=_published_sha256(context.case) == before,
        replaced_run="" if run_before == context.plan.folder.run_id else run_before,
        n_gone=n_gone,
    )
    record = context.plan.folder.record
    finish_record(files, record, is_clean=result.is_clean, figures=ledger.figures, audit=result.spot_check)
    return result


def _keep_tables_if_nothing_was_read(context: RunContext, outcomes: list[EvidenceOutcome]) -> None:
    """Leave the tables of an earlier run in place if this one could not read any footage.

    Raises:
        CannotStart: it could not, and there are tables.
    """
    folder, lost = context.case.folder, context.footage.lost
    if not lost or lost.keys() < {outcome.evidence.evidence_id for outcome in outcomes} or not folder.manifest.exists():
        return
    first = lost[min(lost)]
    root = in_shell(folder.root)
    raise CannotStart(
        f"no footage could be read, so the tables of run {read_manifest(folder)['run']} stay in place; "
        f"{counted(len(lost), 'recording is', 'recordings are')} lost, the first one: {first.reason}: {first.detail}",
        f"find moved footage with `forensics evidence relocate {root} FOLDER`, then run again",
        folder.root,
    )


def _published_sha256(case: Case) -> str | None:
    """Return the digest of the published manifest, which covers every table; None before the first publication."""
    return sha256_of_file(case.folder.manifest) if case.folder.manifest.exists() else None


def _published_run(case: Case) -> str:
    """Return the id of the run that published the tables; empty before the first one, or if they are not whole."""
    with contextlib.suppress(ForensicsError):
        return str(read_manifest(case.folder)["run"])
    return ""


def _spot_checks(context: RunContext, outcomes: list[EvidenceOutcome]) -> dict[str, SpotCheckedEvidence]:
    """Return the spot checks of skipped frames by evidence; empty without a gate."""
    if not context.settings.is_gated:
        return {}
    activation_score = context.settings.track.activation_score
    folder = context.case.folder
    return {each.evidence.evidence_id: evaluate_spot_checks(folder, each, activation_score) for each in outcomes}


def _check_disk(plan: RunPlan) -> None:
    """Raise `CannotStart` if the disk has not enough free space."""
    free = shutil.disk_usage(plan.folder.case_root).free
    needed = plan.bytes_to_write + _SPARE_BYTES
    if free < needed:
        raise CannotStart(
            f"{free >> 20} MiB are free, the run needs about {needed >> 20} MiB",
            "free some space, or move the case to another disk",
            plan.folder.case_root,
        )


def _publish(
    context: RunContext,
    ledger: RunLedger,
    files: DecidingFiles,
    outcomes: list[EvidenceOutcome],
    spot_checks: dict[str, SpotCheckedEvidence],
) -> tuple[JsonObject, int]:
    """Write the tables, record the candidates, and put the tables in place; return the manifest and `n_gone`."""
    began, plan = time.perf_counter(), context.plan
    evidence = [*(each.evidence for each in plan.evidence), *plan.unreadable]
    manifest = publish(
        plan.folder,
        outcomes=outcomes,
        evidence=evidence,
        sources=load_sources(context.case.folder),
        failures=list(ledger.failures.values()),
        cameras={each.camera_id: context.case.camera(each.camera_id) for each in evidence},
        identity=RunIdentity(context.case.case_id, plan.folder.run_id, context.model.name, context.model.sha256),
        searched=context.searched,
        settings_digest=plan.settings_digest,
        spot_checks=spot_checks,
        compared=context.recognition.setup if context.recognition else None,
        sealer=context.key,
    )
    listed = dict(read_inventory(plan.folder)) if plan.folder.parts_list.exists() else {}
    inventory = encode_inventory(plan.folder, outcomes)
    kept = {path for path, _ in parse_inventory(plan.folder, inventory)}
    context.records.keep({part: sha256 for part, sha256 in listed.items() if part not in kept})
    files.write(plan.folder.parts_list, inventory)
    context.records.forget(kept)
    compared, n_gone = context.recognition, 0
    if compared is not None:
        n_gone = record_candidates(context.case, files, compared, plan.folder, now=clock.utc_now())
    with files.record_replacement(context.case.folder.manifest, sha256_of_file(plan.folder.manifest)):
        put_in_place(plan.folder)
    remove_unnamed_pictures(plan.folder, manifest)
    context.metrics.tables_published()
    ledger.figures["publish"] = {"seconds": round(time.perf_counter() - began, 3)}
    ledger.figures["peak_worker_bytes"] = ledger.peak_bytes
    return manifest, n_gone


def _is_clean(context: RunContext, ledger: RunLedger, manifest: JsonObject) -> bool:
    """Whether every source is complete, every frame was decoded, and every clock that the scope needs is known."""
    is_complete = all(source.verdict is Verdict.OK for source in load_sources(context.case.folder))
    are_clocks_known = "scope_unknown" not in context.plan.outside
    return is_complete and are_clocks_known and not ledger.failures and not manifest["gap_frames"]


def result_facts(result: RunResult) -> JsonObject:
    """Return the facts for the case's log at the end of a run: what was published, and how many candidates."""
    return {
        "run": result.folder.run_id,
        "clean": result.is_clean,
        "manifest_sha256": sha256_of_file(result.folder.manifest),
        "candidates": result.candidates,
    }
