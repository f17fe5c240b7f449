"""`scan`, `ingest` and `run`: the main job."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from forensics.custody.mandate import Mandate, Mode, is_pending
from forensics.decoding.child import Limits
from forensics.errors import NotAuthorised
from forensics.footage.evidence import Reader, Source, Verdict
from forensics.models.model_store import Model
from forensics.place import Place
from forensics.spelling import in_shell
from pipelines import clock
from pipelines.cli.output import (
    NOT_CLEAN,
    emit,
    footage_type,
    json_option,
    microseconds,
    one_line,
    path_type,
    reason_option,
    say,
    table_text,
)
from pipelines.cli.run_options import ingest_options, metrics_for, model_for, run_options, runner_for, settings_for
from pipelines.cli.run_summary import emit_plan, emit_result
from pipelines.custody.case_store import make_case, with_first_run
from pipelines.custody.mandate_text import authority_text
from pipelines.custody.mandate_watch import within_mandate
from pipelines.custody.open_session import open_session
from pipelines.custody.retention import enforce_retention
from pipelines.custody.session import Need, Session, os_user
from pipelines.intake.footage_paths import expand_paths, refuse_cases, skipped_text
from pipelines.intake.ingest import Given, ingest, unknown_clocks
from pipelines.review.superseded_faces import forget_superseded
from pipelines.run.driver import RunResult, plan_run, result_facts, run_case
from pipelines.run.footage_scope import outside_text
from pipelines.run.progress import progress_for
from pipelines.run.record import run_facts
from pipelines.search.recognition import prepare_recognition
from pipelines.settings import Settings
from pipelines.stages.detection_context import load_for

__all__ = ["ingest_command", "run_command", "scan"]


@click.command()
@click.argument("footage", nargs=-1, required=True, type=footage_type)
@click.option("--case", "root", required=True, type=path_type, help="Folder of the case; made if it does not exist.")
@click.option("--camera", help="Viewpoint of all the footage; default: each file's name without its suffix.")
@click.option("--purpose", default="scan", help="Why; kept in the case.", show_default=True)
@click.option("--operator", default=os_user, help="Who; default: you.")
@ingest_options
@run_options
@json_option
def scan(
    footage: tuple[Place, ...], root: Path, camera: str | None, purpose: str, operator: str, **options: Any
) -> int:
    """Make a case, add footage and run it, in one go.

    Again on the same case: goes on where it stopped, and adds what is new. With --dry-run nothing
    is kept: the footage is counted in a scratch case.

    \b
    Example:
      forensics scan gate.mp4 hall.mp4 --case my-case --model models/yolo11n_openvino_model
    """
    refuse_cases(footage, root)
    settings = settings_for(options, root)
    model = model_for(settings, options)
    facts = {"footage": [str(path) for path in footage]}
    with _scratch_if(options["dry_run"], root) as root_used:
        if not (root_used / "case.toml").exists():
            mandate = Mandate(Mode.SCENE, title=root.name, purpose=purpose, operator=operator)
            make_case(root_used, mandate, now=clock.utc_now())
        with open_session(root_used, "scan", need=Need.WORK, facts=facts) as session:
            _ingest(session, footage, camera, settings, options)
            session.recorded.exit_code = _run(session, settings, model, options)
            return session.recorded.exit_code


@contextmanager
def _scratch_if(is_dry: bool, root: Path) -> Iterator[Path]:
    """The case itself; for a dry run a scratch one that is thrown away, since counting frames needs an index."""
    if not is_dry:
        yield root
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / "case"


@click.command("ingest")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("footage", nargs=-1, required=True, type=footage_type)
@click.option("--camera", required=True, help="Viewpoint of all the footage.")
@ingest_options
@json_option
def ingest_command(root: Path, footage: tuple[Place, ...], camera: str, as_json: bool, **options: Any) -> int:
    """Add footage of one camera to a case: digest, container, and the address of every frame.

    \b
    Example:
      forensics ingest my-case gate-1.mp4 --camera gate --start 2026-05-01T10:00:00Z --clock-error 500
    """
    refuse_cases(footage, root)
    facts = {"footage": [str(path) for path in footage], "camera": camera}
    with open_session(root, "ingest", need=Need.WORK, facts=facts) as session:
        sources = _ingest(session, footage, camera, Settings(), options)
        is_whole = all(source.verdict is Verdict.OK for source in sources)
        session.recorded.exit_code = 0 if is_whole else NOT_CLEAN
    rows = [
        [source.verdict.value, source.camera_id, source.evidence_id, source.path, source.reason] for source in sources
    ]
    listed = [dict(zip(("verdict", "camera_id", "evidence_id", "path", "reason"), row, strict=True)) for row in rows]
    emit({"sources": listed}, table_text(["verdict", "camera", "evidence", "path", "reason"], rows), as_json)
    return 0 if is_whole else NOT_CLEAN


@click.command("run")
@click.argument("root", metavar="CASE", type=path_type)
@run_options
@reason_option
@json_option
def run_command(root: Path, **options: Any) -> int:
    """Detect, track and publish; the same command again goes on where it stopped.

    \b
    Example:
      forensics run my-case --model yolo11n_openvino_model/ --set detect.classes=person --dry-run
    """
    with open_session(root, "run", need=Need.WORK, reason=options["reason"]) as session:
        settings = settings_for(options, root)
        session.recorded.exit_code = _run(session, settings, model_for(settings, options), options)
        return session.recorded.exit_code


def _ingest(
    session: Session, footage: tuple[Place, ...], camera: str | None, settings: Settings, options: dict[str, Any]
) -> list[Source]:
    paths = expand_paths(footage)
    for line in skipped_text(footage):
        say(line)
    if options["start"] is not None and len(paths) > 1:
        raise click.UsageError("--start is the time of one recording; ingest each file on its own")
    given = [
        Given(
            path=path,
            camera_id=camera or os.fsencode(path.stem).decode(errors="backslashreplace"),
            camera_is_stated=camera is not None,
            start_utc_us=microseconds(options["start"]),
            clock_error_ms=options["clock_error_ms"],
            assumed_rate=_rate(options["assumed_rate"]),
            stream_index=options["stream_index"],
            reader=Reader(options["reader"]),
        )
        for path in paths
    ]
    run = settings.run
    limits = Limits(run.index_stall_s, settings.detect.hang_s, run.decoder_memory_bytes, run.cache_bytes)
    with session.alone():
        sources = ingest(session.files, given, limits=limits, on_source=_say_source)
    session.recorded.outputs["evidence"] = {str(source.path): source.evidence_id for source in sources}
    for line in unknown_clocks(session.case):
        say(line)
    outside = outside_text(session.case, {source.evidence_id for source in sources if source.evidence_id})
    if outside:
        say(outside)
    return sources


def _rate(text: str | None) -> Fraction | None:
    try:
        rate = None if text is None else Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise click.BadParameter(f"{text!r} is not a rate; say 25 or 30000/1001", param_hint="--fps") from error
    if rate is not None and rate <= 0:
        raise click.BadParameter(f"{text!r} is not above zero", param_hint="--fps")
    return rate


def _say_source(source: Source) -> None:
    reason = f" ({source.reason})" if source.reason else ""
    say(f"{source.verdict.value:>8}  {one_line(source.path.name + reason)}")


def _run(session: Session, settings: Settings, model: Model, options: dict[str, Any]) -> int:
    if options["dry_run"]:
        _try_out(session, settings, model, options)
        return 0
    try:
        with session.alone():
            result = _ran(session, settings, model, options)
    except NotAuthorised:
        enforce_retention(session)  # the mandate ended while the run worked
        raise
    emit_result(session.folder, result, options["as_json"])
    return 0 if result.is_clean else NOT_CLEAN


def _try_out(session: Session, settings: Settings, model: Model, options: dict[str, Any]) -> None:
    """Say what a run would do, or refuse what it would refuse."""
    plan = plan_run(session.case, settings, model)
    metrics_for(session.folder, options["metrics_file"])
    if settings.detect.device == "cpu" or options["address"] is None:  # what other machines' GPUs can do, nobody knows
        load_for(settings.detect, model)
    if options["address"] is not None:
        _, cluster = runner_for(settings, options["runner"], options["address"])
        with cluster:
            pass
    emit_plan(plan, settings, model, options["as_json"])


def _ran(session: Session, settings: Settings, model: Model, options: dict[str, Any]) -> RunResult:
    plan = plan_run(session.case, settings, model)
    recognition = None
    if session.case.mandate.mode.compares_faces:
        recognition = prepare_recognition(session.case, settings.recognise, now=session.now)
        if session.case.mandate.first_run_utc is None:
            session.change(lambda case: with_first_run(case, session.now))
        if is_pending(session.case.mandate.authority):
            say(
                f"authority {authority_text(session.case.mandate, session.now)}; "
                f"enter it with `forensics case authorise {in_shell(session.folder.root)} --authority REFERENCE`"
            )
        if not recognition.entries:
            say(
                "the watch-list is empty, so no face is compared; "
                f"see `forensics watchlist add {in_shell(session.folder.root)}`"
            )
    session.recorded.note("run", run_facts(plan, model, recognition))
    runner, cluster = runner_for(settings, options["runner"], options["address"])
    progress, metrics = progress_for(options["quiet"]), metrics_for(session.folder, options["metrics_file"])
    with within_mandate(session.case), cluster:
        result = run_case(
            session.case,
            settings,
            model,
            files=session.files,
            runner=runner,
            progress=progress,
            metrics=metrics,
            recognition=recognition,
        )
    if metrics.fault:
        say(f"the metrics are not up to date: {metrics.fault}")
    session.recorded.outputs |= result_facts(result)
    if recognition is not None:
        forget_superseded(session, result.folder.run_id, result.recognise_parts)
    return result
