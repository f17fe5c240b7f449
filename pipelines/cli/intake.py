"""What `ingest` and `scan` share with their dry runs: what was given, the plan, its items, and progress."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from forensics.decoding.child import Limits
from forensics.digests import sha256_of_file
from forensics.footage.evidence import Source, Verdict
from forensics.json_object import JsonObject
from forensics.place import Place
from pipelines.cli.output import one_line, say
from pipelines.cli.run_options import IngestOptions
from pipelines.custody.session import Session
from pipelines.intake.footage_list import read_footage_list
from pipelines.intake.footage_paths import refuse_cases, refuse_missing
from pipelines.intake.ingest import IngestItem
from pipelines.intake.intake_plan import IntakePlan, IntakeRequest, plan_intake
from pipelines.run.progress import Progress, progress_for
from pipelines.settings import Settings

__all__ = [
    "decoding_limits",
    "ingest_items",
    "intake_request",
    "plan_footage",
    "request_facts",
    "show_progress",
    "sources_to_show",
    "start_facts",
]

_ONE_SCREEN = 20


def intake_request(
    footage: tuple[Place, ...], camera: str | None, options: IngestOptions, case: Path, *, needs_camera: bool
) -> IntakeRequest:
    """Return what the user gave, with every line of a list checked.

    Args:
        footage: paths given.
        camera: name given for all of it; None if none was.
        options: how footage is read, with the list.
        case: folder of the case, which need not exist yet.
        needs_camera: whether paths need the name of a camera.

    Raises:
        CannotStart: a store cannot be reached.
        UsageError: some lines of the list are faulty, or a folder contains a case.
        click.UsageError: the arguments exclude each other.
    """
    rule = options.start_rule
    if options.footage_list is None:
        if not footage:
            raise click.UsageError("Missing argument 'FOOTAGE...'; give files or folders, or --list FILE.csv")
        if needs_camera and camera is None:
            raise click.UsageError(
                "Missing option '--camera'; give a name, or --list FILE.csv, which names each; `forensics scan` names "
                "cameras by files and folders, also in this case: forensics scan FOOTAGE... --case CASE --dry-run"
            )
        refuse_missing(footage)
        request = IntakeRequest(footage, camera)
    else:
        if footage or camera is not None:
            raise click.UsageError("--list names the footage and its cameras; leave FOOTAGE and --camera out")
        listed = read_footage_list(options.footage_list, rule)
        request = IntakeRequest(tuple(dict.fromkeys(each.found.given for each in listed)), None, tuple(listed))
    refuse_cases(request.places, case)
    return request


def request_facts(request: IntakeRequest, options: IngestOptions) -> JsonObject:
    """Return what the log keeps of the request: the paths, or the list with its digest."""
    path = options.footage_list
    if path is None:
        return {"footage": [str(place) for place in request.places]}
    return {"list": str(path.absolute()), "list_sha256": sha256_of_file(path)}


def plan_footage(session: Session, request: IntakeRequest, options: IngestOptions) -> IntakePlan:
    """Return what the ingest will do, and print what people should know before."""
    plan = plan_intake(request, options.start_rule, session.case)
    for line in plan.remarks:
        say(one_line(line))
    return plan


def ingest_items(plan: IntakePlan, options: IngestOptions, *, is_stated: bool) -> list[IngestItem]:
    """Return what is to be ingested, in order; `is_stated` says whether the user named the camera."""
    return [
        IngestItem(
            path=each.place,
            camera_id=each.camera_id,
            camera_is_stated=is_stated,
            start_utc_us=each.start.utc_us,
            start_stated=each.start.text,
            clock_error_ms=each.start.clock_error_ms,
            assumed_rate=options.assumed_rate,
            stream_index=options.stream_index,
            reader=options.reader,
        )
        for each in plan.footage
    ]


def decoding_limits(settings: Settings) -> Limits:
    """Return the limits of the decoding child that reads footage."""
    run = settings.run
    return Limits(run.index_stall_s, settings.detect.hang_s, run.decoder_memory_bytes, run.cache_bytes)


def start_facts(plan: IntakePlan) -> JsonObject:
    """Return the start times with their sources, by path; nothing if none was looked up."""
    found = {str(each.place): each.start for each in plan.footage if each.start.source or each.start.problem}
    starts = {
        path: {
            "start_utc": start.at and start.at.isoformat(),
            "start_stated": start.text,
            "source": start.source or start.problem,
        }
        for path, start in found.items()
    }
    return {"starts": starts} if starts else {}


@contextmanager
def show_progress(n_files: int, *, is_quiet: bool) -> Iterator[Progress]:
    """Show on standard error how many files are done, until the block ends."""
    progress = progress_for(is_quiet)
    progress.begin("ingest", n_files, "files")
    try:
        yield progress
    finally:
        progress.end()


def sources_to_show(sources: Sequence[Source]) -> tuple[list[Source], str]:
    """Return the sources that people are shown, and a line about the others: of many, all that are not ok."""
    if len(sources) <= _ONE_SCREEN:
        return list(sources), ""
    shown = [source for source in sources if source.verdict is not Verdict.OK]
    return shown, f"{len(sources) - len(shown):,} of {len(sources):,} files are ok; --json lists them"
