"""`ingest`: add footage to a case."""

from functools import partial
from pathlib import Path

import click

from forensics.footage.evidence import Source, Verdict
from forensics.place import Place
from pipelines.cli.corrections import record_corrections
from pipelines.cli.ingest_preview import emit_preview, open_preview
from pipelines.cli.intake import decoding_limits, ingest_items, plan_footage, print_source, start_facts
from pipelines.cli.output import (
    NOT_CLEAN,
    emit,
    footage_type,
    json_option,
    one_line,
    path_type,
    refuse_empty_statement,
    say,
    table_text,
)
from pipelines.cli.run_options import IngestOptions, with_ingest_options
from pipelines.custody.earlier_denials import describe_denials
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need, Session
from pipelines.intake.footage_paths import refuse_cases, refuse_missing
from pipelines.intake.ingest import describe_unknown_clocks, ingest
from pipelines.intake.intake_plan import IntakePlan, refuse_unclear_starts
from pipelines.run.footage_scope import describe_outside
from pipelines.settings import Settings

__all__ = ["ingest_command", "ingest_footage"]

_COLUMNS = ("verdict", "camera_id", "evidence_id", "path", "reason")


@click.command("ingest")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("footage", nargs=-1, required=True, type=footage_type)
@click.option("--camera", required=True, help="Name of the camera; one for all the footage.")
@with_ingest_options
@click.option("--dry-run", is_flag=True, help="Show what each file would become; change nothing.")
@click.option(
    "--reason",
    metavar="TEXT",
    callback=refuse_empty_statement,
    help="Why another start than before is stated for the same footage; the old one is kept in the log.",
)
@json_option
def ingest_command(
    root: Path,
    footage: tuple[Place, ...],
    camera: str,
    dry_run: bool,
    reason: str,
    as_json: bool,
    ingest_options: IngestOptions,
) -> int:
    """Add footage of one camera to a case: compute its digest and index every frame.

    \b
    Example:
      forensics ingest my-case gate-1.mp4 --camera gate --start 2026-05-01T10:00:00Z --clock-error 500
      forensics ingest my-case gate/ --camera gate --start from-name --start-zone +02:00 --dry-run
    """
    refuse_missing(footage)
    refuse_cases(footage, root)
    facts = {"footage": [str(path) for path in footage], "camera": camera}
    if dry_run:
        with (
            open_session(root, "ingest dry run", need=Need.READ, facts=facts) as session,
            open_preview(session, footage, camera, Settings(), ingest_options, may_correct=bool(reason)) as preview,
        ):
            session.record.exit_code = preview.exit_code
            emit_preview(preview, as_json)
            return preview.exit_code
    with open_session(root, "ingest", need=Need.WORK, reason=reason, facts=facts) as session:
        plan, sources = ingest_footage(session, footage, camera, Settings(), ingest_options)
        is_whole = all(source.verdict is Verdict.OK for source in sources)
        session.record.exit_code = 0 if is_whole else NOT_CLEAN
    rows = [[each.verdict.value, each.camera_id, each.evidence_id, each.path, each.reason] for each in sources]
    listed = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    facts_shown = {"sources": listed, **start_facts(plan)}
    emit(facts_shown, table_text(["verdict", "camera", "evidence", "path", "reason"], rows), as_json)
    return session.record.exit_code


def ingest_footage(
    session: Session, footage: tuple[Place, ...], camera: str | None, settings: Settings, options: IngestOptions
) -> tuple[IntakePlan, list[Source]]:
    """Add footage to the case of a session, and print what became of each file.

    Args:
        session: of the command.
        footage: files, folders, objects and prefixes of a store.
        camera: of all of it; None makes names from files and folders.
        settings: limits of the decoding child.
        options: how the footage is read.
    """
    plan = plan_footage(session, footage, camera, options)
    for left_out in plan.left_out:
        say(one_line(str(left_out)))
    refuse_unclear_starts(plan)
    items = ingest_items(plan, options, is_stated=camera is not None)
    correct = partial(record_corrections, session) if session.record.line.why.strip() else None
    with session.lock():
        sources = ingest(
            session.files, items, limits=decoding_limits(settings), on_source=print_source, correct=correct
        )
    session.record.outputs["evidence"] = {str(source.path): source.evidence_id for source in sources}
    session.record.outputs |= start_facts(plan)
    for line in describe_unknown_clocks(session.case):
        say(line)
    outside = describe_outside(session.case, {source.evidence_id for source in sources if source.evidence_id})
    if outside:
        say(outside)
    for line in describe_denials(session.case):
        say(line)
    return plan, sources
