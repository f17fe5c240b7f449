"""`reproduce`: a run made again, and compared with what was published."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.models.model_store import resolve
from pipelines.cli.output import counted, emit, json_option, path_type, reason_option, say
from pipelines.cli.run_options import runner_for
from pipelines.custody.mandate_watch import within_mandate
from pipelines.custody.open_session import open_session
from pipelines.custody.retention import enforce_retention
from pipelines.custody.session import Need, Session
from pipelines.proof.recorded_run import RecordedRun, other_version, recorded_run, refuse_other_causes
from pipelines.proof.reproduce import Reproduction, reproduce
from pipelines.run.progress import progress_for
from pipelines.search.recognition import prepare_recognition

__all__ = ["reproduce_command"]


@click.command("reproduce")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--model", help="Where the same model lies now; another one is refused.")
@click.option(
    "--trust-model", "trusted", multiple=True, metavar="SHA256", help="Load this .pt file, which can run code."
)
@click.option(
    "--runner",
    type=click.Choice(["ray", "serial"]),
    default="ray",
    show_default=True,
    help="Where the work is done: by Ray's workers, or by this process alone.",
)
@click.option("--ray", "address", metavar="ADDRESS", help="Join a running cluster instead of starting a local one.")
@click.option("--workers", type=click.IntRange(1), help="How many workers; the tables are the same for any number.")
@click.option("--quiet", is_flag=True, help="No progress.")
@reason_option
@json_option
def reproduce_command(root: Path, run_id: str | None, as_json: bool, **options: Any) -> None:
    """Make a run again from nothing and compare every table with the recorded one, byte by byte; exit 5 if one differs.

    The published run unless another is named. Its settings, model and libraries are asked for, and it is refused
    (exit 6) where one is not what it was. Nothing published is touched, and nothing is left behind.

    \b
    Example:
      forensics reproduce my-case
      forensics reproduce my-case 6f0c2b9a51d7e384 --runner serial
    """
    with open_session(root, "reproduce", need=Need.WORK, reason=options["reason"], facts={"run": run_id}) as session:
        recorded, outcome = _made_again(session, run_id, options)
        facts = {
            "run": recorded.folder.run_id,
            "equal": not outcome.difference,
            "difference": outcome.difference,
            "tables": outcome.n_tables,
            "pictures": outcome.n_pictures,
        }
        session.recorded.outputs |= facts
        emit(facts, _text(recorded, outcome), as_json)
        if outcome.difference:
            raise IntegrityBroken(
                f"run {recorded.folder.run_id} came out otherwise: {outcome.difference}",
                "`forensics verify` says whether the recorded tables are what they were; keep both and ask why",
            )


def _text(recorded: RecordedRun, outcome: Reproduction) -> str:
    if outcome.difference:
        return outcome.difference
    tables = counted(outcome.n_tables, "table", "tables")
    return f"run {recorded.folder.run_id}: {tables} and {outcome.n_pictures} pictures came out equal, byte for byte"


def _made_again(session: Session, run_id: str | None, options: dict[str, Any]) -> tuple[RecordedRun, Reproduction]:
    try:
        with session.alone():
            recorded = recorded_run(session.case, run_id)
            return recorded, _compared(session, recorded, options)
    except NotAuthorised:
        enforce_retention(session)  # the mandate ended while the run worked
        raise


def _compared(session: Session, recorded: RecordedRun, options: dict[str, Any]) -> Reproduction:
    model = resolve(options["model"] or recorded.model_name, trusted_sha256=frozenset(options["trusted"]))
    recognition = None
    if session.case.mandate.mode.compares_faces:
        recognition = prepare_recognition(session.case, recorded.settings.recognise, now=session.now)
    refuse_other_causes(session.case, recorded, model, recognition)
    if other_version(recorded):
        say(other_version(recorded))
    recorded = _with_workers(recorded, options["workers"])
    runner, cluster = runner_for(recorded.settings, options["runner"], options["address"])
    progress = progress_for(options["quiet"])
    with within_mandate(session.case), cluster:
        return reproduce(session.case, recorded, model, runner=runner, progress=progress, recognition=recognition)


def _with_workers(recorded: RecordedRun, workers: int | None) -> RecordedRun:
    """The same run by as many workers as were asked for, by default as many as there are cores."""
    how = recorded.settings.run.model_copy(update={"workers": workers})
    return replace(recorded, settings=recorded.settings.model_copy(update={"run": how}))
