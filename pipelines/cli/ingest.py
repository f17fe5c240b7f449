"""`ingest`: add footage to a case."""

from dataclasses import replace
from pathlib import Path

import click

from forensics.decoding.child import Limits
from forensics.errors import UsageError
from forensics.footage.evidence import Source, Verdict
from forensics.json_object import JsonObject
from forensics.place import Place
from forensics.temporary import temporary_folder
from pipelines.cli.ingest_preview import preview_facts, preview_text
from pipelines.cli.output import NOT_CLEAN, emit, footage_type, json_option, one_line, path_type, say, table_text
from pipelines.cli.run_options import IngestOptions, with_ingest_options
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need, Session, require_allowed
from pipelines.intake.footage_paths import refuse_cases
from pipelines.intake.ingest import IngestItem, describe_unknown_clocks, ingest
from pipelines.intake.intake_plan import IntakePlan, plan_intake, refuse_unclear_starts
from pipelines.intake.preview import preview_footage
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
@json_option
def ingest_command(
    root: Path, footage: tuple[Place, ...], camera: str, dry_run: bool, as_json: bool, ingest_options: IngestOptions
) -> int:
    """Add footage of one camera to a case: compute its digest and index every frame.

    \b
    Example:
      forensics ingest my-case gate-1.mp4 --camera gate --start 2026-05-01T10:00:00Z --clock-error 500
      forensics ingest my-case gate/ --camera gate --start from-name --start-zone +02:00 --dry-run
    """
    refuse_cases(footage, root)
    facts = {"footage": [str(path) for path in footage], "camera": camera}
    if dry_run:
        with open_session(root, "ingest dry run", need=Need.READ, facts=facts) as session:
            return _preview(session, footage, camera, ingest_options, as_json)
    with open_session(root, "ingest", need=Need.WORK, facts=facts) as session:
        plan, sources = ingest_footage(session, footage, camera, Settings(), ingest_options)
        is_whole = all(source.verdict is Verdict.OK for source in sources)
        session.record.exit_code = 0 if is_whole else NOT_CLEAN
    rows = [[each.verdict.value, each.camera_id, each.evidence_id, each.path, each.reason] for each in sources]
    listed = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    facts_shown = {"sources": listed, **_start_facts(plan)}
    emit(facts_shown, table_text(["verdict", "camera", "evidence", "path", "reason"], rows), as_json)
    return session.record.exit_code


def _preview(session: Session, footage: tuple[Place, ...], camera: str, options: IngestOptions, as_json: bool) -> int:
    """Show what an ingest would do; return the exit code that it would have."""
    require_allowed(replace(session, need=Need.WORK))
    plan = _plan(session, footage, camera, options)
    items = _items(plan, options, is_stated=True)
    temporary = temporary_folder()
    previews = []
    for preview in preview_footage(session.folder, items, limits=_limits(Settings()), temporary=temporary):
        _print_source(preview.source)
        previews.append(preview)
    emit(preview_facts(plan, previews), preview_text(plan, previews), as_json)
    if any(each.start.is_refused for each in plan.footage) or any(each.refusal for each in previews):
        return UsageError.exit_code
    return 0 if all(each.source.verdict is Verdict.OK for each in previews) else NOT_CLEAN


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
    plan = _plan(session, footage, camera, options)
    for left_out in plan.left_out:
        say(one_line(str(left_out)))
    refuse_unclear_starts(plan)
    items = _items(plan, options, is_stated=camera is not None)
    with session.lock():
        sources = ingest(session.files, items, limits=_limits(settings), on_source=_print_source)
    session.record.outputs["evidence"] = {str(source.path): source.evidence_id for source in sources}
    session.record.outputs |= _start_facts(plan)
    for line in describe_unknown_clocks(session.case):
        say(line)
    outside = describe_outside(session.case, {source.evidence_id for source in sources if source.evidence_id})
    if outside:
        say(outside)
    return plan, sources


def _plan(session: Session, footage: tuple[Place, ...], camera: str | None, options: IngestOptions) -> IntakePlan:
    """Return what the ingest will do, and print what people should know before."""
    plan = plan_intake(footage, camera, options.start_rule, session.case)
    for line in plan.remarks:
        say(one_line(line))
    return plan


def _items(plan: IntakePlan, options: IngestOptions, *, is_stated: bool) -> list[IngestItem]:
    return [
        IngestItem(
            path=each.place,
            camera_id=each.camera_id,
            camera_is_stated=is_stated,
            start_utc_us=each.start.utc_us,
            clock_error_ms=each.start.clock_error_ms,
            assumed_rate=options.assumed_rate,
            stream_index=options.stream_index,
            reader=options.reader,
        )
        for each in plan.footage
    ]


def _limits(settings: Settings) -> Limits:
    run = settings.run
    return Limits(run.index_stall_s, settings.detect.hang_s, run.decoder_memory_bytes, run.cache_bytes)


def _start_facts(plan: IntakePlan) -> JsonObject:
    """Return the start times with their sources, by path; nothing if none was looked up."""
    found = {str(each.place): each.start for each in plan.footage if each.start.source or each.start.problem}
    starts = {
        path: {"start_utc": start.at and start.at.isoformat(), "source": start.source or start.problem}
        for path, start in found.items()
    }
    return {"starts": starts} if starts else {}


def _print_source(source: Source) -> None:
    reason = f" ({source.reason})" if source.reason else ""
    say(f"{source.verdict.value:>8}  {one_line(source.path.name + reason)}")
