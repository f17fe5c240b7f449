"""`scan`, `run` and `cancel`: the main job."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from forensics.adapters.faces.face_models import FaceModels
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import Mandate, Mode
from forensics.errors import CannotStart, NotAuthorised, UsageError
from forensics.json_object import JsonObject
from forensics.models.model_store import Model
from forensics.place import Place
from forensics.spelling import in_shell
from forensics.temporary import temporary_folder
from forensics.wording import counted
from pipelines import clock
from pipelines.cli.ingest import ingest_footage, say_sources
from pipelines.cli.ingest_preview import IntakePreview, emit_preview, open_preview, preview_facts
from pipelines.cli.ingest_preview_text import preview_text
from pipelines.cli.intake import intake_request, request_facts
from pipelines.cli.model_choice import settings_and_model, with_face_models
from pipelines.cli.output import NOT_CLEAN, emit, facts_text, footage_type, json_option, path_type, reason_option, say
from pipelines.cli.run_options import (
    IngestOptions,
    ModelOptions,
    RunnerOptions,
    RunOptions,
    metrics_for,
    model_loaders,
    runner_for,
    try_cluster,
    with_ingest_options,
    with_model_options,
    with_run_options,
    with_runner_options,
)
from pipelines.cli.run_summary import emit_result, plan_facts
from pipelines.custody.accounts import os_user
from pipelines.custody.case_lock import is_locked
from pipelines.custody.case_store import make_case, with_first_run
from pipelines.custody.denial_memory import remember_lapse
from pipelines.custody.mandate_text import authority_text
from pipelines.custody.mandate_watch import within_mandate
from pipelines.custody.open_session import open_session
from pipelines.custody.retention import enforce_retention
from pipelines.custody.session import Need, Session
from pipelines.intake.intake_plan import IntakeRequest, plan_intake, refuse_unclear_starts
from pipelines.review.superseded_faces import destroy_superseded_faces
from pipelines.run.driver import RunResult, plan_run, plan_run_after_ingest, result_facts, run_case
from pipelines.run.plan import RunPlan
from pipelines.run.progress import progress_for
from pipelines.run.record import run_facts
from pipelines.run.stage_tasks import detect_stage
from pipelines.search.published_lists import describe_list_change, load_published_lists
from pipelines.search.recognition import Recognition, prepare_recognition
from pipelines.settings import Settings
from pipelines.stages.port import Runner

__all__ = ["cancel", "run_command", "scan"]


@click.command()
@click.argument("footage", nargs=-1, type=footage_type)
@click.option("--case", "root", required=True, type=path_type, help="Folder of the case; made if it does not exist.")
@click.option(
    "--camera", help="Name of the camera, one for all the footage.  [default: the name of each file, or of its folder]"
)
@click.option("--purpose", default="scan", help="Why the footage is examined; kept in the case.", show_default=True)
@click.option("--operator", default=os_user, help="Who is responsible.  [default: your user name]")
@with_ingest_options
@with_model_options
@with_run_options
@with_runner_options
@reason_option
@json_option
def scan(
    footage: tuple[Place, ...],
    root: Path,
    camera: str | None,
    purpose: str,
    operator: str,
    reason: str,
    as_json: bool,
    ingest_options: IngestOptions,
    model_options: ModelOptions,
    run_options: RunOptions,
    runner_options: RunnerOptions,
) -> int:
    """Make a case, add footage and run it, all in one command.

    The same command again continues where it stopped, and adds new footage. Files in a subfolder are footage of one
    camera, named by the subfolder. With --dry-run nothing is kept: it shows what each file would become, and the run
    of the case with it.

    \b
    Example:
      forensics scan gate.mp4 hall.mp4 --case my-case --model yolo11n
    """
    request = intake_request(footage, camera, ingest_options, root, needs_camera=False)
    settings, model = settings_and_model(root, run_options, model_options, runner_options)
    _require_reason(settings, reason)
    facts = request_facts(request, ingest_options)
    mandate = Mandate(Mode.SCENE, title=root.name, purpose=purpose, operator=operator)
    if not run_options.dry_run:
        with runner_for(settings, runner_options.runner, runner_options.address) as runner:
            is_new = _make_if_absent(root, mandate, request, ingest_options)
            with open_session(root, "scan", need=Need.COMPARE, reason=reason, facts=facts) as session:
                if is_new:  # workers load the network while the footage is read
                    runner.prepare(detect_stage(session.folder, settings, model, model_loaders().load_detector))
                ingested = ingest_footage(session, request, settings, ingest_options, is_quiet=runner_options.quiet)
                say_sources(ingested.sources)
                _run(session, settings, model, run_options, runner, is_quiet=runner_options.quiet, as_json=as_json)
            return session.record.exit_code
    with (
        _existing_or_temporary(root, mandate) as root_used,
        open_session(root_used, "scan dry run", need=Need.READ, facts=facts) as session,
        open_preview(session, request, settings, ingest_options, may_correct=bool(reason)) as preview,
    ):
        session.record.exit_code = preview.exit_code
        plan = partial(plan_run_after_ingest, session.case, preview.lists)
        would_do = partial(_dry_run_facts, session, plan, settings, model, run_options, runner_options)
        _show_scan(preview, would_do, as_json)
        return preview.exit_code


def _require_reason(settings: Settings, reason: str) -> None:
    """Check that declared labels come with a reason.

    Raises:
        UsageError: they do not.
    """
    if settings.detect.declared_labels and not reason.strip():
        raise UsageError("declared labels need a reason", "say who answers for them, and why: --reason TEXT")


def _make_if_absent(root: Path, mandate: Mandate, request: IntakeRequest, options: IngestOptions) -> bool:
    """Make the case unless there is one; return whether it was made.

    Raises:
        UsageError: the footage or its start times cannot be ingested as stated. No case is made then.
    """
    folder = CaseFolder.for_path(root)
    if folder.case_file.exists():
        return False
    planned = Case(folder, "", mandate, clock.utc_now(), cameras={})
    refuse_unclear_starts(plan_intake(request, options.start_rule, planned))
    make_case(root, mandate, now=clock.utc_now())
    return True


@contextmanager
def _existing_or_temporary(root: Path, mandate: Mandate) -> Iterator[Path]:
    """Yield the folder of the case, or of a temporary one if there is none."""
    if CaseFolder.for_path(root).case_file.exists():
        yield root
        return
    with TemporaryDirectory(prefix="forensics-", dir=temporary_folder()) as folder:
        make_case(Path(folder) / "case", mandate, now=clock.utc_now())
        yield Path(folder) / "case"


def _show_scan(preview: IntakePreview, plan_scan: Callable[[], JsonObject], as_json: bool) -> None:
    """Print what a scan would ingest and, unless that is refused, what its run would do."""
    if preview.is_refused:
        emit_preview(preview, as_json)
        preview.refuse()
    if not as_json:  # before what may prevent a run
        emit({}, preview_text(preview.plan, preview.footage, preview.warnings) + "\n", as_json)
    planned = plan_scan()
    emit({**planned, **preview_facts(preview)}, "\n".join(facts_text(planned)), as_json)


@click.command("run")
@click.argument("root", metavar="CASE", type=path_type)
@with_model_options
@with_run_options
@with_runner_options
@reason_option
@json_option
def run_command(
    root: Path,
    reason: str,
    as_json: bool,
    model_options: ModelOptions,
    run_options: RunOptions,
    runner_options: RunnerOptions,
) -> int:
    """Detect, track and publish the tables; the same command again continues where it stopped.

    \b
    Example:
      forensics run my-case --model yolo11n --set detect.classes=person --dry-run
    """
    with open_session(root, "run", need=Need.COMPARE, reason=reason) as session:
        settings, model = settings_and_model(root, run_options, model_options, runner_options)
        _require_reason(settings, reason)
        if run_options.dry_run:
            plan = partial(plan_run, session.case)
            facts = _dry_run_facts(session, plan, settings, model, run_options, runner_options)
            session.record.outputs["dry_run"] = True
            emit(facts, "\n".join(facts_text(facts)), as_json)
            return session.record.exit_code
        with runner_for(settings, runner_options.runner, runner_options.address) as runner:
            _run(session, settings, model, run_options, runner, is_quiet=runner_options.quiet, as_json=as_json)
        return session.record.exit_code


def _run(
    session: Session,
    settings: Settings,
    model: Model,
    run_options: RunOptions,
    runner: Runner,
    *,
    is_quiet: bool,
    as_json: bool,
) -> None:
    """Run the case; the exit code goes into the record of the command."""
    try:
        with session.lock():
            settings, faces = _choose_faces(session, settings, run_options)
            result = _run_and_publish(session, settings, model, faces, run_options, runner, is_quiet=is_quiet)
    except NotAuthorised:
        enforce_retention(session)  # the mandate ended during the run
        raise
    emit_result(session.folder, result, as_json)
    session.record.exit_code = 0 if result.is_clean else NOT_CLEAN


def _dry_run_facts(
    session: Session,
    make_plan: Callable[[Settings, Model, str], RunPlan],
    settings: Settings,
    model: Model,
    run_options: RunOptions,
    runner_options: RunnerOptions,
) -> JsonObject:
    """Return what a run would do, or raise what it would raise before its first frame."""
    settings, faces = _choose_faces(session, settings, run_options)
    plan = make_plan(settings, model, faces.digest if faces else "")
    metrics_for(CaseFolder(plan.folder.case_root), run_options.metrics_file)
    if settings.detect.device == "cpu" or runner_options.address is None:  # other machines' GPUs cannot be tried here
        model_loaders().load_detector(settings.detect, model)
    if runner_options.address is not None and plan.chunks_to_do():
        try_cluster(settings, runner_options.address)
    return plan_facts(plan, settings, model, faces)


def _choose_faces(session: Session, settings: Settings, run_options: RunOptions) -> tuple[Settings, FaceModels | None]:
    """Return the settings with the chosen face detector, and the face models; None if no faces are compared."""
    if not session.case.mandate.mode.compares_faces:
        return settings, None
    return with_face_models(session.folder, settings, run_options)


def _run_and_publish(
    session: Session,
    settings: Settings,
    model: Model,
    faces: FaceModels | None,
    run_options: RunOptions,
    runner: Runner,
    *,
    is_quiet: bool,
) -> RunResult:
    plan = plan_run(session.case, settings, model, faces.digest if faces else "")
    _refuse_empty_first_search(session, plan)
    recognition = None if faces is None else _recognition(session, settings, faces)
    session.record.note("run", run_facts(plan, model, recognition))
    metrics = metrics_for(session.folder, run_options.metrics_file)
    with within_mandate(session.case):
        result = run_case(
            session.case,
            settings,
            model,
            files=session.files,
            runner=runner,
            progress=progress_for(is_quiet),
            metrics=metrics,
            recognition=recognition,
            load_detector=model_loaders().load_detector,
        )
    if metrics.fault:
        say(f"the metrics file could not be written: {metrics.fault}")
    session.record.outputs |= result_facts(result)
    if recognition is not None:
        if result.n_gone:
            gone = counted(result.n_gone, "candidate of the list before is", "candidates of the list before are")
            *_, before, now = load_published_lists(session.case, recognition.key)
            why = describe_list_change(before, now)
            say(
                f"{gone} not in this one{f': {why}' if why else ''}; "
                "`forensics case disclose` contains every list that was published"
            )
        destroy_superseded_faces(session, result.folder.run_id, result.recognise_parts)
    return result


def _refuse_empty_first_search(session: Session, plan: RunPlan) -> None:
    """Check that the first run of a search has a frame to search: it starts the 48 hours of a pending authority.

    Raises:
        CannotStart: all frames are outside the mandate.
    """
    mandate, root = session.case.mandate, in_shell(session.folder.root)
    if mandate.mode.compares_faces and mandate.first_run_utc is None and sum(plan.outside.values()) == plan.n_frames:
        reasons = ", ".join(f"{reason} {n_frames}" for reason, n_frames in plan.outside.items())
        raise CannotStart(
            f"all {plan.n_frames} frames are outside the mandate ({reasons}), so this first run would search nothing",
            f"add footage of its cameras and hours, or state their clocks; see `forensics status {root}`",
        )


def _recognition(session: Session, settings: Settings, faces: FaceModels) -> Recognition:
    """Prepare the comparison of faces, record the first run, and print what is still missing."""
    recognition = prepare_recognition(session.case, settings.recognise, faces, session.files, now=session.now)
    if session.case.mandate.first_run_utc is None:
        session.change(lambda case: with_first_run(case, session.now))
    root = in_shell(session.folder.root)
    if session.case.mandate.is_authority_pending:
        remember_lapse(session.case)
        say(
            f"authority {authority_text(session.case.mandate, session.now)}; "
            f"enter it with `forensics case authorise {root}`"
        )
    if not recognition.entries:
        say(f"the watch-list is empty, so no face is compared; see `forensics watchlist add {root}`")
    return recognition


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def cancel(root: Path, as_json: bool) -> None:
    """Ask the run on this case to end after the chunks it is working on; nothing that is done is lost.

    \b
    Example:
      forensics cancel my-case
    """
    with open_session(root, "cancel", need=Need.READ) as session:
        works = is_locked(session.folder)
        if works:
            session.folder.cancel_file.touch()
    text = "asked; the run ends after the chunks in flight" if works else "nothing is running on this case"
    emit({"asked": works}, text, as_json)
