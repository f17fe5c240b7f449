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
from pipelines.custody.open_case import os_user
from pipelines.custody.retention import enforce
from pipelines.custody.session import Need, Work, casework
from pipelines.intake.footage_paths import expanded, left_out, refuse_cases
from pipelines.intake.ingest import Given, ingest, unknown_clocks
from pipelines.review.superseded_faces import forget_superseded
from pipelines.run.driver import RunResult, plan_run, result_facts, run_case
from pipelines.run.footage_scope import outside_text
from pipelines.run.progress import progress_for
from pipelines.run.record import run_facts
from pipelines.search.recognition import prepared
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
        with casework(root_used, "scan", need=Need.WORK, facts=facts) as work:
            _ingest(work, footage, camera, settings, options)
            work.recorded.exit_code = _run(work, settings, model, options)
            return work.recorded.exit_code


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
    with casework(root, "ingest", need=Need.WORK, facts=facts) as work:
        sources = _ingest(work, footage, camera, Settings(), options)
        is_whole = all(source.verdict is Verdict.OK for source in sources)
        work.recorded.exit_code = 0 if is_whole else NOT_CLEAN
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
    with casework(root, "run", need=Need.WORK, reason=options["reason"]) as work:
        settings = settings_for(options, root)
        work.recorded.exit_code = _run(work, settings, model_for(settings, options), options)
        return work.recorded.exit_code


def _ingest(
    work: Work, footage: tuple[Place, ...], camera: str | None, settings: Settings, options: dict[str, Any]
) -> list[Source]:
    paths = expanded(footage)
    for line in left_out(footage):
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
    with work.alone():
        sources = ingest(work.files, given, limits=limits, on_source=_say_source)
    work.recorded.outputs["evidence"] = {str(source.path): source.evidence_id for source in sources}
    for line in unknown_clocks(work.case):
        say(line)
    outside = outside_text(work.case, {source.evidence_id for source in sources if source.evidence_id})
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


def _run(work: Work, settings: Settings, model: Model, options: dict[str, Any]) -> int:
    if options["dry_run"]:
        _try_out(work, settings, model, options)
        return 0
    try:
        with work.alone():
            result = _ran(work, settings, model, options)
    except NotAuthorised:
        enforce(work)  # the mandate ended while the run worked
        raise
    emit_result(work.folder, result, options["as_json"])
    return 0 if result.is_clean else NOT_CLEAN


def _try_out(work: Work, settings: Settings, model: Model, options: dict[str, Any]) -> None:
    """Say what a run would do, or refuse what it would refuse."""
    plan = plan_run(work.case, settings, model)
    metrics_for(work.folder, options["metrics_file"])
    if settings.detect.device == "cpu" or options["address"] is None:  # what other machines' GPUs can do, nobody knows
        load_for(settings.detect, model)
    if options["address"] is not None:
        _, cluster = runner_for(settings, options["runner"], options["address"])
        with cluster:
            pass
    emit_plan(plan, settings, model, options["as_json"])


def _ran(work: Work, settings: Settings, model: Model, options: dict[str, Any]) -> RunResult:
    plan = plan_run(work.case, settings, model)
    recognition = None
    if work.case.mandate.mode.compares_faces:
        recognition = prepared(work.case, settings.recognise, now=work.now)
        if work.case.mandate.first_run_utc is None:
            work.change(lambda case: with_first_run(case, work.now))
        if is_pending(work.case.mandate.authority):
            say(
                f"authority {authority_text(work.case.mandate, work.now)}; "
                f"enter it with `forensics case authorise {in_shell(work.folder.root)} --authority REFERENCE`"
            )
        if not recognition.entries:
            say(
                "the watch-list is empty, so no face is compared; "
                f"see `forensics watchlist add {in_shell(work.folder.root)}`"
            )
    work.recorded.note("run", run_facts(plan, model, recognition))
    runner, cluster = runner_for(settings, options["runner"], options["address"])
    progress, metrics = progress_for(options["quiet"]), metrics_for(work.folder, options["metrics_file"])
    with within_mandate(work.case), cluster:
        result = run_case(
            work.case,
            settings,
            model,
            files=work.files,
            runner=runner,
            progress=progress,
            metrics=metrics,
            recognition=recognition,
        )
    if metrics.fault:
        say(f"the metrics are not up to date: {metrics.fault}")
    work.recorded.outputs |= result_facts(result)
    if recognition is not None:
        forget_superseded(work, result.folder.run_id, result.recognise_parts)
    return result
