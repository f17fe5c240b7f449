"""`ingest`: add footage to a case."""

import os
from pathlib import Path

import click

from forensics.decoding.child import Limits
from forensics.footage.evidence import Source, Verdict
from forensics.place import Place
from pipelines.cli.output import (
    NOT_CLEAN,
    emit,
    footage_type,
    json_option,
    microseconds,
    one_line,
    path_type,
    say,
    table_text,
)
from pipelines.cli.run_options import IngestOptions, with_ingest_options
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need, Session
from pipelines.intake.footage_paths import describe_skipped, expand_paths, refuse_cases
from pipelines.intake.ingest import IngestItem, describe_unknown_clocks, ingest
from pipelines.run.footage_scope import describe_outside
from pipelines.settings import Settings

__all__ = ["ingest_command", "ingest_footage"]

_COLUMNS = ("verdict", "camera_id", "evidence_id", "path", "reason")


@click.command("ingest")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("footage", nargs=-1, required=True, type=footage_type)
@click.option("--camera", required=True, help="Name of the camera; one for all the footage.")
@with_ingest_options
@json_option
def ingest_command(
    root: Path, footage: tuple[Place, ...], camera: str, as_json: bool, ingest_options: IngestOptions
) -> int:
    """Add footage of one camera to a case: compute its digest and index every frame.

    \b
    Example:
      forensics ingest my-case gate-1.mp4 --camera gate --start 2026-05-01T10:00:00Z --clock-error 500
    """
    refuse_cases(footage, root)
    facts = {"footage": [str(path) for path in footage], "camera": camera}
    with open_session(root, "ingest", need=Need.WORK, facts=facts) as session:
        sources = ingest_footage(session, footage, camera, Settings(), ingest_options)
        is_whole = all(source.verdict is Verdict.OK for source in sources)
        session.record.exit_code = 0 if is_whole else NOT_CLEAN
    rows = [[each.verdict.value, each.camera_id, each.evidence_id, each.path, each.reason] for each in sources]
    listed = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    emit({"sources": listed}, table_text(["verdict", "camera", "evidence", "path", "reason"], rows), as_json)
    return session.record.exit_code


def ingest_footage(
    session: Session, footage: tuple[Place, ...], camera: str | None, settings: Settings, options: IngestOptions
) -> list[Source]:
    """Add footage to the case of a session, and print what became of each file.

    Args:
        session: of the command.
        footage: files, folders, objects and prefixes of a store.
        camera: of all of it; None takes the name of each file.
        settings: limits of the decoding child.
        options: how the footage is read.
    """
    paths = expand_paths(footage)
    for line in describe_skipped(footage):
        say(line)
    if options.start is not None and len(paths) > 1:
        raise click.UsageError("--start is the time of one recording; ingest each file on its own")
    given = [
        IngestItem(
            path=path,
            camera_id=camera or os.fsencode(path.stem).decode(errors="backslashreplace"),
            camera_is_stated=camera is not None,
            start_utc_us=microseconds(options.start),
            clock_error_ms=options.clock_error_ms,
            assumed_rate=options.assumed_rate,
            stream_index=options.stream_index,
            reader=options.reader,
        )
        for path in paths
    ]
    run = settings.run
    limits = Limits(run.index_stall_s, settings.detect.hang_s, run.decoder_memory_bytes, run.cache_bytes)
    with session.lock():
        sources = ingest(session.files, given, limits=limits, on_source=_print_source)
    session.record.outputs["evidence"] = {str(source.path): source.evidence_id for source in sources}
    for line in describe_unknown_clocks(session.case):
        say(line)
    outside = describe_outside(session.case, {source.evidence_id for source in sources if source.evidence_id})
    if outside:
        say(outside)
    return sources


def _print_source(source: Source) -> None:
    reason = f" ({source.reason})" if source.reason else ""
    say(f"{source.verdict.value:>8}  {one_line(source.path.name + reason)}")
