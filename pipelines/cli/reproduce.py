"""`reproduce`: compute a run again and compare it with what was published."""

from dataclasses import replace
from pathlib import Path

import click

from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.wording import counted
from pipelines.cli.output import emit, json_option, path_type, reason_option, say
from pipelines.cli.run_options import (
    ModelOptions,
    RunnerOptions,
    model_loaders,
    runner_for,
    with_model_options,
    with_runner_options,
)
from pipelines.custody.mandate_watch import within_mandate
from pipelines.custody.open_session import open_session
from pipelines.custody.retention import enforce_retention
from pipelines.custody.session import Need, Session
from pipelines.proof.recorded_run import RecordedRun, describe_other_version, load_recorded_run, require_same_inputs
from pipelines.proof.reproduce import Reproduction, reproduce
from pipelines.run.face_choice import find_face_models_of_run
from pipelines.run.progress import progress_for
from pipelines.run.record import faces_in_run_id
from pipelines.search.recognition import prepare_recognition

__all__ = ["reproduce_command"]


@click.command("reproduce")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("run_id", metavar="[RUN]", required=False)
@with_model_options
@with_runner_options
@reason_option
@json_option
def reproduce_command(
    root: Path,
    run_id: str | None,
    reason: str,
    as_json: bool,
    model_options: ModelOptions,
    runner_options: RunnerOptions,
) -> None:
    """Compute a run again from nothing and compare every table with the recorded one, byte by byte; exit 5 on a change.

    The published run unless RUN names another one. It uses the recorded settings and needs the same model (--model
    tells where it lies now) and the same libraries; otherwise it stops with exit 6. Published tables are not touched,
    and nothing is left behind.

    \b
    Example:
      forensics reproduce my-case
      forensics reproduce my-case 6f0c2b9a51d7e384 --runner serial
    """
    with open_session(root, "reproduce", need=Need.COMPARE, reason=reason, facts={"run": run_id}) as session:
        recorded, outcome = _reproduce(session, run_id, model_options, runner_options)
        facts = {
            "run": recorded.folder.run_id,
            "equal": not outcome.difference,
            "difference": outcome.difference,
            "tables": outcome.n_tables,
            "pictures": outcome.n_pictures,
        }
        session.record.outputs |= facts
        emit(facts, _text(recorded, outcome), as_json)
        if outcome.difference:
            raise IntegrityBroken(
                f"run {recorded.folder.run_id} gave another result: {outcome.difference}",
                "run `forensics verify` to learn whether the recorded tables have changed, and keep both results",
            )


def _text(recorded: RecordedRun, outcome: Reproduction) -> str:
    if outcome.difference:
        return outcome.difference
    tables = counted(outcome.n_tables, "table", "tables")
    return f"run {recorded.folder.run_id}: {tables} and {outcome.n_pictures} pictures are identical, byte for byte"


def _reproduce(
    session: Session, run_id: str | None, model_options: ModelOptions, runner_options: RunnerOptions
) -> tuple[RecordedRun, Reproduction]:
    try:
        with session.lock():
            recorded = load_recorded_run(session.case, run_id)
            return recorded, _run_again(session, recorded, model_options, runner_options)
    except NotAuthorised:
        enforce_retention(session)  # the mandate ended during the run
        raise


def _run_again(
    session: Session, recorded: RecordedRun, model_options: ModelOptions, runner_options: RunnerOptions
) -> Reproduction:
    model = model_options.resolve(recorded.model_name)
    recognition = None
    if session.case.mandate.mode.compares_faces:
        settings = recorded.settings.recognise
        models = find_face_models_of_run(recorded.record, settings, model_loaders().find_face_models)
        prepared = prepare_recognition(session.case, settings, models, session.files, now=session.now)
        recognition = replace(prepared, in_run_id=faces_in_run_id(recorded.record))
    require_same_inputs(session.case, recorded, model, recognition)
    if describe_other_version(recorded):
        say(describe_other_version(recorded))
    recorded = _with_workers(recorded, runner_options.workers)
    runner = runner_for(recorded.settings, runner_options.runner, runner_options.address)
    with within_mandate(session.case), runner:
        return reproduce(
            session.case,
            recorded,
            model,
            runner=runner,
            progress=progress_for(runner_options.quiet),
            recognition=recognition,
            load_detector=model_loaders().load_detector,
        )


def _with_workers(recorded: RecordedRun, workers: int | None) -> RecordedRun:
    """Return the same run with this number of workers; None is one for each core."""
    how = recorded.settings.run.model_copy(update={"workers": workers})
    return replace(recorded, settings=recorded.settings.model_copy(update={"run": how}))
