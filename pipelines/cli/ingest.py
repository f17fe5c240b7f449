"""`ingest`: add footage to a case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from pathlib import Path

import click

from forensics.errors import UsageError
from forensics.footage.evidence import Source, Verdict
from forensics.place import Place
from forensics.tables.evidence import load_evidence
from pipelines.cli.corrections import record_corrections
from pipelines.cli.ingest_preview import emit_preview, open_preview
from pipelines.cli.intake import (
    decoding_limits,
    ingest_items,
    intake_request,
    plan_footage,
    request_facts,
    show_progress,
    sources_to_show,
    start_facts,
)
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
from pipelines.intake.corrections import Corrector
from pipelines.intake.ingest import ingest
from pipelines.intake.ingest_item import IngestItem
from pipelines.intake.intake_plan import IntakePlan, IntakeRequest, refuse_unclear_starts
from pipelines.intake.kept_starts import describe_kept_starts
from pipelines.intake.overlaps import describe_overlaps
from pipelines.intake.stills_clocks import describe_stills_clocks
from pipelines.intake.unknown_clocks import describe_unknown_clocks
from pipelines.run.footage_scope import describe_outside
from pipelines.settings import Settings

__all__ = ["Ingested", "ingest_command", "ingest_footage", "say_sources"]

_COLUMNS = ("verdict", "camera_id", "evidence_id", "path", "reason")


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did.

    Attributes:
        plan: what was planned before any footage was read.
        sources: what became of each planned path.
        warnings: what people should know of this footage, one line each.
    """

    plan: IntakePlan
    sources: tuple[Source, ...]
    warnings: tuple[str, ...]


@click.command("ingest")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("footage", nargs=-1, type=footage_type)
@click.option("--camera", help="Name of the camera, one for all the footage. Needed unless --list names it.")
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
    camera: str | None,
    dry_run: bool,
    reason: str,
    as_json: bool,
    ingest_options: IngestOptions,
) -> int:
    """Add footage to a case: compute its digest and index every frame.

    Give footage of one camera, or a list of the footage of many cameras; every line of it is checked first.

    \b
    Example:
      forensics ingest my-case gate-1.mp4 --camera gate --start 2026-05-01T10:00:00Z --clock-error 500
      forensics ingest my-case gate/ --camera gate --start from-name --start-zone +02:00 --dry-run
      forensics ingest my-case --list footage.csv --start-zone Europe/Berlin
    """
    request = intake_request(footage, camera, ingest_options, root, needs_camera=True)
    facts = request_facts(request, ingest_options) | ({} if camera is None else {"camera": camera})
    if dry_run:
        with (
            open_session(root, "ingest dry run", need=Need.READ, facts=facts) as session,
            open_preview(session, request, Settings(), ingest_options, may_correct=bool(reason)) as preview,
        ):
            session.record.exit_code = preview.exit_code
            emit_preview(preview, as_json)
            preview.refuse()
            return preview.exit_code
    with open_session(root, "ingest", need=Need.WORK, reason=reason, facts=facts) as session:
        ingested = ingest_footage(session, request, Settings(), ingest_options)
        is_whole = all(source.verdict is Verdict.OK for source in ingested.sources)
        session.record.exit_code = 0 if is_whole else NOT_CLEAN
    listed = [dict(zip(_COLUMNS, _row(each), strict=True)) for each in ingested.sources]
    facts_shown = {"sources": listed, "warnings": list(ingested.warnings), **start_facts(ingested.plan)}
    emit(facts_shown, _sources_text(ingested.sources), as_json)
    return session.record.exit_code


def _row(source: Source) -> list[object]:
    return [source.verdict.value, source.camera_id, source.evidence_id, source.path, source.reason]


def _sources_text(sources: Sequence[Source]) -> str:
    shown, rest = sources_to_show(sources)
    table = table_text(["verdict", "camera", "evidence", "path", "reason"], [_row(each) for each in shown])
    return "\n".join([*([table] if shown else []), *([rest] if rest else [])])


def say_sources(sources: Sequence[Source]) -> None:
    """Print what became of each path, as messages."""
    shown, rest = sources_to_show(sources)
    for source in shown:
        reason = f" ({source.reason})" if source.reason else ""
        say(f"{source.verdict.value:>8}  {one_line(source.path.name + reason)}")
    if rest:
        say(rest)


def ingest_footage(
    session: Session, request: IntakeRequest, settings: Settings, options: IngestOptions, *, is_quiet: bool = False
) -> Ingested:
    """Add footage to the case of a session, and print warnings.

    Args:
        session: of the command.
        request: footage given by the user.
        settings: limits of the decoding child.
        options: how the footage is read.
        is_quiet: whether no progress is shown.
    """
    plan = plan_footage(session, request, options)
    for left_out in plan.left_out:
        say(one_line(str(left_out)))
    refuse_unclear_starts(plan)
    items = ingest_items(plan, options, is_stated=request.states_cameras)
    has_reason = bool(session.record.line.why.strip())
    corrector = Corrector(partial(record_corrections, session), may_replace=has_reason)
    done = list[Source]()
    try:
        with session.lock(), show_progress(len(items), is_quiet=is_quiet) as progress:

            def count(source: Source) -> None:
                done.append(source)
                progress.advance(1)

            limits = decoding_limits(settings)
            sources = ingest(session.files, items, limits=limits, on_source=count, corrector=corrector)
    except UsageError:  # of one path; the others are ingested
        say_sources(done)
        raise
    session.record.outputs["evidence"] = {str(source.path): source.evidence_id for source in sources}
    session.record.outputs |= start_facts(plan)
    warnings = _warnings(session, items, sources, options.start_zone)
    for line in warnings:
        if line not in plan.remarks:
            say(one_line(line))
    return Ingested(plan, tuple(sources), tuple(warnings))


def _warnings(
    session: Session, items: Sequence[IngestItem], sources: Sequence[Source], zone: tzinfo | None
) -> list[str]:
    """Return what people should know of the footage of a case after an ingest, one line each."""
    evidence = load_evidence(session.folder)
    ids = {source.evidence_id for source in sources if source.evidence_id}
    outside = describe_outside(session.case, ids)
    return [
        *describe_kept_starts(items, sources, {each.evidence_id: each for each in evidence}),
        *describe_unknown_clocks(session.case, evidence),
        *describe_stills_clocks(session.folder, [each for each in evidence if each.evidence_id in ids], zone),
        *describe_overlaps(evidence, {source.camera_id for source in sources}),
        *([outside] if outside else []),
        *describe_denials(session.case),
    ]
